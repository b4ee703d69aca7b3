namespace Piwheels.Messaging.Zmq;

/// <summary>Tries whether a connection can be made, without a message over it.</summary>
public static class HandshakeProbe
{
    /// <summary>The first outcome, or null when there is none in time. Blocks.</summary>
    /// <exception cref="ZmqException">The address is malformed.</exception>
    public static Handshake? Try(ZmqContext zmq, string address, SocketOptions options, TimeSpan limit)
    {
        var told = $"inproc://handshake-{Guid.NewGuid():N}";
        using var watcher = zmq.CreateSocket(ZmqSocketType.Pair, new SocketOptions { Linger = TimeSpan.Zero });
        using var socket = zmq.CreateSocket(ZmqSocketType.Dealer, options with { Linger = TimeSpan.Zero });
        socket.TellHandshakes(told);
        watcher.Connect(told);
        socket.Connect(address);
        return watcher.WaitReadable(limit) && watcher.TryReceive(out var frames) ? HandshakeEvents.Read(frames) : null;
    }
}
