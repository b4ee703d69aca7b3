using Piwheels.Storage.Tests;
using Piwheels.Testing;
using Xunit;

[assembly: AssemblyFixture(typeof(ClusterFixture))]

namespace Piwheels.Storage.Tests;

/// <summary>The server that all tests of this assembly share.</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    public PostgresCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await PostgresCluster.StartAsync();

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
