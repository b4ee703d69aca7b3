using System.Text.Json;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 50_publishing.sql.</content>
public sealed partial class Database
{
    public async Task<ProjectData?> GetProjectDataAsync(PackageName package)
    {
        var json = await AskAsync(Call("SELECT get_project_data($1)::text", Text(package)), r => r.GetString(0));
        return json is null
            ? null
            : JsonSerializer.Deserialize(json, DocumentContext.Default.ProjectDocument)!.ToProject(package);
    }

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

    public async Task<IReadOnlyList<SearchEntry>> GetSearchIndexAsync() =>
        await ListAsync(
            Call("SELECT package, downloads_recent, downloads_all FROM get_search_index()"),
            r => new SearchEntry(Name(r, 0), r.GetInt64(1), r.GetInt64(2)));

    public async Task<IReadOnlyList<RewritePending>> LoadRewritesPendingAsync() =>
        await ListAsync(
            Call("SELECT package, added_at, command FROM load_rewrites_pending()"),
            r => new RewritePending(
                Name(r, 0),
                r.GetFieldValue<DateTimeOffset>(1),
                r.GetString(2) == "BOTH" ? RewriteCommand.Both : RewriteCommand.Project));

    public Task SaveRewritesPendingAsync(IReadOnlyList<RewritePending> queue) =>
        DoAsync(Call(
            "SELECT save_rewrites_pending($1, $2, $3)",
            Texts(queue.Select(r => r.Package.Value)), Times(queue.Select(r => r.AddedAt)),
            Texts(queue.Select(r => WriteCommand(r.Command)))));

    public Task RewriteDoneAsync(PackageName package, RewriteCommand done, long revision) =>
        DoAsync(Call("SELECT rewrite_done($1, $2, $3)", Text(package), Text(WriteCommand(done)), Number(revision)));

    private static string WriteCommand(RewriteCommand command) =>
        command == RewriteCommand.Both ? "BOTH" : "PROJECT";
}
