using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

/// <summary>
/// Databases of piwheels 0.18 to 0.23 become ours, with every row. The sample (tests/data/piwheels-0.23.sql, and what the
/// earlier releases had otherwise) has rows of every awkward kind.
/// </summary>
public sealed class PiwheelsUpgradeTests(ClusterFixture fixture) : IAsyncLifetime
{
    private TestDatabase _store = null!;

    public static TheoryData<string> Versions => [.. SchemaFound.PiwheelsVersions];

    public async ValueTask InitializeAsync() => _store = await fixture.Cluster.CreateDatabaseAsync(empty: true);

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task It_has_the_structure_of_a_new_database_and_figures_and_queue_are_true(string version)
    {
        await _store.LoadPiwheelsAsync(version);
        await _store.UpgradeAsync();
        await using var fresh = await fixture.Cluster.CreateDatabaseAsync();
        var differences = SchemaPicture.Differences(
            await SchemaPicture.OfAsync(_store), "after the upgrade", await SchemaPicture.OfAsync(fresh), "in a new database");
        Assert.All(differences, line => Assert.Contains("kept_from_piwheels", line, StringComparison.Ordinal));
        await AssertFiguresAsync();
        Assert.NotEqual(["0"], await _store.ColumnAsync("SELECT count(*) FROM build_queue"));
        await using var database = new Database(_store.UserDsn);
        await database.CheckVersionAsync();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Every_row_is_taken_over_as_it_was_or_repaired_or_kept_aside(string version)
    {
        await _store.LoadPiwheelsAsync(version);
        await _store.RunAsync(CopyAll);
        await _store.UpgradeAsync();
        Assert.Equal(["23456789"], await _store.ColumnAsync("SELECT pypi_serial FROM configuration"));

        await AssertRowsAsync("packages", "package", repaired: "null-skip Odd_Name", kept: "double--dash trailing- über");
        await AssertRowsAsync(
            "package_names", "name", repaired: "BAR--baz Odd_Name odd.name",
            kept: "Trailing_ a1 double--dash trailing- über");
        await AssertRowsAsync(
            "versions", "md5(package || version)",
            repaired: await Md5Async("(version ~ '^(0.23dev|2004d|1.0 .*|9{200})' OR package = 'Odd_Name')"),
            kept: await Md5Async("(version = '' OR package IN ('trailing-', 'double--dash'))"));
        await AssertRowsAsync("builds", "build_id", repaired: "4 5 6 7 18", kept: "8 19");
        await AssertRowsAsync(
            "files", "filename",
            repaired: "bar_baz-1-py3-none-any.whl foo-2.0-cp39-abi3-linux_armv7l.whl"
                + (string.CompareOrdinal(version, "0.22") < 0 ? "" : " foo-2.0-cp39-cp39-linux_armv6l.whl"),
            kept: "bar_baz-4-cp39-cp39-linux_armv7l.whl bar_baz-4-py3-none-any.whl foo-0-py3-none-any.whl "
                + "trailing_-1-py3-none-any.whl");
        await AssertRowsAsync("dependencies", "dependency", repaired: "", kept: "bar-baz foo foo left-pad");
        await AssertRowsAsync("preinstalled_apt_packages", "abi_tag", repaired: "", kept: "");
        await AssertRowsAsync("rewrites_pending", "package", repaired: "Odd_Name zz", kept: "never-heard-of trailing-");
        await AssertRowsAsync("downloads", "accessed_at", repaired: "", kept: "infinity");
        await AssertRowsAsync("searches", "accessed_at", repaired: "", kept: "-infinity");
        await AssertRowsAsync("project_page_hits", "package || accessed_at::date", repaired: "nothing2020-01-31", kept: "foo1969-12-31");
        await AssertRowsAsync("project_json_downloads", "accessed_at", repaired: "", kept: "infinity");
        await AssertRowsAsync("web_page_hits", "page", repaired: "", kept: "home");
        Assert.Equal(
            ["cp37m linux_armv7l too old", "cp39 linux_armv7l ", "cp311 linux_armv7l ", "cp313 linux_armv7l not yet"],
            await _store.ColumnAsync("SELECT concat_ws(' ', abi_tag, platform_tag, skip) FROM targets ORDER BY target_id"));
        Assert.Equal(["what is this"], await _store.ColumnAsync("SELECT skip FROM kept_from_piwheels.build_abis"));
    }

    [Fact]
    public async Task What_was_repaired_is_as_the_notes_say()
    {
        await _store.LoadPiwheelsAsync("0.23");
        var notes = await _store.UpgradeAsync();
        Assert.Equal(
            [
                "11 functions and views of piwheels are gone: ours take their place",
                "1 packages have got their canonical names, like Odd_Name, which is odd-name now",
                "3 packages lacked their canonical names among their spellings",
                "4 versions had no time of release that a calendar has: it is 1970 now",
                "1 versions did not say whether they are skipped or yanked: they are not",
                "the farm's platform is linux_armv7l",
                "2 builds count for another platform, since all their wheels are for it",
                "1 wheels for linux_armv6l are those for linux_armv7l under another name",
                "2 builds had a negative duration or none: it is 0 now",
                "2 builds did not say which slave built them: it is 0 now",
                "2 builds had no time that a calendar has: it is 1970 now",
                "1 builds did not say whether they succeeded: they count as failed",
                "2 builds did not say for which ABI: they count for the lowest",
                "2 files had a negative size or none: it is 0 now",
                "1 files did not say of which project or version: it is left empty",
                "1 files had their hash in capitals: it is in small letters now",
                "17 releases wait to be built",
                "3 rows of packages could not be taken over: they are in kept_from_piwheels.packages",
                "5 rows of package_names could not be taken over: they are in kept_from_piwheels.package_names",
                "3 rows of versions could not be taken over: they are in kept_from_piwheels.versions",
                "1 rows of build_abis could not be taken over: they are in kept_from_piwheels.build_abis",
                "2 rows of builds could not be taken over: they are in kept_from_piwheels.builds",
                "4 rows of files could not be taken over: they are in kept_from_piwheels.files",
                "4 rows of dependencies could not be taken over: they are in kept_from_piwheels.dependencies",
                "2 rows of rewrites_pending could not be taken over: they are in kept_from_piwheels.rewrites_pending",
                "1 rows of downloads could not be taken over: they are in kept_from_piwheels.downloads",
                "1 rows of searches could not be taken over: they are in kept_from_piwheels.searches",
                "1 rows of project_page_hits could not be taken over: they are in kept_from_piwheels.project_page_hits",
                "1 rows of project_json_downloads could not be taken over: they are in kept_from_piwheels.project_json_downloads",
                "1 rows of web_page_hits could not be taken over: they are in kept_from_piwheels.web_page_hits",
            ],
            notes);
        Assert.Equal(
            ["5|0|1970-01-01 00:00:00|00:00:00|f|cp39|linux_armv7l", "6|0|1970-01-01 00:00:00|1 mon|t|cp39|linux_armv7l"],
            await _store.ColumnAsync("""
                SELECT concat_ws('|', build_id, built_by, built_at, duration, status, abi_tag, platform_tag)
                FROM builds WHERE build_id IN (5, 6) ORDER BY build_id
                """));
        Assert.Equal(
            ["Odd_Name", "odd-name", "odd.name"],
            await _store.ColumnAsync("SELECT name FROM package_names WHERE package = 'odd-name' ORDER BY name"));
        await using var database = new Database(_store.UserDsn);
        Assert.Equal("odd.name", (await database.GetProjectDataAsync(PackageName.Parse("odd-name")))!.DisplayName);
    }

    [Fact]
    public async Task Builds_count_for_the_platform_of_their_wheels_and_without_any_for_the_farms()
    {
        await _store.LoadPiwheelsAsync("0.23");
        await _store.UpgradeAsync();
        Assert.Equal(
            ["14 linux_x86_64", "16 linux_armv6l"],
            await _store.ColumnAsync("""
                SELECT build_id || ' ' || platform_tag FROM builds WHERE platform_tag <> 'linux_armv7l' ORDER BY build_id
                """));
        Assert.Equal(
            ["foo-1.0-cp39-cp39-linux_armv6l.whl"], await _store.ColumnAsync("SELECT filename FROM files WHERE alias"));
        Assert.Equal(["t"], await _store.ColumnAsync("SELECT armv6_alias FROM configuration"));
        // What was tried for ABIs that are no more is not tried again, nor what a wheel covers or what failed
        Assert.Equal(
            [
                "foo 2004d/../.. cp39", "multi 2 cp39", "multi 4 cp39", "multi 5 cp39",
                "bar-baz 1 none", "bar-baz 2 cp311", "foo 2.0 none", "multi 1 cp311", "multi 3 cp39", "odd-name 1 none",
                "skipped 1 none",
            ],
            await _store.ColumnAsync("""
                SELECT concat_ws(' ', v.package, v.version, coalesce(p.abi_tag, 'none'))
                FROM versions v LEFT JOIN builds_pending p USING (package, version)
                WHERE (v.package, v.version) IN (
                    ('foo', '2.0'), ('foo', '2004d/../..'), ('bar-baz', '1'), ('bar-baz', '2'), ('odd-name', '1'), ('skipped', '1'))
                    OR v.package = 'multi'
                ORDER BY (v.package, v.version) NOT IN (
                    ('foo', '2004d/../..'), ('multi', '2'), ('multi', '4'), ('multi', '5')), 1
                """));
    }

    [Fact]
    public async Task The_farm_goes_on_where_piwheels_was()
    {
        await _store.LoadPiwheelsAsync("0.23");
        await _store.UpgradeAsync();
        await using var database = new Database(_store.UserDsn);
        var release = (await database.GetBuildQueueAsync())[new Target("cp39", "linux_armv7l")][0];
        var build = new BuildState(
            1, release.Package.Value, release.Version, "cp39", false, TimeSpan.FromSeconds(1), "", [], "linux_armv7l");
        Assert.Equal(1001, await database.LogBuildAsync(build));
        await AssertFiguresAsync();
        await new RandomHistory(database, 3, 3).BeginAsync();
        await AssertFiguresAsync();

        var downloads = (await database.GetSearchIndexAsync()).ToDictionary(row => row.Package.Value);
        Assert.Equal((5, 9), (downloads["foo"].DownloadsRecent, downloads["foo"].DownloadsAll));
        var statistics = await database.GetStatisticsAsync();
        Assert.Equal(12, statistics.DownloadsAll);
        Assert.Equal(2, statistics.DownloadsLastHour);
        Assert.Equal(1, statistics.NewLastHour);
    }

    [Fact]
    public async Task Logs_of_builds_that_were_rows_are_kept_aside_and_can_be_read()
    {
        await _store.LoadPiwheelsAsync("0.19");
        var notes = await _store.UpgradeAsync();
        Assert.Contains(
            "21 logs of builds are in kept_from_piwheels.output until piw-audit-logs --fix has written them out", notes);
        Assert.Equal(
            ["Collecting foo\n\tünicode ✓\n"],
            await _store.ColumnAsync("SELECT output FROM kept_from_piwheels.output WHERE build_id = 1"));
        Assert.Equal(["t"], await _store.ColumnAsync("""
            SELECT has_schema_privilege('piwheels', 'kept_from_piwheels', 'USAGE')
                AND has_table_privilege('piwheels', 'kept_from_piwheels.output', 'SELECT')
            """));
    }

    [Fact]
    public async Task A_database_without_anything_odd_leaves_nothing_aside()
    {
        await _store.LoadPiwheelsAsync("0.23");
        await _store.RunAsync("DELETE FROM packages WHERE package !~ '^(bar-baz|b)$'");
        foreach (var table in new[]
        {
            "downloads", "searches", "project_page_hits", "project_json_downloads", "web_page_hits", "rewrites_pending",
            "build_abis", "files", "package_names",
        })
        {
            await _store.RunAsync($"DELETE FROM {table}");
        }

        var notes = await _store.UpgradeAsync();
        Assert.Contains("the farm's platform is linux_armv7l", notes);
        Assert.Equal(["public"], await _store.ColumnAsync(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_.*|information_schema)$'"));
        await AssertFiguresAsync();
    }

    [Fact]
    public async Task A_database_whose_texts_sort_by_a_language_becomes_the_same()
    {
        await using var store = await fixture.Cluster.CreateDatabaseAsync(
            empty: true, "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
        await store.LoadPiwheelsAsync("0.23");
        await _store.LoadPiwheelsAsync("0.23");
        await store.UpgradeAsync();
        await _store.UpgradeAsync();
        const string Queue = "SELECT concat_ws(' ', abi_tag, position, package, version) FROM builds_pending ORDER BY abi_tag, position";
        Assert.Equal(await _store.ColumnAsync(Queue), await store.ColumnAsync(Queue));
        Assert.Empty(await store.ColumnAsync(KeptFiguresTests.QueueDifferences));
    }

    [Fact]
    public async Task What_is_not_piwheels_own_stays_and_what_leans_on_its_tables_is_named()
    {
        await _store.LoadPiwheelsAsync("0.23");
        await _store.RunAsync("""
            CREATE TABLE notes (note text);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER note BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION note();
            CREATE SCHEMA operator; CREATE VIEW operator.large AS SELECT filename FROM files WHERE filesize > 1e9;
            """);
        var before = await SchemaPicture.OfAsync(_store);
        var refusal = await Assert.ThrowsAsync<SchemaException>(() => _store.UpgradeAsync());
        Assert.Contains("view operator.large depends on table", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("nothing was changed", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(before, await SchemaPicture.OfAsync(_store));

        await _store.RunAsync("DROP VIEW operator.large");
        await _store.UpgradeAsync();
        await _store.RunAsync("INSERT INTO notes VALUES ('still here')");
    }

    private async Task AssertFiguresAsync()
    {
        Assert.Empty(await _store.ColumnAsync(KeptFiguresTests.QueueDifferences));
        Assert.Empty(await _store.ColumnAsync(KeptFiguresTests.CounterDifferences));
        Assert.Empty(await _store.ColumnAsync(KeptDownloadsTests.Differences));
    }

    /// <summary>What of a table's rows is there otherwise than before, and what is aside, by a key.</summary>
    private async Task AssertRowsAsync(string table, string key, string repaired, string kept)
    {
        var columns = Assert.Single(await _store.ColumnAsync($"""
            SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = 'before.{table}'::regclass AND attnum > 0 AND NOT attisdropped
            """));
        var aside = (await _store.ColumnAsync($"SELECT to_regclass('kept_from_piwheels.{table}')"))[0];
        var all = $"SELECT {columns} FROM public.{table}" + (aside is null ? "" : $" UNION ALL SELECT {columns} FROM {aside}");
        var changed = $"SELECT {columns} FROM before.{table} EXCEPT ALL ({all})";
        Assert.Equal($"{table}: {Sorted(repaired.Split(' '))}", $"{table}: {await KeysAsync($"({changed})")}");
        Assert.Equal($"{table}: {Sorted(kept.Split(' '))}", $"{table}: {(aside is null ? "" : await KeysAsync(aside))}");

        async Task<string> KeysAsync(string rows) => Sorted(await _store.ColumnAsync($"SELECT {key} FROM {rows} AS rows"));
    }

    private async Task<string> Md5Async(string condition) =>
        string.Join(' ', await _store.ColumnAsync($"SELECT md5(package || version) FROM before.versions WHERE {condition} ORDER BY 1"));

    private static string Sorted(IEnumerable<string?> words) => string.Join(' ', words.Order(StringComparer.Ordinal));

    private const string CopyAll = """
        CREATE SCHEMA before;
        DO $$
        DECLARE v text;
        BEGIN
            FOR v IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
                EXECUTE format('CREATE TABLE before.%I AS TABLE public.%1$I', v);
            END LOOP;
        END $$;
        """;
}
