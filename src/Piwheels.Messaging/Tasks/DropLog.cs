using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// The log of what one socket drops: at most one line in a while, with the number of those left unsaid, so that a
/// flood of nonsense does not become a flood of lines.
/// </summary>
public sealed partial class DropLog(ILogger logger, TimeProvider time, string address)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private DateTimeOffset _next = DateTimeOffset.MinValue;
    private long _unsaid;

    /// <summary>All that were dropped, said or unsaid.</summary>
    public long Total { get; private set; }

    public void Add(string reason, Exception? failure = null)
    {
        Total++;
        var now = time.GetUtcNow();
        if (now < _next)
        {
            _unsaid++;
            return;
        }

        Dropped(logger, failure, address, reason, _unsaid);
        _unsaid = 0;
        _next = now + Interval;
    }

    [LoggerMessage(EventId = 101, Level = LogLevel.Warning,
        Message = "dropped a message on {Address}: {Reason} ({Unsaid} more since the last such line)")]
    private static partial void Dropped(
        ILogger logger, Exception? failure, string address, string reason, long unsaid);
}

/// <summary>Reads what a peer sent, whatever it sent.</summary>
internal static class WirePayload
{
    /// <summary>The message; or null, and why there is none.</summary>
    public static T? Read<T>(ReadOnlyMemory<byte> payload, DropLog dropped, out string reason)
        where T : class, IWireMessage<T>
    {
        try
        {
            reason = "";
            return T.Read(payload);
        }
        catch (WireException wrong)
        {
            reason = wrong.Message;
            dropped.Add(reason);
        }
        catch (Exception failure)
        {
            // A reader's own fault, found by a peer's nonsense: worth its stack in the log, not worth the task's life
            reason = "the message cannot be read";
            dropped.Add(reason, failure);
        }

        return null;
    }
}
