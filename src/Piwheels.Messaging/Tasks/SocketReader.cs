using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>One socket that a loop polls.</summary>
internal abstract class SocketReader(ZmqSocket socket)
{
    /// <summary>Messages taken from one socket before the others have their turn.</summary>
    public const int MessagesPerTurn = 64;

    public ZmqSocket Socket { get; } = socket;

    /// <summary>Whether it goes on while the task quits: answers to what is under way do, new work does not.</summary>
    public virtual bool WhileQuitting => false;

    /// <summary>Whether a message could be taken now.</summary>
    public abstract bool Wanted { get; }

    /// <summary>Takes what there is, within the turn's limit.</summary>
    public abstract void Read();
}

/// <summary>Hands the readable socket itself to a handler.</summary>
internal sealed class RawReader(ZmqSocket socket, Action<ZmqSocket> handler) : SocketReader(socket)
{
    public override bool Wanted => true;

    public override void Read() => handler(Socket);
}

/// <summary>Takes the next message of a socket and starts its handler; false when there is none.</summary>
internal delegate bool TakeMessage(out Task handling);

/// <summary>Hands messages one by one to a handler that may await; a limited number of them under way.</summary>
internal sealed class MessageReader(ZmqSocket socket, TakeMessage takeOne, HandlerTracker tracker, int concurrencyMax)
    : SocketReader(socket)
{
    private int _underWay;

    public override bool Wanted => _underWay < concurrencyMax;

    public override void Read()
    {
        for (var count = 0; count < MessagesPerTurn && Wanted; count++)
        {
            if (!takeOne(out var handling))
                return;
            if (handling.IsCompletedSuccessfully)
                continue;
            _underWay++;
            tracker.Track(handling, () => _underWay--);
        }
    }
}
