using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>Which version of a project a requirement gets, or why none.</summary>
public abstract record SelectionChoice
{
    private SelectionChoice()
    {
    }

    /// <param name="Releases">All that would do, newest first; at least one.</param>
    public sealed record Chosen(IReadOnlyList<IndexRelease> Releases) : SelectionChoice
    {
        public IndexRelease Newest => Releases[0];
    }

    /// <param name="Reason">In words, for whoever asked for it.</param>
    public sealed record None(string Reason) : SelectionChoice;
}

/// <summary>
/// Chooses as pip would that may not use wheels: the newest version that satisfies the specifier, has an sdist, is not
/// yanked unless asked for by its number (PEP 592), is no pre-release unless asked for or nothing else satisfies
/// (PEP 440), and runs on at least one of the targets (PEP 345). Where the farm lists upstream's own wheels, one that runs
/// on the target does for an sdist.
/// </summary>
public static class SelectionResolver
{
    /// <param name="releases">The project's versions, newest first.</param>
    /// <param name="targets">The active targets; without any, nothing is asked of the Python version.</param>
    public static SelectionChoice Choose(
        IReadOnlyList<IndexRelease> releases, SpecifierSet specifier, IReadOnlyList<Target> targets)
    {
        ArgumentNullException.ThrowIfNull(releases);
        ArgumentNullException.ThrowIfNull(specifier);
        return Choose(
            releases,
            [.. releases.Where(r => specifier.Contains(r.Version, prereleases: true))],
            specifier,
            targets);
    }

    /// <param name="matching">Those of the releases that satisfy the specifier, pre-releases included.</param>
    private static SelectionChoice Choose(
        IReadOnlyList<IndexRelease> releases,
        List<IndexRelease> matching,
        SpecifierSet specifier,
        IReadOnlyList<Target> targets)
    {
        if (releases.Count == 0) return new SelectionChoice.None("it has no releases");
        if (matching.Count == 0)
            return new SelectionChoice.None($"no version satisfies {specifier}; the newest is {releases[0].Text}");

        var standing = IsPinned(specifier) ? matching : matching.FindAll(r => !r.Yanked);
        if (standing.Count == 0)
            return new SelectionChoice.None($"{Listed(matching, "was", "were")} yanked");

        var wanted = specifier.Filter(standing, r => r.Version);
        var running = wanted.Where(r => RunsOnAny(r, targets)).ToList();
        return running.Count > 0 ? new SelectionChoice.Chosen(running) : new SelectionChoice.None(WhyNone(wanted, targets));
    }

    private static string WhyNone(IEnumerable<IndexRelease> wanted, IReadOnlyList<Target> targets)
    {
        if (wanted.FirstOrDefault(r => r.Sdists.Count > 0) is { } source)
            return $"{source.Text} needs Python {source.Sdists[0].RequiresPython}; {Built(targets)}";
        var wheels = wanted.Any(r => r.LinkedOn is not null) ? ", and no wheel that runs here" : "";
        return $"{Listed(wanted, "has", "have")} no source file{wheels}";
    }

    /// <summary>
    /// Chooses for all that is wanted of a package. Who asks for it by name gets what those words give on each target.
    /// The clauses of dependants are collected, by name first, as long as one version satisfies them all; those that do
    /// not go with the others are collected beside, so that each dependant finds a version.
    /// </summary>
    public static SelectionResolution Resolve(IReadOnlyList<IndexRelease> releases, PackageWishes wishes)
    {
        ArgumentNullException.ThrowIfNull(releases);
        ArgumentNullException.ThrowIfNull(wishes);
        var resolution = new SelectionResolution(releases, wishes);
        foreach (var on in wishes.Targets) Resolve(releases, on, resolution);
        return resolution;
    }

    /// <summary>Whether a version is asked for by its number, which lets yanked ones in (PEP 592).</summary>
    public static bool IsPinned(SpecifierSet specifier)
    {
        ArgumentNullException.ThrowIfNull(specifier);
        return specifier.Any(c =>
            c.Operator is VersionOperator.Identical || (c.Operator is VersionOperator.Equal && !c.IsPrefix));
    }

    private static void Resolve(
        IReadOnlyList<IndexRelease> releases, TargetWishes on, SelectionResolution resolution)
    {
        var offer = new Offer(releases, on);
        var groups = new List<Group>();
        foreach (var wish in on.Wishes.Where(w => w.ByName))
        {
            if (offer.Find(wish.Specifier) is not { } group)
            {
                resolution.Fail(wish, on.Target);
                continue;
            }

            resolution.Take(group.Choice.Newest, on.Target, urgent: true);
            foreach (var other in wish.AllVersions ? group.Choice.Releases.Skip(1) : [])
                resolution.Take(other, on.Target, urgent: false);
            groups.Add(group);
        }

        // In an order that does not depend on who was looked up first
        foreach (var wish in on.Wishes.Where(w => !w.ByName)
            .DistinctBy(w => w.Specifier.ToString()).OrderBy(w => w.Specifier.ToString(), StringComparer.Ordinal))
        {
            if (offer.Find(wish.Specifier) is not { } alone) resolution.Fail(wish, on.Target);
            else if (!offer.Join(groups, alone)) groups.Add(alone);
        }

        foreach (var group in groups) resolution.Take(group.Choice.Newest, on.Target, urgent: true);
    }

