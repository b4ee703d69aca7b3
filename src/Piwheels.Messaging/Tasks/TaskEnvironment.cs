using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>What every task of a process shares: the sockets' context, the clock, the log.</summary>
public sealed record TaskEnvironment(ZmqContext Zmq, TimeProvider Time, ILoggerFactory Loggers)
{
    /// <summary>
    /// Cancelled when the whole program begins to stop, before the first task quits: whoever quits first may wait for an
    /// answer of one that quits later.
    /// </summary>
    public CancellationToken Stopping { get; init; }
}
