using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// The log of what one socket drops: at most one line in a while, with the number of those left unsaid, so that a
/// flood of nonsense does not become a flood of lines.
/// </summary>
public sealed partial class DropLog(ILogger logger, TimeProvider time, string address)
{
    public static readonly TimeSpan Interval = LineLimit.Interval;

    private readonly LineLimit _lines = new(time);

    /// <summary>All that were dropped, said or unsaid.</summary>
    public long Total { get; private set; }

    public void Add(string reason, Exception? failure = null)
    {
        Total++;
        if (_lines.TryTake(out var unsaid)) Dropped(logger, failure, address, reason, unsaid);
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
        var (message, failure) = Read<T>(payload);
        return Taken(message, failure, dropped, out reason);
    }

    /// <summary>The message, or what went wrong; from any thread.</summary>
    public static (T? Message, Exception? Failure) Read<T>(ReadOnlyMemory<byte> payload)
        where T : class, IWireMessage<T>
    {
        try
        {
            return (T.Read(payload), null);
        }
        catch (Exception failure)
        {
            return (null, failure);
        }
    }

    /// <summary>What was read; where that is nothing, it is told in the log.</summary>
    public static T? Taken<T>(T? message, Exception? failure, DropLog dropped, out string reason)
        where T : class
    {
        reason = "";
        if (failure is WireException wrong)
        {
            reason = wrong.Message;
            dropped.Add(reason);
        }
        else if (failure is not null)
        {
            // A reader's own fault, found by a peer's nonsense: worth its stack in the log, not worth the task's life
            reason = "the message cannot be read";
            dropped.Add(reason, failure);
        }

        return message;
    }
}
