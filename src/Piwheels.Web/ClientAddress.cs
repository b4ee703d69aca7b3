using System.Net;
using Microsoft.AspNetCore.Http;

namespace Piwheels.Web;

/// <summary>Who asked: the peer of the connection, or, where that is a trusted proxy, whom the proxy names.</summary>
internal sealed class ClientAddress(IReadOnlyList<IPNetwork> proxies)
{
    internal string Of(HttpContext context)
    {
        var address = Plain(context.Connection.RemoteIpAddress ?? IPAddress.Loopback);
        if (proxies.Count == 0 || !IsProxy(address)) return address.ToString();
        // Each proxy adds its own peer at the end, so only what trusted ones added is to be believed
        foreach (var entry in context.Request.Headers["X-Forwarded-For"].ToString().Split(',').Reverse())
        {
            if (!IPAddress.TryParse(entry.Trim(), out var next)) break;
            address = Plain(next);
            if (!IsProxy(address)) break;
        }

        return address.ToString();
    }

    private bool IsProxy(IPAddress address) => proxies.Any(proxy => proxy.Contains(address));

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
