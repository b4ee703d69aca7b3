using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>A SUB socket that follows topics of a <see cref="TopicPublisher{TSend}"/>, other ones as time goes on.</summary>
public sealed class TopicSubscriber<TReceive>
    where TReceive : class, IWireMessage<TReceive>
{
    private readonly DropLog _dropped;

    /// <param name="address">For the log.</param>
    internal TopicSubscriber(ZmqSocket socket, string address, ILogger logger, TimeProvider time)
    {
        Socket = socket;
        _dropped = new DropLog(logger, time, address);
    }

    public ZmqSocket Socket { get; }

    /// <summary>Upon the task's thread.</summary>
    public void Follow(ReadOnlyMemory<byte> topic) => Socket.Subscribe(topic.Span);

    /// <summary>Upon the task's thread.</summary>
    public void Leave(ReadOnlyMemory<byte> topic) => Socket.Unsubscribe(topic.Span);

    internal void Take(Action<ReadOnlyMemory<byte>, TReceive> handler)
    {
        for (var count = 0; count < SocketReader.MessagesPerTurn && Socket.TryReceive(out var frames); count++)
        {
            if (frames is not [var topic, var payload]) _dropped.Add($"{frames.Length} frames");
            else if (WirePayload.Read<TReceive>(payload, _dropped, out _) is { } message) handler(topic, message);
        }
    }
}
