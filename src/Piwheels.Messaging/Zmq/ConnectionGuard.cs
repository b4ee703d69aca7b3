using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>
/// Cuts TCP connections of a bound socket on which more comes than any message has, without a message that ends. libzmq
/// limits the bytes of a frame and the number of whole messages that wait; a message of ever more frames it gathers in
/// memory until there is none left. What a connection has brought the kernel knows (tcp(7), TCP_INFO), and what it brings
/// can be looked at before libzmq takes it.
/// </summary>
internal sealed partial class ConnectionGuard : IDisposable
{
    /// <summary>How often it should look: what comes meanwhile is above the limits.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>A connection that has brought so many bytes of a message is looked into for small frames.</summary>
    public const int UnseenBytesMax = 64 * 1024;

    /// <summary>So many bytes, one after the other, tell whether they are small frames.</summary>
    public const int TellingBytes = 16 * 1024;

    // Events of a socket monitor (zmq_socket_monitor(3))
    private const int Accepted = 0x20;
    private const int Closed = 0x80;
    private const int Disconnected = 0x200;

    private const int TcpLevel = 6;
    private const int TcpInfo = 11;
    private const int BytesReceivedAt = 128;
    private const int InfoBytes = 256;
    private const int AddressBytes = 128;
    private const int ShutdownBoth = 2;
    private const int SocketLevel = 1;
    private const int ReceiveLowWater = 18;
    private const int Peek = 2;
    private const int DontWait = 0x40;

    private static int _lastNumber;

    private readonly ZmqSocketHandle _monitor;
    private readonly long _bytesMax;
    private readonly long _allBytesMax;
    private readonly byte[] _piece = new byte[TellingBytes];
    private readonly Dictionary<int, Connection> _connections = [];
    private readonly HashSet<int> _heard = [];
    private int _refused;

    /// <param name="bytesMax">Bytes that may come on a connection before a message of it has ended.</param>
    /// <param name="allBytesMax">The same of all connections together.</param>
    public ConnectionGuard(ZmqContextHandle context, ZmqSocketHandle socket, long bytesMax, long allBytesMax)
    {
        _bytesMax = bytesMax;
        _allBytesMax = allBytesMax;
        var address = $"inproc://connections-{Interlocked.Increment(ref _lastNumber)}";
        if (LibZmq.SocketMonitor(socket, address, Accepted | Closed | Disconnected) != 0)
            throw ZmqException.Last("cannot watch the connections of a socket");
        _monitor = new ZmqSocketHandle(context, ZmqSocketType.Pair);
        // Without a limit, since libzmq's own thread would wait at one
        Span<byte> none = stackalloc byte[sizeof(int)];
        none.Clear();
        if (LibZmq.SetOption(_monitor, LibZmq.ReceiveHighWaterMark, none, sizeof(int)) != 0
            || LibZmq.Connect(_monitor, address) != 0)
        {
            var failure = ZmqException.Last($"cannot connect {address}");
            _monitor.Dispose();
            throw failure;
        }
    }

    /// <summary>A whole message has come by a connection, given by its file descriptor.</summary>
    public void Heard(int connection) => _heard.Add(connection);

    /// <summary>Cuts a connection, given by its file descriptor, that brought a message of more frames than any has.</summary>
    public void Refuse(int connection)
    {
        ReadEvents();
        if (_connections.TryGetValue(connection, out var known) && Cut(connection, known.Port)) _refused++;
    }

    /// <summary>Cuts what is above the limits; answers how many connections that were.</summary>
    public int Look()
    {
        ReadEvents();
        var cut = _refused;
        _refused = 0;
        long all = 0;
        var open = new List<(long Bytes, int Number, int Port)>();
        foreach (var (number, connection) in _connections.ToList())
        {
            var bytes = BytesOf(number) - connection.BytesAtEnd;
            if (_heard.Contains(number))
            {
                if (connection.IsHeld) Release(number, connection.Port);
                _connections[number] = new Connection(connection.Port, connection.BytesAtEnd + bytes);
            }
            else if (bytes > _bytesMax || IsEndless(number, connection, bytes))
            {
                if (Cut(number, connection.Port)) cut++;
            }
            else if (bytes > UnseenBytesMax)
            {
                all += bytes;
                open.Add((bytes, number, connection.Port));
            }
        }

        _heard.Clear();
        return cut + CutLargest(open, all);
    }

    /// <summary>Cuts those that have brought the most, until all together are within the limit.</summary>
    private int CutLargest(List<(long Bytes, int Number, int Port)> open, long all)
    {
        if (all <= _allBytesMax) return 0;
        var cut = 0;
        foreach (var (bytes, number, port) in open.OrderDescending())
        {
            if (all <= _allBytesMax) break;
            if (Cut(number, port)) cut++;
            all -= bytes;
        }

        return cut;
    }

