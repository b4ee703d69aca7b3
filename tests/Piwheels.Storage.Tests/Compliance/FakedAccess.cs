using Piwheels.Core.Database;
using Piwheels.Testing;

namespace Piwheels.Storage.Tests.Compliance;

/// <summary>The database in memory that tests of tasks use. What asks the tables themselves cannot be asked of it.</summary>
public sealed class Faked : IDatabaseAccess
{
    public static Task<IDatabaseSession> OpenAsync(Dsn dsn) =>
        Task.FromResult<IDatabaseSession>(new Session(new FakeDatabase(TimeProvider.System)));

    private sealed record Session(FakeDatabase Fake) : IDatabaseSession
    {
        public IDatabase Database => Fake;

        public ISelectionRequests Requests => Fake;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

public sealed class BatchesFaked(ClusterFixture fixture) : BatchesCompliance<Faked>(fixture);

public sealed class BuildQueueFaked(ClusterFixture fixture) : BuildQueueCompliance<Faked>(fixture);

public sealed class BuildsFaked(ClusterFixture fixture) : BuildsCompliance<Faked>(fixture);

public sealed class BuildRetriesFaked(ClusterFixture fixture) : BuildRetriesCompliance<Faked>(fixture);

public sealed class ChangelogFaked(ClusterFixture fixture) : ChangelogCompliance<Faked>(fixture);

public sealed class FollowedNamesFaked(ClusterFixture fixture) : FollowedNamesCompliance<Faked>(fixture);

public sealed class PackagesFaked(ClusterFixture fixture) : PackagesCompliance<Faked>(fixture);

public sealed class SelectionFaked(ClusterFixture fixture) : SelectionCompliance<Faked>(fixture);

public sealed class UpstreamWheelsFaked(ClusterFixture fixture) : UpstreamWheelsCompliance<Faked>(fixture);
