using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Registers what the lists of names let in after its events have gone by: looks the packages up at the index. A farm that
/// begins with an allow list starts so, and reads the log from its end on: that costs two requests for each package, not
/// the log of the whole index.
/// </summary>
/// <remarks>
/// A package is skipped until all its versions are registered, and so a run that was killed knows which are. One that somebody
/// had added by hand before the lists let it in counts as registered. For one thread.
/// </remarks>
internal sealed partial class MissedPackages(
    IDatabase database,
    ChangelogClient changelog,
    SimpleClient simple,
    ProjectClient projects,
    Registry registry,
    FollowedNames names,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>How many packages are looked up at a time; the index is asked for less.</summary>
    private const int LookUpsTogether = 16;

    /// <summary>How often a page that is broken is asked for before the package goes without.</summary>
    private const int AttemptsMax = 4;

    private const string BeforeNow = "what was published before";

    private readonly Dictionary<PackageName, int> _failures = [];
    private Queue<PackageName[]>? _missed;
    private long _logFrom;

    /// <summary>
    /// Goes on from where the last call left off; false when <paramref name="goOn"/> says no. From then on the log is
    /// followed by these lists.
    /// </summary>
    /// <exception cref="UpstreamAwayException">To be called again later.</exception>
    internal async Task<bool> CatchUpAsync(Func<bool> goOn, CancellationToken ct)
    {
        _missed ??= await FindAsync(ct);
        while (_missed.TryPeek(out var some))
        {
            if (!goOn()) return false;
            await Task.WhenAll(some.Select(package => LookUpAsync(package, ct)));
            await registry.RequestPagesAsync(ct);
            _missed.Dequeue();
        }

        // The serial first: with the lists alone, the next start would read the log from its beginning
        if (_logFrom > 0) await database.SetPypiSerialAsync(_logFrom);
        await database.SetFollowedNamesAsync(names.Lists);
        (_missed, _logFrom) = (null, 0);
        return true;
    }

    private async Task<Queue<PackageName[]>> FindAsync(CancellationToken ct)
    {
        // The lists of a farm without any events are none, as are those of one that follows everything
        var begins = names.Lists.Only.Count > 0 && await database.GetPypiSerialAsync() == 0;
        var before = new FollowedNames(await database.GetFollowedNamesAsync());
        if (!begins && names.AreAmong(before)) return [];
        // Before the names and pages: what happens from here on is in the log
        if (begins) _logFrom = UpstreamAwayException.Needed("the serial of the change log", await changelog.LastSerialAsync(ct));
        var listed = names.Named ?? UpstreamAwayException.Needed("the list of all names", await simple.GetNamesAsync(ct));
        var missed = listed.Where(package => names.Contains(package) && (begins || !before.Contains(package)))
            .Distinct().Order().ToList();
        Missed(logger, missed.Count);
        return new Queue<PackageName[]>(missed.Chunk(LookUpsTogether));
    }

    private async Task LookUpAsync(PackageName package, CancellationToken ct)
    {
        var skip = await database.GetPackageSkipAsync(package);
        if (skip is "") return;
        var fetched = await simple.GetPageAsync(package, known: null, ct);
        if (Usable(package, BeforeNow, fetched) is not { } page) return;
        try
        {
            await RegisterAsync(package, IndexRelease.Of(package, page), ct);
        }
        catch (DatabaseException e) when (!e.Transient)
        {
            GoesWithout(logger, package, BeforeNow, e.Message);
        }
    }

    private async Task RegisterAsync(PackageName package, IReadOnlyList<IndexRelease> releases, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var facts = Usable(package, "the index's facts", await projects.GetAsync(package, ct));
        await registry.AddPackageAsync(
            package, ProjectFacts.Spelling(package, facts?.Name), now, () => Task.FromResult(facts?.Description ?? ""),
            SkipReasons.NotFollowed);
        foreach (var listed in releases.Reverse())
        {
            var release = new Release(package, listed.Text);
            await registry.AddFileAsync(
                release, spelling: null, listed.Sdists.Count > 0,
                listed.Released ?? facts?.ReleasedOf(listed.Text) ?? now,
                static () => Task.FromResult(""));
            if (listed.Yanked) await registry.SetYankedAsync(release, yanked: true);
        }

        await database.ChangePackageSkipsAsync([package], SkipReasons.NotFollowed, "");
    }

    /// <summary>What was found; null where there is nothing, or nothing of use, and waiting does not help.</summary>
    private T? Usable<T>(PackageName package, string what, Fetched<T> fetched)
        where T : class
    {
        if (fetched is Fetched<T>.Found found) return found.Value;
        if (fetched is Fetched<T>.Away away)
        {
            var failures = away.WholeIndex
                ? 0
                : _failures[package] = _failures.GetValueOrDefault(package) + 1;
            if (failures < AttemptsMax) throw UpstreamAwayException.Of($"{what} of {package}", away);
            GoesWithout(logger, package, what, away.Reason);
        }

        if (fetched is Fetched<T>.Unusable unusable) GoesWithout(logger, package, what, unusable.Reason);
        return null;
    }

    [LoggerMessage(51, LogLevel.Information, "the lists of names let in {Count} packages whose events have gone by")]
    private static partial void Missed(ILogger logger, int count);

    [LoggerMessage(52, LogLevel.Warning, "{Package} goes without {What}: {Reason}")]
    private static partial void GoesWithout(ILogger logger, PackageName package, string what, string reason);
}
