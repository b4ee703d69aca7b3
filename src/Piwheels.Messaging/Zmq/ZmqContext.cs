namespace Piwheels.Messaging.Zmq;

/// <summary>
/// libzmq's context: its I/O thread, and the space of <c>inproc://</c> addresses. One per process.
/// </summary>
public sealed class ZmqContext : IDisposable
{
    /// <summary>
    /// Sockets that may be open at a time; libzmq's own limit of 1,023 is too low for tests with many peers.
    /// </summary>
    public const int SocketsMax = 16_384;

    private readonly ZmqContextHandle _handle = new();
    private int _disposed;

    public ZmqContext()
    {
        if (LibZmq.ContextSet(_handle, LibZmq.MaxSockets, SocketsMax) != 0)
            throw ZmqException.Last("zmq_ctx_set");
    }

    internal ZmqContextHandle Handle => _handle;

    /// <summary>A new socket, not bound or connected yet.</summary>
    public ZmqSocket CreateSocket(ZmqSocketType type, SocketOptions? options = null) => new(this, type, options);

    /// <summary>
    /// Ends everything that waits upon a socket of this context: it gets a <see cref="ZmqException"/> with
    /// <see cref="ZmqException.ContextEnded"/>. From any thread.
    /// </summary>
    public void Shutdown()
    {
        if (Volatile.Read(ref _disposed) == 0 && LibZmq.ContextShutdown(_handle) != 0)
            throw ZmqException.Last("zmq_ctx_shutdown");
    }

    /// <summary>
    /// Shuts down. With all sockets closed, what they still had to send is given its linger time; otherwise the context
    /// ends together with its last socket.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _ = LibZmq.ContextShutdown(_handle);
        _handle.Dispose();
    }
}
