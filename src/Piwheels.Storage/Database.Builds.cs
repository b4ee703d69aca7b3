using Npgsql;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Storage;

/// <content>Functions of 30_builds.sql.</content>
public sealed partial class Database
{
    private const string LogBuild =
        "SELECT log_build($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, "
        + "$22, $23, $24)";

    public async Task<long> LogBuildAsync(BuildState build, Guid? request = null)
    {
        ArgumentNullException.ThrowIfNull(build);
        return await AskAsync(Call(LogBuild, ArgumentsOf(build, request)), r => (long)r.GetInt32(0));
    }

    // The commands of a batch are one transaction. By package, as prepare_builds wants it
    public async Task<IReadOnlyList<long>> LogBuildsAsync(
        IReadOnlyList<BuildState> builds, IReadOnlyList<Guid>? requests = null)
    {
        ArgumentNullException.ThrowIfNull(builds);
        if (requests is not null && requests.Count != builds.Count)
            throw new ArgumentException("not as many as there are builds", nameof(requests));
        var order = Enumerable.Range(0, builds.Count).OrderBy(i => builds[i].Package, StringComparer.Ordinal).ToList();
        var files = builds.Where(build => build.Status).SelectMany(build => build.Files).ToList();
        await using var batch = _source.CreateBatch();
        Add(
            batch, "SELECT prepare_builds($1, $2, $3, $4)",
            Texts(builds.Select(b => b.Package)), Texts(files.Select(f => f.PyVersionTag)),
            Texts(files.Select(f => f.AbiTag)), Texts(files.Select(f => f.PlatformTag)));
        foreach (var i in order) Add(batch, LogBuild, ArgumentsOf(builds[i], requests?[i]));

        var numbers = new long[builds.Count];
        try
        {
            await using var reader = await batch.ExecuteReaderAsync();
            foreach (var i in order)
            {
                await reader.NextResultAsync();
                await reader.ReadAsync();
                numbers[i] = reader.GetInt32(0);
            }

            // To the end: only then is it committed
            await reader.NextResultAsync();
        }
        catch (Exception e) when (IsFault(e))
        {
            throw Fault(e);
        }

        return numbers;
    }

    public Task DeleteBuildAsync(Release release) =>
        DoAsync(Call("SELECT delete_build($1, $2)", Text(release.Package), Text(release.Version)));

    public async Task<IReadOnlyList<long>> GetAllBuildIdsAsync() =>
        await ListAsync(Call("SELECT build_id FROM get_all_build_ids()"), r => (long)r.GetInt32(0));

    private static NpgsqlParameter[] ArgumentsOf(BuildState build, Guid? request)
    {
        var files = build.Files;
        var dependencies = files
            .SelectMany(f => f.Dependencies.SelectMany(d => d.Value.Select(n => (f.Filename, Tool: d.Key, Name: n))))
            .ToList();
        return
        [
            Text(build.Package), Text(build.Version), Number(build.SlaveId), Duration(build.Duration),
            Text(build.AbiTag), Text(build.PlatformTag), Flag(build.Status),
            Texts(files.Select(f => f.Filename)), Numbers(files.Select(f => f.FileSize)),
            Texts(files.Select(f => f.FileHash)), Texts(files.Select(f => f.PackageTag)),
            Texts(files.Select(f => f.PackageVersionTag)), Texts(files.Select(f => f.PyVersionTag)),
            Texts(files.Select(f => f.AbiTag)), Texts(files.Select(f => f.PlatformTag)),
            Texts(files.Select(f => f.RequiresPython)), Texts(files.Select(f => f.Location)),
            Texts(dependencies.Select(d => d.Filename)), Texts(dependencies.Select(d => d.Tool)),
            Texts(dependencies.Select(d => d.Name)), Uuid(request),
            Text(build.Failure?.Class.Word()), Text(build.Failure?.Evidence), Text(build.Failure?.AptPackage),
        ];
    }

    private static void Add(NpgsqlBatch batch, string sql, params ReadOnlySpan<NpgsqlParameter> arguments)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var argument in arguments) command.Parameters.Add(argument);
        batch.BatchCommands.Add(command);
    }
}
