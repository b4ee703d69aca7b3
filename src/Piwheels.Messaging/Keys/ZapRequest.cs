using System.Text;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Keys;

/// <summary>
/// libzmq's question whether a peer may connect, and the answers to it: the ZeroMQ Authentication Protocol 1.0 (ZeroMQ
/// RFC 27). Frames are those after the address and the empty delimiter of a ROUTER.
/// </summary>
/// <param name="Id">Given back with the answer.</param>
/// <param name="Domain">What the socket belongs to that the peer connects to.</param>
/// <param name="Host">The peer's IP address.</param>
/// <param name="Key">Null where it is asked about something else than a key (mechanisms NULL and PLAIN).</param>
public sealed record ZapRequest(ReadOnlyMemory<byte> Id, string Domain, string Host, PublicKey? Key)
{
    /// <summary>Where libzmq looks for whoever answers, in the context of the socket.</summary>
    public const string Address = "inproc://zeromq.zap.01";

    private const int TextBytesMax = 255;

    private static readonly byte[] Version = "1.0"u8.ToArray();

    /// <summary>Reads what is one; null where it is none.</summary>
    public static ZapRequest? Read(ReadOnlySpan<ReadOnlyMemory<byte>> frames)
    {
        if (frames.Length < 6 || !frames[0].Span.SequenceEqual(Version)) return null;
        if (frames[1].Length > TextBytesMax || frames[2].Length > TextBytesMax || frames[3].Length > TextBytesMax) return null;
        var mechanism = frames[5].Span;
        PublicKey? key = null;
        if (mechanism.SequenceEqual("CURVE"u8))
        {
            if (frames.Length != 7 || frames[6].Length != PublicKey.BytesLength) return null;
            key = PublicKey.Of(frames[6].Span);
        }

        var host = PeerAddress.PlainHost(Encoding.UTF8.GetString(frames[3].Span));
        return new ZapRequest(frames[1], Encoding.UTF8.GetString(frames[2].Span), host, key);
    }

    /// <summary>It may connect. Its messages carry the user's name.</summary>
    public ReadOnlyMemory<byte>[] Welcome(string user) => Answer("200"u8, "OK"u8, Encoding.UTF8.GetBytes(user));

    /// <summary>It may not, and is told so.</summary>
    public ReadOnlyMemory<byte>[] Refusal() => Answer("400"u8, "not on the list"u8, []);

    private ReadOnlyMemory<byte>[] Answer(ReadOnlySpan<byte> status, ReadOnlySpan<byte> text, byte[] user) =>
        [Version, Id, status.ToArray(), text.ToArray(), user, ReadOnlyMemory<byte>.Empty];
}
