using System.Net;
using System.Net.Sockets;

namespace Piwheels.Messaging.Zmq;

/// <summary>The loopback forms of an address: what may be bound without keys.</summary>
public static class LoopbackAddresses
{
    private static readonly Lazy<bool> MachineHasIPv6 = new(ProbeIPv6);

    /// <summary>
    /// A <c>tcp://</c> address becomes its loopback forms for IPv4 and IPv6 with the same port; one that names a
    /// loopback address already, and those of other transports, stay.
    /// </summary>
    public static IReadOnlyList<string> Of(string address) => Of(address, MachineHasIPv6.Value);

    /// <summary>Whether an address would be bound otherwise if it were not for its loopback forms.</summary>
    public static bool Concerns(string address) => Of(address) is not [var only] || only != address;

    internal static IReadOnlyList<string> Of(string address, bool ipv6)
    {
        if (!address.StartsWith(TcpPort.Scheme, StringComparison.Ordinal))
            return [address];
        var port = TcpPort.Of(address);
        var host = address[TcpPort.Scheme.Length..^(port.Length + 1)].Trim('[', ']');
        if (IPAddress.TryParse(host, out var ip) && IPAddress.IsLoopback(ip))
            return [address];
        var v4 = $"tcp://127.0.0.1:{port}";
        return ipv6 ? [v4, $"tcp://[::1]:{port}"] : [v4];
    }

    private static bool ProbeIPv6()
    {
        if (!Socket.OSSupportsIPv6)
            return false;
        try
        {
            using var probe = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            probe.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>The port at the end of a <c>tcp://</c> address.</summary>
internal static class TcpPort
{
    public const string Scheme = "tcp://";

    /// <summary>The port as written, <c>*</c> included; empty for other transports.</summary>
    /// <exception cref="ZmqException">A tcp address without a port.</exception>
    public static string Of(string address)
    {
        if (!address.StartsWith(Scheme, StringComparison.Ordinal))
            return "";
        var colon = address.LastIndexOf(':');
        return colon >= Scheme.Length && address[^1] != ']'
            ? address[(colon + 1)..]
            : throw new ZmqException($"{address} has no port", Einval);
    }

    /// <summary>The address with a wildcard port replaced by the one chosen before, if any.</summary>
    public static string Chosen(string address, string chosen)
    {
        var port = Of(address);
        return chosen.Length > 0 && (port is "*" or "0")
            ? string.Concat(address.AsSpan(0, address.Length - port.Length), chosen)
            : address;
    }

    private const int Einval = 22;
}
