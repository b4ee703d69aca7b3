using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Piwheels.Bench.Loading;

/// <summary>
/// A connection to a ZeroMQ socket in ZMTP 3.0 without keys (RFC 23), as a REQ or DEALER socket has it. Ten thousand
/// of these share a few threads and one descriptor each, where libzmq's sockets would cost more than the master that
/// is measured.
/// </summary>
internal sealed class ZmtpPeer : IDisposable
{
    private const int GreetingBytes = 64;
    private const int HeaderBytesMax = 9;

    /// <summary>Bytes handed to the kernel at a time.</summary>
    private const int SentAtATime = 1 << 20;

    private const byte More = 1;
    private const byte Long = 2;
    private const byte Command = 4;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
    {
        NoDelay = true,
    };

    private byte[] _received = new byte[256];
    private readonly byte[] _sending = new byte[1024];
    private int _start;
    private int _end;

    private ZmtpPeer()
    {
    }

    /// <summary>Bytes of frames that were received, without their headers.</summary>
    public long BytesReceived { get; private set; }

    /// <param name="type">What the socket says that it is: "REQ" or "DEALER".</param>
    public static async Task<ZmtpPeer> ConnectAsync(int port, string type, CancellationToken cancel)
    {
        var peer = new ZmtpPeer();
        try
        {
            await peer._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancel);
            await peer._socket.SendAsync(Greeting(type), cancel);
            await peer.FillAsync(GreetingBytes, cancel);
            peer._start += GreetingBytes;
            return peer;
        }
        catch
        {
            peer.Dispose();
            throw;
        }
    }

    /// <summary>Sends one message; its frames one after the other.</summary>
    public async ValueTask SendAsync(
        ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, ReadOnlyMemory<byte>? third, CancellationToken cancel)
    {
        // The last frame may be large, and is sent from where it is
        var last = third ?? second;
        var at = Append(0, first.Span, More);
        if (third is not null) at = Append(at, second.Span, More);
        at = AppendHeader(at, last.Length, 0);
        if (last.Length <= _sending.Length - at)
        {
            last.Span.CopyTo(_sending.AsSpan(at));
            await SendAllAsync(_sending.AsMemory(0, at + last.Length), cancel);
            return;
        }

        await SendAllAsync(_sending.AsMemory(0, at), cancel);
        await SendAllAsync(last, cancel);
    }

    private async ValueTask SendAllAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (bytes.Length > 0)
            bytes = bytes[await _socket.SendAsync(bytes[..Math.Min(bytes.Length, SentAtATime)], cancel)..];
    }

    /// <summary>The last frame of the next message, and the one before it; valid until the next call.</summary>
    public async ValueTask<(ReadOnlyMemory<byte> First, ReadOnlyMemory<byte> Second, ReadOnlyMemory<byte> Last)> ReceiveAsync(
        CancellationToken cancel)
    {
        while (true)
        {
            // Frames are kept until the whole message is there, so that none of them moves
            if (TryTakeMessage(out var message)) return message;
            await FillAsync(_end - _start + 1, cancel);
        }
    }

    public void Dispose() => _socket.Dispose();

    private bool TryTakeMessage(
        out (ReadOnlyMemory<byte> First, ReadOnlyMemory<byte> Second, ReadOnlyMemory<byte> Last) message)
    {
        message = default;
        var at = _start;
        for (var frames = 0; ; frames++)
        {
            if (!TryReadFrame(ref at, out var flags, out var frame)) return false;
            if ((flags & Command) != 0)
            {
                // READY; whatever it says
                (_start, frames) = (at, -1);
                continue;
            }

            if (frames == 0) message.First = frame;
            if (frames == 1) message.Second = frame;
            message.Last = frame;
            if ((flags & More) != 0) continue;
            _start = at;
            BytesReceived += frame.Length;
            return true;
        }
    }

    private bool TryReadFrame(ref int at, out byte flags, out ReadOnlyMemory<byte> frame)
    {
        (flags, frame) = (0, default);
        if (_end - at < 2) return false;
        flags = _received[at];
        var isLong = (flags & Long) != 0;
        var header = isLong ? HeaderBytesMax : 2;
        if (_end - at < header) return false;
        var length = isLong
            ? checked((int)BinaryPrimitives.ReadUInt64BigEndian(_received.AsSpan(at + 1)))
            : _received[at + 1];
        if (_end - at - header < length) return false;
        frame = _received.AsMemory(at + header, length);
        at += header + length;
        return true;
    }

    private async ValueTask FillAsync(int wanted, CancellationToken cancel)
    {
        while (_end - _start < wanted)
        {
            if (_start > 0 && (_start == _end || _end == _received.Length))
            {
                _received.AsSpan(_start, _end - _start).CopyTo(_received);
                (_start, _end) = (0, _end - _start);
            }

            if (_end == _received.Length) Array.Resize(ref _received, _received.Length * 2);
            var count = await _socket.ReceiveAsync(_received.AsMemory(_end), cancel);
            if (count == 0) throw new BenchFault("the master has closed a connection");
            _end += count;
        }
    }

    private int Append(int at, ReadOnlySpan<byte> frame, byte flags)
    {
        at = AppendHeader(at, frame.Length, flags);
        frame.CopyTo(_sending.AsSpan(at));
        return at + frame.Length;
    }

    private int AppendHeader(int at, int length, byte flags)
    {
        if (length <= byte.MaxValue)
        {
            _sending[at++] = flags;
            _sending[at++] = (byte)length;
            return at;
        }

        _sending[at++] = (byte)(flags | Long);
        BinaryPrimitives.WriteUInt64BigEndian(_sending.AsSpan(at), (ulong)length);
        return at + sizeof(ulong);
    }

    /// <summary>Signature, version 3.0, mechanism NULL; then the command READY with the socket's type.</summary>
    private static byte[] Greeting(string type)
    {
        var ready = new List<byte> { 5 };
        ready.AddRange("READY"u8);
        Property(ready, "Socket-Type"u8, type);
        Property(ready, "Identity"u8, "");
        var bytes = new byte[GreetingBytes];
        (bytes[0], bytes[9], bytes[10]) = (0xFF, 0x7F, 3);
        "NULL"u8.CopyTo(bytes.AsSpan(12));
        return [.. bytes, Command, (byte)ready.Count, .. ready];
    }

    private static void Property(List<byte> ready, ReadOnlySpan<byte> name, string value)
    {
        ready.Add((byte)name.Length);
        ready.AddRange(name);
        ready.AddRange([0, 0, 0, (byte)value.Length]);
        foreach (var character in value) ready.Add((byte)character);
    }
}
