using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Piwheels.Testing;

/// <summary>A peer that speaks ZMTP 3.0 (ZeroMQ RFC 23) by hand, without keys, and so can lie where libzmq would not.</summary>
public sealed class RawPeer : IDisposable
{
    private const byte More = 1;
    private const byte Long = 2;
    private const byte Command = 4;

    private readonly TcpClient _tcp = new();
    private readonly NetworkStream _stream;

    /// <summary>Connects; returns when the other side has said that it is ready, or has closed.</summary>
    /// <param name="endpoint">As a socket tells where it is bound: tcp, with an IPv4 address.</param>
    /// <param name="properties">What it says of itself in READY.</param>
    /// <param name="from">The address that it comes from.</param>
    public RawPeer(
        string endpoint,
        IReadOnlyDictionary<string, string> properties,
        string mechanism = "NULL",
        IPAddress? from = null)
    {
        var place = new Uri(endpoint);
        if (from is not null) _tcp.Client.Bind(new IPEndPoint(from.MapToIPv6(), 0));
        _tcp.Connect(IPAddress.Parse(place.Host), place.Port);
        _stream = _tcp.GetStream();
        var greeting = new byte[64];
        greeting[0] = 0xff;
        greeting[9] = 0x7f;
        greeting[10] = 3;
        Encoding.ASCII.GetBytes(mechanism, greeting.AsSpan(12));
        try
        {
            _stream.Write(greeting);
            _stream.ReadExactly(new byte[greeting.Length]);
            Say(Command, [5, .. "READY"u8, .. properties.SelectMany(Property)]);
            // A message that comes before libzmq's own READY is no message to it
            var head = new byte[2];
            _stream.ReadExactly(head);
            _stream.ReadExactly(new byte[head[1]]);
        }
        catch (IOException)
        {
            // It has closed: the mechanism, or what was said, is not to its liking
        }
    }

    /// <summary>Sends a message.</summary>
    public void Send(params IReadOnlyList<byte[]> frames)
    {
        for (var index = 0; index < frames.Count; index++)
            Say(index < frames.Count - 1 ? More : (byte)0, frames[index]);
    }

    /// <summary>Sends bytes as they are.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    public void Dispose()
    {
        _stream.Dispose();
        _tcp.Dispose();
    }

    private static byte[] Property(KeyValuePair<string, string> property)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, property.Value.Length);
        return
        [
            (byte)property.Key.Length, .. Encoding.ASCII.GetBytes(property.Key),
            .. length, .. Encoding.ASCII.GetBytes(property.Value),
        ];
    }

    private void Say(byte flags, byte[] body)
    {
        if (body.Length <= byte.MaxValue)
        {
            _stream.Write([flags, (byte)body.Length, .. body]);
            return;
        }

        var length = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(length, body.Length);
        _stream.Write([(byte)(flags | Long), .. length, .. body]);
    }
}
