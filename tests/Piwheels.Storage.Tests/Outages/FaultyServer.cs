using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Outages;

/// <summary>A server of a class's own, which its tests stop, suspend and restart one after the other.</summary>
public sealed class FaultyServer : IAsyncLifetime
{
    public PostgresCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await PostgresCluster.StartAsync();

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
