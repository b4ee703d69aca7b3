using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What a release depends on, on the farm's targets.</summary>
public static class Dependencies
{
    /// <summary>
    /// The requirements that hold on at least one target with the extras asked for, without their markers. A
    /// requirement on the project itself adds extras (as <c>all = ["x[a]", "x[b]"]</c> does). What cannot be read, or
    /// is
    /// to come from a URL, goes to <paramref name="refused"/>.
    /// </summary>
    public static IReadOnlyList<Requirement> Of(
        PackageName package,
        IEnumerable<string> requiresDist,
        IEnumerable<string> extras,
        IReadOnlyList<Target> targets,
        Action<string>? refused = null)
    {
        var environments = targets.Select(t => MarkerEnvironment.ForTarget(t)).OfType<MarkerEnvironment>().ToList();
        var all = Read(requiresDist, refused);
        var asked = new HashSet<string>(extras.Select(PackageName.Canonicalize), StringComparer.Ordinal);
        int before;
        do
        {
            before = asked.Count;
            foreach (var own in all.Where(r => r.Package == package && Holds(r, environments, asked)).ToList())
                asked.UnionWith(own.Extras.Select(PackageName.Canonicalize));
        }
        while (asked.Count > before);

        return [.. all.Where(r => r.Package != package && Holds(r, environments, asked))];
    }

    /// <summary>
    /// A requirement that asks for all that two ask for: the extras of both, the clauses of both. The result has no
    /// marker. Null where it would grow past what is sensible.
    /// </summary>
    public static Requirement? Merge(Requirement first, Requirement second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var extras = first.Extras.Concat(second.Extras)
            .Select(PackageName.Canonicalize).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var clauses = first.Specifier.Concat(second.Specifier)
            .Select(c => c.ToString()).Distinct(StringComparer.Ordinal);
        var asked = extras.Count == 0 ? "" : $"[{string.Join(',', extras)}]";
        var text = $"{first.Name}{asked}{string.Join(',', clauses)}";
        return text.Length <= MergedLengthMax && Requirement.TryParse(text, out var merged) ? merged : null;
    }

    /// <summary>The longest merged requirement, in characters.</summary>
    public const int MergedLengthMax = 2_000;

    private static List<Requirement> Read(IEnumerable<string> requiresDist, Action<string>? refused)
    {
        var read = new List<Requirement>();
        foreach (var text in requiresDist)
        {
            if (Requirement.TryParse(text, out var requirement) && requirement.Url is null) read.Add(requirement);
            else refused?.Invoke(text);
        }

        return read;
    }

    private static bool Holds(Requirement requirement, List<MarkerEnvironment> environments, HashSet<string> extras) =>
        requirement.Marker is not { } marker || environments.Any(e => marker.Holds(e, extras));
}
