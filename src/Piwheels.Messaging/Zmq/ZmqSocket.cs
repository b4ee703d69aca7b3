using System.Runtime.InteropServices;
using System.Text;

namespace Piwheels.Messaging.Zmq;

/// <summary>
/// One socket of libzmq. It belongs to one thread at a time; handing it over needs a memory barrier, such as the start
/// of a thread.
/// </summary>
public sealed class ZmqSocket : IDisposable
{
    private readonly ZmqSocketHandle _handle;
    private readonly SocketOptions _options;
    private readonly List<string> _endpoints = [];
    private readonly ConnectionGuard? _guard;
    private int _ownerThread;

    internal ZmqSocket(ZmqContext context, ZmqSocketType type, SocketOptions? options)
    {
        Type = type;
        _options = options ?? SocketOptions.Default;
        _handle = new ZmqSocketHandle(context.Handle, type);
        try
        {
            Apply(_options);
            if (_options.CutsEndless) _guard = Guard(context);
        }
        catch
        {
            _handle.Dispose();
            throw;
        }
    }

    public ZmqSocketType Type { get; }

    /// <summary>The addresses bound, with the ports that were chosen for wildcards.</summary>
    public IReadOnlyList<string> Endpoints => _endpoints;

    internal ZmqSocketHandle Handle => _handle;

    /// <summary>From now on another thread's use is refused, instead of corrupting libzmq's state.</summary>
    internal void OwnBy(int managedThreadId) => _ownerThread = managedThreadId;

    /// <summary>
    /// Binds to an address, or, with <see cref="SocketOptions.LoopbackOnly"/>, to the loopback forms of it.
    /// </summary>
    /// <exception cref="ZmqException">The address is in use, malformed, or not of this machine.</exception>
    public void Bind(string address)
    {
        Check();
        var addresses = _options.LoopbackOnly ? LoopbackAddresses.Of(address) : [address];
        var port = "";
        foreach (var each in addresses)
            port = BindOne(TcpPort.Chosen(each, port));
    }

    private string BindOne(string address)
    {
        IpcPath.Prepare(address);
        if (LibZmq.Bind(_handle, address) != 0)
            throw ZmqException.Last($"cannot bind {address}");
        var endpoint = ReadLastEndpoint();
        _endpoints.Add(endpoint);
        if (_options.GroupWritable)
            IpcPath.AllowGroup(endpoint);
        return TcpPort.Of(endpoint);
    }

    public void Unbind(string endpoint)
    {
        Check();
        if (LibZmq.Unbind(_handle, endpoint) != 0)
            throw ZmqException.Last($"cannot unbind {endpoint}");
        _endpoints.Remove(endpoint);
    }

    /// <summary>Connects, now or as soon as somebody binds there.</summary>
    /// <exception cref="ZmqException">The address is malformed.</exception>
    public void Connect(string address)
    {
        Check();
        IpcPath.CheckLength(address);
        if (LibZmq.Connect(_handle, address) != 0)
            throw ZmqException.Last($"cannot connect {address}");
    }

    public void Disconnect(string address)
    {
        Check();
        if (LibZmq.Disconnect(_handle, address) != 0)
            throw ZmqException.Last($"cannot disconnect {address}");
    }

    /// <summary>SUB: takes messages that begin with this from now on.</summary>
    public void Subscribe(ReadOnlySpan<byte> prefix)
    {
        Check();
        SetBytes(LibZmq.Subscribe, prefix);
    }

    /// <summary>SUB: the end of one <see cref="Subscribe"/>.</summary>
    public void Unsubscribe(ReadOnlySpan<byte> prefix)
    {
        Check();
        SetBytes(LibZmq.Unsubscribe, prefix);
    }

    /// <summary>Sends a message of several frames without waiting; all of it or nothing.</summary>
    /// <returns>False when the high-water mark is reached or the peer is not there.</returns>
    public bool TrySend(params ReadOnlySpan<ReadOnlyMemory<byte>> frames)
    {
        for (var index = 0; index < frames.Length; index++)
        {
            if (!TrySendFrame(frames[index].Span, more: index < frames.Length - 1))
                return false;
        }

        return true;
    }

