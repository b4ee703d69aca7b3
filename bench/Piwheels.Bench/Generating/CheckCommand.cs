using System.CommandLine;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Generating;

/// <summary>
/// `check`: what the farm keeps up to date against plain queries over everything. At PyPI's size it takes minutes.
/// </summary>
internal static class CheckCommand
{
    /// <summary>Rows in one and not in the other; none when all is well.</summary>
    private const string QueueDifferences = """
        WITH kept AS (
            SELECT t.abi_tag, t.platform_tag, q.package, q.version, q.priority, q.released
            FROM build_queue q JOIN targets t USING (target_id)),
        wanted AS (SELECT abi_tag, platform_tag, package, version, priority, released FROM builds_pending)
        (SELECT 'only in the queue: ' || k FROM (TABLE kept EXCEPT TABLE wanted) k LIMIT 10)
        UNION ALL
        (SELECT 'only in the plain view: ' || w FROM (TABLE wanted EXCEPT TABLE kept) w LIMIT 10)
        """;

    private const string CounterDifferences = """
        WITH
            counted (counter, amount) AS (
                SELECT 'packages_built', count(DISTINCT package) FROM builds WHERE status
                UNION ALL SELECT 'files', count(*) FROM files
                UNION ALL SELECT 'builds_size', coalesce(sum(filesize) FILTER (WHERE NOT alias), 0) FROM files
                UNION ALL SELECT 'builds_time', build_microseconds(sum(duration)) FROM builds
                    WHERE duration <= interval '7 days'
                UNION ALL SELECT 'downloads', sum(total)::bigint FROM package_downloads
                UNION ALL SELECT 'waiting:' || t.target_id, count(q.package) FROM targets t
                    LEFT JOIN build_queue q USING (target_id) GROUP BY t.target_id)
        SELECT format('%s: kept %s, counted %s', c.counter, v.amount, c.amount)
        FROM counted c CROSS JOIN LATERAL (
            SELECT coalesce(sum(v.amount), 0)::bigint AS amount FROM counter_values v
            WHERE v.counter = c.counter AND v.period = 'total') AS v
        WHERE v.amount <> c.amount
        """;

    private const string DownloadDifferences = """
        WITH
            counted AS (
                SELECT package, sum(amount) AS amount FROM (
                    SELECT canonical_name(split_part(filename, '-', 1)) AS package, count(*) AS amount
                    FROM downloads d CROSS JOIN download_window w
                    WHERE d.accessed_at >= w.last_day - 29 GROUP BY filename) AS f
                GROUP BY package)
        SELECT format('downloads of %s: kept %s, counted %s', package, d.recent, c.amount)
        FROM package_downloads d FULL JOIN counted c USING (package)
        WHERE coalesce(d.recent, 0) <> coalesce(c.amount, 0) LIMIT 10
        """;

    public static Command Create()
    {
        var place = new DatabaseOptions();
        var command = new Command("check", "Compares what is kept up to date with plain queries over everything");
        place.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            await using var database = await place.OpenAsync(parsed, generating: false, cancel);
            return await CheckAsync(database, cancel) ? 0 : 1;
        });
        return command;
    }

    private static async Task<bool> CheckAsync(BenchDatabase database, CancellationToken cancel)
    {
        var progress = new Progress();
        var differences = new List<string>();
        foreach (var (name, query) in new[]
        {
            ("the queue and the plain view", QueueDifferences), ("counters and counts", CounterDifferences),
            ("downloads by package", DownloadDifferences),
        })
        {
            await progress.StepAsync(name, async () =>
                differences.AddRange(await database.ListAsync(query, r => r.GetString(0), cancel)));
        }

        foreach (var difference in differences) Console.WriteLine(difference);
        if (differences.Count == 0) Console.WriteLine("All is equal.");
        return differences.Count == 0;
    }
}
