using Piwheels.Core.Database;
using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

/// <summary>
/// Databases of earlier releases of this program are brought up to date, step by step, with all that they hold. Each
/// release that changed the schema has a sample here: tests/data/schema-VERSION.sql.
/// </summary>
public sealed class OwnUpgradeTests(ClusterFixture fixture) : IAsyncLifetime
{
    private TestDatabase _store = null!;

    public static TheoryData<string> Samples => [.. SampleDatabases.OwnVersions];

    public async ValueTask InitializeAsync() => _store = await fixture.Cluster.CreateDatabaseAsync(empty: true);

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task An_upgraded_database_has_the_structure_of_a_new_one(string version)
    {
        await _store.LoadAsync(version);
        await using var fresh = await fixture.Cluster.CreateDatabaseAsync();
        var fault = await Record.ExceptionAsync(() => _store.UpgradeAsync());
        var differences = fault is not null ? [fault.Message] : SchemaPicture.Differences(
            await SchemaPicture.OfAsync(_store), "after the upgrade", await SchemaPicture.OfAsync(fresh), "in a new database");
        Assert.True(differences.Count == 0, $"""
            Upgraded from {version}, a database is not as a new one. What was changed in sql/schema needs its step in
            sql/upgrades/FROM-{SchemaVersion.Current}.sql: ALTER TABLE, CREATE TABLE, CREATE INDEX and the like for what
            holds rows (new columns stand last), pg_temp.drop_code() for functions and views that are there no more.
            Those that are there are made anew without being named, with their triggers, grants and comments
            (docs/decisions/0009-upgrades.md).
            {string.Join('\n', differences)}
            """);
        Assert.Empty(await _store.ColumnAsync(UnlikePartitions));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task Every_row_is_kept_and_the_queue_and_the_figures_stay_true(string version)
    {
        await _store.LoadAsync(version);
        Assert.Empty(await _store.ColumnAsync(EmptyTables));
        var before = await RowsAsync(await _store.QueryAsync(TableColumns));
        await _store.UpgradeAsync();

        var after = await RowsAsync(before.Keys.Select(key => (IReadOnlyList<string?>)key.Split('|')));
        foreach (var (table, rows) in before)
        {
            // A step may add rows of its own
            var left = after[table].CountBy(row => row!).ToDictionary();
            Assert.All(rows.CountBy(row => row!), row => Assert.True(
                left.GetValueOrDefault(row.Key) >= row.Value, $"{table} has lost {row.Key}"));
        }

        Assert.Empty(await _store.ColumnAsync(KeptFiguresTests.QueueDifferences));
        Assert.Empty(await _store.ColumnAsync(KeptFiguresTests.CounterDifferences));
        Assert.Empty(await _store.ColumnAsync(KeptDownloadsTests.Differences));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task The_farm_goes_on_with_an_upgraded_database(string version)
    {
        await _store.LoadAsync(version);
        var lastBuild = await _store.ColumnAsync("SELECT max(build_id) FROM builds");
        await _store.UpgradeAsync();
        await using var database = new Database(_store.UserDsn);
        await database.CheckVersionAsync();
        await new RandomHistory(database, 3, 3).BeginAsync();
        Assert.NotEmpty(await database.GetBuildQueueAsync());
        await _store.RunAsync("""
            INSERT INTO builds (package, version, built_by, duration, status, abi_tag, platform_tag)
            VALUES ('ant', '1.0', 1, '1 s', false, 'cp39', 'linux_armv7l')
            """);
        Assert.Equal(["t"], await _store.ColumnAsync($"SELECT max(build_id) > {lastBuild[0]} FROM builds"));
    }

    [Fact]
    public async Task What_was_asked_for_in_0_1_0_is_asked_for_still()
    {
        await _store.LoadAsync("0.1.0");
        await _store.UpgradeAsync();
        await using var database = new Database(_store.UserDsn);
        var selection = await database.GetSelectionAsync();
        Assert.Equal(
            [(SelectionOrigin.Up, "foo", false), (SelectionOrigin.Up, "pure>=1", false)],
            selection.Requests.Select(r => (r.Origin, r.Requirement, r.AllVersions)));
        Assert.Equal(
            [("foo", SelectionState.Resolved, "2.0"), ("pure", SelectionState.Resolved, "10")],
            selection.Entries.Select(e => (e.Package.Value, e.State, Assert.Single(e.Versions).Version)));
    }

    [Fact]
    public void Every_sample_is_of_another_release_and_steps_lead_from_it()
    {
        Assert.NotEmpty(SampleDatabases.OwnVersions);
        Assert.DoesNotContain(SchemaVersion.Current, SampleDatabases.OwnVersions);
        Assert.All(SampleDatabases.OwnVersions, version => Assert.NotNull(SchemaScripts.Upgrade(version)));
    }

    [Fact]
    public async Task What_is_not_ours_and_needs_nothing_of_ours_is_left_alone()
    {
        await _store.LoadAsync("0.1.0");
        await _store.RunAsync("""
            CREATE TABLE notes (note text);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER note BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION note();
            CREATE VIEW big_files AS SELECT filename FROM files WHERE filesize > 1e9;
            """);
        await _store.UpgradeAsync();
        Assert.Equal(["0"], await _store.ColumnAsync("SELECT count(*) FROM big_files"));
        await _store.RunAsync("INSERT INTO notes VALUES ('still here')");
    }

    [Fact]
    public async Task What_needs_something_of_ours_that_must_go_is_named_and_nothing_is_changed()
    {
        await _store.LoadAsync("0.1.0");
        await _store.RunAsync("CREATE VIEW urgent AS SELECT * FROM builds_pending WHERE priority = 0");
        var before = await SchemaPicture.OfAsync(_store);
        var refusal = await Assert.ThrowsAsync<SchemaException>(() => _store.UpgradeAsync());
        Assert.Contains("view urgent depends on", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("nothing was changed", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(before, await SchemaPicture.OfAsync(_store));
    }

    [Fact]
    public void Steps_are_taken_one_after_the_other()
    {
        (string, string, string)[] steps =
        [
            ("0.0.2", SchemaVersion.Current, "SELECT 2"), ("0.0.1", "0.0.2", "SELECT 1"), ("0.0.0", "0.0.3", "SELECT 0"),
        ];
        var way = SchemaScripts.Upgrade("0.0.1", steps)!.ToList();
        Assert.Equal(
            ["tables from 0.0.1 to 0.0.2: SELECT 1", $"tables from 0.0.2 to {SchemaVersion.Current}: SELECT 2"],
            way.Where(step => step.Name.StartsWith("tables", StringComparison.Ordinal))
                .Select(step => $"{step.Name}: {Assert.Single(step.Statements)}"));
        Assert.Null(SchemaScripts.Upgrade("0.0.0", steps));
        Assert.Null(SchemaScripts.Upgrade("0.0.9", steps));
    }

    /// <summary>The rows of each table, by the columns given, in order; the key is the table's row of the list.</summary>
    private async Task<Dictionary<string, IReadOnlyList<string?>>> RowsAsync(IEnumerable<IReadOnlyList<string?>> tables)
    {
        var rows = new Dictionary<string, IReadOnlyList<string?>>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            rows[$"{table[0]}|{table[1]}"] =
                await _store.ColumnAsync($"SELECT ROW({table[1]})::text COLLATE \"C\" FROM {table[0]} ORDER BY 1");
        }

        return rows;
    }

    private const string TableColumns = """
        SELECT c.oid::regclass, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND (c.relname, a.attname) NOT IN (
                ('configuration', 'version'),
                -- Rows of other tables now
                ('selection', 'requirement'), ('selection', 'requested'), ('selection', 'version'))
        GROUP BY c.oid
        """;

    /// <summary>Tables of a sample that would prove nothing.</summary>
    private const string EmptyTables = """
        SELECT oid::regclass FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
            AND (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %s', oid::regclass),
                false, true, '')))[1]::text = '0'
        """;

    private const string UnlikePartitions = """
        WITH columns AS (
            SELECT attrelid, string_agg(concat_ws(' ', attname, atttypid::regtype, atttypmod, attnotnull), ', '
                ORDER BY attnum) AS list
            FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped GROUP BY attrelid)
        SELECT i.inhrelid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r'
            JOIN columns child ON child.attrelid = i.inhrelid JOIN columns parent ON parent.attrelid = i.inhparent
        WHERE child.list <> parent.list
        """;
}
