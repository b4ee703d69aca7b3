using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Piwheels.Web;

/// <summary>
/// Lets one client have only so many connections at a time, so that it cannot take all that there are. Trusted proxies may
/// have any number. Neighbours of an IPv6 network count as one (RFC 6177: a site has a /64 or more).
/// </summary>
internal sealed class ConnectionGate(int addressMax, IReadOnlyList<IPNetwork> proxies)
{
    private const int NetworkBytes = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _connections = [];

    internal ConnectionDelegate Before(ConnectionDelegate next) => async connection =>
    {
        var client = ClientOf(connection.RemoteEndPoint);
        if (client is not null && !Enter(client))
        {
            connection.Abort(new ConnectionAbortedException("Too many connections of one client"));
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            if (client is not null) Leave(client);
        }
    };

    private IPAddress? ClientOf(EndPoint? peer)
    {
        if (peer is not IPEndPoint { Address: var address }) return null;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return proxies.Any(proxy => proxy.Contains(address)) ? null : NetworkOf(address);
    }

    /// <summary>What counts as one client.</summary>
    internal static IPAddress NetworkOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return new IPAddress(bytes);
    }

    private bool Enter(IPAddress client)
    {
        lock (_lock)
        {
            var count = _connections.GetValueOrDefault(client);
            if (count >= addressMax) return false;
            _connections[client] = count + 1;
            return true;
        }
    }

    private void Leave(IPAddress client)
    {
        lock (_lock)
        {
            if (--_connections[client] == 0) _connections.Remove(client);
        }
    }
}
