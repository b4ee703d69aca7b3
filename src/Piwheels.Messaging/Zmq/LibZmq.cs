using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>The entry points of libzmq 4 that this farm needs, as zmq.h declares them. No draft API.</summary>
internal static partial class LibZmq
{
    public const string Name = "libzmq.so.5";

    // Context options
    public const int MaxSockets = 2;

    // Socket options
    public const int RoutingId = 5;
    public const int Subscribe = 6;
    public const int Unsubscribe = 7;
    public const int ReceiveBuffer = 12;
    public const int ReceiveMore = 13;
    public const int Linger = 17;
    public const int Backlog = 19;
    public const int MaxMessageSize = 22;
    public const int SendHighWaterMark = 23;
    public const int ReceiveHighWaterMark = 24;
    public const int LastEndpoint = 32;
    public const int RouterMandatory = 33;
    public const int TcpKeepAlive = 34;
    public const int TcpKeepAliveIdle = 36;
    public const int XpubVerbose = 40;
    public const int IPv6 = 42;
    public const int CurveServer = 47;
    public const int CurvePublicKey = 48;
    public const int CurveSecretKey = 49;
    public const int CurveServerKey = 50;
    public const int RequestCorrelate = 52;
    public const int RequestRelaxed = 53;
    public const int ZapDomain = 55;
    public const int RouterHandover = 56;
    public const int ZapEnforceDomain = 93;

    // Properties of a message
    public const int SourceFd = 2;

    // Flags of send and receive
    public const int DontWait = 1;
    public const int SendMore = 2;

    // Events of poll
    public const short PollIn = 1;
    public const short PollOut = 2;

    // Events of a monitor (zmq_socket_monitor(3))
    public const int HandshakeFailed = 0x0800;
    public const int HandshakeSucceeded = 0x1000;
    public const int HandshakeFailedProtocol = 0x2000;
    public const int HandshakeFailedAuthentication = 0x4000;

    // errno values; those above 156384712 are libzmq's own
    public const int Eintr = 4;
    public const int Eagain = 11;
    public const int Eaddrinuse = 98;
    public const int Enametoolong = 36;
    public const int Ehostunreach = 113;
    public const int Efsm = 156384763;
    public const int Eterm = 156384765;

    static LibZmq() => NativeLibrary.SetDllImportResolver(typeof(LibZmq).Assembly, Resolve);

    /// <summary>Loads the library under a file name; says which package is missing when there is none.</summary>
    internal static nint Load(string name) =>
        NativeLibrary.TryLoad(name, out var handle)
            ? handle
            : throw new DllNotFoundException(
                $"{name} is not installed. It is ZeroMQ's library: on Debian and Ubuntu, apt install libzmq5.");

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == Name ? Load(name) : 0;

    /// <summary>zmq_msg_t: 64 opaque bytes.</summary>
    [InlineArray(8)]
    internal struct Message
    {
        private ulong _opaque;
    }

    /// <summary>zmq_pollitem_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollItem
    {
        public nint Socket;
        public int Fd;
        public short Events;
        public short Revents;
    }

    [LibraryImport(Name, EntryPoint = "zmq_ctx_new", SetLastError = true)]
    internal static partial nint ContextNew();

    [LibraryImport(Name, EntryPoint = "zmq_ctx_set", SetLastError = true)]
    internal static partial int ContextSet(ZmqContextHandle context, int option, int value);

    [LibraryImport(Name, EntryPoint = "zmq_ctx_shutdown", SetLastError = true)]
    internal static partial int ContextShutdown(ZmqContextHandle context);

    [LibraryImport(Name, EntryPoint = "zmq_ctx_term", SetLastError = true)]
    internal static partial int ContextTerm(nint context);

    [LibraryImport(Name, EntryPoint = "zmq_socket", SetLastError = true)]
    internal static partial nint SocketNew(ZmqContextHandle context, int type);

    [LibraryImport(Name, EntryPoint = "zmq_close", SetLastError = true)]
    internal static partial int SocketClose(nint socket);

    [LibraryImport(Name, EntryPoint = "zmq_setsockopt", SetLastError = true)]
    internal static partial int SetOption(
        ZmqSocketHandle socket, int option, ReadOnlySpan<byte> value, nuint length);

