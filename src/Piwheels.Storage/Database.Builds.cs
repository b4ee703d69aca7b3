using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Storage;

/// <content>Functions of 30_builds.sql.</content>
public sealed partial class Database
{
    public async Task<long> LogBuildAsync(BuildState build, Guid? request = null)
    {
        ArgumentNullException.ThrowIfNull(build);
        var files = build.Files;
        var dependencies = files
            .SelectMany(f => f.Dependencies.SelectMany(d => d.Value.Select(n => (f.Filename, Tool: d.Key, Name: n))))
            .ToList();
        return await AskAsync(
            Call(
                "SELECT log_build($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
                + "$18, $19, $20, $21)",
                Text(build.Package), Text(build.Version), Number(build.SlaveId), Duration(build.Duration),
                Text(build.AbiTag), Text(build.PlatformTag), Flag(build.Status),
                Texts(files.Select(f => f.Filename)), Numbers(files.Select(f => f.FileSize)),
                Texts(files.Select(f => f.FileHash)), Texts(files.Select(f => f.PackageTag)),
                Texts(files.Select(f => f.PackageVersionTag)), Texts(files.Select(f => f.PyVersionTag)),
                Texts(files.Select(f => f.AbiTag)), Texts(files.Select(f => f.PlatformTag)),
                Texts(files.Select(f => f.RequiresPython)), Texts(files.Select(f => f.Location)),
                Texts(dependencies.Select(d => d.Filename)), Texts(dependencies.Select(d => d.Tool)),
                Texts(dependencies.Select(d => d.Name)), Uuid(request)),
            r => (long)r.GetInt32(0));
    }

    public Task DeleteBuildAsync(Release release) =>
        DoAsync(Call("SELECT delete_build($1, $2)", Text(release.Package), Text(release.Version)));

    public async Task<IReadOnlyList<long>> GetAllBuildIdsAsync() =>
        await ListAsync(Call("SELECT build_id FROM get_all_build_ids()"), r => (long)r.GetInt32(0));
}