    /// <summary>Sends one frame without waiting.</summary>
    /// <param name="more">Whether more frames of the same message follow; these must then be sent.</param>
    /// <returns>False when the message cannot be taken now; no further frames of it may be sent then.</returns>
    public bool TrySendFrame(ReadOnlySpan<byte> frame, bool more = false)
    {
        Check();
        var flags = LibZmq.DontWait | (more ? LibZmq.SendMore : 0);
        while (LibZmq.Send(_handle, frame, (nuint)frame.Length, flags) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error is LibZmq.Eagain or LibZmq.Ehostunreach)
                return false;
            if (error != LibZmq.Eintr)
                throw ZmqException.Of($"cannot send on a {Type} socket", error);
        }

        return true;
    }

    /// <summary>Takes the next message without waiting. The frames are the caller's to keep.</summary>
    /// <returns>False when there is none. A message above the limits is taken and comes as no frames at all.</returns>
    public bool TryReceive(out ReadOnlyMemory<byte>[] frames) => TryReceive(out frames, out _);

    /// <summary>
    /// Takes the next message of a ROUTER without waiting, as <see cref="TryReceive(out ReadOnlyMemory{byte}[])"/>.
    /// </summary>
    /// <param name="from">
    /// The first frame; with host and key where the options say <see cref="SocketOptions.TellsPeers"/>, also of a message
    /// above the limits.
    /// </param>
    public bool TryReceive(out ReadOnlyMemory<byte>[] frames, out PeerAddress from)
    {
        Check();
        frames = [];
        from = default;
        if (!TryReceiveFrame(out var frame, out var more))
            return false;
        from = new PeerAddress(frame);
        if (!more)
        {
            frames = frame.Length <= _options.MaxMessageBytes ? [frame] : [];
            return true;
        }

        frames = ReceiveRest(frame, ref from);
        return true;
    }

    private ReadOnlyMemory<byte>[] ReceiveRest(ReadOnlyMemory<byte> first, ref PeerAddress from)
    {
        var frames = new List<ReadOnlyMemory<byte>> { first };
        long total = first.Length;
        var fits = true;
        var more = true;
        while (fits && more && TryReceiveFrame(out var frame, out more, ref from))
        {
            total += frame.Length;
            fits = frames.Count < SocketOptions.FramesMax && total <= _options.MaxMessageBytes;
            if (fits)
                frames.Add(frame);
        }

        if (fits) return [.. frames];
        if (more) PassOver(refuse: frames.Count == SocketOptions.FramesMax);
        return [];
    }

    /// <summary>The rest of a message that is dropped, which may be millions of frames.</summary>
    private void PassOver(bool refuse)
    {
        var message = default(LibZmq.Message);
        _ = LibZmq.MessageInit(ref message);
        var more = true;
        while (more)
        {
            if (LibZmq.MessageReceive(ref message, _handle, LibZmq.DontWait) < 0)
            {
                if (Marshal.GetLastPInvokeError() == LibZmq.Eintr) continue;
                break;
            }

            more = LibZmq.MessageMore(ref message) != 0;
            if (refuse) _guard?.Refuse(LibZmq.MessageGet(ref message, LibZmq.SourceFd));
            refuse = false;
        }

        _ = LibZmq.MessageClose(ref message);
    }

    private bool TryReceiveFrame(out ReadOnlyMemory<byte> frame, out bool more)
    {
        var nobody = default(PeerAddress);
        return TryReceiveFrame(out frame, out more, ref nobody);
    }

    /// <param name="from">The peer as far as it is known; completed by what the frame tells of it.</param>
    private bool TryReceiveFrame(out ReadOnlyMemory<byte> frame, out bool more, ref PeerAddress from)
    {
        var message = default(LibZmq.Message);
        _ = LibZmq.MessageInit(ref message);
        try
        {
            while (LibZmq.MessageReceive(ref message, _handle, LibZmq.DontWait) < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                // A REQ socket without a request under way, and a REP socket that owes an answer, have nothing to read
                // either
                if (error is LibZmq.Eagain or LibZmq.Efsm)
                {
                    (frame, more) = (ReadOnlyMemory<byte>.Empty, false);
                    return false;
                }

                if (error != LibZmq.Eintr)
                    throw ZmqException.Of($"cannot receive on a {Type} socket", error);
            }

            more = LibZmq.MessageMore(ref message) != 0;
            // Once a message: its first frame, which is libzmq's own, does not tell
            if (_options.TellsPeers && from is { Host: null, Bytes.IsEmpty: false })
            {
                from = PeerOf(ref message, from.Bytes);
                _guard?.Heard(LibZmq.MessageGet(ref message, LibZmq.SourceFd));
            }

            // Last, since it may take the message's content away
            frame = Keep(ref message);
            return true;
        }
        finally
        {
            _ = LibZmq.MessageClose(ref message);
        }
    }

    private unsafe ReadOnlyMemory<byte> Keep(ref LibZmq.Message message)
    {
        var length = checked((int)LibZmq.MessageSize(ref message));
        return length < ReceivedFrame.BytesMin || !_options.LeavesLargeFrames
            ? new ReadOnlySpan<byte>(LibZmq.MessageData(ref message), length).ToArray()
            : new ReceivedFrame(ref message).Memory;
    }

    // What a peer without keys says of itself in its greeting is told under the same names: its word for its key is not
    // even looked at
    private PeerAddress PeerOf(ref LibZmq.Message message, ReadOnlyMemory<byte> bytes)
    {
        var host = PeerAddress.PlainHost(PropertyOf(ref message, "Peer-Address"u8));
        var key = _options.CurveServerSecretKey is null ? null : PropertyOf(ref message, "User-Id"u8);
        return new PeerAddress(bytes, key, host);
    }

    // The names are literals, so a zero follows them
    private static unsafe string PropertyOf(ref LibZmq.Message message, ReadOnlySpan<byte> name)
    {
        var text = LibZmq.MessageProperty(ref message, name);
        return text is null ? "" : Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
    }

    /// <summary>
    /// Cuts the connections that <see cref="SocketOptions.CutsEndless"/> speaks of; answers how many those were.
    /// </summary>
    public int CutEndless()
    {
        Check();
        return _guard?.Look() ?? 0;
    }

    private ConnectionGuard Guard(ZmqContext context) =>
        new(
            context.Handle, _handle,
            // So much of a peer may wait unread in any case
            Math.Max((long)_options.MaxMessageBytes * SocketOptions.CutFactor, 16 * 1024 * 1024),
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);

    /// <summary>
    /// Has a PAIR socket at an inproc address told how each connection begins. To be connected before this one is: what
    /// nobody takes is waited for by libzmq's own thread.
    /// </summary>
    /// <seealso cref="Handshake"/>
    internal void TellHandshakes(string address)
    {
        Check();
        if (LibZmq.SocketMonitor(_handle, address, HandshakeEvents.All) != 0)
            throw ZmqException.Last($"cannot watch a {Type} socket");
    }

    /// <summary>Blocks until a message can be received, or the time is over.</summary>
    /// <returns>False when the time is over.</returns>
    public bool WaitReadable(TimeSpan timeout)
    {
        Check();
        Span<LibZmq.PollItem> items = [new() { Socket = _handle.Value, Events = LibZmq.PollIn }];
        return ZmqPoll.Wait(items, timeout) > 0;
    }

    /// <summary>
    /// Blocks until a message can be received, a file descriptor can be read, or the time is over; also without a socket.
    /// </summary>
    /// <param name="descriptor">A file descriptor, or -1.</param>
    /// <returns>Whether the descriptor can be read, or has ended.</returns>
    public static bool WaitReadable(ZmqSocket? socket, int descriptor, TimeSpan timeout)
    {
        socket?.Check();
        Span<LibZmq.PollItem> items = stackalloc LibZmq.PollItem[2];
        var count = 0;
        if (descriptor >= 0) items[count++] = new() { Fd = descriptor, Events = LibZmq.PollIn };
        if (socket is not null) items[count++] = new() { Socket = socket._handle.Value, Events = LibZmq.PollIn };
        ZmqPoll.Wait(items[..count], timeout);
        return descriptor >= 0 && items[0].Revents != 0;
    }

    private void Apply(SocketOptions options)
    {
        Set(LibZmq.IPv6, 1);
        Set(LibZmq.Backlog, SocketOptions.ConnectionsWaiting);
        Set(LibZmq.Linger, (int)options.Linger.TotalMilliseconds);
        Set(LibZmq.SendHighWaterMark, options.HighWaterMark);
        Set(LibZmq.ReceiveHighWaterMark, options.ReceiveHighWaterMark ?? options.HighWaterMark);
        if (options.ReceiveBufferBytes is { } bytes) Set(LibZmq.ReceiveBuffer, bytes);
        Set(LibZmq.TcpKeepAlive, 1);
        Set(LibZmq.TcpKeepAliveIdle, 120); // seconds
        Span<byte> limit = stackalloc byte[sizeof(long)];
        MemoryMarshal.Write(limit, (long)options.MaxMessageBytes * SocketOptions.CutFactor);
        SetBytes(LibZmq.MaxMessageSize, limit);
        if (options.Identity is { } identity)
            SetBytes(LibZmq.RoutingId, identity.Bytes.Span);
        ApplyTypeOptions(options);
        ApplyCurve(options);
    }

    private void ApplyTypeOptions(SocketOptions options)
    {
        switch (Type)
        {
            case ZmqSocketType.Router:
                Set(LibZmq.RouterMandatory, options.RouterMandatory ? 1 : 0);
                Set(LibZmq.RouterHandover, options.RouterHandover ? 1 : 0);
                break;
            case ZmqSocketType.Req when options.RequestRelaxed:
                Set(LibZmq.RequestRelaxed, 1);
                Set(LibZmq.RequestCorrelate, 1);
                break;
            case ZmqSocketType.Xpub:
                // Whoever comes is told of, also where it is not the first to follow something
                Set(LibZmq.XpubVerbose, 1);
                break;
            case ZmqSocketType.Sub:
                foreach (var prefix in options.Subscribe)
                    SetBytes(LibZmq.Subscribe, Encoding.UTF8.GetBytes(prefix));
                break;
        }
    }

    private void ApplyCurve(SocketOptions options)
    {
        if (options.CurveServerSecretKey is { } secret)
        {
            Set(LibZmq.CurveServer, 1);
            SetText(LibZmq.CurveSecretKey, secret);
            // Without the second one libzmq lets everybody in who knows the server's key, if nobody answers for it
            SetBytes(LibZmq.ZapDomain, Encoding.ASCII.GetBytes(SocketOptions.KeysDomain));
            Set(LibZmq.ZapEnforceDomain, 1);
        }

        if (options.CurveClient is { } keys)
        {
            SetText(LibZmq.CurveServerKey, keys.ServerPublicKey);
            SetText(LibZmq.CurvePublicKey, keys.PublicKey);
            SetText(LibZmq.CurveSecretKey, keys.SecretKey);
        }
    }

    private void Set(int option, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        MemoryMarshal.Write(bytes, value);
        SetBytes(option, bytes);
    }

    private void SetText(int option, string value) => SetBytes(option, Encoding.ASCII.GetBytes(value + '\0'));

    private void SetBytes(int option, ReadOnlySpan<byte> value)
    {
        if (LibZmq.SetOption(_handle, option, value, (nuint)value.Length) != 0)
            throw ZmqException.Last($"cannot set option {option} of a {Type} socket");
    }

    private string ReadLastEndpoint()
    {
        Span<byte> text = stackalloc byte[1024];
        var length = (nuint)text.Length;
        if (LibZmq.GetOption(_handle, LibZmq.LastEndpoint, text, ref length) != 0)
            throw ZmqException.Last("cannot read the endpoint bound");
        return Encoding.UTF8.GetString(text[..(int)length]).TrimEnd('\0');
    }

    private void Check()
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        if (_ownerThread != 0 && _ownerThread != Environment.CurrentManagedThreadId)
            throw new InvalidOperationException("This socket belongs to another thread.");
    }

    /// <summary>Closes; what is unsent lingers. From the owner's thread, or when that has ended.</summary>
    public void Dispose()
    {
        _guard?.Dispose();
        _handle.Dispose();
    }
}
