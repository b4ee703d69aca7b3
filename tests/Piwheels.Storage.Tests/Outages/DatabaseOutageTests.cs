using System.Diagnostics;
using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Outages;

/// <summary>What those who ask the database hear while its server is away, however it went.</summary>
public sealed class DatabaseOutageTests(FaultyServer server) : IClassFixture<FaultyServer>, IAsyncLifetime
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    private readonly RecordedLog _log = new();
    private TestDatabase _store = null!;
    private Database _database = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await server.Cluster.CreateDatabaseAsync();
        _database = Open();
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _store.DisposeAsync();
        _log.Dispose();
    }

    [Fact]
    public async Task After_a_restart_one_request_fails_whatever_connections_there_were()
    {
        await ConnectAsync(8);
        await server.Cluster.RestartAsync();
        Assert.True((await FaultAsync()).Transient);
        for (var count = 0; count < 10; count++) await _database.GetPypiSerialAsync();
        Assert.Single(_log.Entries);
    }

    [Fact]
    public async Task Sessions_that_are_cut_off_one_by_one_cost_one_request_in_all()
    {
        await ConnectAsync(8);
        await server.Cluster.CutOffAsync();
        Assert.True((await FaultAsync()).Transient);
        for (var count = 0; count < 10; count++) await _database.GetPypiSerialAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connections_that_are_cut_or_lead_nowhere_cost_one_request_in_all(bool cut)
    {
        await using var proxy = PostgresProxy.Before(_store.UserDsn);
        await using var database = Open("Command Timeout=2", proxy.Dsn);
        while (await SessionsAsync() < 8)
            await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => database.GetTargetsAsync()));
        if (cut) proxy.Cut();
        else proxy.Mute();
        Assert.True((await Assert.ThrowsAsync<DatabaseException>(() => database.GetPypiSerialAsync())).Transient);
        for (var count = 0; count < 10; count++) await database.GetPypiSerialAsync();
        Assert.Single(_log.Entries);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_away_and_comes_back()
    {
        await ConnectAsync(2);
        await server.Cluster.StopAsync();
        for (var count = 0; count < 5; count++) Assert.True((await FaultAsync()).Transient);
        await server.Cluster.StartAgainAsync();
        await _database.GetPypiSerialAsync();
        Assert.Single(_log.Entries);
    }

    [Fact]
    public async Task A_server_that_lets_nobody_in_is_away()
    {
        await ConnectAsync(2);
        await server.Cluster.RefuseAsync(true);
        await server.Cluster.CutOffAsync();
        for (var count = 0; count < 3; count++) Assert.True((await FaultAsync()).Transient);
        await server.Cluster.RefuseAsync(false);
        await _database.GetPypiSerialAsync();
    }

    [Fact]
    public async Task A_server_without_a_free_connection_is_away()
    {
        var others = new List<NpgsqlConnection>();
        try
        {
            var full = await Assert.ThrowsAsync<PostgresException>(async () =>
            {
                while (true) others.Add(await OpenOtherAsync());
            });
            Assert.Equal(PostgresErrorCodes.TooManyConnections, full.SqlState);
            Assert.True((await FaultAsync()).Transient);
        }
        finally
        {
            foreach (var other in others) await other.DisposeAsync();
        }

        // The server counts a session until its process has ended
        while ((await OrNullAsync()) is { Transient: true })
        {
        }
    }

    [Fact]
    public async Task A_database_that_takes_no_writing_is_waited_for()
    {
        await _store.RunAsync($"ALTER DATABASE {_store.SuperuserDsn.Database} SET default_transaction_read_only = on");
        Assert.True((await Assert.ThrowsAsync<DatabaseException>(() => _database.AddNewPackageAsync(Foo))).Transient);
    }

    [Fact]
    public async Task What_is_refused_for_good_is_no_outage()
    {
        var refusal = await Assert.ThrowsAsync<DatabaseException>(
            () => _database.AddNewPackageVersionAsync(new Release(Foo, "1.0")));
        Assert.False(refusal.Transient);
        Assert.Empty(_log.Entries);
    }

    [Fact]
    public async Task A_server_that_hangs_is_away_after_the_time_limit()
    {
        await using var database = Open("Command Timeout=1;Timeout=1");
        await database.GetPypiSerialAsync();
        await server.Cluster.SuspendAsync();
        try
        {
            // On the connection that there is, and on a new one
            for (var count = 0; count < 2; count++)
            {
                var fault = await Assert.ThrowsAsync<DatabaseException>(() => database.GetPypiSerialAsync().Within());
                Assert.True(fault.Transient);
            }
        }
        finally
        {
            await server.Cluster.WakeAsync();
        }

        await database.GetPypiSerialAsync();
        Assert.Single(_log.Entries);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_abandons_a_server_that_hangs_does_not_wait_for_it(bool connected)
    {
        if (connected) await _database.GetPypiSerialAsync();
        await server.Cluster.SuspendAsync();
        try
        {
            var asked = _database.GetPypiSerialAsync();
            var since = Stopwatch.GetTimestamp();
            _database.Abandon();
            Assert.True((await Assert.ThrowsAsync<DatabaseException>(() => asked.Within())).Transient);
            Assert.True((await FaultAsync()).Transient);
            await _database.DisposeAsync();
            Assert.True(Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(5), $"{Stopwatch.GetElapsedTime(since)}");
        }
        finally
        {
            await server.Cluster.WakeAsync();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_listens_hears_that_the_server_has_gone(bool hangs)
    {
        await using var database = Open("KeepAlive=1;Command Timeout=1;Timeout=1");
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var listening = database.ListenToBuildQueueAsync(() => heard.TrySetResult(), TestContext.Current.CancellationToken);
        await heard.Task.Within();
        if (hangs) await server.Cluster.SuspendAsync();
        else await server.Cluster.RestartAsync();
        try
        {
            Assert.True((await Assert.ThrowsAsync<DatabaseException>(() => listening.Within())).Transient);
        }
        finally
        {
            if (hangs) await server.Cluster.WakeAsync();
        }
    }

    private Database Open(string settings = "", Dsn? dsn = null)
    {
        dsn ??= _store.UserDsn;
        return new Database(
            $"Host={dsn.Host};Database={dsn.Database};Username={dsn.Username};{settings}",
            _log.CreateLogger("master.database"));
    }

    /// <summary>Has as many connections opened, by asking for as much at once.</summary>
    private async Task ConnectAsync(int count)
    {
        while ((await SessionsAsync()) < count)
            await Task.WhenAll(Enumerable.Range(0, count * 2).Select(_ => _database.GetTargetsAsync()));
    }

    private async Task<int> SessionsAsync() => (await _store.ColumnAsync(
        $"SELECT pid FROM pg_stat_activity WHERE usename = 'piwheels' AND datname = '{_store.UserDsn.Database}'")).Count;

    private Task<DatabaseException> FaultAsync() =>
        Assert.ThrowsAsync<DatabaseException>(() => _database.GetPypiSerialAsync().Within());

    private async Task<DatabaseException?> OrNullAsync()
    {
        try
        {
            await _database.GetPypiSerialAsync();
            return null;
        }
        catch (DatabaseException fault)
        {
            return fault;
        }
    }

    private async Task<NpgsqlConnection> OpenOtherAsync()
    {
        var connection = new NpgsqlConnection(
            $"Host={_store.UserDsn.Host};Database={_store.UserDsn.Database};Username=piwheels;Pooling=false");
        await connection.OpenAsync();
        return connection;
    }
}
