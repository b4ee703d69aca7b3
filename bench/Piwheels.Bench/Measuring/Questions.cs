using Piwheels.Core.Packaging;

namespace Piwheels.Bench.Measuring;

/// <summary>What the farm asks its database again and again.</summary>
internal static class Questions
{
    private const int QueueHeads = 1000;

    /// <summary>The generated database has three.</summary>
    private const int Targets = 3;

    public static readonly IMeasurement[] All =
    [
        new Asking(
            "queue-heads", "The first 1,000 of a target's queue", 5,
            database => database.GetBuildQueueAsync(QueueHeads),
            [
                .. Enumerable.Range(0, Targets).Select(n =>
                    $"SELECT package, version FROM build_queue "
                    + $"WHERE target_id = (SELECT target_id FROM targets ORDER BY target_id OFFSET {n} LIMIT 1) "
                    + $"ORDER BY priority, released, package, version LIMIT {QueueHeads}"),
            ],
            Goal.AtMost(20), parts: Targets),
        new Asking(
            "statistics", "The farm's figures", 20, database => database.GetStatisticsAsync(),
            ["SELECT counter, amount FROM counters WHERE period = 'total'"], Goal.AtMost(10)),
        new Asking(
            "project-10", "All of a project of 10 versions, on three ABIs", 50,
            database => database.GetProjectDataAsync(PackageName.Parse("ten-versions")), RowsOf("ten-versions"),
            Goal.AtMost(2)),
        new Asking(
            "project-1000", "All of a project of 1,000 versions, on three ABIs", 2,
            database => database.GetProjectDataAsync(PackageName.Parse("thousand-versions")),
            RowsOf("thousand-versions"), Goal.AtMost(50)),
        new Asking(
            "search-index", "The search index", 1, database => database.GetSearchIndexAsync(),
            [
                "SELECT p.package, d.recent, d.total FROM packages p LEFT JOIN package_downloads d USING (package) "
                + "WHERE p.skip <> 'deleted'",
            ],
            Goal.AtMost(1000), mayGrow: true),
    ];

    private static string[] RowsOf(string package) =>
    [
        $"SELECT * FROM packages WHERE package = '{package}'",
        $"SELECT * FROM package_names WHERE package = '{package}'",
        $"SELECT * FROM versions WHERE package = '{package}'",
        $"SELECT * FROM builds WHERE package = '{package}'",
        $"SELECT f.* FROM builds b JOIN files f USING (build_id) WHERE b.package = '{package}'",
        "SELECT d.* FROM builds b JOIN files f USING (build_id) JOIN dependencies d USING (filename) "
        + $"WHERE b.package = '{package}'",
    ];
}
