using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Administration;

/// <summary>Which versions of a package shall go first, or why none.</summary>
public abstract record PriorityChoice
{
    private PriorityChoice()
    {
    }

    /// <param name="Versions">As the index spells them, the newest first.</param>
    public sealed record Raise(IReadOnlyList<string> Versions) : PriorityChoice;

    /// <summary>There is a wheel for every target already.</summary>
    public sealed record Built : PriorityChoice;

    /// <summary>What is wanted is not for any machine that is built for here.</summary>
    public sealed record Elsewhere : PriorityChoice;

    /// <param name="Reason">A word of the protocol, or a sentence.</param>
    public sealed record Refuse(string Reason) : PriorityChoice;

    /// <summary>
    /// Chooses as an installer would (PEP 440, PEP 592): of the versions that satisfy the clauses, no pre-releases and no
    /// yanked ones where there are others. Of these the newest that waits, or all that wait.
    /// </summary>
    /// <param name="project">The package as the database knows it; null for an unknown one.</param>
    /// <param name="wanted">The package with its clauses.</param>
    /// <param name="version">The one version meant, in any spelling; null: as the clauses choose.</param>
    /// <param name="all">All that the clauses let in, pre-releases and yanked ones too, instead of the newest.</param>
    /// <param name="targets">What is built for.</param>
    public static PriorityChoice Of(
        ProjectData? project, Requirement wanted, string? version, bool all, IReadOnlyList<Target> targets)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        ArgumentNullException.ThrowIfNull(targets);
        if (targets.Count == 0) return new Refuse("nothing is built here for any ABI");
        if (!IsFor(wanted, targets)) return new Elsewhere();
        if (project is null) return new Refuse("NOPKG");
        if (project.Skip.Length > 0) return new Refuse($"{project.Package} is not built here: {project.Skip}");
        if (version is not null) return OfNamed(project, version, targets);
        if (project.Versions.Count == 0) return new Refuse($"{project.Package} has no versions here yet");

        var candidates = all ? Satisfying(project, wanted.Specifier) : Installable(project, wanted.Specifier);
        if (candidates.Count == 0)
        {
            return new Refuse(wanted.Specifier.Count == 0
                ? $"no version of {project.Package} can be ordered by PEP 440: name one"
                : $"no version of {project.Package} here satisfies {wanted.Specifier}");
        }

        var waiting = candidates.Where(Waits).Select(each => each.Version).ToList();
        if (waiting.Count == 0) return WhyNot(project.Package, candidates[0], targets);
        return new Raise(all ? waiting : waiting[..1]);
    }

    // A target whose interpreter is not known from its tags may be one that is meant
    private static bool IsFor(Requirement wanted, IReadOnlyList<Target> targets) => targets.Any(
        target => MarkerEnvironment.ForTarget(target) is not { } environment || wanted.AppliesTo(environment));

    private static PriorityChoice OfNamed(ProjectData project, string version, IReadOnlyList<Target> targets)
    {
        var named = project.Versions.FirstOrDefault(each => each.Version == version)
            ?? project.Versions.FirstOrDefault(each => PackageVersion.SameVersion(each.Version, version));
        if (named is null) return new Refuse("NOVER");
        return Waits(named) ? new Raise([named.Version]) : WhyNot(project.Package, named, targets);
    }

    private static List<ProjectVersion> Installable(ProjectData project, SpecifierSet clauses)
    {
        var ordered = Ordered(project);
        var standing = ordered.FindAll(each => !each.Row.Yanked && clauses.Contains(each.Version, prereleases: true));
        return [.. clauses.Filter(standing.Count > 0 ? standing : ordered, each => each.Version).Select(each => each.Row)];
    }

    // Versions from before PEP 440 come last; no clause lets them in
    private static List<ProjectVersion> Satisfying(ProjectData project, SpecifierSet clauses)
    {
        var ordered = Ordered(project);
        if (clauses.Count > 0)
        {
            return [.. ordered.Where(each => clauses.Contains(each.Version, prereleases: true)).Select(each => each.Row)];
        }

        var rows = ordered.ConvertAll(each => each.Row);
        return [.. rows, .. project.Versions.Except(rows).OrderByDescending(each => each.Released)];
    }

    private static List<(ProjectVersion Row, PackageVersion Version)> Ordered(ProjectData project)
    {
        var ordered = new List<(ProjectVersion Row, PackageVersion Version)>();
        foreach (var row in project.Versions)
        {
            if (PackageVersion.TryParse(row.Version, out var version)) ordered.Add((row, version));
        }

        ordered.Sort((one, other) => other.Version.CompareTo(one.Version));
        return ordered;
    }

    private static bool Waits(ProjectVersion version) =>
        version.Targets.Any(target => target.State == TargetState.Pending);

    private static PriorityChoice WhyNot(PackageName package, ProjectVersion version, IReadOnlyList<Target> targets)
    {
        if (version.Skip.Length > 0) return new Refuse($"{package} {version.Version} is not built here: {version.Skip}");
        var failed = version.Targets
            .Where(row => row.State is TargetState.Fail or TargetState.Error && targets.Contains(row.Target))
            .Select(row => row.Target).ToList();
        var upstream = version.Targets
            .Where(row => row.State is TargetState.Upstream or TargetState.Linked && targets.Contains(row.Target))
            .Select(row => row.Target).ToList();
        if (failed.Count == 0 && upstream.Count > 0)
        {
            return new Refuse(
                $"{package} {version.Version} is not built for {string.Join(", ", upstream)}: upstream has it itself, "
                + "and by its policy that is enough");
        }

        return failed.Count == 0
            ? new Built()
            : new Refuse(
                $"{package} {version.Version} was tried and failed for {string.Join(", ", failed)}; "
                + "it waits again when its builds are removed");
    }
}
