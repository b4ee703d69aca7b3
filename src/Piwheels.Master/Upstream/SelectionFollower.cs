using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Follows the packages of a selection, with everything that they depend on: looks each up at the index, chooses a
/// version and registers it to be built, and enters what that version requires as further entries; again when our own
/// wheels tell more, and every ten minutes since the index may have.
/// </summary>
/// <remarks>
/// An entry asked for by name is resolved by its own words alone. Where another package needs a version of it that this
/// one is not, that version is registered beside it. An entry that is there as a dependency collects the
/// clauses of all that depend on it, as long as one version satisfies them all; where none does, the newest for the
/// new clause alone is registered beside it: each dependant finds a wheel that it can use.
/// For one thread.
/// </remarks>
internal sealed partial class SelectionFollower(
    IDatabase database,
    SelectionPages pages,
    ProjectClient projects,
    ReleaseRequirements requirements,
    Registry registry,
    FollowedNames names,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>How often the index is asked whether there is something newer.</summary>
    internal static readonly TimeSpan RecheckInterval = TimeSpan.FromMinutes(10);

    /// <summary>How many packages are looked up at a time.</summary>
    private const int LookUpsAtOnce = 4;

    /// <summary>How often a page of facts that is broken is asked for before the package goes without.</summary>
    private const int FactsAttemptsMax = 4;

    private readonly RetryGate _gate = new();
    private readonly RetryGate _ownGate = new(RetryGate.OwnDelayMax);
    private readonly Dictionary<PackageName, Watched> _watched = [];
    private readonly Dictionary<(Release Release, string Extras), IReadOnlyList<Requirement>> _followed = [];
    private Dictionary<PackageName, SelectionEntry> _entries = [];
    private IReadOnlyList<Target> _targets = [];
    private bool _saidNoTargets;

    /// <summary>
    /// Looks up whatever is due, until nothing is, the index is away, or <paramref name="goOn"/> says no.
    /// </summary>
    internal async Task FollowAsync(Func<bool> goOn, CancellationToken ct)
    {
        if (!_gate.IsOpen(time.GetUtcNow()) || !_ownGate.IsOpen(time.GetUtcNow())) return;
        try
        {
            pages.Trim();
            if (!await ReadTargetsAsync()) return;
            await ReadEntriesAsync();
            await EnterMissingAsync(ct);
            await ExamineAsync(goOn, ct);
            while (goOn() && _gate.IsOpen(time.GetUtcNow()) && Due() is { Count: > 0 } due)
                await LookUpAsync(due, goOn, ct);
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
    /// Reads what is built for; when that has changed, what packages require is to be looked at again.
    /// </summary>
    private async Task<bool> ReadTargetsAsync()
    {
        var active = (await database.GetTargetsAsync()).Where(t => t.Skip.Length == 0).Select(t => t.Target).ToList();
        if (active.Count == 0)
        {
            if (!_saidNoTargets) NoTargets(logger);
            _saidNoTargets = true;
            return false;
        }

        if (!active.ToHashSet().SetEquals(_targets))
        {
            _targets = active;
            _followed.Clear();
            foreach (var watched in _watched.Values) watched.LookedUpAt = null;
        }

        return true;
    }

    private async Task ReadEntriesAsync() =>
        _entries = (await database.GetSelectionAsync()).ToDictionary(e => e.Package);

    private List<SelectionEntry> Due()
    {
        var now = time.GetUtcNow();
        return [.. _entries.Values.Where(e =>
        {
            var watched = WatchedOf(e.Package);
            if (!watched.Gate.IsOpen(now)) return false;
            return e.State == SelectionState.New || watched.LookedUpAt is not { } at || now - at >= RecheckInterval;
        })];
    }

    private async Task LookUpAsync(List<SelectionEntry> due, Func<bool> goOn, CancellationToken ct)
    {
        using var places = new SemaphoreSlim(LookUpsAtOnce, LookUpsAtOnce);
        await Task.WhenAll(due.Select(async entry =>
        {
            await places.WaitAsync(ct);
            try
            {
                if (goOn() && _gate.IsOpen(time.GetUtcNow())) await LookUpAsync(entry, ct);
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
    private async Task LookUpAsync(SelectionEntry entry, CancellationToken ct)
    {
        var watched = WatchedOf(entry.Package);
        try
        {
            await ResolveAsync(entry, watched, ct);
            watched.LookedUpAt = time.GetUtcNow();
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
            watched.LookedUpAt = time.GetUtcNow();
            await SettleAsync(entry, SelectionState.Unmatched, null, $"the database refused it: {e.Message}");
        }
    }

    private async Task ResolveAsync(SelectionEntry entry, Watched watched, CancellationToken ct)
    {
        if (!Requirement.TryParse(entry.Requirement, out var requirement, out var problem))
        {
            await SettleAsync(entry, SelectionState.Unmatched, null, $"it is no requirement: {problem}");
            return;
        }

        if (WhyNot(entry.Package, requirement) is { } why)
        {
            await SettleAsync(entry, SelectionState.Unmatched, null, why);
            return;
        }

        var followed = watched.LookedUpAt is not null && entry.State == SelectionState.Resolved;
        switch (await pages.GetAsync(entry.Package, ifChanged: followed, ct))
        {
            case Fetched<IReadOnlyList<IndexRelease>>.Found found:
                await ChooseAsync(entry, requirement, watched, found.Value, ct);
                break;
            case Fetched<IReadOnlyList<IndexRelease>>.Missing:
                await SettleAsync(entry, SelectionState.Unknown, null, "the index has no project of that name");
                break;
            case Fetched<IReadOnlyList<IndexRelease>>.Unusable unusable:
                await SettleAsync(
                    entry, SelectionState.Unmatched, null, $"its page at the index is of no use: {unusable.Reason}");
                break;
            case Fetched<IReadOnlyList<IndexRelease>>.Away away:
                throw UpstreamAwayException.Of($"the page of {entry.Package}", away);
        }
    }

    private string? WhyNot(PackageName package, Requirement requirement)
    {
        if (!names.Contains(package)) return "this farm does not follow it, by its lists of names";
        if (requirement.Url is not null) return "it is to come from a URL, and only the index is followed";
        var environments = _targets.Select(t => MarkerEnvironment.ForTarget(t)).OfType<MarkerEnvironment>().ToList();
        return environments.Count == 0 || environments.Any(requirement.AppliesTo)
            ? null
            : "its condition holds for nothing that is built here";
    }

    private async Task ChooseAsync(
        SelectionEntry entry,
        Requirement requirement,
        Watched watched,
        IReadOnlyList<IndexRelease> releases,
        CancellationToken ct)
    {
        switch (SelectionResolver.Choose(releases, requirement.Specifier, _targets))
        {
            case SelectionChoice.Chosen chosen:
                // Somebody asked anew: entries for what it requires may have gone meanwhile
                if (entry.State == SelectionState.New) ForgetFollowed(entry.Package);
                await TakeAsync(entry.Package, chosen.Release, requirement.Extras.Concat(watched.Extras), ct);
                await FollowYanksAsync(entry.Package, releases);
                await registry.RequestPagesAsync(ct);
                await SettleAsync(entry, SelectionState.Resolved, chosen.Release.Text, "");
                break;
            case SelectionChoice.None none:
                await SettleAsync(entry, SelectionState.Unmatched, null, none.Reason);
                break;
        }
    }

    /// <summary>
    /// Writes what was found out, unless the entry has changed meanwhile: then it is new again, and looked up again.
    /// </summary>
    private async Task SettleAsync(SelectionEntry entry, SelectionState state, string? version, string message)
    {
        if (!await StandsAsync(entry)) return;
        var settled = entry with { State = state, Version = version, Message = message };
        if (settled == entry) return;
        if (state == SelectionState.Resolved) Resolved(logger, entry.Package, version, entry.Requirement);
        else NotResolved(logger, entry.Requirement, message);
        await UpdateAsync(settled);
    }

    /// <summary>
    /// Whether an entry is still as it was when it was looked up. It is read anew, since somebody may have asked for
    /// something else meanwhile, which must not be overwritten.
    /// </summary>
    private async Task<bool> StandsAsync(SelectionEntry entry)
    {
        await ReadEntriesAsync();
        return _entries.GetValueOrDefault(entry.Package) == entry;
    }

    private async Task UpdateAsync(SelectionEntry entry)
    {
        _entries[entry.Package] = entry;
        await database.UpdateSelectionAsync(entry);
    }

    /// <summary>Sets the flags of the versions that the farm has as the page has them now.</summary>
    private async Task FollowYanksAsync(PackageName package, IReadOnlyList<IndexRelease> releases)
    {
        if (await database.GetProjectDataAsync(package) is not { } data) return;
        foreach (var version in data.Versions)
        {
            var listed = releases.FirstOrDefault(r => PackageVersion.SameVersion(r.Text, version.Version));
            if (listed is not null && listed.Yanked != version.Yanked)
                await registry.SetYankedAsync(new Release(package, version.Version), listed.Yanked);
        }
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

    /// <summary>What is kept in mind of a package of the selection.</summary>
    private sealed class Watched
    {
        internal RetryGate Gate { get; } = new();

        /// <summary>Null until it was looked up by this run, for the targets that there are now.</summary>
        internal DateTimeOffset? LookedUpAt { get; set; }

        /// <summary>Extras that others want of a package that was asked for by name without them.</summary>
        internal HashSet<string> Extras { get; } = new(StringComparer.Ordinal);
    }

    [LoggerMessage(11, LogLevel.Information,
        "the selection waits until something is built for: there is no active target")]
    private static partial void NoTargets(ILogger logger);

    [LoggerMessage(EventId = 12, Message = "{Reason}; trying again in {Seconds:0.0} s")]
    private static partial void Waiting(ILogger logger, LogLevel level, string reason, double seconds);

    [LoggerMessage(13, LogLevel.Information, "{Package}: {Version} is what '{Requirement}' gets")]
    private static partial void Resolved(ILogger logger, PackageName package, string? version, string requirement);

    [LoggerMessage(14, LogLevel.Warning, "'{Requirement}' cannot be had: {Reason}")]
    private static partial void NotResolved(ILogger logger, string requirement, string reason);
}
