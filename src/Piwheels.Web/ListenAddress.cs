using System.Globalization;
using System.Net;

namespace Piwheels.Web;

/// <summary>Where the server listens. A null address means all of this machine's, of both IP versions.</summary>
internal readonly record struct ListenAddress(IPAddress? Address, int Port)
{
    /// <summary>Reads ADDRESS:PORT. A name other than localhost is refused: it may stand for many addresses.</summary>
    /// <exception cref="WebServerException">The text is no such address.</exception>
    internal static ListenAddress Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? "" : text[..colon];
        if (colon >= 0 &&
            int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) &&
            port <= IPEndPoint.MaxPort &&
            TryParseHost(host, out var address))
        {
            return new ListenAddress(address, port);
        }

        throw new WebServerException(
            $"cannot listen on '{text}': an address and a port are due, such as 127.0.0.1:8080");
    }

    private static bool TryParseHost(string host, out IPAddress? address)
    {
        address = host switch
        {
            "*" => null,
            "localhost" => IPAddress.Loopback,
            ['[', .., ']'] => IPAddress.TryParse(host, out var six) ? six : IPAddress.None,
            // An IPv6 address without brackets leaves open where the port begins
            _ when !host.Contains(':', StringComparison.Ordinal) && IPAddress.TryParse(host, out var four) => four,
            _ => IPAddress.None,
        };
        return !Equals(address, IPAddress.None);
    }
}
