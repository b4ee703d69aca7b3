using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>The versions chosen, what is registered of them, and where it is learned what they depend on.</summary>
internal sealed partial class SelectionFollower
{
    /// <summary>How often a page of facts that is broken is asked for before the package goes without.</summary>
    private const int FactsAttemptsMax = 4;

    /// <summary>Registers versions to be built, and finds out what they require.</summary>
    private async Task<IReadOnlyList<ChosenVersion>> TakeAsync(
        PackageName package, IReadOnlyList<ChosenRelease> chosen, Watched watched, CancellationToken ct)
    {
        if (chosen.Count == 0) return [];
        var facts = new AskedFacts(() => ReadFactsAsync(package, ct));
        var isNew = await database.GetPackageSkipAsync(package) is null;
        if (isNew) registry.ForgetAll();
        var taken = new List<ChosenVersion>();
        foreach (var one in chosen)
        {
            var release = new Release(package, one.Listed.Text);
            var requires = watched.Chosen.FirstOrDefault(c => c.Followed.Release == release)?.Followed.Requires;
            var told = requires is null ? await requirements.GetAsync(release, one.Listed, facts.GetAsync, ct) : null;
            // What metadata and the page tell need not be asked for again
            if (isNew && (told?.Name is null || one.Listed.Released is null)) await facts.GetAsync();
            await registry.AddFileAsync(
                release,
                isNew ? ProjectFacts.Spelling(package, told?.Name ?? facts.Known?.Name) : null,
                source: one.Listed.Sdists.Count > 0,
                one.Listed.Released ?? facts.Known?.ReleasedOf(release.Version) ?? time.GetUtcNow(),
                async () => told?.Name is not null
                    ? ProjectClient.DescriptionOf(told.Summary)
                    : (await facts.GetAsync())?.Description ?? "");
            requires ??= Read(release, told!.RequiresDist);
            taken.Add(new ChosenVersion(new FollowedRelease(release, one.Targets, requires), one.Listed.Version, one.Urgent));
        }

        // Its page was entered when it was read, which found nothing where the package was not known yet
        if (chosen.Any(one => one.Listed.Sdists.Count == 0)) await registry.OweUpstreamAsync([package.Value]);
        return taken;
    }

    /// <summary>A project's facts; null where the index has none. A page that stays broken is done without.</summary>
    private async Task<ProjectFacts?> ReadFactsAsync(PackageName package, CancellationToken ct)
    {
        switch (await projects.GetAsync(package, ct))
        {
            case Fetched<ProjectFacts>.Found found:
                return found.Value;
            case Fetched<ProjectFacts>.Away away:
                var mayTryAgain = away.WholeIndex || WatchedOf(package).Gate.Failures < FactsAttemptsMax - 1;
                if (mayTryAgain) throw UpstreamAwayException.Of($"the facts of {package}", away);
                NoFacts(logger, package, away.Reason);
                return null;
            case Fetched<ProjectFacts>.Unusable unusable:
                NoFacts(logger, package, unusable.Reason);
                return null;
            default:
                return null;
        }
    }

    private IReadOnlyList<Dependency> Read(Release release, IReadOnlyList<string> texts) =>
        Dependencies.Read(texts, text => RequirementRefused(logger, Excerpt.Of(text), release));

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

    /// <summary>
    /// Reads what the wheels say that were built since: an sdist's requirements are known only then. A build counts as
    /// examined once what follows from it is in the database.
    /// </summary>
    private async Task ExamineAsync(Func<bool> goOn, CancellationToken ct)
    {
        var examined = new List<long>();
        foreach (var build in (await database.GetUnexaminedFilesAsync()).GroupBy(f => (f.BuildId, f.Release)))
        {
            if (!goOn()) return;
            var watched = WatchedOf(build.Key.Release.Package);
            // What has not been looked up yet in this run reads its wheels then
            if (watched.LookedUpAt is null) continue;
            examined.Add(build.Key.BuildId);
            if (await requirements.ExamineAsync(build.Key.Release, ct) is not { } texts)
            {
                NotExamined(logger, build.First().Filename);
                continue;
            }

            watched.Learn(build.Key.Release, Read(build.Key.Release, texts));
            _closure = null;
        }

        if (examined.Count == 0 || !await WriteAsync(WorkOut())) return;
        foreach (var build in examined) await database.SetExaminedAsync(build);
    }

