using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

public sealed class SchemaInstallerTests(ClusterFixture fixture) : IAsyncLifetime
{
    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync() => _store = await fixture.Cluster.CreateDatabaseAsync(empty: true);

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task An_empty_database_gets_the_schema_and_the_farm_can_use_it()
    {
        var progress = new RecordedProgress();
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        var found = await installer.DetectVersionAsync();
        Assert.Equal(SchemaKind.Empty, found.Kind);
        await installer.ApplyAsync(found, PostgresCluster.OrdinaryUser, progress);

        Assert.Equal(new SchemaFound(SchemaKind.Current, SchemaVersion.Current), await installer.DetectVersionAsync());
        Assert.Equal(progress.Seen[^1].Total, progress.Seen[^1].Done);
        Assert.Equal(Enumerable.Range(0, progress.Seen[^1].Total + 1), progress.Seen.Select(p => p.Done));
        await using var database = new Database(_store.UserDsn);
        await database.CheckVersionAsync();
    }

    [Fact]
    public async Task A_current_database_needs_nothing()
    {
        await InstallAsync();
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        var found = await installer.DetectVersionAsync();
        Assert.Equal(SchemaKind.Current, found.Kind);
        Assert.Empty(SchemaInstaller.GetScript(found));
    }

    [Fact]
    public async Task A_failure_leaves_the_database_empty()
    {
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        var found = await installer.DetectVersionAsync();
        await Assert.ThrowsAsync<DatabaseException>(() => installer.ApplyAsync(found, "nobody_at_all"));
        Assert.Equal(SchemaKind.Empty, (await installer.DetectVersionAsync()).Kind);
    }

    [Fact]
    public async Task Of_two_installers_at_once_one_works_and_the_other_waits_and_finds_it_done()
    {
        await using var first = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        await using var second = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        var found = await first.DetectVersionAsync();
        var (working, waiting, late) = (new RecordedProgress(), new RecordedProgress(), new RecordedProgress());
        await Task.WhenAll(
            first.ApplyAsync(found, PostgresCluster.OrdinaryUser, working),
            second.ApplyAsync(found, PostgresCluster.OrdinaryUser, waiting));
        var said = new[] { working, waiting }.Select(progress => progress.Seen).OrderByDescending(seen => seen.Count).ToList();
        Assert.Contains(said[0], progress => progress.Done > 0 && progress.Done == progress.Total);
        Assert.Equal(["another piw-initdb is at work in this database: waiting for its end"], said[1].Select(p => p.Note));
        Assert.Equal(SchemaKind.Current, (await first.DetectVersionAsync(late)).Kind);
        Assert.Empty(late.Seen);
    }

