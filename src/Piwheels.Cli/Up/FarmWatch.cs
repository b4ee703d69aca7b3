using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Up;

/// <summary>
/// Looks at the selection in the database again and again: tells the view what has been built and what failed, and
/// whoever waits when nothing is left to do.
/// </summary>
internal sealed class FarmWatch(
    IDatabase database, RunningBuilds builds, IFarmView view, string output, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Settled must hold for as many looks in a row: what has just been followed may bring more.</summary>
    private const int SettledLooks = 3;

    private readonly HashSet<(Release, Target)> _told = [];
    private readonly HashSet<(PackageName, string)> _refused = [];
    private readonly long _started = time.GetTimestamp();
    private Dictionary<(Release, Target), HeldBuild> _held = [];
    private readonly TaskCompletionSource<SelectionStatus> _settled =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _settledFor;
    private bool _first = true;

    /// <summary>How it all stands, once nothing is left to do for the first time.</summary>
    public Task<SelectionStatus> Settled => _settled.Task;

    public TimeSpan Elapsed => time.GetElapsedTime(_started);

    /// <summary>Looks until told to stop.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var status = await database.GetSelectionStatusAsync();
                var held = await database.GetHeldBuildsAsync();
                _held = held.ToDictionary(static each => (each.Release, each.Target));
                Look(status);
            }
            catch (DatabaseException fault)
            {
                // The cluster is being started again; the farm goes on, and so does this
                logger.CannotLook(fault.Message);
            }

            await Task.Delay(LookInterval, time, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private void Look(SelectionStatus status)
    {
        foreach (var progress in status.Packages) Tell(progress);
        _first = false;
        view.Show(Snapshot(status));
        _settledFor = status.Settled ? _settledFor + 1 : 0;
        if (_settledFor >= SettledLooks) _settled.TrySetResult(status);
    }

    private void Tell(SelectionProgress progress)
    {
        if (IsWanting(progress) && _refused.Add((progress.Package, progress.Message)))
            view.Say($"cannot   {progress.Package}: {progress.Message}");
        foreach (var (release, target) in TargetsOf(progress))
        {
            if (target.State is not (TargetState.Success or TargetState.Fail or TargetState.Error)) continue;
            // What an earlier run built is in the final table, and no news
            if (!_told.Add((release, target.Target)) || _first) continue;
            view.Ended(OutcomeOf(release, target));
        }
    }

    /// <summary>Each chosen version of a package on each target.</summary>
    public static IEnumerable<(Release Release, ProjectTarget Target)> TargetsOf(SelectionProgress progress) =>
        progress.Releases.SelectMany(each => each.Targets.Select(
            target => (new Release(progress.Package, each.Version), target)));

    /// <summary>Whether something that is wanted of a package cannot be had.</summary>
    private static bool IsWanting(SelectionProgress progress) =>
        progress.State is SelectionState.Unknown or SelectionState.Unmatched
        || (progress.State == SelectionState.Resolved && progress.Message.Length > 0);

    /// <summary>How a finished build came out, with its reason from its log.</summary>
    public BuildOutcome OutcomeOf(Release release, ProjectTarget target)
    {
        if (target.State == TargetState.Pending && _held.TryGetValue((release, target.Target), out var held))
        {
            var state = held.Skipped ? TargetState.Skip : TargetState.Pending;
            return new BuildOutcome(release, target with { State = state }, Duration: null, held.Reason);
        }

        var reason = target.State is TargetState.Success or TargetState.Upstream or TargetState.Linked ? ""
            : target.BuildId is { } id && BuildLog.Reason(output, id) is { Length: > 0 } text ? text
            : target.State == TargetState.Error ? "its files are gone" : "see its log";
        return new BuildOutcome(release, target, builds.DurationOf(release), reason);
    }

    private FarmSnapshot Snapshot(SelectionStatus status)
    {
        var targets = status.Packages.SelectMany(TargetsOf).Select(each => each.Target).ToList();
        var refused = status.Packages.Count(IsWanting);
        return new FarmSnapshot(
            builds.Snapshot(),
            targets.Count(target =>
                target.State is TargetState.Success or TargetState.Upstream or TargetState.Linked),
            targets.Count(target => target.State is TargetState.Fail or TargetState.Error) + refused,
            targets.Count(target => target.State == TargetState.Pending),
            status.Packages.Count(progress => progress.State != SelectionState.New),
            status.Packages.Count,
            Elapsed,
            time.GetUtcNow());
    }
}

internal static partial class FarmWatchLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "cannot look at the selection: {reason}")]
    public static partial void CannotLook(this ILogger logger, string reason);
}
