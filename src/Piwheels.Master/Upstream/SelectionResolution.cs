using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>A version that was chosen, and for which targets.</summary>
/// <param name="Urgent">Somebody waits for it: not one of many that only match.</param>
public sealed record ChosenRelease(IndexRelease Listed, IReadOnlySet<Target> Targets, bool Urgent);

/// <summary>The versions chosen of a package, and what could not be had.</summary>
public sealed class SelectionResolution
{
    private readonly IReadOnlyList<IndexRelease> _releases;
    private readonly PackageWishes _wishes;
    private readonly Dictionary<IndexRelease, (HashSet<Target> Targets, bool Urgent)> _chosen =
        new(ReferenceEqualityComparer.Instance);

    private readonly Dictionary<string, (VersionWish Wish, SpecifierSet Limit, List<Target> Targets)> _failed =
        new(StringComparer.Ordinal);

    internal SelectionResolution(IReadOnlyList<IndexRelease> releases, PackageWishes wishes) =>
        (_releases, _wishes) = (releases, wishes);

    /// <summary>Newest first.</summary>
    public IReadOnlyList<ChosenRelease> Chosen =>
    [
        .. _chosen.Select(c => new ChosenRelease(c.Key, c.Value.Targets, c.Value.Urgent))
            .OrderByDescending(c => c.Listed.Version),
    ];

    /// <summary>What cannot be had, and why; empty where everything can.</summary>
    public string Problems => string.Join("; ", _failed.Values.Select(f => Tell(f.Wish, f.Limit, f.Targets)));

    internal void Take(IndexRelease release, Target target, bool urgent)
    {
        var (targets, before) = _chosen.GetValueOrDefault(release, ([], false));
        targets.Add(target);
        _chosen[release] = (targets, before || urgent);
    }

    internal void Fail(VersionWish wish, Target target)
    {
        var limit = _wishes.Targets.First(on => on.Target == target).Limit;
        var key = $"{wish.ByName} {wish.Specifier} {limit}";
        if (!_failed.TryGetValue(key, out var failed)) _failed[key] = failed = (wish, limit, []);
        failed.Targets.Add(target);
    }

    private string Tell(VersionWish wish, SpecifierSet limit, List<Target> targets)
    {
        var who = wish.Dependant is { } dependant ? $"{dependant} needs {Named(wish.Specifier)}: " : "";
        var where = targets.Count < _wishes.Targets.Count ? $" (for {string.Join(", ", targets)})" : "";
        return $"{who}{Reason(wish.Specifier, limit, targets)}{where}";
    }

    private string Reason(SpecifierSet wanted, SpecifierSet limit, List<Target> targets)
    {
        if (limit.Count > 0 && SelectionResolver.Choose(_releases, wanted, targets) is SelectionChoice.Chosen)
            return $"the constraint {limit} leaves no version of {Named(wanted)} that can be built here";
        return SelectionResolver.Choose(_releases, wanted.And(limit), targets) is SelectionChoice.None none
            ? none.Reason
            : "it can be had for some of the targets only";
    }

    private string Named(SpecifierSet wanted) => $"{_wishes.Package}{wanted}";
}
