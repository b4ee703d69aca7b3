using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>What is kept of downloads, by day and in all, for the farm and by project, against counts of the raw rows.</summary>
public sealed class KeptDownloadsTests(ClusterFixture fixture) : IAsyncLifetime
{
    /// <summary>What differs, in words; none when all is well.</summary>
    internal const string Differences = """
        WITH
            today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS today),
            raw (package, day, amount) AS (
                SELECT canonical_name(split_part(filename, '-', 1)), accessed_at::date, count(*)
                FROM downloads GROUP BY 1, 2),
            by_day (package, day, amount) AS (
                SELECT package, day, sum(amount) FROM (
                    SELECT package, day, amount FROM package_downloads_daily
                    UNION ALL SELECT package, day, amount FROM download_changes) AS kept GROUP BY 1, 2),
            in_all (package, amount) AS (
                SELECT package, sum(amount) FROM (
                    SELECT package, total AS amount FROM package_downloads
                    UNION ALL SELECT package, amount FROM download_changes) AS kept GROUP BY 1 HAVING sum(amount) <> 0),
            raw_in_all (package, recent, amount) AS (
                SELECT package, coalesce(sum(amount) FILTER (WHERE day > today - 30), 0), sum(amount)
                FROM raw CROSS JOIN today GROUP BY package),
            raw_of_farm (period, at, amount) AS (
                SELECT 'day', day::timestamp, sum(amount) FROM raw GROUP BY day
                UNION ALL SELECT 'total', '1970-01-01', sum(amount) FROM raw HAVING count(*) > 0),
            of_farm (period, at, amount) AS (
                SELECT period, at, sum(amount) FROM counter_values
                WHERE counter = 'downloads' AND period <> 'minute' GROUP BY 1, 2)
        SELECT 'kept by day: ' || k FROM (TABLE by_day EXCEPT TABLE raw) AS k
        UNION ALL SELECT 'counted by day: ' || c FROM (TABLE raw EXCEPT TABLE by_day) AS c
        UNION ALL SELECT 'kept in all: ' || k FROM (TABLE in_all EXCEPT SELECT package, amount FROM raw_in_all) AS k
        UNION ALL SELECT 'counted in all: ' || c FROM (SELECT package, amount FROM raw_in_all EXCEPT TABLE in_all) AS c
        UNION ALL SELECT 'kept for the farm: ' || k FROM (TABLE of_farm EXCEPT TABLE raw_of_farm) AS k
        UNION ALL SELECT 'counted for the farm: ' || c FROM (TABLE raw_of_farm EXCEPT TABLE of_farm) AS c
        UNION ALL
        SELECT 'in the index: ' || e || ', counted ' || c FROM search_entries e LEFT JOIN raw_in_all c USING (package)
        WHERE (downloads_recent, downloads_all) <> (coalesce(recent, 0), coalesce(amount, 0))
        UNION ALL SELECT 'listed wrongly: ' || package FROM (
            (SELECT package FROM search_entries EXCEPT SELECT package FROM packages WHERE skip <> 'deleted')
            UNION ALL (SELECT package FROM packages WHERE skip <> 'deleted' EXCEPT SELECT package FROM search_entries)) AS l
        UNION ALL SELECT 'below the mark: ' || c FROM (
            SELECT 'counters' AS figures, changed_by, number FROM counter_changes
            UNION ALL SELECT 'downloads', changed_by, 1 FROM download_changes) AS c JOIN figures_marks m USING (figures)
        WHERE (c.changed_by, c.number) <= (m.mark, m.number)
        """;