    /// <summary>A version that was chosen.</summary>
    private sealed record ChosenVersion(FollowedRelease Followed, PackageVersion Version, bool Urgent);

    /// <summary>A project's facts, asked for once and only when somebody wants them.</summary>
    private sealed class AskedFacts(Func<Task<ProjectFacts?>> ask)
    {
        private bool _asked;

        internal ProjectFacts? Known { get; private set; }

        internal async Task<ProjectFacts?> GetAsync()
        {
            if (!_asked) Known = await ask();
            _asked = true;
            return Known;
        }
    }

    /// <summary>What is kept in mind of a package of the selection.</summary>
    private sealed class Watched
    {
        private IReadOnlyList<FollowedRelease> _kept = [];

        internal RetryGate Gate { get; } = new();

        /// <summary>Since the last pause.</summary>
        internal int LookUps { get; set; }

        /// <summary>Null until it was looked up by this run.</summary>
        internal DateTimeOffset? LookedUpAt { get; set; }

        /// <summary>For which wishes that was (<see cref="KeyOf"/>).</summary>
        internal string? LookedUpFor { get; set; }

        internal SelectionState State { get; set; }
        internal string Message { get; set; } = "";
        internal IReadOnlyList<ChosenVersion> Chosen { get; set; } = [];

        /// <summary>What the database has of it; null where that is nothing.</summary>
        internal SelectionEntry? Written { get; set; }

        /// <summary>Versions that were chosen once and then not, since the newest of them was chosen first.</summary>
        internal HashSet<string> Swings { get; } = new(StringComparer.Ordinal);

        private PackageVersion? Newest { get; set; }

        /// <summary>What the closure goes on from; before it was looked up, what the database says.</summary>
        internal IEnumerable<FollowedRelease> Followed(IReadOnlyList<Target> targets) =>
            LookedUpAt is not null ? Chosen.Select(c => c.Followed).Concat(_kept) : Remembered(targets);

        /// <summary>
        /// Before other versions are chosen. The old ones give way, and so does what they require; which may bring them
        /// back. One that gives way a second time stays followed, though it is not chosen, until there is a newer
        /// version: so requirements that lead in a circle come to rest.
        /// </summary>
        internal void Keep(IReadOnlyList<ChosenRelease> chosen, IReadOnlyList<IndexRelease> releases)
        {
            var newest = chosen.Max(c => c.Listed.Version);
            if (newest is not null && (Newest is null || newest > Newest))
            {
                Newest = newest;
                Swings.Clear();
                _kept = [];
                return;
            }

            var others = Chosen.Select(c => c.Followed).Concat(_kept)
                .Where(f => chosen.All(c => c.Listed.Text != f.Release.Version)).ToList();
            _kept = [.. others.Where(f => Swings.Contains(f.Release.Version)
                && releases.Any(r => r.Text == f.Release.Version && !r.Yanked))];
            Swings.UnionWith(others.Select(f => f.Release.Version));
        }

        /// <summary>Other requirements of a release are known.</summary>
        internal void Learn(Release release, IReadOnlyList<Dependency> requires)
        {
            Chosen = [.. Chosen.Select(c => c.Followed.Release == release
                ? c with { Followed = c.Followed with { Requires = requires } }
                : c)];
        }

        /// <summary>It is not followed any more.</summary>
        internal void Leave()
        {
            (LookedUpAt, LookedUpFor, Written) = (null, null, null);
            (Chosen, _kept) = ([], []);
        }

        private IEnumerable<FollowedRelease> Remembered(IReadOnlyList<Target> targets)
        {
            if (Written is not { Needs.Count: > 0 } entry) return [];
            var release = new Release(entry.Package, entry.Versions.Count > 0 ? entry.Versions[0].Version : "");
            return [new FollowedRelease(
                release, targets.ToHashSet(), Dependencies.Read(entry.Needs.Select(n => n.Requirement)))];
        }
    }

    [LoggerMessage(17, LogLevel.Information,
        "passed over '{Text}', which {Dependant} requires: it is not for an index")]
    private static partial void RequirementRefused(ILogger logger, string text, Release dependant);

    [LoggerMessage(18, LogLevel.Warning, "{Package} goes without the index's facts: {Reason}")]
    private static partial void NoFacts(ILogger logger, PackageName package, string reason);

    [LoggerMessage(19, LogLevel.Warning,
        "the metadata of {Filename} cannot be read, so what it depends on stays unknown")]
    private static partial void NotExamined(ILogger logger, string filename);
}