    [Theory]
    [InlineData("CREATE TABLE mine (id int)", "something else (mine)")]
    [InlineData("CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "something else (mine)")]
    [InlineData("CREATE SCHEMA other; CREATE TABLE other.mine (id int)", "something else (other.mine)")]
    [InlineData("CREATE TABLE configuration (setting text)", "something else (configuration)")]
    [InlineData("CREATE SCHEMA a; CREATE TABLE a.configuration (version text)", "something else (a.configuration)")]
    [InlineData("CREATE TABLE packages (); CREATE TABLE versions (); CREATE TABLE builds (); CREATE TABLE files ()", "piwheels without a version")]
    [InlineData("0.17", "piwheels 0.17, and 0.18 to 0.23 can be upgraded: bring an older one")]
    [InlineData("0.24", "for a newer one use a newer release")]
    [InlineData("0.23; DROP TABLE searches, downloads", "piwheels 0.23 without downloads, searches")]
    public async Task Something_else_is_refused_with_what_was_found(string sql, string named)
    {
        if (char.IsDigit(sql[0]))
        {
            await _store.LoadPiwheelsAsync("0.23");
            var change = sql.Split("; ");
            await _store.RunAsync($"UPDATE configuration SET version = '{change[0]}'");
            foreach (var more in change[1..]) await _store.RunAsync($"{more} CASCADE");
        }
        else
        {
            await _store.RunAsync(sql);
        }

        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        var found = await installer.DetectVersionAsync();
        Assert.True(found.Kind is SchemaKind.Unknown or SchemaKind.Piwheels);
        var refusal = Assert.Throws<SchemaException>(() => SchemaInstaller.GetScript(found));
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SchemaException>(() => installer.ApplyAsync(found, PostgresCluster.OrdinaryUser));
    }

    [Fact]
    public async Task While_the_master_is_connected_nothing_is_upgraded()
    {
        await _store.LoadPiwheelsAsync("0.23");
        await using (var master = Database.CreateSource(_store.UserDsn.ToSettings()))
        {
            await using var session = await master.OpenConnectionAsync();
            var refusal = await Assert.ThrowsAsync<SchemaException>(() => _store.UpgradeAsync());
            Assert.Equal("piwheels is connected to the database (1 sessions): stop the master first", refusal.Message);
        }

        await _store.RunAsync("""
            SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
            WHERE usename = 'piwheels' AND datname = current_database()
            """);
        await _store.UpgradeAsync();
    }

    [Fact]
    public async Task A_table_that_somebody_works_on_is_not_waited_for_long()
    {
        await _store.LoadPiwheelsAsync("0.23");
        await using var other = await _store.OpenAsync();
        await using var transaction = await other.BeginTransactionAsync();
        await using (var read = new NpgsqlCommand("SELECT count(*) FROM files", other)) await read.ExecuteScalarAsync();
        var refusal = await Assert.ThrowsAsync<SchemaException>(() => _store.UpgradeAsync());
        Assert.Contains("somebody else works in the database", refusal.Message, StringComparison.Ordinal);
        await transaction.RollbackAsync();
        await _store.UpgradeAsync();
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.23")]
    public async Task What_an_operator_has_set_for_the_database_does_not_matter(string version)
    {
        await using var plain = await fixture.Cluster.CreateDatabaseAsync(empty: true);
        foreach (var store in new[] { plain, _store })
        {
            await (version == "0.23" ? store.LoadPiwheelsAsync(version) : store.LoadAsync(version));
        }

        foreach (var setting in new[]
        {
            "statement_timeout = 50", "lock_timeout = 1", "search_path = nowhere", "\"DateStyle\" = 'German, DMY'",
            "\"IntervalStyle\" = 'sql_standard'", "\"TimeZone\" = 'Asia/Kolkata'", "standard_conforming_strings = off",
            "client_min_messages = error", "default_transaction_read_only = on", "check_function_bodies = on",
            "work_mem = '64kB'", "default_transaction_isolation = 'serializable'", "quote_all_identifiers = on",
        })
        {
            await AlterAsync($"SET {setting}");
        }

        var expected = await plain.UpgradeAsync();
        Assert.Equal(expected, await _store.UpgradeAsync());
        await AlterAsync("RESET ALL");
        Assert.Equal(await SchemaPicture.OfAsync(plain), await SchemaPicture.OfAsync(_store));

        Task AlterAsync(string change) => PostgresCluster.RunAsync(
            _store.SuperuserDsn.WithDatabase("postgres"), $"ALTER DATABASE {_store.SuperuserDsn.Database} {change}");
    }

    [Fact]
    public async Task A_database_in_another_encoding_is_refused()
    {
        await using var store = await fixture.Cluster.CreateDatabaseAsync(empty: true, "ENCODING 'LATIN1' LOCALE 'C'");
        var refusal = await Assert.ThrowsAsync<SchemaException>(() => SchemaInstaller.ConnectAsync(store.SuperuserDsn));
        Assert.Contains("is in LATIN1, not in UTF8", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_texts_sort_by_a_language_states_are_those_of_their_versions()
    {
        await using var store = await fixture.Cluster.CreateDatabaseAsync(
            empty: true, "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
        await using var installer = await SchemaInstaller.ConnectAsync(store.SuperuserDsn);
        await installer.ApplyAsync(await installer.DetectVersionAsync(), PostgresCluster.OrdinaryUser);
        await using var database = new Database(store.UserDsn);
        var ant = PackageName.Parse("ant");
        await database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
        await database.AddNewPackageAsync(ant);
        foreach (var version in new[] { "1.a", "1.B", "1.c" })
            await database.AddNewPackageVersionAsync(new Release(ant, version));
        await database.SkipPackageVersionAsync(new Release(ant, "1.B"), "bad");

        var data = (await database.GetProjectDataAsync(ant))!;
        Assert.Equal(
            ["1.B Skip", "1.a Pending", "1.c Pending"],
            data.Versions.Select(v => $"{v.Version} {v.Targets.Single().State}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Another_version_of_ours_is_refused_by_installer_and_master()
    {
        await InstallAsync();
        await _store.RunAsync("UPDATE configuration SET version = '99.0'");
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        var found = await installer.DetectVersionAsync();
        Assert.Equal(new SchemaFound(SchemaKind.Other, "99.0"), found);
        Assert.Throws<SchemaException>(() => SchemaInstaller.GetScript(found));

        await using var database = new Database(_store.UserDsn);
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => database.CheckVersionAsync());
        Assert.Contains("99.0", fault.Message, StringComparison.Ordinal);
        Assert.Contains("piw-initdb", fault.Message, StringComparison.Ordinal);
        Assert.False(fault.Transient);
    }

    [Fact]
    public async Task The_master_refuses_an_empty_database_and_names_the_command()
    {
        await using var database = new Database(_store.UserDsn);
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => database.CheckVersionAsync());
        Assert.Contains("piw-initdb", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_does_not_exist_is_to_be_created_first()
    {
        var refusal = await Assert.ThrowsAsync<SchemaException>(
            () => SchemaInstaller.ConnectAsync(_store.SuperuserDsn.WithDatabase("nowhere")));
        Assert.Contains("createdb nowhere", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_away_is_a_transient_fault()
    {
        var fault = await Assert.ThrowsAsync<DatabaseException>(
            () => SchemaInstaller.ConnectAsync(Dsn.Parse("postgresql://x@%2Fnonexistent/y")));
        Assert.True(fault.Transient);
    }

    [Fact]
    public async Task Users_must_be_a_superuser_and_one_who_is_none()
    {
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        await installer.DetectUsersAsync(PostgresCluster.OrdinaryUser);
        await Refused(() => installer.DetectUsersAsync("nobody_at_all"), "does not exist");
        await Refused(() => installer.DetectUsersAsync("postgres"), "is a superuser");
        await using var ordinary = await SchemaInstaller.ConnectAsync(_store.UserDsn);
        await Refused(() => ordinary.DetectUsersAsync(PostgresCluster.OrdinaryUser), "is no superuser");

        static async Task Refused(Func<Task> check, string why) =>
            Assert.Contains(why, (await Assert.ThrowsAsync<SchemaException>(check)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_is_a_name_whatever_characters_it_has()
    {
        const string Odd = "od\"d; DROP TABLE packages; --";
        await _store.RunAsync($"CREATE ROLE {SchemaInstaller.QuoteIdentifier(Odd)} LOGIN");
        try
        {
            await InstallAsync(Odd);
            await using var database = new Database(_store.SuperuserDsn.WithUser(Odd));
            await database.CheckVersionAsync();
        }
        finally
        {
            await _store.RunAsync(
                $"DROP OWNED BY {SchemaInstaller.QuoteIdentifier(Odd)}; DROP ROLE {SchemaInstaller.QuoteIdentifier(Odd)}");
        }
    }

    private async Task InstallAsync(string user = PostgresCluster.OrdinaryUser)
    {
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        await installer.ApplyAsync(await installer.DetectVersionAsync(), user);
    }
}
