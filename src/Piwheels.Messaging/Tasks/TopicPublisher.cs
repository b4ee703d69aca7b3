using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// An XPUB socket: tells messages by topic to whoever follows it, and hears what is followed. A follower that takes nothing
/// in loses what exceeds the high-water mark, and keeps nobody waiting.
/// </summary>
public sealed class TopicPublisher<TSend>
    where TSend : class, IWireMessage<TSend>
{
    /// <summary>
    /// Subscriptions taken before others have their turn: each may be answered at length, and whoever sends thousands shall
    /// be nobody else's trouble.
    /// </summary>
    private const int TakenPerTurn = 16;

    private const byte Leaves = 0;
    private const byte Follows = 1;

    private readonly WireEncoder _encoder = new();

    internal TopicPublisher(ZmqSocket socket) => Socket = socket;

    public ZmqSocket Socket { get; }

    /// <summary>Tells those who follow the topic.</summary>
    public void Send(ReadOnlyMemory<byte> topic, TSend message) =>
        _ = Socket.TrySendFrame(topic.Span, more: true) && Socket.TrySendFrame(_encoder.Encode(message));

    /// <summary>Hands on who came and who went; what is neither is nobody's message.</summary>
    internal void Take(Action<ReadOnlyMemory<byte>> follows, Action<ReadOnlyMemory<byte>> leaves)
    {
        for (var count = 0; count < TakenPerTurn && Socket.TryReceive(out var frames); count++)
        {
            if (frames is not [{ IsEmpty: false } frame]) continue;
            if (frame.Span[0] == Follows) follows(frame[1..]);
            else if (frame.Span[0] == Leaves) leaves(frame[1..]);
        }
    }
}
