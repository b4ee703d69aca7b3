namespace Piwheels.Messaging.Zmq;

/// <summary>
/// What a ROUTER socket knows a peer by: up to 255 bytes, equal by value. It is the peer's to choose, so no proof of
/// who it is.
/// </summary>
public readonly struct PeerAddress(ReadOnlyMemory<byte> bytes) : IEquatable<PeerAddress>
{
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public bool Equals(PeerAddress other) => Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override bool Equals(object? obj) => obj is PeerAddress other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes.Span);
        return hash.ToHashCode();
    }

    public static bool operator ==(PeerAddress left, PeerAddress right) => left.Equals(right);

    public static bool operator !=(PeerAddress left, PeerAddress right) => !left.Equals(right);

    /// <summary>The bytes in hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(Bytes.Span);
}
