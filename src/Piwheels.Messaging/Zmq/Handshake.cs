using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>How a connection began, as a socket's monitor tells it (zmq_socket_monitor(3)).</summary>
public enum Handshake
{
    /// <summary>Messages go to and fro.</summary>
    Succeeded,

    /// <summary>
    /// It broke off before it was done; libzmq tries again. The other side wants keys of one who has none, has another
    /// key than it is known by, or has just gone.
    /// </summary>
    BrokenOff,

    /// <summary>The other side wants keys of one who has none, or has none itself; libzmq does not try again.</summary>
    OfAnotherKind,

    /// <summary>The other side does not let this key in; libzmq does not try again.</summary>
    Refused,
}

/// <summary>Reads what monitors tell.</summary>
internal static class HandshakeEvents
{
    public const int All = LibZmq.HandshakeFailed | LibZmq.HandshakeSucceeded
        | LibZmq.HandshakeFailedProtocol | LibZmq.HandshakeFailedAuthentication;

    /// <summary>Null for an event that is none of these.</summary>
    /// <param name="frames">The event's number in two bytes, more of it in four; and the endpoint.</param>
    public static Handshake? Read(ReadOnlyMemory<byte>[] frames)
    {
        if (frames.Length == 0 || frames[0].Length < sizeof(ushort)) return null;
        return MemoryMarshal.Read<ushort>(frames[0].Span) switch
        {
            LibZmq.HandshakeSucceeded => Handshake.Succeeded,
            LibZmq.HandshakeFailed => Handshake.BrokenOff,
            LibZmq.HandshakeFailedProtocol => Handshake.OfAnotherKind,
            LibZmq.HandshakeFailedAuthentication => Handshake.Refused,
            _ => null,
        };
    }
}
