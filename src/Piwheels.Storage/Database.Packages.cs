using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 20_packages.sql.</content>
public sealed partial class Database
{
    public async Task<bool> AddNewPackageAsync(
        PackageName package, string skip = "", string description = "", Guid? request = null) =>
        await AskAsync(
            Call(
                "SELECT add_new_package($1, $2, $3, $4)",
                Text(package), Text(skip), Text(description), Uuid(request)),
            r => r.GetBoolean(0));

    public async Task<bool> AddNewPackageVersionAsync(
        Release release, DateTimeOffset? released = null, string skip = "", Guid? request = null) =>
        await AskAsync(
            Call(
                "SELECT add_new_package_version($1, $2, $3, $4, $5)",
                Text(release.Package), Text(release.Version), Time(released), Text(skip), Uuid(request)),
            r => r.GetBoolean(0));

    public async Task<IReadOnlyList<bool>> AddNewPackagesAsync(IReadOnlyList<NewPackage> packages)
    {
        ArgumentNullException.ThrowIfNull(packages);
        return await AskAsync(
            Call(
                "SELECT add_new_packages($1, $2, $3)",
                Texts(packages.Select(p => p.Package.Value)), Texts(packages.Select(p => p.Skip)),
                Texts(packages.Select(p => p.Description))),
            r => r.GetFieldValue<bool[]>(0)) ?? [];
    }

    public async Task<IReadOnlyList<bool>> AddNewPackageVersionsAsync(IReadOnlyList<NewVersion> versions)
    {
        ArgumentNullException.ThrowIfNull(versions);
        return await AskAsync(
            Call(
                "SELECT add_new_package_versions($1, $2, $3, $4)",
                Texts(versions.Select(v => v.Release.Package.Value)), Texts(versions.Select(v => v.Release.Version)),
                Times(versions.Select(v => v.Released)), Texts(versions.Select(v => v.Skip))),
            r => r.GetFieldValue<bool[]>(0)) ?? [];
    }

    public Task AddPackageNameAsync(PackageName package, string name, DateTimeOffset seen) =>
        DoAsync(Call("SELECT add_package_name($1, $2, $3)", Text(package), Text(name), Time(seen)));

    public Task<string?> GetPackageDescriptionAsync(PackageName package) =>
        AskAsync(Call("SELECT get_package_description($1)", Text(package)), r => r.GetString(0));

    public Task SetPackageDescriptionAsync(PackageName package, string description) =>
        DoAsync(Call("SELECT set_package_description($1, $2)", Text(package), Text(description)));

    public async Task<IReadOnlySet<PackageName>> GetAllPackagesAsync() =>
        await SetAsync(Call("SELECT package FROM get_all_packages()"), r => Name(r, 0));

    public async Task<IReadOnlySet<Release>> GetAllPackageVersionsAsync() =>
        await SetAsync(
            Call("SELECT package, version FROM get_all_package_versions()"),
            r => new Release(Name(r, 0), r.GetString(1)));

    public async Task<IReadOnlyList<string>> GetPackageAliasesAsync(PackageName package) =>
        await ListAsync(Call("SELECT name FROM get_package_aliases($1)", Text(package)), r => r.GetString(0));

    public Task<string?> GetProjectDisplayNameAsync(PackageName package) =>
        AskAsync(Call("SELECT get_project_display_name($1)", Text(package)), r => r.GetString(0));

    public async Task<bool> TestPackageAsync(PackageName package) =>
        await AskAsync(Call("SELECT test_package($1)", Text(package)), r => r.GetBoolean(0));

    public async Task<bool> TestPackageVersionAsync(Release release) =>
        await AskAsync(
            Call("SELECT test_package_version($1, $2)", Text(release.Package), Text(release.Version)),
            r => r.GetBoolean(0));

    public Task SkipPackageAsync(PackageName package, string reason) =>
        DoAsync(Call("SELECT skip_package($1, $2)", Text(package), Text(reason)));

    public Task SkipPackageVersionAsync(Release release, string reason) =>
        DoAsync(
            Call("SELECT skip_package_version($1, $2, $3)", Text(release.Package), Text(release.Version), Text(reason)));

    public Task<string?> GetPackageSkipAsync(PackageName package) =>
        AskAsync(Call("SELECT get_package_skip($1)", Text(package)), r => r.GetString(0));

    public Task<string?> GetVersionSkipAsync(Release release) =>
        AskAsync(
            Call("SELECT get_version_skip($1, $2)", Text(release.Package), Text(release.Version)), r => r.GetString(0));

    public async Task<bool> PackageMarkedDeletedAsync(PackageName package) =>
        await AskAsync(Call("SELECT package_marked_deleted($1)", Text(package)), r => r.GetBoolean(0));

    public async Task<IReadOnlyList<string>> GetVersionsDeletedAsync(PackageName package) =>
        await ListAsync(Call("SELECT version FROM get_versions_deleted($1)", Text(package)), r => r.GetString(0));

    public Task YankVersionAsync(Release release) =>
        DoAsync(Call("SELECT yank_version($1, $2)", Text(release.Package), Text(release.Version)));

    public Task UnyankVersionAsync(Release release) =>
        DoAsync(Call("SELECT unyank_version($1, $2)", Text(release.Package), Text(release.Version)));

    public Task DeletePackageAsync(PackageName package) =>
        DoAsync(Call("SELECT delete_package($1)", Text(package)));

    public Task DeleteVersionAsync(Release release) =>
        DoAsync(Call("SELECT delete_version($1, $2)", Text(release.Package), Text(release.Version)));

    public Task<long> RaisePriorityAsync(PackageName package, string? version = null) =>
        AskAsync(Call("SELECT raise_priority($1, $2)", Text(package), Text(version)), r => r.GetInt64(0));
}
