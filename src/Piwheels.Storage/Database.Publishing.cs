using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 50_publishing.sql.</content>
public sealed partial class Database
{
    public async Task<ProjectData?> GetProjectDataAsync(PackageName package)
    {
        var project = await AskAsync(
            Call($"SELECT {ProjectColumns.Names} FROM get_project_data($1)", Text(package)),
            r => new ProjectColumns(r).ToProject(package));
        // A little later than the rest: what has changed between has the pages owed again
        return project is not null && ProjectFailures.MayBeIn(project)
            ? (await GetProjectFailuresAsync(package)).AddTo(project)
            : project;
    }

    public async Task<IReadOnlyList<ProjectVersionRow>> GetProjectVersionsAsync(PackageName package) =>
        await ListAsync(
            Call(
                "SELECT version, released, yanked, skip, abi_tags, platform_tags, states, build_ids "
                + "FROM get_project_versions($1)",
                Text(package)),
            ReadVersion);

    public async Task<IReadOnlyList<ProjectFileRow>> GetProjectFilesAsync(PackageName package) =>
        await ListAsync(
            Call(
                "SELECT version, yanked, filename, filesize, filehash, builder_abi, file_abi, platform, requires_python, "
                + "location, built_at, apt_dependencies, pip_dependencies FROM get_project_files($1)",
                Text(package)),
            r => new ProjectFileRow(
                r.GetString(0), r.GetBoolean(1), new ProjectFile(
                    r.GetString(2), r.GetInt64(3), r.GetString(4), r.GetString(5), r.GetString(6), r.GetString(7),
                    r.IsDBNull(8) ? null : r.GetString(8), r.GetString(9), r.GetFieldValue<DateTimeOffset>(10),
                    r.GetFieldValue<string[]>(11), r.GetFieldValue<string[]>(12))));

    public async Task<IReadOnlyDictionary<string, string>> GetPackageFilesAsync(PackageName package)
    {
        var files = new Dictionary<string, string>();
        await EachAsync(
            Call("SELECT filename, filehash FROM get_package_files($1)", Text(package)),
            r => files.Add(r.GetString(0), r.GetString(1)),
            default);
        return files;
    }

    public async Task<IReadOnlyList<string>> GetVersionFilesAsync(Release release) =>
        await ListAsync(
            Call("SELECT filename FROM get_version_files($1, $2)", Text(release.Package), Text(release.Version)),
            r => r.GetString(0));

    public async Task<SearchIndex> GetSearchIndexAsync() =>
        (await ListAsync(
            Call("SELECT packages, downloads_recent, downloads_all FROM get_search_index()"),
            r => ReadIndex(r, 0)))[0];

    public async Task<SearchChanges> GetSearchChangesAsync(string since) =>
        (await AskAsync(
            Call(
                "SELECT mark, complete, packages, downloads_recent, downloads_all, gone FROM get_search_changes($1)",
                Text(since)),
            r => new SearchChanges(r.GetString(0), r.GetBoolean(1), ReadIndex(r, 2), ReadNames(r, 5))))!;

    public async Task<IReadOnlyList<RewritePending>> LoadRewritesPendingAsync() =>
        await ListAsync(Call("SELECT package, added_at, command FROM load_rewrites_pending()"), ReadRewrite);

    public async Task<IReadOnlyList<RewritePending>> LoadRewritesBacklogAsync() =>
        await ListAsync(Call("SELECT package, added_at, command FROM load_rewrites_backlog()"), ReadRewrite);

    public Task SaveRewritesPendingAsync(IReadOnlyList<RewritePending> queue) =>
        DoAsync(Call(
            "SELECT save_rewrites_pending($1, $2, $3)",
            Texts(queue.Select(r => r.Package.Value)), Times(queue.Select(r => r.AddedAt)),
            Texts(queue.Select(r => WriteCommand(r.Command)))));

    public async Task<PackageName?> OweAllRewritesAsync(RewriteCommand command, PackageName? after) =>
        await AskAsync(
            Call("SELECT owe_all_rewrites($1, $2)", Text(WriteCommand(command)), Text(after?.Value ?? "")),
            r => r.GetString(0)) is { } last ? PackageName.Parse(last) : null;

    public Task RewriteDoneAsync(PackageName package, RewriteCommand done, long revision) =>
        DoAsync(Call("SELECT rewrite_done($1, $2, $3)", Text(package), Text(WriteCommand(done)), Number(revision)));

    private static RewritePending ReadRewrite(NpgsqlDataReader row) => new(
        Name(row, 0),
        row.GetFieldValue<DateTimeOffset>(1),
        row.GetString(2) == "BOTH" ? RewriteCommand.Both : RewriteCommand.Project);

    /// <summary>Names parted by blanks, and two arrays of figures; nulls when there are none.</summary>
    private static SearchIndex ReadIndex(NpgsqlDataReader row, int column) => row.IsDBNull(column)
        ? SearchIndex.Empty
        : new SearchIndex(
            row.GetFieldValue<byte[]>(column), row.GetFieldValue<long[]>(column + 1),
            row.GetFieldValue<long[]>(column + 2));

    private static PackageName[] ReadNames(NpgsqlDataReader row, int column) => row.IsDBNull(column)
        ? []
        : [.. row.GetString(column).Split((char)SearchIndex.Separator).Select(PackageName.Parse)];

    private static ProjectVersionRow ReadVersion(NpgsqlDataReader row)
    {
        var abis = row.IsDBNull(4) ? [] : row.GetFieldValue<string[]>(4);
        var (platforms, states, builds) = abis.Length == 0
            ? ([], [], [])
            : (row.GetFieldValue<string[]>(5), row.GetFieldValue<string[]>(6), row.GetFieldValue<int?[]>(7));
        return new ProjectVersionRow(
            row.GetString(0), row.GetFieldValue<DateTimeOffset>(1), row.GetBoolean(2), row.GetString(3),
            [.. abis.Select((abi, i) => ProjectColumns.TargetOf(abi, platforms[i], states[i], builds[i]))]);
    }

    private static string WriteCommand(RewriteCommand command) =>
        command == RewriteCommand.Both ? "BOTH" : "PROJECT";
}
