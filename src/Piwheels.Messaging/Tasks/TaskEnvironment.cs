using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>What every task of a process shares: the sockets' context, the clock, the log.</summary>
public sealed record TaskEnvironment(ZmqContext Zmq, TimeProvider Time, ILoggerFactory Loggers);
