using Piwheels.Core.Database;
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
    [InlineData("CREATE TABLE mine (id int)", SchemaKind.Unknown, "mine")]
    [InlineData("CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", SchemaKind.Unknown, "mine")]
    [InlineData("CREATE SCHEMA other; CREATE TABLE other.mine (id int)", SchemaKind.Unknown, "mine")]
    [InlineData(Piwheels17, SchemaKind.Piwheels, "0.17")]
    public async Task Something_else_is_refused_with_what_was_found(string sql, SchemaKind kind, string named)
    {
        await _store.RunAsync(sql);
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        var found = await installer.DetectVersionAsync();
        Assert.Equal(kind, found.Kind);
        var refusal = Assert.Throws<SchemaException>(() => SchemaInstaller.GetScript(found));
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
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

    /// <summary>As much of a piwheels 0.17 database as tells what it is.</summary>
    private const string Piwheels17 = """
        CREATE TABLE configuration (id integer PRIMARY KEY, version varchar(16), pypi_serial bigint);
        INSERT INTO configuration VALUES (1, '0.17', 1);
        CREATE TABLE packages (); CREATE TABLE versions (); CREATE TABLE builds (); CREATE TABLE files ();
        """;

    private async Task InstallAsync(string user = PostgresCluster.OrdinaryUser)
    {
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        await installer.ApplyAsync(await installer.DetectVersionAsync(), user);
    }
}
