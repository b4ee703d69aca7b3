using Microsoft.Extensions.Logging;

namespace Piwheels.Storage;

/// <summary>
/// Tells the log when the server goes away and when it is back: one line each, however many requests fail meanwhile and
/// on however many connections. For any thread.
/// </summary>
/// <remarks>
/// A server on its way down or up answers some and refuses others, and one that is out of connections goes on serving
/// those that it has. So it is back only once it has answered, and refused nobody for a while.
/// </remarks>
internal sealed partial class OutageLog(ILogger log, TimeProvider time)
{
    /// <summary>How long nothing must have failed.</summary>
    public static readonly TimeSpan SteadyAfter = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private volatile bool _away;
    private DateTimeOffset _since;
    private DateTimeOffset _lastFault;
    private long _failed;

    /// <summary>A request failed since the server is away.</summary>
    public void Failed(string reason)
    {
        lock (_lock)
        {
            _lastFault = time.GetUtcNow();
            _failed++;
            if (_away) return;
            _away = true;
            _since = _lastFault;
        }

        Away(log, reason);
    }

    /// <summary>A request was answered.</summary>
    public void Answered()
    {
        // Nearly always; and one that looks too early is followed by others
        if (!_away) return;
        TimeSpan duration;
        long failed;
        lock (_lock)
        {
            if (!_away || time.GetUtcNow() - _lastFault < SteadyAfter) return;
            _away = false;
            (duration, failed) = (_lastFault - _since, _failed);
            _failed = 0;
        }

        Back(log, (long)duration.TotalSeconds, failed);
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Warning,
        Message = "the database is away, and will be asked again until it is back: {Reason}")]
    private static partial void Away(ILogger logger, string reason);

    [LoggerMessage(EventId = 21, Level = LogLevel.Warning,
        Message = "the database is back after {Seconds} s, in which {Count} requests had to be asked again")]
    private static partial void Back(ILogger logger, long seconds, long count);
}
