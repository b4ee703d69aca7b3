using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>Which version of a project a requirement gets, or why none.</summary>
public abstract record SelectionChoice
{
    private SelectionChoice()
    {
    }

    public sealed record Chosen(IndexRelease Release) : SelectionChoice;

    /// <param name="Reason">In words, for whoever asked for it.</param>
    public sealed record None(string Reason) : SelectionChoice;
}

/// <summary>
/// Chooses as pip would that may not use wheels: the newest version that satisfies the specifier, has an sdist, is not
/// yanked unless asked for by its number (PEP 592), is no pre-release unless asked for or nothing else satisfies
/// (PEP 440), and runs on at least one of the targets (PEP 345).
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
        if (releases.Count == 0) return new SelectionChoice.None("it has no releases");

        var matching = releases.Where(r => specifier.Contains(r.Version, prereleases: true)).ToList();
        if (matching.Count == 0)
            return new SelectionChoice.None($"no version satisfies {specifier}; the newest is {releases[0].Text}");

        var standing = IsPinned(specifier) ? matching : matching.FindAll(r => !r.Yanked);
        if (standing.Count == 0)
            return new SelectionChoice.None($"{Listed(matching, "was", "were")} yanked");

        var wanted = specifier.Filter(standing, r => r.Version);
        var source = wanted.Where(r => r.Sdists.Count > 0).ToList();
        if (source.Count == 0)
            return new SelectionChoice.None($"{Listed(wanted, "has", "have")} no source file");

        return source.Find(r => RunsOnAny(r, targets)) is { } chosen
            ? new SelectionChoice.Chosen(chosen)
            : new SelectionChoice.None(
                $"{source[0].Text} needs Python {source[0].Sdists[0].RequiresPython}; {Built(targets)}");
    }

    /// <summary>Whether a version is asked for by its number, which lets yanked ones in (PEP 592).</summary>
    public static bool IsPinned(SpecifierSet specifier)
    {
        ArgumentNullException.ThrowIfNull(specifier);
        return specifier.Any(c =>
            c.Operator is VersionOperator.Identical || (c.Operator is VersionOperator.Equal && !c.IsPrefix));
    }

    /// <summary>
    /// Whether a source file says that it runs on a target. A target tells its series alone (3.11), so that both the
    /// series' first version and a late one count.
    /// </summary>
    private static bool RunsOnAny(IndexRelease release, IReadOnlyList<Target> targets) =>
        targets.Count == 0 || release.Sdists.Any(file => targets.Any(target => RunsOn(file, target)));

    private static bool RunsOn(IndexFile file, Target target)
    {
        // What cannot be read is passed over, as pip does
        if (!SpecifierSet.TryParse(file.RequiresPython ?? "", out var python)) return true;
        if (MarkerEnvironment.ForTarget(target) is not { } environment) return true;
        return Takes(python, environment.PythonVersion + ".0") || Takes(python, environment.PythonVersion + ".99");
    }

    private static bool Takes(SpecifierSet python, string version) =>
        PackageVersion.TryParse(version, out var parsed) && python.Contains(parsed, prereleases: true);

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
