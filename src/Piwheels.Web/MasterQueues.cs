using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Web;

/// <summary>What the server has to do with a master, each where it was told of its queue, and the sockets' context of both.</summary>
internal sealed class MasterQueues : IAsyncDisposable
{
    private readonly ZmqContext _zmq = new();

    private MasterQueues(WebConfiguration configuration, TimeProvider time, ILoggerFactory loggers)
    {
        var environment = new TaskEnvironment(_zmq, time, loggers);
        if (configuration.LogQueue is { } log) Reporter = new AccessReporter(log, environment);
        if (configuration.LiveQueue is { } live) Feed = new LiveFeed(live, environment);
    }

    /// <summary>Tells it of accesses.</summary>
    internal AccessReporter? Reporter { get; }

    /// <summary>Hears what builds print.</summary>
    internal LiveFeed? Feed { get; }

    internal static MasterQueues Start(WebConfiguration configuration, TimeProvider time, ILoggerFactory loggers)
    {
        var queues = new MasterQueues(configuration, time, loggers);
        queues.Reporter?.Start();
        queues.Feed?.Start();
        return queues;
    }

    public async ValueTask DisposeAsync()
    {
        if (Reporter is not null) await Reporter.DisposeAsync();
        if (Feed is not null) await Feed.DisposeAsync();
        _zmq.Dispose();
    }
}
