using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>One requirement of a release.</summary>
/// <param name="Full">As the metadata has it.</param>
/// <param name="Bare">The same without its marker, with extras in canonical spelling and order.</param>
public sealed record Dependency(Requirement Full, Requirement Bare)
{
    public PackageName Package => Full.Package;

    /// <summary>The bare requirement's text.</summary>
    public string Text { get; } = Bare.ToString();
}

/// <summary>What a release depends on.</summary>
public static class Dependencies
{
    /// <summary>The longest merged requirement, in characters.</summary>
    public const int MergedLengthMax = 2_000;

    /// <summary>
    /// Reads requirements of metadata. What is none, is too long, or is to come from a URL, goes to
    /// <paramref name="refused"/>.
    /// </summary>
    public static IReadOnlyList<Dependency> Read(IEnumerable<string> requiresDist, Action<string>? refused = null)
    {
        ArgumentNullException.ThrowIfNull(requiresDist);
        var read = new List<Dependency>();
        foreach (var text in requiresDist)
        {
            if (Requirement.TryParse(text, out var full) && full.Url is null && Merge(full, full) is { } bare)
                read.Add(new Dependency(full, bare));
            else
                refused?.Invoke(text);
        }

        return read;
    }

    /// <summary>
    /// Those that hold in an environment with the extras asked for. A requirement on the project itself adds extras (as
    /// <c>all = ["x[a]", "x[b]"]</c> does).
    /// </summary>
    /// <param name="environment">Null where nothing is known of it: then only those without a marker hold.</param>
    public static IReadOnlyList<Dependency> Of(
        PackageName package,
        IReadOnlyList<Dependency> all,
        IEnumerable<string> extras,
        MarkerEnvironment? environment)
    {
        ArgumentNullException.ThrowIfNull(all);
        ArgumentNullException.ThrowIfNull(extras);
        var asked = new HashSet<string>(extras.Select(PackageName.Canonicalize), StringComparer.Ordinal);
        int before;
        do
        {
            before = asked.Count;
            foreach (var own in all.Where(d => d.Package == package && Holds(d, environment, asked)).ToList())
                asked.UnionWith(own.Bare.Extras);
        }
        while (asked.Count > before);

        return [.. all.Where(d => d.Package != package && Holds(d, environment, asked))];
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
        var text = $"{first.Package}{asked}{string.Join(',', clauses)}";
        return text.Length <= MergedLengthMax && Requirement.TryParse(text, out var merged) ? merged : null;
    }

    private static bool Holds(Dependency dependency, MarkerEnvironment? environment, HashSet<string> extras) =>
        dependency.Full.Marker is not { } marker || (environment is not null && marker.Holds(environment, extras));
}
