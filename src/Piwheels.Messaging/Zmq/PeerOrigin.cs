using System.Net;
using System.Net.Sockets;

namespace Piwheels.Messaging.Zmq;

/// <summary>
/// Where peers come from, for limits that many connections of one party shall share: the key of one that proved to have
/// one; else its IPv4 address, or the /64 of its IPv6 address, which is what one customer gets (RFC 6177).
/// </summary>
public static class PeerOrigin
{
    private const string Loopback = "loopback";

    /// <summary>Text that is equal for peers of one origin; "" where that is not known.</summary>
    public static string Of(PeerAddress peer)
    {
        if (peer.Key is { Length: > 0 } key) return key;
        if (peer.Host is not { Length: > 0 } host) return "";
        if (!IPAddress.TryParse(host, out var address)) return host;
        // A slave may come by one of its loopbacks, and its file by the other
        if (IPAddress.IsLoopback(address)) return Loopback;
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return host;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
