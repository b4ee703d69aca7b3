using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Follows the packages of a selection, with everything that they depend on: looks each up at the index, chooses
/// versions and registers them to be built; again when somebody asks for something else, when our own wheels tell more,
/// and every ten minutes since the index may have.
/// </summary>
/// <remarks>
/// What is followed is worked out as a whole from what is asked for and what has been found out so far
/// (<see cref="SelectionClosure"/>); packages whose wishes have changed by that are looked up, until none has. The
/// database has the result, as of the last time that it was whole: after a restart it stands for what has not been
/// looked up again. For one thread.
/// </remarks>
internal sealed partial class SelectionFollower(
    IDatabase database,
    SelectionPages pages,
    ProjectClient projects,
    ReleaseRequirements requirements,
    Registry registry,
    FollowedNames names,
    bool allVersions,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>How often the index is asked whether there is something newer.</summary>
    internal static readonly TimeSpan RecheckInterval = TimeSpan.FromMinutes(10);

    /// <summary>How many packages are looked up at a time.</summary>
    private const int LookUpsAtOnce = 4;

    /// <summary>How many packages are looked up before it is worked out again what is followed.</summary>
    private const int LookUpsTogether = 16;

    /// <summary>
    /// How often one package may be looked up in a row: requirements that lead in a circle must not keep it busy.
    /// </summary>
    private const int LookUpsInARowMax = 20;

    private readonly FollowedPackages _packages = new(database, names);
    private readonly RetryGate _gate = new();
    private readonly RetryGate _ownGate = new(RetryGate.OwnDelayMax);
    private readonly Dictionary<PackageName, Watched> _watched = [];
    private IReadOnlyList<TargetRow> _active = [];
    private IReadOnlyList<Target> _targets = [];
    private UpstreamPolicies? _policies;
    private Selection _selection = new(-1, [], [], []);
    private SelectionRoots? _roots;
    private SelectionClosure? _closure;
    private SelectionClosure? _written;
    private bool _saidNoTargets;
    private bool _namesHold;

    /// <summary>
    /// Looks up whatever is due, until nothing is, the index is away, or <paramref name="goOn"/> says no.
    /// </summary>
    internal async Task FollowAsync(Func<bool> goOn, CancellationToken ct)
    {
        if (!_gate.IsOpen(time.GetUtcNow()) || !_ownGate.IsOpen(time.GetUtcNow())) return;
        try
        {
            pages.Trim();
            _namesHold = _namesHold || (await _packages.LeaveOutAsync(goOn) && await _packages.LetInAsync(goOn));
            if (!_namesHold || !await ReadTargetsAsync()) return;
            _policies = await registry.GetPoliciesAsync();
            await ReadSelectionAsync();
            await ExamineAsync(goOn, ct);
            foreach (var watched in _watched.Values) watched.LookUps = 0;
            while (goOn())
            {
                var closure = WorkOut();
                if (!await WriteAsync(closure))
                {
                    await ReadSelectionAsync();
                    continue;
                }

                if (!_gate.IsOpen(time.GetUtcNow()) || Due(closure) is not { Count: > 0 } due) break;
                await LookUpAsync(due, goOn, ct);
            }

            await registry.RequestPagesAsync(ct);
            _ownGate.Succeeded();
        }
        catch (UpstreamAwayException e)
        {
            Retry(LogLevel.Warning, _gate, e.Message, e.RetryAfter);
        }
        catch (DatabaseException e) when (e.Transient)
        {
            // Told of by the database's own log
            Retry(LogLevel.Debug, _ownGate, e.Message, null);
        }
        catch (DatabaseException e)
        {
            Retry(LogLevel.Error, _ownGate, $"the database refuses what cannot be left out: {e.Message}", null);
            registry.ForgetAll();
        }
        catch (RpcException e)
        {
            Retry(LogLevel.Warning, _ownGate, e.Message, null);
        }
    }

    /// <summary>
    /// Reads what is built for; when that has changed, all is to be looked at again.
    /// </summary>
    private async Task<bool> ReadTargetsAsync()
    {
        var active = (await database.GetTargetsAsync()).Where(t => t.Skip.Length == 0).ToList();
        if (active.Count == 0)
        {
            if (!_saidNoTargets) NoTargets(logger);
            _saidNoTargets = true;
            return false;
        }

        if (!active.ToHashSet().SetEquals(_active))
        {
            (_active, _targets) = (active, [.. active.Select(row => row.Target)]);
            BeginAnew();
        }

        return true;
    }

    /// <summary>Reads what is asked for, when that has changed.</summary>
    private async Task ReadSelectionAsync()
    {
        if (await database.GetSelectionRevisionAsync() == _selection.Revision) return;
        _selection = await database.GetSelectionAsync();
        foreach (var watched in _watched.Values) watched.Written = null;
        foreach (var entry in _selection.Entries) WatchedOf(entry.Package).Written = entry;
        BeginAnew();
    }

    private void BeginAnew()
    {
        (_roots, _closure, _written) = (null, null, null);
        foreach (var watched in _watched.Values) watched.Swings.Clear();
    }

    private SelectionClosure WorkOut()
    {
        _roots ??= new SelectionRoots(_selection.Requests, _selection.Constraints, _targets, allVersions);
        if (_closure is not null) return _closure;
        _closure = new SelectionClosure(_roots, package => WatchedOf(package).Followed(_targets));
        foreach (var (package, watched) in _watched)
        {
            if (!_closure.Packages.ContainsKey(package)) watched.Leave();
        }

        return _closure;
    }

    /// <summary>
    /// What is to be looked up next: first what is nearest to what was asked for, so that of a package that several
    /// need most wishes are known when it is looked up.
    /// </summary>
    private List<PackageWishes> Due(SelectionClosure closure)
    {
        var now = time.GetUtcNow();
        var due = closure.Packages.Values.Where(wishes => IsDue(WatchedOf(wishes.Package), wishes, now)).ToList();
        if (due.Count == 0) return due;
        var depth = due.Min(wishes => wishes.Depth);
        return [.. due.Where(wishes => wishes.Depth == depth).Take(LookUpsTogether)];
    }

    private bool IsLinked(PackageName package) => _policies?.Of(package) == UpstreamPolicy.Link;

    /// <summary>What the choice of versions goes by: wishes, and upstream's wheels where these are listed.</summary>
    private string KeyOf(PackageWishes wishes) => IsLinked(wishes.Package)
        ? $"{wishes.Key}\nlinked for {string.Join(", ", _active.Select(row => $"{row.Target} {row.Glibc}"))}"
        : wishes.Key;

    private bool IsDue(Watched watched, PackageWishes wishes, DateTimeOffset now)
    {
        if (!watched.Gate.IsOpen(now) || watched.LookUps >= LookUpsInARowMax) return false;
        return watched.LookedUpFor != KeyOf(wishes)
            || watched.LookedUpAt is not { } at
            || now - at >= RecheckInterval;
    }

    private async Task LookUpAsync(List<PackageWishes> due, Func<bool> goOn, CancellationToken ct)
    {
        using var places = new SemaphoreSlim(LookUpsAtOnce, LookUpsAtOnce);
        await Task.WhenAll(due.Select(async wishes =>
        {
            await places.WaitAsync(ct);
            try
            {
                if (goOn() && _gate.IsOpen(time.GetUtcNow())) await LookUpAsync(wishes, ct);
            }
            finally
            {
                places.Release();
            }
        }));
    }

    /// <summary>
    /// Looks one package up; what is away upstream is tried again later, and others are not held up by it.
    /// </summary>
    private async Task LookUpAsync(PackageWishes wishes, CancellationToken ct)
    {
        var watched = WatchedOf(wishes.Package);
        watched.LookUps++;
        try
        {
            await ResolveAsync(wishes, watched, ct);
            watched.Gate.Succeeded();
            _gate.Succeeded();
        }
        catch (UpstreamAwayException e) when (!e.WholeIndex)
        {
            var delay = watched.Gate.Failed(time.GetUtcNow(), e.RetryAfter, Random.Shared.NextDouble());
            Waiting(logger, LogLevel.Warning, e.Message, delay.TotalSeconds);
        }
        catch (DatabaseException e) when (!e.Transient)
        {
            Settle(wishes, SelectionState.Unmatched, [], $"the database refused it: {e.Message}");
        }
    }

    private async Task ResolveAsync(PackageWishes wishes, Watched watched, CancellationToken ct)
    {
        if (WhyNot(wishes) is var (state, why))
        {
            watched.Keep([], []);
            Settle(wishes, state, [], why);
            return;
        }

        var known = watched is { State: SelectionState.Resolved } && watched.LookedUpFor == KeyOf(wishes);
        switch (await pages.GetAsync(wishes.Package, ifChanged: known, ct))
        {
            case Fetched<IReadOnlyList<IndexRelease>>.Found found:
                await ChooseAsync(wishes, watched, found.Value, ct);
                break;
            case Fetched<IReadOnlyList<IndexRelease>>.Missing:
                watched.Keep([], []);
                Settle(wishes, SelectionState.Unknown, [], "the index has no project of that name");
                break;
            case Fetched<IReadOnlyList<IndexRelease>>.Unusable unusable when known:
                // What was chosen stands until there is a page that says otherwise
                Unreadable(logger, wishes.Package, unusable.Reason);
                watched.LookedUpAt = time.GetUtcNow();
                break;
            case Fetched<IReadOnlyList<IndexRelease>>.Unusable unusable:
                Settle(
                    wishes, SelectionState.Unmatched, [], $"its page at the index is of no use: {unusable.Reason}");
                break;
            case Fetched<IReadOnlyList<IndexRelease>>.Away away:
                throw UpstreamAwayException.Of($"the page of {wishes.Package}", away);
            default:
                watched.LookedUpAt = time.GetUtcNow();
                break;
        }
    }

    private (SelectionState State, string Why)? WhyNot(PackageWishes wishes)
    {
        if (!names.Contains(wishes.Package))
            return (SelectionState.Unmatched, "this farm does not follow it, by its lists of names");
        if (wishes.Targets.Count > 0) return null;
        return _roots!.Refused.TryGetValue(wishes.Package, out var refused)
            ? (SelectionState.Unmatched, refused)
            : (SelectionState.Elsewhere, "its condition holds for nothing that is built here");
    }

    private async Task ChooseAsync(
        PackageWishes wishes, Watched watched, IReadOnlyList<IndexRelease> releases, CancellationToken ct)
    {
        if (IsLinked(wishes.Package)) releases = [.. releases.Select(release => ListedWheels.Linked(release, _active))];
        var resolution = SelectionResolver.Resolve(releases, wishes);
        var chosen = resolution.Chosen;
        var taken = await TakeAsync(wishes.Package, chosen, watched, ct);
        await FollowYanksAsync(wishes.Package, releases);
        await registry.RequestPagesAsync(ct);
        watched.Keep(chosen, releases);
        Settle(
            wishes,
            chosen.Count > 0 ? SelectionState.Resolved : SelectionState.Unmatched,
            taken,
            resolution.Problems);
    }

    private void Settle(
        PackageWishes wishes, SelectionState state, IReadOnlyList<ChosenVersion> chosen, string message)
    {
        var watched = WatchedOf(wishes.Package);
        (watched.State, watched.Message, watched.Chosen) = (state, Shortened(message), chosen);
        (watched.LookedUpFor, watched.LookedUpAt) = (KeyOf(wishes), time.GetUtcNow());
        _closure = null;
    }

    /// <summary>
    /// Writes what has changed; false when somebody has asked for something else meanwhile. What is needed is written
    /// before what is needed no more, so that nothing leaves the selection that stays in it.
    /// </summary>
    private async Task<bool> WriteAsync(SelectionClosure closure)
    {
        if (_written == closure) return true;
        var changed = closure.Packages.Values.Where(w => WatchedOf(w.Package).LookedUpAt is not null)
            .Select(wishes => EntryOf(wishes, closure))
            .Where(entry => WatchedOf(entry.Package).Written?.SaysTheSame(entry) != true).ToList();
        foreach (var entry in changed)
        {
            var before = WatchedOf(entry.Package).Written?.Needs ?? [];
            if (!await WriteAsync(entry with { Needs = [.. entry.Needs.Union(before)] })) return false;
        }

        foreach (var entry in changed)
        {
            if (WatchedOf(entry.Package).Written?.SaysTheSame(entry) != true && !await WriteAsync(entry)) return false;
        }

        _written = closure;
        return true;
    }

    private async Task<bool> WriteAsync(SelectionEntry entry)
    {
        var watched = WatchedOf(entry.Package);
        try
        {
            if (!await database.UpdateSelectionAsync(_selection.Revision, entry)) return false;
        }
        catch (DatabaseException e) when (!e.Transient)
        {
            var refused = new SelectionEntry(
                entry.Package, SelectionState.Unmatched, Shortened($"the database refused it: {e.Message}"), [], []);
            if (!await database.UpdateSelectionAsync(_selection.Revision, refused)) return false;
            NotResolved(logger, entry.Package, refused.Message);
        }

        Tell(watched.Written, entry);
        watched.Written = entry;
        return true;
    }

    /// <summary>What has to be looked up again is new until then.</summary>
    private SelectionEntry EntryOf(PackageWishes wishes, SelectionClosure closure)
    {
        var watched = WatchedOf(wishes.Package);
        var isSettled = watched.LookedUpFor == KeyOf(wishes);
        return new SelectionEntry(
            wishes.Package,
            isSettled ? watched.State : SelectionState.New,
            isSettled ? watched.Message : "",
            [.. watched.Chosen.Select(c => new SelectionVersion(c.Followed.Release.Version, c.Urgent))],
            [.. closure.NeedsOf(wishes.Package)]);
    }

    private void Tell(SelectionEntry? before, SelectionEntry entry)
    {
        if (before is not null && (before.State, before.Message) == (entry.State, entry.Message)
            && before.Versions.ToHashSet().SetEquals(entry.Versions))
        {
            return;
        }

        if (entry.State == SelectionState.New) return;
        if (entry.Versions.Count > 0)
            Resolved(logger, entry.Package, string.Join(", ", entry.Versions.Select(v => v.Version)));
        if (entry.Message.Length > 0) NotResolved(logger, entry.Package, entry.Message);
    }

    private Watched WatchedOf(PackageName package)
    {
        if (!_watched.TryGetValue(package, out var watched)) _watched[package] = watched = new Watched();
        return watched;
    }

    private void Retry(LogLevel level, RetryGate gate, string reason, TimeSpan? retryAfter)
    {
        var delay = gate.Failed(time.GetUtcNow(), retryAfter, Random.Shared.NextDouble());
        Waiting(logger, level, reason, delay.TotalSeconds);
    }

    private static string Shortened(string message) =>
        message.Length <= MessageLengthMax ? message : message[..(MessageLengthMax - 1)] + '…';

    /// <summary>The longest message that is kept, in characters.</summary>
    private const int MessageLengthMax = 2_000;

    [LoggerMessage(11, LogLevel.Information,
        "the selection waits until something is built for: there is no active target")]
    private static partial void NoTargets(ILogger logger);

    [LoggerMessage(EventId = 12, Message = "{Reason}; trying again in {Seconds:0.0} s")]
    private static partial void Waiting(ILogger logger, LogLevel level, string reason, double seconds);

    [LoggerMessage(13, LogLevel.Information, "{Package}: {Versions} is followed")]
    private static partial void Resolved(ILogger logger, PackageName package, string versions);

    [LoggerMessage(14, LogLevel.Warning, "{Package} cannot be had as it is wanted: {Reason}")]
    private static partial void NotResolved(ILogger logger, PackageName package, string reason);

    [LoggerMessage(15, LogLevel.Warning, "{Package} stays as it was, since its page is of no use: {Reason}")]
    private static partial void Unreadable(ILogger logger, PackageName package, string reason);
}
