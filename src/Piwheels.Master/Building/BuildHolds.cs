using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Building;

/// <summary>
/// Has the database know what waits and is not handed out, by the recipes: so what stands behind it in the queue comes to
/// its turn, and the pages say why. Only what changes is told, a part at a time.
/// </summary>
internal sealed partial class BuildHolds(
    IDatabase database, RecipeGate gate, PendingBuilds pending, SlaveRoster roster, TimeProvider time, ILogger logger)
{
    /// <summary>Changes told to the database at a time.</summary>
    public const int ChangesMax = 1_000;

    /// <summary>The most that is held; what is beyond keeps its place in the queue, and is passed over there.</summary>
    public const int HeldMax = 100_000;

    /// <summary>How long what the database has is believed to be known, before it is read again.</summary>
    public static readonly TimeSpan ReadAgainAfter = TimeSpan.FromMinutes(1);

    private readonly Dictionary<(Target Target, Release Release), HeldBuild> _held = [];
    private DateTimeOffset _readAt = DateTimeOffset.MinValue;
    private bool _reconsider = true;
    private bool _look;

    /// <summary>Other releases wait.</summary>
    public void QueueChanged() => _look = true;

    /// <summary>Recipes, or what slaves have, changed: what is held may be handed out.</summary>
    public void Reconsider() => _reconsider = true;

    /// <summary>Works off what has changed; when the database is away, the next time.</summary>
    public async Task SettleAsync()
    {
        if (!_reconsider && !_look) return;
        var reconsider = _reconsider;
        (_reconsider, _look) = (false, false);
        try
        {
            if (reconsider) await ReadAsync();
            var changes = ChangesToTell(reconsider);
            if (changes.Count == 0) return;
            await database.HoldBuildsAsync(changes);
            foreach (var change in changes) Took(change);
            if (changes.Count < ChangesMax) return;
        }
        catch (DatabaseException away)
        {
            NotTold(logger, away.Transient ? LogLevel.Debug : LogLevel.Warning, away.Message);
        }

        // The rest another time
        _reconsider |= reconsider;
        _look = true;
    }

    /// <summary>
    /// Has pages written of which the recipes have changed. Those that only patterns are about wait for another occasion.
    /// </summary>
    public async Task OwePagesAsync(IReadOnlyList<PackageName> packages)
    {
        try
        {
            var now = time.GetUtcNow();
            await database.SaveRewritesPendingAsync(
                [.. packages.Select(package => new RewritePending(package, now, RewriteCommand.Project))]);
        }
        catch (DatabaseException away)
        {
            NotTold(logger, away.Transient ? LogLevel.Debug : LogLevel.Warning, away.Message);
        }
    }

    private async Task ReadAsync()
    {
        if (time.GetUtcNow() - _readAt < ReadAgainAfter) return;
        var held = await database.GetHeldBuildsAsync();
        _held.Clear();
        foreach (var build in held) _held[(build.Target, build.Release)] = build;
        _readAt = time.GetUtcNow();
    }

    private List<HeldBuild> ChangesToTell(bool reconsider)
    {
        var slaves = roster.All.ToLookup(static slave => slave.Target);
        var byTarget = new Dictionary<Target, IReadOnlyCollection<SlaveSession>>();
        var changes = new List<HeldBuild>();
        if (reconsider)
        {
            foreach (var ((target, release), before) in _held)
            {
                if (changes.Count == ChangesMax) break;
                var hold = gate.HoldOf(release, target, SlavesFor(target), before);
                if (hold != before) changes.Add(hold ?? before with { Reason = "" });
            }
        }

        if (gate.IsOpen) return changes;
        // What has been pushed is not held in the database, whatever was said before; a push on its way may be older
        foreach (var (target, release) in pending.Waiting)
        {
            if (changes.Count == ChangesMax || _held.Count + changes.Count >= HeldMax) break;
            if (gate.HoldOf(release, target, SlavesFor(target), before: null) is { } hold) changes.Add(hold);
        }

        return changes;

        IReadOnlyCollection<SlaveSession> SlavesFor(Target target)
        {
            if (!byTarget.TryGetValue(target, out var those)) byTarget.Add(target, those = [.. slaves[target]]);
            return those;
        }
    }

    private void Took(HeldBuild change)
    {
        var key = (change.Target, change.Release);
        if (change.Reason.Length == 0)
        {
            _held.Remove(key);
            Freed(logger, change.Release, change.Target);
            return;
        }

        pending.Withhold(change.Target, change.Release);
        var isNew = !_held.TryGetValue(key, out var before) || before != change;
        _held[key] = change;
        if (!isNew) return;
        if (change.Skipped) Skips(logger, change.Release, change.Target, change.Reason);
        else Holds(logger, change.Release, change.Target, change.Reason);
    }

    [LoggerMessage(EventId = 60, Level = LogLevel.Warning, Message = "{Release} waits for {Target}: {Reason}")]
    private static partial void Holds(ILogger logger, Release release, Target target, string reason);

    [LoggerMessage(EventId = 61, Level = LogLevel.Information,
        Message = "{Release} is not built for {Target}, by its recipe: {Reason}")]
    private static partial void Skips(ILogger logger, Release release, Target target, string reason);

    [LoggerMessage(EventId = 62, Level = LogLevel.Information, Message = "{Release} waits for {Target} as any other again")]
    private static partial void Freed(ILogger logger, Release release, Target target);

    [LoggerMessage(EventId = 63, Message = "what the recipes change could not be told to the database: {Reason}")]
    private static partial void NotTold(ILogger logger, LogLevel level, string reason);
}
