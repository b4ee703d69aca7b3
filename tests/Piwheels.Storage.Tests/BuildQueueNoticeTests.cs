using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>Who listens to the build queue hears of what somebody asks for at once.</summary>
public sealed class BuildQueueNoticeTests(ClusterFixture fixture) : IAsyncLifetime
{
    private static readonly PackageName Ant = PackageName.Parse("ant");

    private readonly CancellationTokenSource _stop = new();
    private readonly Arrivals<string> _heard = new();
    private TestDatabase _store = null!;
    private Database _database = null!;
    private Task _listening = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.Cluster.CreateDatabaseAsync();
        _database = new Database(_store.UserDsn);
        await _database.AddTargetAsync(new("cp39", "linux_armv7l"));
        await _database.AddNewPackageAsync(Ant);
        await _database.AddNewPackageVersionAsync(new Release(Ant, "1.0"), DateTimeOffset.UnixEpoch);
        _listening = _database.ListenToBuildQueueAsync(() => _ = _heard.Add("changed"), _stop.Token);
        // Once when it listens, whatever came before
        await _heard.Next();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _listening);
        _stop.Dispose();
        await _database.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task A_release_that_is_asked_for_is_told()
    {
        Assert.Equal(1, await _database.RaisePriorityAsync(Ant, "1.0"));
        await _heard.Next();
    }

    [Fact]
    public async Task So_is_one_that_a_repair_puts_back()
    {
        await _store.RunAsync("ALTER TABLE build_queue DISABLE TRIGGER USER");
        await _store.RunAsync("DELETE FROM build_queue");
        await _store.RunAsync("ALTER TABLE build_queue ENABLE TRIGGER USER");
        Assert.Equal(1, await _database.FixQueueAsync(new Release(Ant, "1.0")));
        await _heard.Next();
    }
}
