using System.Net;
using System.Net.Sockets;

namespace Piwheels.Core.AccessLog;

/// <summary>Addresses as logs write them.</summary>
public static class HostAddress
{
    /// <summary>
    /// Reads an IPv4 or IPv6 address. False for the spellings that <see cref="IPAddress.TryParse(string, out IPAddress)"/>
    /// takes beyond that: <c>1</c>, <c>0x7f.1</c>, <c>010.0.0.1</c>, <c>[::1]:80</c>, <c>fe80::1%eth0</c>.
    /// </summary>
    public static bool TryParse(string? text, out IPAddress address)
    {
        if (!IPAddress.TryParse(text, out var parsed) || !IsPlain(text!, parsed))
        {
            address = IPAddress.None;
            return false;
        }

        address = parsed;
        return true;
    }

    private static bool IsPlain(string text, IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork
        ? address.ToString() == text
        : !text.AsSpan().ContainsAny('[', '%');
}
