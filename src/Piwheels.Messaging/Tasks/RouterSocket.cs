using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// A ROUTER socket for REQ peers: messages of the frames [address, empty, payload], each payload one message of a
/// closed set per direction.
/// </summary>
public sealed class RouterSocket<TReceive, TSend>
    where TReceive : class, IWireMessage<TReceive>
    where TSend : class, IWireMessage<TSend>
{
    /// <summary>A message of more bytes takes so long to be read that it is read beside the others, on another thread.</summary>
    private const int AsideFromBytes = 1024 * 1024;

    /// <summary>Messages that are or wait to be read aside; as long as there are so many, further ones are read in turn.</summary>
    private const int AsideMax = 16;

    private const string NotAdmitted = "its sender may not connect any more";

    private readonly WireEncoder _encoder = new();
    private readonly DropLog _dropped;
    private readonly HashSet<PeerAddress> _aside = [];
    private Task _reading = Task.CompletedTask;
    private Action<Task>? _track;
    private Func<PeerAddress, TReceive, Task>? _handler;

    /// <param name="address">For the log.</param>
    public RouterSocket(ZmqSocket socket, string address, ILogger logger, TimeProvider time)
    {
        Socket = socket;
        _dropped = new DropLog(logger, time, address);
    }

    public ZmqSocket Socket { get; }

    /// <summary>Messages that were dropped because they are none of this queue.</summary>
    public long Dropped => _dropped.Total;

    /// <returns>False when the peer has gone, or takes in nothing any more.</returns>
    public bool TrySend(PeerAddress to, TSend message)
    {
        var payload = _encoder.Encode(message);
        return Socket.TrySendFrame(to.Bytes.Span, more: true)
            && Socket.TrySendFrame([], more: true)
            && Socket.TrySendFrame(payload);
    }

    /// <summary>Takes the next message that is one; logs and drops what is not.</summary>
    /// <param name="refused">The answer to a payload that is no message, given why; null sends none.</param>
    /// <param name="admits">Whether a peer is listened to; where not, its message is refused unread.</param>
    /// <returns>False when there is none.</returns>
    public bool TryReceive(
        out PeerAddress from,
        [NotNullWhen(true)] out TReceive? message,
        Func<PeerAddress, string, TSend?>? refused = null,
        Func<PeerAddress, bool>? admits = null)
    {
        for (var count = 0; count < SocketReader.MessagesPerTurn && Socket.TryReceive(out var frames, out from); count++)
        {
            if (admits?.Invoke(from) == false)
            {
                _dropped.Add(NotAdmitted);
                if (refused?.Invoke(from, NotAdmitted) is { } answer) TrySend(from, answer);
            }
            else if (frames is [_, { IsEmpty: true }, var payload])
            {
                message = Parse(from, payload, refused);
                if (message is not null)
                    return true;
            }
            else
            {
                _dropped.Add(frames.Length == 0 ? "too large" : $"{frames.Length} frames are no request");
            }
        }

        from = default;
        message = null;
        return false;
    }

    /// <summary>Has large messages read aside, and then handed to the handler.</summary>
    /// <param name="track">Watches what is under way.</param>
    internal void ReadLargeAside(Func<PeerAddress, TReceive, Task> handler, Action<Task> track) =>
        (_handler, _track) = (handler, track);

    private async Task ReadAsideAsync(
        PeerAddress from, ReadOnlyMemory<byte> payload, Func<PeerAddress, string, TSend?>? refused)
    {
        TReceive? message;
        try
        {
            // One after the other: each takes several times its size of memory, and a processor that others wait for
            var reading = _reading.ContinueWith(
                _ => ReceivedFrame.Read(payload, static bytes => WirePayload.Read<TReceive>(bytes)), CancellationToken.None,
                TaskContinuationOptions.None, TaskScheduler.Default);
            _reading = reading;
            var (read, failure) = await reading;
            if (_reading == reading) _reading = Task.CompletedTask;
            message = WirePayload.Taken(read, failure, _dropped, out var reason);
            if (message is null && refused?.Invoke(from, reason) is { } answer) TrySend(from, answer);
        }
        finally
        {
            _aside.Remove(from);
        }

        if (message is not null) await _handler!(from, message);
    }

    private TReceive? Parse(PeerAddress from, ReadOnlyMemory<byte> payload, Func<PeerAddress, string, TSend?>? refused)
    {
        if (payload.Length > AsideFromBytes && _track is not null && _aside.Count < AsideMax)
        {
            // A REQ peer waits for its answer; one that does not wait is not listened to
            if (_aside.Add(from)) _track(ReadAsideAsync(from, payload, refused));
            else _dropped.Add("a large message while another one of its sender is read");
            return null;
        }

        var (read, failure) = ReceivedFrame.Read(payload, static bytes => WirePayload.Read<TReceive>(bytes));
        var message = WirePayload.Taken(read, failure, _dropped, out var reason);
        if (message is null && refused?.Invoke(from, reason) is { } answer)
            TrySend(from, answer);
        return message;
    }
}
