using Piwheels.EndToEnd.Tests;
using Piwheels.Testing;
using Xunit;

[assembly: AssemblyFixture(typeof(DatabaseFixture))]

namespace Piwheels.EndToEnd.Tests;

/// <summary>A server for the commands that need nothing but a database; started when the first of their tests asks.</summary>
public sealed class DatabaseFixture : IAsyncLifetime
{
    private readonly Lazy<Task<PostgresCluster>> _cluster = new(PostgresCluster.StartAsync);

    public async Task<TestDatabase> CreateDatabaseAsync() => await (await _cluster.Value).CreateDatabaseAsync();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_cluster.IsValueCreated) await (await _cluster.Value).DisposeAsync();
    }
}
