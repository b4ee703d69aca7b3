using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;

namespace Piwheels.Storage.Tests.Compliance;

/// <summary>Through the master's queues: DbClient asks Seraph, and Seraph the oracles.</summary>
public sealed class Queued : IDatabaseAccess
{
    public static Task<IDatabaseSession> OpenAsync(Dsn dsn) =>
        Task.FromResult<IDatabaseSession>(new Session(new Database(dsn)));

    private sealed class Session : IDatabaseSession
    {
        private readonly ZmqContext _zmq = new();
        private readonly Database _connected;
        private readonly DatabaseQueues _queues;

        public Session(Database connected)
        {
            _connected = connected;
            _queues = new DatabaseQueues(
                connected, new TaskEnvironment(_zmq, TimeProvider.System, NullLoggerFactory.Instance));
        }

        public IDatabase Database => _queues.Client;

        public ISelectionRequests Requests => _connected;

        public async ValueTask DisposeAsync()
        {
            await _queues.DisposeAsync();
            _zmq.Dispose();
            await _connected.DisposeAsync();
        }
    }
}

public sealed class AccessLogQueued(ClusterFixture fixture) : AccessLogCompliance<Queued>(fixture);

public sealed class BatchesQueued(ClusterFixture fixture) : BatchesCompliance<Queued>(fixture);

public sealed class BuildQueueQueued(ClusterFixture fixture) : BuildQueueCompliance<Queued>(fixture);

public sealed class BuildsQueued(ClusterFixture fixture) : BuildsCompliance<Queued>(fixture);

public sealed class BuildRetriesQueued(ClusterFixture fixture) : BuildRetriesCompliance<Queued>(fixture);

public sealed class ChangelogQueued(ClusterFixture fixture) : ChangelogCompliance<Queued>(fixture);

public sealed class FollowedNamesQueued(ClusterFixture fixture) : FollowedNamesCompliance<Queued>(fixture);

public sealed class PackagesQueued(ClusterFixture fixture) : PackagesCompliance<Queued>(fixture);

public sealed class PublishingQueued(ClusterFixture fixture) : PublishingCompliance<Queued>(fixture);

public sealed class SearchIndexQueued(ClusterFixture fixture) : SearchIndexCompliance<Queued>(fixture);

public sealed class SelectionQueued(ClusterFixture fixture) : SelectionCompliance<Queued>(fixture);

public sealed class StatisticsQueued(ClusterFixture fixture) : StatisticsCompliance<Queued>(fixture);

public sealed class UpstreamWheelsQueued(ClusterFixture fixture) : UpstreamWheelsCompliance<Queued>(fixture);
