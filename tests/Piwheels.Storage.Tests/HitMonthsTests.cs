using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>Raw hits are dropped by the month, without a farm at work coming to a stand.</summary>
public sealed class HitMonthsTests(ClusterFixture fixture) : IAsyncLifetime
{
    private static readonly DateOnly Today = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
    private static readonly DateOnly ThisMonth = new(Today.Year, Today.Month, 1);

    private TestDatabase _store = null!;
    private Database _database = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.Cluster.CreateDatabaseAsync();
        _database = new Database(_store.UserDsn);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task Months_that_have_ended_by_a_date_go_and_totals_stay()
    {
        foreach (var month in new[] { 0, 1, 2, 30 }) await HitAllAsync(ThisMonth.AddMonths(-month));
        var figures = await FiguresAsync();
        var before = ThisMonth.AddMonths(-1);
        var months = await _database.GetHitMonthsAsync(before);
        Assert.Equal(
            from month in new[] { before.AddMonths(-29), before.AddMonths(-1) }
            from hits in new[] { "downloads", "project_json_downloads", "project_page_hits", "searches", "web_page_hits" }
            select (hits, month),
            months.Select(m => (m.Hits, m.Month)));
        Assert.All(months, month => Assert.True(month.Bytes > 0));

        Assert.Equal(months, await _database.DropMonthsAsync(before));
        Assert.Empty(await _database.GetHitMonthsAsync(before));
        Assert.Empty(await _database.DropMonthsAsync(before));
        Assert.Equal(
            ["2", "2", "2", "2", "2"], await _store.ColumnAsync("""
                SELECT count(*) FROM downloads UNION ALL SELECT count(*) FROM searches
                UNION ALL SELECT count(*) FROM project_page_hits UNION ALL SELECT count(*) FROM project_json_downloads
                UNION ALL SELECT count(*) FROM web_page_hits
                """));
        Assert.Equal(figures, await FiguresAsync());
    }

    [Fact]
    public async Task A_month_goes_only_when_all_of_it_is_older()
    {
        var month = ThisMonth.AddMonths(-5);
        await HitAllAsync(month);
        Assert.Empty(await _database.DropMonthsAsync(month.AddMonths(1).AddDays(-1)));
        Assert.Equal(5, (await _database.DropMonthsAsync(month.AddMonths(1))).Count);
    }

    [Fact]
    public async Task The_current_month_is_never_dropped()
    {
        await HitAllAsync(ThisMonth);
        Assert.Empty(await _database.DropMonthsAsync(ThisMonth));
        foreach (var date in new[] { ThisMonth.AddDays(1), ThisMonth.AddMonths(1), ThisMonth.AddYears(100) })
        {
            var refusal = await Assert.ThrowsAsync<DatabaseException>(() => _database.DropMonthsAsync(date));
            Assert.False(refusal.Transient);
        }

        Assert.Equal(["1"], await _store.ColumnAsync("SELECT count(*) FROM downloads"));
    }

    [Fact]
    public async Task While_somebody_reads_for_long_nothing_is_dropped_and_writers_go_on()
    {
        await HitAllAsync(ThisMonth.AddMonths(-5));
        await using var reader = await _store.OpenAsync();
        await using var reading = await reader.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand("SELECT count(*) FROM searches", reader))
        {
            await command.ExecuteScalarAsync();
        }

        var refusal = await Assert.ThrowsAsync<DatabaseException>(() => _database.DropMonthsAsync(ThisMonth));
        Assert.True(refusal.Transient);
        Assert.Equal("somebody is using the table searches", refusal.Message);
        await HitAllAsync(ThisMonth);
        Assert.Equal(5, (await _database.GetHitMonthsAsync(ThisMonth)).Count);
        await reading.CommitAsync();
        Assert.Equal(5, (await _database.DropMonthsAsync(ThisMonth)).Count);
    }

    [Fact]
    public async Task A_late_hit_makes_its_month_again_and_none_is_lost_between_drops_and_writers()
    {
        var month = ThisMonth.AddMonths(-5);
        using var writing = new CancellationTokenSource();
        var dropping = DropUntilAsync(writing.Token);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var i = 0; i < 30; i++) await HitAllAsync(month);
        }));
        await writing.CancelAsync();
        await dropping;
        Assert.Equal(120, (await _database.GetStatisticsAsync()).DownloadsAll);
    }

    private async Task DropUntilAsync(CancellationToken enough)
    {
        var drops = 0;
        while (!enough.IsCancellationRequested || drops == 0)
        {
            try
            {
                drops += (await _database.DropMonthsAsync(ThisMonth)).Count;
            }
            catch (DatabaseException use) when (use.Transient)
            {
                // A writer was there
            }
        }
    }

    /// <summary>One hit of each kind.</summary>
    private async Task HitAllAsync(DateOnly date)
    {
        var at = new DateTimeOffset(date, TimeOnly.MinValue, TimeSpan.Zero);
        Assert.Equal(5, await _database.LogAccessAsync(
        [
            new DownloadState("foo-1.0-py3-none-any.whl", "192.0.2.1", at, InstallerState.Unknown),
            new SearchState("foo", "192.0.2.1", at, InstallerState.Unknown),
            new ProjectState("foo", "192.0.2.1", at, "x"),
            new JsonState("foo", "192.0.2.1", at, "x"),
            new PageState("home", "192.0.2.1", at, "x"),
        ]));
    }

    private async Task<string> FiguresAsync() => string.Join(' ', await _store.ColumnAsync("""
        SELECT downloads_last_month || '/' || downloads_all FROM get_statistics()
        UNION ALL SELECT string_agg(downloads_all::text, ' ') FROM get_search_index()
        """));
}