    /// <summary>
    /// Looks at what waits in the kernel of a connection. Where that is too little to tell, more is gathered until the next
    /// look: the end of an honest message then waits as long.
    /// </summary>
    private bool IsEndless(int number, Connection connection, long bytes)
    {
        if (bytes - connection.BytesSeen <= UnseenBytesMax && !connection.IsHeld) return false;
        if (connection.Port == 0 || PortOf(number) != connection.Port) return false;
        var length = (int)Receive(number, _piece, (nuint)_piece.Length, Peek | DontWait);
        var chain = FrameChains.Read(_piece.AsSpan(0, Math.Max(length, 0)), TellingBytes, _bytesMax);
        if (chain == FrameChain.Endless) return true;
        // Where nothing came since, it is no more than a message's frames, and may be the end of an honest one
        var hold = (length <= 0 || chain == FrameChain.Perhaps) && bytes > connection.BytesAtLook;
        if (hold != connection.IsHeld) SetLowWater(number, hold ? TellingBytes : 1);
        _connections[number] = connection with
        {
            IsHeld = hold,
            BytesAtLook = bytes,
            BytesSeen = hold ? connection.BytesSeen : bytes,
        };
        return false;
    }

    private void ReadEvents()
    {
        while (TryReadEvent(out var kind, out var number))
        {
            if (kind != Accepted)
            {
                _connections.Remove(number);
                continue;
            }

            _connections[number] = new Connection(PortOf(number), 0);
            // What was meant for another one of this number, and came just too late
            SetLowWater(number, 1);
        }
    }

    private static void Release(int number, int port)
    {
        if (PortOf(number) == port) SetLowWater(number, 1);
    }

    /// <summary>How many bytes must be there before libzmq is told of them (socket(7), SO_RCVLOWAT).</summary>
    private static void SetLowWater(int number, int bytes) =>
        _ = SetSocketOption(number, SocketLevel, ReceiveLowWater, bytes, sizeof(int));

    private bool Cut(int number, int port)
    {
        // What libzmq has not read yet is none of the next look's
        _connections.Remove(number);
        // The number may be that of somebody else's connection by now
        return port != 0 && PortOf(number) == port && Shutdown(number, ShutdownBoth) == 0;
    }

    public void Dispose() => _monitor.Dispose();

    /// <summary>An event is two frames: its number and value, and the address, which is not needed.</summary>
    private bool TryReadEvent(out int kind, out int value)
    {
        (kind, value) = (0, 0);
        Span<byte> frame = stackalloc byte[AddressBytes];
        if (LibZmq.Receive(_monitor, frame, (nuint)frame.Length, LibZmq.DontWait) < 6) return false;
        kind = BinaryPrimitives.ReadUInt16LittleEndian(frame);
        value = BinaryPrimitives.ReadInt32LittleEndian(frame[2..]);
        _ = LibZmq.Receive(_monitor, frame, (nuint)frame.Length, LibZmq.DontWait);
        return true;
    }

    /// <summary>The port on our side; 0 where it is no TCP connection.</summary>
    private static int PortOf(int connection)
    {
        const ushort InterNetwork = 2;
        const ushort InterNetworkV6 = 10;
        Span<byte> address = stackalloc byte[AddressBytes];
        var length = address.Length;
        if (GetSocketName(connection, address, ref length) != 0) return 0;
        return MemoryMarshal.Read<ushort>(address) is InterNetwork or InterNetworkV6
            ? BinaryPrimitives.ReadUInt16BigEndian(address[2..])
            : 0;
    }

    /// <summary>Bytes that have come by a connection since it began; 0 where the kernel does not tell (before 4.1).</summary>
    private static long BytesOf(int connection)
    {
        Span<byte> info = stackalloc byte[InfoBytes];
        var length = info.Length;
        return GetSocketOption(connection, TcpLevel, TcpInfo, info, ref length) == 0
            && length >= BytesReceivedAt + sizeof(long)
                ? MemoryMarshal.Read<long>(info[BytesReceivedAt..])
                : 0;
    }

    [LibraryImport("libc", EntryPoint = "getsockname")]
    private static partial int GetSocketName(int socket, Span<byte> address, ref int length);

    [LibraryImport("libc", EntryPoint = "getsockopt")]
    private static partial int GetSocketOption(int socket, int level, int option, Span<byte> value, ref int length);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    private static partial int SetSocketOption(int socket, int level, int option, in int value, int length);

    [LibraryImport("libc", EntryPoint = "recv")]
    private static partial nint Receive(int socket, Span<byte> buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown")]
    private static partial int Shutdown(int socket, int how);

    /// <param name="BytesAtEnd">What had come when a message of it was last seen to have ended, at a look.</param>
    /// <param name="BytesSeen">How much of what came since is known to be no small frames, or small enough.</param>
    /// <param name="IsHeld">What comes is gathered in the kernel, to be looked at.</param>
    /// <param name="BytesAtLook">What had come since that message when it was last looked into.</param>
    private readonly record struct Connection(
        int Port, long BytesAtEnd, long BytesSeen = 0, bool IsHeld = false, long BytesAtLook = 0);
}
