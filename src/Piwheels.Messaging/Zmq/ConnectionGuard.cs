using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>
/// Cuts TCP connections of a bound socket on which more comes than any message has, without a message that ends. libzmq
/// limits the bytes of a frame and the number of whole messages that wait; a message of ever more frames it gathers in
/// memory until there is none left. What a connection has brought the kernel knows (tcp(7), TCP_INFO).
/// </summary>
internal sealed partial class ConnectionGuard : IDisposable
{
    /// <summary>How often it should look: what comes meanwhile is above the limit.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

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

    private static int _lastNumber;

    private readonly ZmqSocketHandle _monitor;
    private readonly long _bytesMax;
    private readonly Dictionary<int, Connection> _connections = [];
    private readonly HashSet<int> _heard = [];

    /// <param name="bytesMax">Bytes that may come on a connection before a message of it has ended.</param>
    public ConnectionGuard(ZmqContextHandle context, ZmqSocketHandle socket, long bytesMax)
    {
        _bytesMax = bytesMax;
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

    /// <summary>Cuts what is above the limit; answers how many connections that were.</summary>
    public int Look()
    {
        while (TryReadEvent(out var kind, out var connection))
        {
            if (kind == Accepted) _connections[connection] = new Connection(PortOf(connection), 0);
            else _connections.Remove(connection);
        }

        var cut = 0;
        foreach (var (number, connection) in _connections.ToList())
        {
            var bytes = BytesOf(number);
            if (_heard.Contains(number)) _connections[number] = connection with { BytesAtEnd = bytes };
            else if (bytes - connection.BytesAtEnd > _bytesMax && Cut(number, connection.Port)) cut++;
        }

        _heard.Clear();
        return cut;
    }

    // The number may be that of somebody else's connection by now
    private static bool Cut(int number, int port) =>
        port != 0 && PortOf(number) == port && Shutdown(number, ShutdownBoth) == 0;

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

    [LibraryImport("libc", EntryPoint = "shutdown")]
    private static partial int Shutdown(int socket, int how);

    /// <param name="BytesAtEnd">What had come when a message of it was last seen to have ended, at a look.</param>
    private readonly record struct Connection(int Port, long BytesAtEnd);
}
