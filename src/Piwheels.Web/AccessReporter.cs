using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Web;

/// <summary>
/// Tells Lumberjack of accesses. Never in the way of an answer: what cannot be sent now is counted and dropped.
/// </summary>
internal sealed partial class AccessReporter : TaskLoop
{
    /// <summary>The most accesses that wait for Lumberjack.</summary>
    private const int WaitingMax = 10_000;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromMinutes(1);

    private readonly MessageSocket<NoMessages, LogEntry> _queue;
    private readonly ConcurrentQueue<AccessState> _accesses = new();
    private int _isWoken;
    private int _waiting;
    private long _dropped;

    internal AccessReporter(string address, TaskEnvironment environment)
        : base("access_reporter", environment)
    {
        _queue = Connect<NoMessages, LogEntry>(
            ZmqSocketType.Push, address, new SocketOptions { HighWaterMark = WaitingMax });
        Every(ReportInterval, TellOfDropped);
    }

    /// <summary>Tells of an access, some time soon. From any thread.</summary>
    internal void Report(AccessState access)
    {
        if (Interlocked.Increment(ref _waiting) > WaitingMax)
        {
            Interlocked.Decrement(ref _waiting);
            Interlocked.Increment(ref _dropped);
            return;
        }

        _accesses.Enqueue(access);
        // Whoever finds the task at work leaves it at that: waking it for each would cost more than the rest
        if (Interlocked.Exchange(ref _isWoken, 1) == 0) Post(SendAll);
    }

    private void SendAll()
    {
        Volatile.Write(ref _isWoken, 0);
        // What comes from here on wakes it again
        Interlocked.MemoryBarrier();
        while (_accesses.TryDequeue(out var access))
        {
            Interlocked.Decrement(ref _waiting);
            if (!_queue.TrySend(LogEntry.Of(access))) Interlocked.Increment(ref _dropped);
        }
    }

    private Task TellOfDropped()
    {
        if (Interlocked.Exchange(ref _dropped, 0) is var dropped and > 0) Dropped(Logger, dropped);
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning,
        Message = "{Count} accesses were not told: nobody takes them")]
    private static partial void Dropped(ILogger logger, long count);
}
