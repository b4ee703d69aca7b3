using FsCheck.Xunit;
using Npgsql;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>
/// What is kept up to date by each change against plain queries over everything: the queue against its view, the
/// counters against counts.
/// </summary>
public sealed class KeptFiguresTests(ClusterFixture fixture) : IAsyncLifetime
{
    /// <summary>Rows in one and not in the other, with where they are; none when all is well.</summary>
    internal const string QueueDifferences = """
        WITH
            kept AS (
                SELECT t.abi_tag, t.platform_tag, row_number() OVER (
                        PARTITION BY q.target_id ORDER BY q.priority, q.released, q.package, q.version) AS position,
                    q.package, q.version, q.priority, q.released
                FROM build_queue q JOIN targets t USING (target_id)),
            lengths AS (
                SELECT t.abi_tag, t.platform_tag, sum(c.amount) AS waiting
                FROM targets t JOIN counter_values c ON c.counter = 'waiting:' || t.target_id
                GROUP BY t.abi_tag, t.platform_tag HAVING sum(c.amount) <> 0)
        (SELECT 'only in the queue: ' || k FROM (TABLE kept EXCEPT TABLE builds_pending) k)
        UNION ALL (SELECT 'only in the view: ' || b FROM (TABLE builds_pending EXCEPT TABLE kept) b)
        UNION ALL (
            SELECT 'counted: ' || l::text || ', there: ' || k::text
            FROM lengths l FULL JOIN (
                SELECT abi_tag, platform_tag, count(*) AS waiting FROM kept GROUP BY abi_tag, platform_tag) k
                USING (abi_tag, platform_tag) WHERE l.waiting IS DISTINCT FROM k.waiting)
        """;

    internal const string CounterDifferences = """
        WITH counted (counter, amount) AS (
            SELECT 'packages_built', count(DISTINCT package) FROM builds WHERE status
            UNION ALL SELECT 'files', count(*) FROM files
            UNION ALL SELECT 'builds_size', coalesce(sum(filesize), 0) FROM files WHERE NOT alias
            UNION ALL SELECT 'builds_time', coalesce(sum(extract(epoch FROM duration) * 1000000), 0)::bigint FROM builds
                WHERE duration <= interval '7 days')
        SELECT counter || ': kept ' || kept || ', counted ' || amount
        FROM counted CROSS JOIN LATERAL (SELECT coalesce(sum(v.amount), 0) AS kept FROM counter_values v
            WHERE v.counter = counted.counter AND period = 'total') AS k
        WHERE kept <> amount
        """;

    private TestDatabase _store = null!;
    private Database _database = null!;

    /// <summary>Changes of targets come one package further at a time, so that most of a history is half way.</summary>
    public async ValueTask InitializeAsync()
    {
        _store = await fixture.Cluster.CreateDatabaseAsync();
        await _store.RunAsync("""
            ALTER TABLE targets ALTER step_versions SET DEFAULT 1;
            CREATE OR REPLACE FUNCTION step_length(p_versions integer, p_took interval) RETURNS integer
            LANGUAGE sql IMMUTABLE AS 'SELECT 1'
            """);
        _database = new Database(_store.UserDsn);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Property(MaxTest = 30)]
    public async Task After_each_step_of_any_history_they_are_equal((byte Kind, byte A, byte B, byte C)[] steps)
    {
        await _store.RunAsync("""
            DELETE FROM packages; DELETE FROM targets; DELETE FROM wheel_tags; DELETE FROM selection;
            DELETE FROM selection_requests; DELETE FROM upstream_policies; UPDATE configuration SET upstream_policy = 'rebuild'
            """);
        var history = new RandomHistory(_database, 3, 2);
        await history.BeginAsync();
        await using var connection = await _store.OpenAsync();
        await using var look = new NpgsqlCommand($"{QueueDifferences} UNION ALL ({CounterDifferences})", connection);
        await look.PrepareAsync();
        foreach (var (kind, a, b, c) in steps)
        {
            await history.StepAsync(kind, a, b, c);
            Assert.Empty(await LookAsync(look));
        }

        await SettleAsync();
        Assert.Empty(await LookAsync(look));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 3)]
    [InlineData(4, 3)]
    public async Task After_histories_that_run_at_once_they_are_equal_and_nobody_was_in_a_deadlock(int seed, int packages)
    {
        await new RandomHistory(_database, packages, 1).BeginAsync();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async session =>
        {
            var random = new Random(seed * 100 + session);
            var history = new RandomHistory(_database, packages, 1);
            var numbers = new byte[4];
            for (var i = 0; i < 100; i++)
            {
                random.NextBytes(numbers);
                await history.StepAsync(numbers[0], numbers[1], numbers[2], numbers[3]);
                if (i % 10 == 0) await _store.RunAsync("SELECT fold_figures()");
            }
        }));
        Assert.Empty(await _store.ColumnAsync(QueueDifferences));
        Assert.Empty(await _store.ColumnAsync(CounterDifferences));
        await SettleAsync();
        Assert.Empty(await _store.ColumnAsync(QueueDifferences));
    }

    [Fact]
    public async Task Folding_changes_no_value()
    {
        var history = new RandomHistory(_database, 3, 3);
        var random = new Random(7);
        var numbers = new byte[4];
        for (var i = 0; i < 200; i++)
        {
            random.NextBytes(numbers);
            await history.StepAsync(numbers[0], numbers[1], numbers[2], numbers[3]);
        }

        const string Totals = "SELECT counter, period, at, sum(amount) FROM counter_values GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
        var before = await _store.QueryAsync(Totals);
        await _store.RunAsync("SELECT fold_figures()");
        Assert.Equal(["0"], await _store.ColumnAsync("SELECT count(*) FROM counter_changes"));
        Assert.Equal(before, await _store.QueryAsync(Totals));
    }

    private static async Task<IReadOnlyList<string>> LookAsync(NpgsqlCommand look)
    {
        await using var reader = await look.ExecuteReaderAsync();
        var differences = new List<string>();
        while (await reader.ReadAsync()) differences.Add(reader.GetString(0));
        return differences;
    }

    /// <summary>Has all changes of targets take effect; each step brings one on, so there is an end.</summary>
    private async Task SettleAsync()
    {
        var steps = 0;
        while (await _database.SettleTargetsAsync(1) is { Count: > 0 }) Assert.True(++steps < 100, "no end of steps");
        Assert.Equal(["0"], await _store.ColumnAsync("SELECT count(*) FROM targets WHERE removed"));
    }
}
