using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>
/// libzmq's context. Each socket holds a reference, so that the context, whose end waits for its sockets, is only ended
/// when the last of them is closed.
/// </summary>
internal sealed class ZmqContextHandle : SafeHandle
{
    public ZmqContextHandle()
        : base(0, ownsHandle: true)
    {
        SetHandle(LibZmq.ContextNew());
        if (IsInvalid)
            throw ZmqException.Last("zmq_ctx_new");
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        while (LibZmq.ContextTerm(handle) != 0)
        {
            if (Marshal.GetLastPInvokeError() != LibZmq.Eintr)
                return false;
        }

        return true;
    }
}

/// <summary>A socket of libzmq.</summary>
internal sealed class ZmqSocketHandle : SafeHandle
{
    private readonly ZmqContextHandle _context;
    private readonly bool _contextHeld;

    public ZmqSocketHandle(ZmqContextHandle context, ZmqSocketType type)
        : base(0, ownsHandle: true)
    {
        _context = context;
        context.DangerousAddRef(ref _contextHeld);
        SetHandle(LibZmq.SocketNew(context, (int)type));
        if (!IsInvalid)
            return;
        var failure = ZmqException.Last($"zmq_socket {type}");
        context.DangerousRelease();
        throw failure;
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>For the items of a poll, whose caller keeps this handle open meanwhile.</summary>
    public nint Value => IsClosed ? throw new ObjectDisposedException(nameof(ZmqSocket)) : handle;

    protected override bool ReleaseHandle()
    {
        var closed = LibZmq.SocketClose(handle) == 0;
        if (_contextHeld)
            _context.DangerousRelease();
        return closed;
    }
}