    /// <summary>
    /// The releases of a project on one target. A project may have thousands of versions, and as many dependants that
    /// each pin one of them: pins are looked up, and most of what does not go together ends with a look at bits.
    /// </summary>
    private sealed class Offer
    {
        private readonly IReadOnlyList<IndexRelease> _releases;
        private readonly TargetWishes _on;
        private readonly ILookup<PackageVersion, int> _places;

        internal Offer(IReadOnlyList<IndexRelease> releases, TargetWishes on)
        {
            (_releases, _on) = (releases, on);
            _places = Enumerable.Range(0, releases.Count).ToLookup(i => releases[i].Version.WithoutLocal());
        }

        /// <summary>What satisfies a specifier; null when nothing does.</summary>
        internal Group? Find(SpecifierSet specifier)
        {
            var pin = specifier.FirstOrDefault(c => c is { Operator: VersionOperator.Equal, IsPrefix: false });
            var places = pin?.Version is { } version
                ? _places[version.WithoutLocal()]
                : Enumerable.Range(0, _releases.Count);
            return Choose(specifier, places.Where(i => specifier.Contains(_releases[i].Version, prereleases: true)));
        }

        /// <summary>Has the first group that goes with another take its clauses in; false when none does.</summary>
        internal bool Join(List<Group> groups, Group alone)
        {
            for (var i = 0; i < groups.Count; i++)
            {
                if (!groups[i].Overlaps(alone)) continue;
                var both = Choose(
                    groups[i].Specifier.And(alone.Specifier), groups[i].Places.Where(alone.Has));
                if (both is null) continue;
                groups[i] = both;
                return true;
            }

            return false;
        }

        private Group? Choose(SpecifierSet specifier, IEnumerable<int> matching)
        {
            var places = matching.ToList();
            var limited = specifier.And(_on.Limit);
            var left = places.Select(i => _releases[i])
                .Where(r => _on.Limit.Contains(r.Version, prereleases: true)).ToList();
            return SelectionResolver.Choose(_releases, left, limited, [_on.Target]) is SelectionChoice.Chosen choice
                ? new Group(specifier, places, choice)
                : null;
        }
    }

    /// <summary>Clauses that one version satisfies.</summary>
    private sealed class Group
    {
        private readonly ulong[] _bits;

        /// <param name="places">Of the releases that satisfy them, among those of the project, in order.</param>
        internal Group(SpecifierSet specifier, List<int> places, SelectionChoice.Chosen choice)
        {
            (Specifier, Places, Choice) = (specifier, places, choice);
            _bits = new ulong[(places[^1] / BitsOfWord) + 1];
            foreach (var place in places) _bits[place / BitsOfWord] |= 1UL << (place % BitsOfWord);
        }

        private const int BitsOfWord = 64;

        internal SpecifierSet Specifier { get; }
        internal List<int> Places { get; }
        internal SelectionChoice.Chosen Choice { get; }

        internal bool Has(int place) =>
            place / BitsOfWord < _bits.Length && (_bits[place / BitsOfWord] & (1UL << (place % BitsOfWord))) != 0;

        internal bool Overlaps(Group other)
        {
            for (var i = 0; i < Math.Min(_bits.Length, other._bits.Length); i++)
            {
                if ((_bits[i] & other._bits[i]) != 0) return true;
            }

            return false;
        }
    }

    private static bool RunsOnAny(IndexRelease release, IReadOnlyList<Target> targets) => targets.Count == 0
        ? release.Sdists.Count > 0 || release.LinkedOn is { Count: > 0 }
        : targets.Any(target => release.HasSourceFor(target) || release.LinkedOn?.Contains(target) == true);

    private static string Built(IReadOnlyList<Target> targets)
    {
        var versions = targets
            .Select(t => MarkerEnvironment.ForTarget(t)?.PythonVersion)
            .OfType<string>()
            .Distinct(StringComparer.Ordinal);
        return $"built here for {string.Join(", ", versions)}";
    }

    private static string Listed(IEnumerable<IndexRelease> releases, string one, string many)
    {
        var texts = releases.Select(r => r.Text).ToList();
        return texts.Count == 1
            ? $"{texts[0]}, the only version that satisfies, {one}"
            : $"the {texts.Count} versions that satisfy, {texts[^1]} to {texts[0]}, {many}";
    }
}
