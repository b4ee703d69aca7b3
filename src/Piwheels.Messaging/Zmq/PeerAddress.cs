namespace Piwheels.Messaging.Zmq;

/// <summary>
/// What a ROUTER socket knows a peer by: up to 255 bytes, and the key that it came by. The bytes are the peer's to choose,
/// so they are no proof of who it is; the key is. Equal where both are: who takes another's bytes does not get its place.
/// </summary>
/// <param name="bytes">The name of the connection.</param>
/// <param name="key">The public key, as Z85 text, that the peer has proved to have the secret of; null without keys.</param>
/// <param name="host">Where it connects from, see <see cref="Host"/>.</param>
public readonly struct PeerAddress(ReadOnlyMemory<byte> bytes, string? key = null, string? host = null)
    : IEquatable<PeerAddress>
{
    // How a socket for both tells of a peer that came by IPv4 (RFC 4291, section 2.5.5.2)
    private const string IPv4Within = "::ffff:";

    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    /// <summary>
    /// The public key, as Z85 text, that the peer has proved to have the secret of; null on a socket without keys.
    /// </summary>
    public string? Key { get; } = key;

    /// <summary>
    /// The IP address that it connects from; "" over inproc, and user, group and process over ipc. Null where the
    /// socket does not look (<see cref="SocketOptions.TellsPeers"/>). No part of what makes two equal.
    /// </summary>
    public string? Host { get; } = host;

    /// <summary>An IP address as libzmq tells it, in the form that does not depend on the socket.</summary>
    internal static string PlainHost(string told) =>
        told.StartsWith(IPv4Within, StringComparison.Ordinal) ? told[IPv4Within.Length..] : told;

    public bool Equals(PeerAddress other) => Bytes.Span.SequenceEqual(other.Bytes.Span) && Key == other.Key;

    public override bool Equals(object? obj) => obj is PeerAddress other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes.Span);
        hash.Add(Key, StringComparer.Ordinal);
        return hash.ToHashCode();
    }

    public static bool operator ==(PeerAddress left, PeerAddress right) => left.Equals(right);

    public static bool operator !=(PeerAddress left, PeerAddress right) => !left.Equals(right);

    /// <summary>The bytes in hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(Bytes.Span);
}
