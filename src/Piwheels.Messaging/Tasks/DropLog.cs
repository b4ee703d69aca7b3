using Microsoft.Extensions.Logging;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// The log of what one socket drops: at most one line in a while, with the number of those left unsaid, so that a flood of
/// nonsense does not become a flood of lines.
/// </summary>
internal sealed partial class DropLog(ILogger logger, TimeProvider time, string address)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private DateTimeOffset _next = DateTimeOffset.MinValue;
    private long _unsaid;

    /// <summary>All that were dropped, said or unsaid.</summary>
    public long Total { get; private set; }

    public void Add(string reason)
    {
        Total++;
        var now = time.GetUtcNow();
        if (now < _next)
        {
            _unsaid++;
            return;
        }

        Dropped(logger, address, reason, _unsaid);
        _unsaid = 0;
        _next = now + Interval;
    }

    [LoggerMessage(EventId = 101, Level = LogLevel.Warning,
        Message = "dropped a message on {Address}: {Reason} ({Unsaid} more since the last such line)")]
    private static partial void Dropped(ILogger logger, string address, string reason, long unsaid);
}
