using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What somebody asked for by name, and what limits versions, as it holds on each active target.</summary>
internal sealed class SelectionRoots
{
    private readonly Dictionary<PackageName, string> _refused = [];

    /// <param name="allVersions">Every version that matches is wanted, whatever the requests say.</param>
    internal SelectionRoots(
        IReadOnlyList<SelectionRequest> requests,
        IReadOnlyList<SelectionConstraint> constraints,
        IReadOnlyList<Target> targets,
        bool allVersions)
    {
        Packages = requests.Select(r => r.Package).ToHashSet();
        var asked = Read(requests);
        var limits = Read(constraints);
        Targets =
        [
            .. targets.Select(target =>
            {
                var environment = MarkerEnvironment.ForTarget(target);
                return new TargetRoots(
                    target, environment, RootsOn(asked, environment, allVersions), LimitsOn(limits, environment));
            }),
        ];
    }

    /// <summary>All that somebody asked for, on whatever targets.</summary>
    internal IReadOnlySet<PackageName> Packages { get; }

    internal IReadOnlyList<TargetRoots> Targets { get; }

    /// <summary>Why what is asked for cannot be looked for, in words.</summary>
    internal IReadOnlyDictionary<PackageName, string> Refused => _refused;

    private List<(SelectionRequest Asked, Requirement Requirement)> Read(IEnumerable<SelectionRequest> requests)
    {
        var read = new List<(SelectionRequest, Requirement)>();
        foreach (var request in requests)
        {
            if (!Requirement.TryParse(request.Requirement, out var requirement, out var problem))
                _refused[request.Package] = $"it is no requirement: {problem}";
            else if (requirement.Url is not null)
                _refused[request.Package] = "it is to come from a URL, and only the index is followed";
            else
                read.Add((request, requirement));
        }

        return read;
    }

    private static List<Requirement> Read(IEnumerable<SelectionConstraint> constraints) =>
        [.. constraints.Select(c => Requirement.TryParse(c.Requirement, out var r) ? r : null).OfType<Requirement>()];

    /// <summary>What the same people ask of a package in several lines must all hold together.</summary>
    private List<SelectionRoot> RootsOn(
        List<(SelectionRequest Asked, Requirement Requirement)> asked, MarkerEnvironment? environment, bool allVersions)
    {
        var roots = new List<SelectionRoot>();
        foreach (var group in asked.Where(a => Holds(a.Requirement, environment))
            .GroupBy(a => (a.Asked.Package, a.Asked.Origin)))
        {
            var together = group.Select(a => a.Requirement)
                .Aggregate<Requirement, Requirement?>(
                    group.First().Requirement, (all, one) => all is null ? null : Dependencies.Merge(all, one));
            if (together is null) _refused[group.Key.Package] = "what is asked of it is too long";
            else roots.Add(new SelectionRoot(together, allVersions || group.Any(a => a.Asked.AllVersions)));
        }

        return roots;
    }

    private static Dictionary<PackageName, SpecifierSet> LimitsOn(
        List<Requirement> limits, MarkerEnvironment? environment) =>
        limits.Where(limit => Holds(limit, environment))
            .GroupBy(limit => limit.Package)
            .ToDictionary(
                group => group.Key,
                group => group.Aggregate(SpecifierSet.Any, (all, limit) => all.And(limit.Specifier)));

    private static bool Holds(Requirement requirement, MarkerEnvironment? environment) =>
        requirement.Marker is null || (environment is not null && requirement.AppliesTo(environment));
}

/// <summary>What holds on one target.</summary>
/// <param name="Environment">Null where the target's tags name no interpreter that is known.</param>
/// <param name="Limits">The constraints by package.</param>
internal sealed record TargetRoots(
    Target Target,
    MarkerEnvironment? Environment,
    IReadOnlyList<SelectionRoot> Roots,
    IReadOnlyDictionary<PackageName, SpecifierSet> Limits);

/// <summary>One package that is asked for by name.</summary>
/// <param name="Requirement">Without a marker.</param>
internal sealed record SelectionRoot(Requirement Requirement, bool AllVersions);
