using System.Globalization;
using Piwheels.Core.Database;
using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

/// <summary>Wherever an installer is killed, the database is of one version or of the other, and a second try succeeds.</summary>
public sealed class KilledUpgradeTests(ClusterFixture fixture) : IAsyncLifetime
{
    /// <summary>How many places of a script are tried, spread evenly from its first statement to its last.</summary>
    private const int Places = 12;

    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync() => _store = await fixture.Cluster.CreateDatabaseAsync(empty: true);

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Theory]
    [InlineData(SchemaKind.Empty)]
    [InlineData(SchemaKind.Other)]
    [InlineData(SchemaKind.Piwheels)]
    public async Task After_the_server_process_was_killed_at_any_statement_nothing_is_changed(SchemaKind kind)
    {
        await LoadAsync(kind);
        var before = await _store.DumpAsync();
        var total = SchemaInstaller.GetScript(await FoundAsync()).Sum(step => step.Statements.Count);
        for (var place = 0; place <= Places; place++)
        {
            await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
            var killer = new Killer(_store.SuperuserDsn, installer.BackendId, place * total / Places);
            var found = await installer.DetectVersionAsync();
            var fault = await Assert.ThrowsAsync<DatabaseException>(
                () => installer.ApplyAsync(found, PostgresCluster.OrdinaryUser, killer));
            Assert.True(fault.Transient, fault.ToString());
            Assert.Equal(before, await _store.DumpAsync());
        }

        await _store.UpgradeAsync();
    }

    [Theory]
    [InlineData(SchemaKind.Empty)]
    [InlineData(SchemaKind.Other)]
    [InlineData(SchemaKind.Piwheels)]
    public async Task Cut_off_while_it_is_committed_the_database_is_new_as_a_whole_and_running_again_tells(SchemaKind kind)
    {
        await LoadAsync(kind);
        await using (var gate = new StatementGate(fixture.Cluster.Folder, (_, sql) => sql == "COMMIT", holdsAnswer: true))
        {
            await using var installer = await SchemaInstaller.ConnectAsync(
                Dsn.Parse($"postgresql://postgres@{Uri.EscapeDataString(gate.Folder)}/{_store.SuperuserDsn.Database}"));
            var found = await installer.DetectVersionAsync();
            var applying = installer.ApplyAsync(found, PostgresCluster.OrdinaryUser);
            await gate.Stopped.WaitAsync(TimeSpan.FromMinutes(2));
            await gate.DisposeAsync(); // the connection is cut
            var fault = await Assert.ThrowsAsync<DatabaseException>(() => applying);
            Assert.Contains("run it again", fault.Message, StringComparison.Ordinal);
        }

        Assert.Equal(new SchemaFound(SchemaKind.Current, SchemaVersion.Current), await FoundAsync());
        Assert.Empty(await _store.ColumnAsync(KeptFiguresTests.QueueDifferences));
    }

    [Fact]
    public async Task A_fault_of_a_statement_names_its_step_and_changes_nothing()
    {
        await LoadAsync(SchemaKind.Piwheels);
        await _store.RunAsync("CREATE TABLE wheel_tags (mine text)");
        var before = await _store.DumpAsync();
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => _store.UpgradeAsync());
        Assert.Equal(
            "tables and functions: relation \"wheel_tags\" already exists; nothing was changed", fault.Message);
        Assert.Equal(before, await _store.DumpAsync());
    }

    [Fact]
    public async Task A_row_that_cannot_be_taken_over_is_named_and_nothing_is_changed()
    {
        await LoadAsync(SchemaKind.Piwheels);
        await _store.RunAsync("""
            ALTER TABLE builds DROP CONSTRAINT builds_versions_fk;
            INSERT INTO builds (package, version, status, abi_tag) VALUES ('foo', 'lost', false, 'cp39');
            """);
        var before = await _store.DumpAsync();
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => _store.UpgradeAsync());
        Assert.Contains("(package, version)=(foo, lost) is not present", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith("nothing was changed", fault.Message, StringComparison.Ordinal);
        Assert.Equal(before, await _store.DumpAsync());
    }

    private Task LoadAsync(SchemaKind kind) => kind switch
    {
        SchemaKind.Piwheels => _store.LoadPiwheelsAsync("0.19"),
        SchemaKind.Other => _store.LoadAsync("0.1.0"),
        _ => Task.CompletedTask,
    };

    private async Task<SchemaFound> FoundAsync()
    {
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        return await installer.DetectVersionAsync();
    }

    /// <summary>Ends the server process that works for an installer, once a number of statements has been run.</summary>
    private sealed class Killer(Dsn dsn, int backend, int statements) : IProgress<SchemaProgress>
    {
        private bool _done;

        public void Report(SchemaProgress value)
        {
            if (_done || value.Done != statements || value.Note is not null) return;
            _done = true;
            using var source = Database.CreateSource(dsn.WithDatabase("postgres").ToSettings());
            using var kill = source.CreateCommand(
                $"SELECT pg_terminate_backend({backend.ToString(CultureInfo.InvariantCulture)}, 30000)");
            Assert.Equal(true, kill.ExecuteScalar());
        }
    }
}
