using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Pages;

namespace Piwheels.Master.Publishing;

/// <summary>Makes a package's page out of its data.</summary>
internal static class ProjectPageView
{
    internal static ProjectPage Of(PackageView package, Site site)
    {
        var targets = package.Releases
            .SelectMany(release => release.Data.Targets.Select(state => state.Target))
            .Distinct()
            .OrderBy(target => target.Platform, StringComparer.Ordinal)
            .ThenBy(target => target.Abi, Site.AbiOrder)
            .ToList();
        return new ProjectPage(
            site,
            package.Package.Value,
            package.Data.DisplayName,
            package.Data.Description,
            package.Data.Skip,
            package.Newest is { } newest ? NewestOf(newest) : null,
            [.. targets.Select(target => new TargetColumn(site.AbiName(target.Abi), target.Abi, target.Platform))],
            [
                .. package.Releases.Select(
                    release => RowOf(package, release.Data, release.IsPrerelease, targets)),
            ])
        {
            Recipes = [.. package.Recipes.Select(NoteOf)],
        };
    }

    // Anybody reads the page: what a variable is set to may be no matter of theirs
    private static RecipeNote NoteOf(RecipeSection section) => new(
        section.Selector.Text,
        [
            .. section.Settings.Select(
                setting => setting.Key.StartsWith(RecipeSetting.VariablePrefix, StringComparison.Ordinal)
                    ? setting.Key
                    : setting.ToString()),
        ]);

    private static NewestRelease NewestOf(ReleaseView release)
    {
        var files = release.Data.Files;
        return new NewestRelease(
            release.Data.Version,
            release.Data.Released,
            files.Select(file => file.RequiresPython).Concat(release.Data.Linked.Select(wheel => wheel.RequiresPython))
                .FirstOrDefault(text => !string.IsNullOrEmpty(text)),
            [.. Names(files.SelectMany(file => file.AptDependencies)).Where(IsAptPackage)],
            [.. Names(files.SelectMany(file => file.PipDependencies)).Select(LinkTo)]);
    }

    private static IEnumerable<string> Names(IEnumerable<string> dependencies) =>
        dependencies.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    // People paste it into a shell: nothing but what Debian's policy calls a name (section 5.6.7)
    private static bool IsAptPackage(string name) =>
        name.Length > 1 && char.IsAsciiLetterOrDigit(name[0]) &&
        name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '+' or '-' or '.' or ':');

    private static DependencyLink LinkTo(string dependency) =>
        new(dependency, PackageName.TryParse(dependency, out var name) ? $"/project/{name}/" : null);

    private static ReleaseRow RowOf(
        PackageView package, ProjectVersion version, bool prerelease, IReadOnlyList<Target> targets)
    {
        var held = package.Held.Where(held => held.Release.Version == version.Version).ToList();
        var states = version.Targets.ToDictionary(state => state.Target);
        return new ReleaseRow(
            version.Version,
            version.Released,
            prerelease,
            version.Yanked,
            version.Skip,
            [.. targets.Select(target => states.TryGetValue(target, out var state) ? CellOf(state, held) : null)],
            [
                .. version.Files.Select(file => RowOf(package.Package, file)).Concat(version.Linked.Select(RowOf))
                    .OrderBy(file => file.Filename, StringComparer.Ordinal),
            ])
        {
            Held = [.. held.Select(static held => held.Reason).Distinct(StringComparer.Ordinal)],
        };
    }

    private static StateCell CellOf(ProjectTarget state, List<HeldBuild> held) => new(
        held.Exists(held => held.Skipped && held.Target == state.Target) ? TargetState.Skip : state.State,
        state.BuildId is { } build and >= 0 ? SiteFolder.LogPath(build) : null)
    {
        Reason = state.Failure is { } failure
            ? failure.AptPackage is { } package ? $"{failure.Class.Text()}: {package}" : failure.Class.Text()
            : null,
        Evidence = state.Failure is { Evidence.Length: > 0 } said ? said.Evidence : null,
        RetryAt = state.RetryAt,
    };

    private static FileRow RowOf(PackageName package, ProjectFile file) => new(
        file.Filename,
        FileLocation.FolderOf(file.Location, package) + Uri.EscapeDataString(file.Filename)
            + "#sha256=" + Uri.EscapeDataString(file.FileHash),
        file.FileHash,
        file.FileSize,
        file.BuiltAt);

    private static FileRow RowOf(UpstreamWheel wheel) => new(
        wheel.Filename, wheel.Url + "#sha256=" + wheel.FileHash, wheel.FileHash, wheel.FileSize, BuiltAt: null);
}
