using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>A socket that speaks one closed set of messages in each direction; a payload is one frame.</summary>
public sealed class MessageSocket<TReceive, TSend>
    where TReceive : class, IWireMessage<TReceive>
    where TSend : class, IWireMessage<TSend>
{
    private readonly WireEncoder _encoder = new();
    private readonly DropLog _dropped;

    /// <param name="address">For the log.</param>
    public MessageSocket(ZmqSocket socket, string address, ILogger logger, TimeProvider time)
    {
        Socket = socket;
        _dropped = new DropLog(logger, time, address);
    }

    public ZmqSocket Socket { get; }

    /// <summary>Messages that were dropped because they are none of this queue.</summary>
    public long Dropped => _dropped.Total;

    /// <returns>False when the high-water mark is reached, or nobody is there who could take it.</returns>
    public bool TrySend(TSend message) => Socket.TrySendFrame(_encoder.Encode(message));

    /// <summary>Takes the next message that is one; logs and drops what is not.</summary>
    /// <returns>False when there is none.</returns>
    public bool TryReceive([NotNullWhen(true)] out TReceive? message)
    {
        for (var count = 0; count < SocketReader.MessagesPerTurn && Socket.TryReceive(out var frames); count++)
        {
            if (Parse(frames) is { } parsed)
            {
                message = parsed;
                return true;
            }
        }

        message = null;
        return false;
    }

    private TReceive? Parse(ReadOnlyMemory<byte>[] frames)
    {
        // A DEALER gets the empty delimiter of a REP or REQ peer in front
        var payload = frames is [{ IsEmpty: true }, _] ? frames.AsSpan(1) : frames;
        if (payload.Length != 1)
        {
            _dropped.Add(frames.Length == 0 ? "too large" : $"{frames.Length} frames");
            return null;
        }

        return WirePayload.Read<TReceive>(payload[0], _dropped, out _);
    }
}