    private TestDatabase _store = null!;
    private Database _database = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.Cluster.CreateDatabaseAsync();
        _database = new Database(_store.UserDsn);
        foreach (var package in DownloadHistory.Packages) await _database.AddNewPackageAsync(package);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task They_are_right_whether_added_up_or_not()
    {
        var history = new DownloadHistory(_database, 1);
        for (var i = 0; i < 5; i++)
        {
            await history.DownloadAsync(100);
            await SeeNoDifferenceAsync();
            await FoldAsync();
            await SeeNoDifferenceAsync();
        }

        Assert.Equal(["0"], await _store.ColumnAsync("SELECT count(*) FROM download_changes"));
        Assert.Equal(["500"], await _store.ColumnAsync("SELECT sum(total) FROM package_downloads"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task As_days_go_by_the_30_days_move_on_whether_somebody_adds_up_or_not(bool adding)
    {
        var history = new DownloadHistory(_database, 2);
        await history.DownloadAsync(500);
        await FoldAsync();
        await history.DownloadAsync(100);
        foreach (var days in new[] { 1, 1, 5, 29, 1, 30, 100 })
        {
            await LetDaysPassAsync(days);
            await SeeNoDifferenceAsync();
            var lastMonth = await _store.ColumnAsync(
                "SELECT count(*) FROM downloads WHERE accessed_at::date > (now() AT TIME ZONE 'UTC')::date - 30");
            Assert.Equal(lastMonth[0], $"{(await _database.GetStatisticsAsync()).DownloadsLastMonth}");
            if (adding) await FoldAsync();
            await SeeNoDifferenceAsync();
        }

        Assert.All(await _database.GetSearchIndexAsync(), entry => Assert.Equal(0, entry.DownloadsRecent));
    }

    [Fact]
    public async Task Sessions_that_are_the_first_of_a_month_at_once_make_it_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(session => new DownloadHistory(_database, session).DownloadAsync(50)));
        await SeeNoDifferenceAsync();
        Assert.Equal(400, (await _database.GetStatisticsAsync()).DownloadsAll);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task They_are_right_in_every_snapshot_while_sessions_write_and_add_up_at_once(int seed)
    {
        // A month that comes between a query's plan and its snapshot would not be in it
        await new DownloadHistory(_database, seed).DownloadAsync(1000);
        using var writing = new CancellationTokenSource();
        var watching = WatchAsync(writing.Token);
        var following = FollowAsync(writing.Token);
        var folding = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => FoldUntilAsync(writing.Token)));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async session =>
        {
            var history = new DownloadHistory(_database, (seed * 100) + session);
            for (var i = 0; i < 40; i++)
            {
                await history.DownloadAsync(50);
                if (i % 5 == session % 5) await history.ComeAndGoAsync();
            }
        }));
        await writing.CancelAsync();
        await Task.WhenAll(watching, folding);
        await SeeNoDifferenceAsync();
        Assert.Equal(13_000, (await _database.GetStatisticsAsync()).DownloadsAll);
        var followed = await following;
        Assert.Equal((await _database.GetSearchIndexAsync()).OrderBy(e => e.Package), followed.OrderBy(e => e.Package));
    }

    [Fact]
    public async Task A_dump_read_into_another_cluster_has_all_of_them()
    {
        var history = new DownloadHistory(_database, 3);
        await history.DownloadAsync(100);
        await FoldAsync();
        await history.DownloadAsync(100);
        // There, transactions have counted much further
        await _store.RunAsync("""
            UPDATE figures_folded SET cluster = cluster + 1, mark = '1000000000';
            UPDATE counter_changes SET changed_by = '2000000000';
            UPDATE download_changes SET changed_by = '2000000000';
            """);
        await SeeNoDifferenceAsync();
        await history.DownloadAsync(100);
        await SeeNoDifferenceAsync();
        await FoldAsync();
        await history.DownloadAsync(100);
        await SeeNoDifferenceAsync();
        Assert.Equal(400, (await _database.GetStatisticsAsync()).DownloadsAll);
    }

    [Fact]
    public async Task Whoever_writes_adds_up_after_half_a_minute_and_not_before()
    {
        var history = new DownloadHistory(_database, 4);
        await FoldAsync();
        await history.DownloadAsync(10);
        Assert.NotEqual(["0"], await _store.ColumnAsync("SELECT count(*) FROM download_changes"));
        await _store.RunAsync("UPDATE figures_folded SET at = at - interval '31 seconds'");
        await history.DownloadAsync(10);
        Assert.Equal(["20"], await _store.ColumnAsync("SELECT sum(total) FROM package_downloads"));
    }

    private Task FoldAsync() => _store.RunAsync("SELECT fold_figures()");

    private async Task SeeNoDifferenceAsync() => Assert.Empty(await _store.ColumnAsync(Differences));

    /// <summary>Everything that has happened has happened so many days earlier.</summary>
    private Task LetDaysPassAsync(int days) => _store.RunAsync($"""
        SELECT make_months('downloads', array_agg((accessed_at - interval '{days} days') AT TIME ZONE 'UTC')) FROM downloads;
        UPDATE downloads SET accessed_at = accessed_at - interval '{days} days';
        UPDATE package_downloads_daily SET day = day - 10000;
        UPDATE package_downloads_daily SET day = day + 10000 - {days};
        UPDATE download_changes SET day = day - {days};
        UPDATE download_window SET last_day = last_day - {days};
        UPDATE counters SET at = at - interval '10000 days' WHERE period = 'day';
        UPDATE counters SET at = at + interval '10000 days' - interval '{days} days' WHERE period = 'day';
        UPDATE counter_changes SET at = at - interval '{days} days' WHERE period = 'day';
        """);

    private async Task FoldUntilAsync(CancellationToken enough)
    {
        while (!enough.IsCancellationRequested) await FoldAsync();
    }

    private async Task WatchAsync(CancellationToken enough)
    {
        while (!enough.IsCancellationRequested) await SeeNoDifferenceAsync();
    }

    /// <summary>An index kept up to date by changes alone: what it is after the last of them.</summary>
    private async Task<SearchIndex> FollowAsync(CancellationToken enough)
    {
        var (index, mark) = (SearchIndex.Empty, "");
        for (var last = false; ;)
        {
            var changes = await _database.GetSearchChangesAsync(mark);
            Assert.Equal(mark.Length == 0, changes.Complete);
            (index, mark) = (index.With(changes), changes.Mark);
            if (last) return index;
            last = enough.IsCancellationRequested;
        }
    }
}