    [LibraryImport(Name, EntryPoint = "zmq_getsockopt", SetLastError = true)]
    internal static partial int GetOption(ZmqSocketHandle socket, int option, Span<byte> value, ref nuint length);

    [LibraryImport(Name, EntryPoint = "zmq_bind", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Bind(ZmqSocketHandle socket, string address);

    [LibraryImport(Name, EntryPoint = "zmq_unbind", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Unbind(ZmqSocketHandle socket, string address);

    [LibraryImport(Name, EntryPoint = "zmq_connect", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Connect(ZmqSocketHandle socket, string address);

    [LibraryImport(
        Name, EntryPoint = "zmq_disconnect", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Disconnect(ZmqSocketHandle socket, string address);

    [LibraryImport(Name, EntryPoint = "zmq_send", SetLastError = true)]
    internal static partial int Send(ZmqSocketHandle socket, ReadOnlySpan<byte> data, nuint length, int flags);

    /// <summary>Answers how long the frame is, however much of it fits.</summary>
    [LibraryImport(Name, EntryPoint = "zmq_recv", SetLastError = true)]
    internal static partial int Receive(ZmqSocketHandle socket, Span<byte> data, nuint length, int flags);

    [LibraryImport(
        Name, EntryPoint = "zmq_socket_monitor", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SocketMonitor(ZmqSocketHandle socket, string address, int events);

    [LibraryImport(Name, EntryPoint = "zmq_msg_init")]
    internal static partial int MessageInit(ref Message message);

    [LibraryImport(Name, EntryPoint = "zmq_msg_recv", SetLastError = true)]
    internal static partial int MessageReceive(ref Message message, ZmqSocketHandle socket, int flags);

    [LibraryImport(Name, EntryPoint = "zmq_msg_data")]
    internal static unsafe partial byte* MessageData(ref Message message);

    [LibraryImport(Name, EntryPoint = "zmq_msg_size")]
    internal static partial nuint MessageSize(ref Message message);

    [LibraryImport(Name, EntryPoint = "zmq_msg_more")]
    internal static partial int MessageMore(ref Message message);

    /// <summary>Text that lives as long as the message; null where it has no such property.</summary>
    [LibraryImport(Name, EntryPoint = "zmq_msg_gets")]
    internal static unsafe partial byte* MessageProperty(ref Message message, ReadOnlySpan<byte> name);

    [LibraryImport(Name, EntryPoint = "zmq_msg_get")]
    internal static partial int MessageGet(ref Message message, int property);

    [LibraryImport(Name, EntryPoint = "zmq_msg_move")]
    internal static partial int MessageMove(ref Message to, ref Message from);

    [LibraryImport(Name, EntryPoint = "zmq_msg_close")]
    internal static partial int MessageClose(ref Message message);

    /// <param name="timeout">Milliseconds; -1 waits without end. A C long, which is as wide as a pointer on
    /// Linux.</param>
    [LibraryImport(Name, EntryPoint = "zmq_poll", SetLastError = true)]
    internal static partial int Poll(Span<PollItem> items, int count, nint timeout);

    [LibraryImport(Name, EntryPoint = "zmq_strerror")]
    internal static partial nint ErrorText(int errno);

    [LibraryImport(Name, EntryPoint = "zmq_curve_keypair", SetLastError = true)]
    internal static partial int CurveKeyPair(Span<byte> publicKey, Span<byte> secretKey);

    [LibraryImport(Name, EntryPoint = "zmq_curve_public", SetLastError = true)]
    internal static partial int CurvePublic(Span<byte> publicKey, ReadOnlySpan<byte> secretKey);

    /// <returns>Null where the text is none.</returns>
    [LibraryImport(Name, EntryPoint = "zmq_z85_decode")]
    internal static partial nint Z85Decode(Span<byte> bytes, ReadOnlySpan<byte> text);

    [LibraryImport(Name, EntryPoint = "zmq_z85_encode")]
    internal static partial nint Z85Encode(Span<byte> text, ReadOnlySpan<byte> bytes, nuint length);
}
