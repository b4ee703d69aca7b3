using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>A release that is followed.</summary>
/// <param name="Targets">Those that it was chosen for.</param>
/// <param name="Requires">What is known of its requirements.</param>
internal sealed record FollowedRelease(
    Release Release, IReadOnlySet<Target> Targets, IReadOnlyList<Dependency> Requires);

/// <summary>
/// What a selection comes to, by what is known so far: the packages asked for by name, what those require, what that
/// requires, and so on; worked out for each target by itself, since markers and extras differ.
/// </summary>
internal sealed class SelectionClosure
{
    private readonly Dictionary<PackageName, Found> _found = [];
    private readonly Dictionary<PackageName, HashSet<SelectionNeed>> _needs = [];

    /// <param name="followed">The releases of a package that are followed; none where it has not been looked up.</param>
    internal SelectionClosure(SelectionRoots roots, Func<PackageName, IEnumerable<FollowedRelease>> followed)
    {
        foreach (var package in roots.Packages) FoundOf(package, depth: 0);
        foreach (var on in roots.Targets) Walk(on, followed);
        Packages = _found.ToDictionary(
            f => f.Key,
            f => new PackageWishes(
                f.Key,
                [.. roots.Targets.Where(on => f.Value.Wishes.ContainsKey(on.Target)).Select(on => new TargetWishes(
                    on.Target,
                    on.Limits.GetValueOrDefault(f.Key, SpecifierSet.Any),
                    [.. f.Value.Wishes[on.Target].Values]))],
                f.Value.Depth));
    }

    /// <summary>All packages that are followed.</summary>
    internal IReadOnlyDictionary<PackageName, PackageWishes> Packages { get; }

    /// <summary>What the followed releases of a package require.</summary>
    internal IReadOnlyCollection<SelectionNeed> NeedsOf(PackageName package) =>
        _needs.TryGetValue(package, out var needs) ? needs : [];

    private void Walk(TargetRoots on, Func<PackageName, IEnumerable<FollowedRelease>> followed)
    {
        var extras = new Dictionary<PackageName, HashSet<string>>();
        var open = new Queue<PackageName>();
        foreach (var root in on.Roots) Want(root.Requirement, null, root.AllVersions, depth: 0);
        while (open.TryDequeue(out var package))
        {
            var depth = _found[package].Depth + 1;
            foreach (var release in followed(package).Where(r => r.Targets.Contains(on.Target)))
            {
                foreach (var needed in Dependencies.Of(package, release.Requires, extras[package], on.Environment))
                {
                    Needs(package).Add(new SelectionNeed(needed.Package, needed.Text));
                    Want(needed.Bare, release.Release, allVersions: false, depth);
                }
            }
        }

        void Want(Requirement requirement, Release? dependant, bool allVersions, int depth)
        {
            FoundOf(requirement.Package, depth).Add(
                on.Target, new VersionWish(requirement.Specifier, dependant, allVersions));
            var isNew = !extras.TryGetValue(requirement.Package, out var known);
            if (isNew) extras[requirement.Package] = known = new HashSet<string>(StringComparer.Ordinal);
            var before = known!.Count;
            known.UnionWith(requirement.Extras.Select(PackageName.Canonicalize));
            if (isNew || known.Count > before) open.Enqueue(requirement.Package);
        }
    }

    private HashSet<SelectionNeed> Needs(PackageName package)
    {
        if (!_needs.TryGetValue(package, out var needs)) _needs[package] = needs = [];
        return needs;
    }

    private Found FoundOf(PackageName package, int depth)
    {
        if (!_found.TryGetValue(package, out var found)) _found[package] = found = new Found { Depth = depth };
        found.Depth = Math.Min(found.Depth, depth);
        return found;
    }

    /// <summary>A package on the way.</summary>
    private sealed class Found
    {
        internal int Depth { get; set; }

        internal Dictionary<Target, Dictionary<(string, Release?, bool), VersionWish>> Wishes { get; } = [];

        internal void Add(Target target, VersionWish wish)
        {
            if (!Wishes.TryGetValue(target, out var wishes)) Wishes[target] = wishes = [];
            wishes.TryAdd((wish.Specifier.ToString(), wish.Dependant, wish.AllVersions), wish);
        }
    }
}
