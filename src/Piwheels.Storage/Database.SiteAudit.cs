using Npgsql;
using NpgsqlTypes;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>What audits of the published folder ask; no task does.</content>
public sealed partial class Database
{
    /// <summary>The packages after a name, in the order of their names, that have pages; empty after the last one.</summary>
    /// <param name="after">The last name of the page before; "" for the first.</param>
    /// <param name="limit">The most packages.</param>
    public Task<List<PublishedPackage>> GetPublishedPackagesAsync(
        string after, int limit, CancellationToken cancel = default) =>
        ListAsync(
            Call(
                "SELECT package, aliases, owed FROM get_published_packages($1, $2)",
                Text(after), new NpgsqlParameter<int> { TypedValue = limit }),
            ReadPublished,
            cancel);

    /// <summary>Those of the names, in any known spelling, that have pages.</summary>
    public Task<List<PublishedPackage>> FindPublishedPackagesAsync(
        IReadOnlyCollection<string> names, CancellationToken cancel = default) =>
        ListAsync(
            Call("SELECT package, aliases, owed FROM find_published_packages($1)", TextArray(names)), ReadPublished, cancel);

    /// <summary>The wheels of several packages.</summary>
    public Task<List<PublishedWheel>> GetPublishedFilesAsync(
        IReadOnlyCollection<PackageName> packages, CancellationToken cancel = default) =>
        ListAsync(
            Call(
                "SELECT package, filename, filesize, filehash, location FROM get_published_files($1)",
                TextArray([.. packages.Select(static package => package.Value)])),
            r => new PublishedWheel(Name(r, 0), r.GetString(1), r.GetInt64(2), r.GetString(3), r.GetString(4)),
            cancel);

    /// <summary>The builds after a number, in order; empty after the last one.</summary>
    /// <returns>Their numbers, and whether they are so recent that their log may be on its way.</returns>
    public Task<List<(long BuildId, bool Recent)>> GetBuildsWithLogsAsync(
        long after, int limit, CancellationToken cancel = default) =>
        ListAsync(
            Call(
                "SELECT build_id, recent FROM get_builds_with_logs($1, $2)",
                new NpgsqlParameter<long> { TypedValue = after }, new NpgsqlParameter<int> { TypedValue = limit }),
            r => (r.GetInt64(0), r.GetBoolean(1)),
            cancel);

    /// <summary>
    /// Logs that an upgrade of piwheels 0.19 or before has kept aside: whether there are any. They belong to the one who
    /// did the upgrade.
    /// </summary>
    public async Task<bool> HasKeptLogsAsync(CancellationToken cancel = default) =>
        await AskAsync(
            // Who may not read the logs may know of them
            Call("""
                SELECT EXISTS (
                    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'kept_from_piwheels' AND c.relname = 'output')
                """),
            r => r.GetBoolean(0),
            cancel);

    /// <summary>Some of the logs that were kept aside.</summary>
    public Task<List<(long BuildId, string Log)>> GetKeptLogsAsync(int limit, CancellationToken cancel = default) =>
        ListAsync(
            Call(
                "SELECT build_id::bigint, output FROM kept_from_piwheels.output ORDER BY build_id LIMIT $1",
                new NpgsqlParameter<int> { TypedValue = limit }),
            r => (r.GetInt64(0), r.GetString(1)),
            cancel);

    /// <summary>Removes logs that were written out, and their table with the last of them.</summary>
    public async Task RemoveKeptLogsAsync(IReadOnlyCollection<long> builds, CancellationToken cancel = default)
    {
        await DoAsync(
            Call(
                "DELETE FROM kept_from_piwheels.output WHERE build_id = ANY ($1)",
                new NpgsqlParameter<long[]> { TypedValue = [.. builds] }),
            cancel);
        await DoAsync(
            Call("""
                DO $$
                BEGIN
                    IF NOT EXISTS (SELECT FROM kept_from_piwheels.output) THEN DROP TABLE kept_from_piwheels.output; END IF;
                END;
                $$
                """),
            cancel);
    }

    private static PublishedPackage ReadPublished(NpgsqlDataReader row) =>
        new(Name(row, 0), row.GetFieldValue<string[]>(1), row.GetBoolean(2));

    private static NpgsqlParameter<string[]> TextArray(IReadOnlyCollection<string> texts) =>
        new() { TypedValue = [.. texts], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
