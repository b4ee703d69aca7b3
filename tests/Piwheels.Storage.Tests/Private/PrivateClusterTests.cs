using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage.Private;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Private;

/// <summary>
/// PostgreSQL does not run as root. Where root runs the tests, these are skipped, and
/// <see cref="PrivateClusterAsRootTests"/> runs them once more as somebody else.
/// </summary>
public sealed class PrivateClusterTests : IDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    private readonly TemporaryFolder _folder = new();

    public PrivateClusterTests() =>
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "root: run again as an ordinary user by another test");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_gets_a_cluster_that_keeps_its_rows_over_a_restart()
    {
        await using (var cluster = await EnsureAsync())
        {
            Assert.Equal("piwheels", cluster.Dsn.Username);
            Assert.Equal(cluster.Dsn.ToString(), PrivateCluster.FindRunning(_folder.Path)!.ToString());
            await using var database = new Database(cluster.Dsn);
            await database.CheckVersionAsync();
            Assert.True(await database.AddNewPackageAsync(Foo));
        }

        Assert.Null(PrivateCluster.FindRunning(_folder.Path));
        await using (var cluster = await EnsureAsync())
        {
            await using var database = new Database(cluster.Dsn);
            Assert.True(await database.TestPackageAsync(Foo));
        }
    }

    [Fact]
    public async Task It_listens_on_its_socket_alone_and_only_for_its_user()
    {
        await using var cluster = await EnsureAsync();
        Assert.StartsWith(_folder.Path, cluster.Dsn.Host, StringComparison.Ordinal);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(cluster.Dsn.Host));
        await using var source = Database.CreateSource(cluster.SuperuserDsn.ToSettings());
        Assert.Equal("", await source.CreateCommand("SHOW listen_addresses").ExecuteScalarAsync());
        Assert.Equal(
            "peer", await source.CreateCommand("SELECT string_agg(auth_method, ',') FROM pg_hba_file_rules").ExecuteScalarAsync());
        Assert.Equal("on", await source.CreateCommand("SHOW data_checksums").ExecuteScalarAsync());
        Assert.Equal("on", await source.CreateCommand("SHOW fsync").ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_second_farm_on_the_same_folder_is_refused_and_the_first_goes_on()
    {
        await using var cluster = await EnsureAsync();
        var refusal = await Assert.ThrowsAsync<PrivateClusterException>(EnsureAsync);
        Assert.Contains("in use", refusal.Message, StringComparison.Ordinal);
        await using var database = new Database(cluster.Dsn);
        await database.CheckVersionAsync();
    }

    [Fact]
    public async Task A_killed_server_is_noticed_and_comes_back_with_what_was_committed()
    {
        await using (var cluster = await EnsureAsync())
        {
            await using var database = new Database(cluster.Dsn);
            Assert.True(await database.AddNewPackageAsync(Foo));
            Process.GetProcessById(cluster.ProcessId).Kill();
            Assert.NotEqual(0, await cluster.Completion.Within());
        }

        await using (var cluster = await EnsureAsync())
        {
            await using var database = new Database(cluster.Dsn);
            Assert.True(await database.TestPackageAsync(Foo));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_is_kept_running_comes_back_at_the_same_place_each_time_it_is_killed(bool longPath)
    {
        var folder = longPath
            ? Path.Combine([_folder.Path, .. Enumerable.Repeat("a-folder-with-a-long-name", 5)])
            : _folder.Path;
        await using var cluster = await PrivateCluster.EnsureAsync(folder, NullLogger.Instance);
        var dsn = cluster.Dsn.ToString();
        await using var database = new Database(cluster.Dsn);
        await database.AddNewPackageAsync(Foo);
        using var stop = new CancellationTokenSource();
        var lines = new ConcurrentQueue<string>();
        var keeping = cluster.KeepRunningAsync(lines.Enqueue, stop.Token);
        for (var time = 0; time < 3; time++)
        {
            // One of its children has work to do, and does not look up from it
            await using var source = Database.CreateSource(cluster.SuperuserDsn.ToSettings());
            var busy = WorkAsync(await source.OpenConnectionAsync());
            var killed = cluster.ProcessId;
            Process.GetProcessById(killed).Kill();
            using var limit = new CancellationTokenSource(Waiting.Limit);
            // A child that does not know of it yet still answers
            while (cluster.ProcessId == killed || !await KnowsAsync(database)) limit.Token.ThrowIfCancellationRequested();
            await busy.Within();
        }

        Assert.Equal(Enumerable.Repeat("PostgreSQL ended (exit code 137); starting it again", 3), lines);
        Assert.Equal(dsn, cluster.Dsn.ToString());
        await stop.CancelAsync();
        await keeping.Within();
        await cluster.StopAsync();
        Assert.Empty(PostgresProcesses.Find(Path.Combine(folder, "cluster")));
    }

    [Fact]
    public async Task A_server_that_is_stopped_on_purpose_is_not_started_again()
    {
        var cluster = await EnsureAsync();
        var lines = new ConcurrentQueue<string>();
        var keeping = cluster.KeepRunningAsync(lines.Enqueue, TestContext.Current.CancellationToken);
        await cluster.StopAsync();
        await keeping.Within();
        Assert.Empty(lines);
        Assert.Empty(PostgresProcesses.Find(_folder["cluster"]));
    }

    [Fact]
    public async Task A_server_that_a_killed_farm_has_left_is_stopped_in_order()
    {
        await (await EnsureAsync()).StopAsync();
        var data = Path.Combine(_folder.Path, "cluster");
        var start = new ProcessStartInfo(PostgresBinaries.Find().Postgres)
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        foreach (var a in new[] { "-D", data, "-k", _folder.Path, "-c", "listen_addresses=" }) start.ArgumentList.Add(a);
        using var orphan = Process.Start(start)!;
        while (await orphan.StandardError.ReadLineAsync().Within() is { } line && !line.Contains("ready to accept"))
        {
        }

        await using var cluster = await EnsureAsync();
        await orphan.WaitForExitAsync().Within();
        Assert.Equal(0, orphan.ExitCode);
        Assert.NotEqual(orphan.Id, cluster.ProcessId);
    }

    [Fact]
    public async Task A_mark_of_a_killed_server_does_not_hinder_even_when_another_process_has_its_number()
    {
        await (await EnsureAsync()).StopAsync();
        var us = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
        _folder.Write("cluster/postmaster.pid", $"{us}\n{_folder["cluster"]}\n1700000000\n5432\n\n\n0 0\nready   \n");
        _folder.Write("run/.s.PGSQL.5432.lock", $"{us}\n{_folder["cluster"]}\n1700000000\n5432\n{_folder["run"]}\n");
        _folder.Write("run/.s.PGSQL.5432", "");
        await using var cluster = await EnsureAsync();
        await using var database = new Database(cluster.Dsn);
        await database.CheckVersionAsync();
    }

    [Fact]
    public async Task What_a_killed_creation_has_left_is_removed()
    {
        _folder.Write("cluster.new-half/PG_VERSION", "15\n");
        await using var cluster = await EnsureAsync();
        Assert.False(Directory.Exists(_folder["cluster.new-half"]));
    }

    [Fact]
    public async Task A_creation_that_is_cancelled_leaves_nothing_running_and_can_be_done_again()
    {
        using (var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(300)))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => PrivateCluster.EnsureAsync(_folder.Path, NullLogger.Instance, cancel: cancel.Token));
        }

        Assert.Empty(PostgresProcesses.Find(_folder["cluster"]));
        await using var cluster = await EnsureAsync();
    }

    [Fact]
    public async Task Missing_parts_of_what_it_provides_are_provided_at_the_next_start()
    {
        await using (var cluster = await EnsureAsync())
        {
            await using var source = Database.CreateSource(cluster.SuperuserDsn.WithDatabase("postgres").ToSettings());
            await source.CreateCommand("DROP DATABASE piwheels WITH (FORCE)").ExecuteNonQueryAsync();
        }

        await using (var cluster = await EnsureAsync())
        {
            await using var database = new Database(cluster.Dsn);
            await database.CheckVersionAsync();
        }
    }

    [Fact]
    public async Task A_cluster_of_a_version_that_is_not_installed_is_refused_and_stays_as_it_is()
    {
        _folder.Write("cluster/PG_VERSION", "9\n");
        var refusal = await Assert.ThrowsAsync<PrivateClusterException>(EnsureAsync);
        Assert.Contains("made by PostgreSQL 9", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("apt install postgresql-9", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("9\n", await File.ReadAllTextAsync(_folder["cluster/PG_VERSION"]));
    }

    [Fact]
    public async Task A_database_of_an_earlier_release_is_upgraded_at_the_next_start()
    {
        await using (var cluster = await EnsureAsync())
        {
            await using var source = Database.CreateSource(cluster.SuperuserDsn.ToSettings());
            await source.CreateCommand("DROP SCHEMA public CASCADE").ExecuteNonQueryAsync();
            await source.CreateCommand("CREATE SCHEMA public").ExecuteNonQueryAsync();
            await SampleDatabases.LoadAsync(cluster.SuperuserDsn, "0.1.0");
        }

        await using (var cluster = await EnsureAsync())
        {
            await using var database = new Database(cluster.Dsn);
            await database.CheckVersionAsync();
            Assert.True(await database.TestPackageAsync(Foo));
        }
    }

    [Fact]
    public async Task A_schema_of_another_version_is_refused_and_the_server_stopped()
    {
        await using (var cluster = await EnsureAsync())
        {
            await using var source = Database.CreateSource(cluster.SuperuserDsn.ToSettings());
            await source.CreateCommand("UPDATE configuration SET version = '99.0'").ExecuteNonQueryAsync();
        }

        var refusal = await Assert.ThrowsAsync<PrivateClusterException>(EnsureAsync);
        Assert.Contains("99.0", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(PostgresProcesses.Find(_folder["cluster"]));
    }

    [Fact]
    public async Task A_server_that_cannot_start_says_why()
    {
        await (await EnsureAsync()).StopAsync();
        await File.AppendAllTextAsync(_folder["cluster/postgresql.conf"], "no_such_setting = 1\n");
        var refusal = await Assert.ThrowsAsync<PrivateClusterException>(EnsureAsync);
        Assert.Contains("FATAL", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_with_a_long_path_has_its_socket_elsewhere_for_the_time_it_runs()
    {
        var deep = Path.Combine([_folder.Path, .. Enumerable.Repeat("a-folder-with-a-long-name", 5)]);
        string socketFolder;
        await using (var cluster = await PrivateCluster.EnsureAsync(deep, NullLogger.Instance))
        {
            socketFolder = cluster.Dsn.Host;
            Assert.True(socketFolder.Length < 93, socketFolder);
            await using var database = new Database(PrivateCluster.FindRunning(deep)!);
            await database.CheckVersionAsync();
        }

        Assert.False(Directory.Exists(socketFolder));
    }

    [Fact]
    public async Task Stopping_twice_is_stopping_once()
    {
        var cluster = await EnsureAsync();
        await Task.WhenAll(cluster.StopAsync(), cluster.StopAsync());
        Assert.Equal(0, await cluster.Completion);
        await cluster.DisposeAsync();
    }

    /// <summary>Whether the server answers, and then knows what was committed.</summary>
    private static async Task<bool> KnowsAsync(Database database)
    {
        try
        {
            Assert.True(await database.TestPackageAsync(Foo));
            return true;
        }
        catch (DatabaseException away) when (away.Transient)
        {
            return false;
        }
    }

    /// <summary>Keeps a session busy until somebody ends it.</summary>
    private static async Task WorkAsync(NpgsqlConnection connection)
    {
        await using var held = connection;
        await using var command = new NpgsqlCommand("SELECT count(*) FROM generate_series(1, 100000000000)", connection);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => command.ExecuteNonQueryAsync());
    }

    private Task<PrivateCluster> EnsureAsync() => PrivateCluster.EnsureAsync(_folder.Path, NullLogger.Instance);
}
