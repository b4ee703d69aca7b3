using System.Net;

namespace Piwheels.Master.Upstream;

/// <summary>
/// The proxies that the environment names, in <c>http_proxy</c>, <c>https_proxy</c>, <c>all_proxy</c> and
/// <c>no_proxy</c>, each also in capitals; where both are set the small letters count, as for pip and curl.
/// </summary>
/// <remarks>
/// In the place of .NET's own reading of these variables, which knows no subdomains, ports, networks or <c>*</c> in
/// <c>no_proxy</c>, asks a proxy for what is on this machine, and does without one where it cannot read its address.
/// </remarks>
internal sealed class EnvironmentProxy : IWebProxy
{
    private const int SocksPort = 1080;

    private readonly Uri? _forHttp;
    private readonly Uri? _forHttps;
    private readonly DirectHost[] _direct;
    private readonly bool _allDirect;

    /// <param name="variable">A variable's value, null where it is not set.</param>
    /// <exception cref="InvalidOperationException">A variable names no proxy that can be used.</exception>
    internal EnvironmentProxy(Func<string, string?> variable)
    {
        var credentials = new Dictionary<string, NetworkCredential>(StringComparer.OrdinalIgnoreCase);
        _forHttp = Read(variable, credentials, "http_proxy", "all_proxy");
        _forHttps = Read(variable, credentials, "https_proxy", "all_proxy");
        Credentials = new ProxyCredentials(credentials);
        var direct = (ValueOf(variable, "no_proxy")?.Value ?? "")
            .Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        _allDirect = direct.Contains("*", StringComparer.Ordinal);
        _direct = [.. direct.Select(DirectHost.Parse)];
    }

    public ICredentials? Credentials { get; set; }

    public Uri? GetProxy(Uri destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var proxy = destination.Scheme == Uri.UriSchemeHttps ? _forHttps : _forHttp;
        return proxy is null || IsDirect(destination) ? null : proxy;
    }

    public bool IsBypassed(Uri host) => GetProxy(host) is null;

    private bool IsDirect(Uri destination)
    {
        var host = destination.IdnHost.TrimEnd('.');
        var address = IPAddress.TryParse(host, out var parsed) ? Unmapped(parsed) : null;
        // What is on this machine a proxy elsewhere cannot reach
        var own = address is not null
            ? IPAddress.IsLoopback(address)
            : host.Equals("localhost", StringComparison.OrdinalIgnoreCase);
        return own || _allDirect || Array.Exists(_direct, d => d.Covers(host, address, destination.Port));
    }

    /// <summary>The first of some variables that is set to something; also by which of its spellings.</summary>
    private static (string Name, string Value)? ValueOf(Func<string, string?> variable, params string[] names)
    {
        foreach (var name in names)
        {
            // Set to nothing, the one in small letters takes the one in capitals away
            var (spelt, value) = variable(name) is { } small
                ? (name, small)
                : (name.ToUpperInvariant(), variable(name.ToUpperInvariant()));
            if (!string.IsNullOrWhiteSpace(value)) return (spelt, value.Trim());
        }

        return null;
    }

    private static Uri? Read(
        Func<string, string?> variable, Dictionary<string, NetworkCredential> credentials, params string[] names)
    {
        if (ValueOf(variable, names) is not var (name, value)) return null;
        // The value is not shown: it may hold a password
        var text = value.Contains("://", StringComparison.Ordinal) ? value : "http://" + value;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            throw new InvalidOperationException($"{name}: that is no address of a proxy");
        var proxy = new UriBuilder(KnownScheme(name, uri.Scheme), uri.Host, PortOf(uri)).Uri;
        if (uri.UserInfo.Length > 0)
        {
            var parts = uri.UserInfo.Split(':', 2);
            credentials[proxy.Authority] = new NetworkCredential(
                Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts.ElementAtOrDefault(1) ?? ""));
        }

        return proxy;
    }

    private static string KnownScheme(string name, string scheme) => scheme switch
    {
        "http" or "https" or "socks4" or "socks4a" or "socks5" => scheme,
        // Host names are always left to a SOCKS5 proxy to look up
        "socks5h" => "socks5",
        _ => throw new InvalidOperationException(
            $"{name}: '{Core.Packaging.Excerpt.Of(scheme)}' is no kind of proxy that is known here " +
            "(http, https, socks4, socks4a, socks5, socks5h)"),
    };

    private static int PortOf(Uri uri) =>
        uri.Port > 0 ? uri.Port : SocksPort;

    private static IPAddress Unmapped(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>
    /// One entry of <c>no_proxy</c>: a name, which covers what is below it too (with or without <c>.</c> or <c>*.</c>
    /// before it), an address, or a network; a name or an address with a port for that port alone.
    /// </summary>
    /// <param name="Bits">How many bits of the address count.</param>
    private sealed record DirectHost(string Name, IPAddress? Address, int Bits, int? Port)
    {
        internal static DirectHost Parse(string entry)
        {
            var slash = entry.IndexOf('/', StringComparison.Ordinal);
            if (slash > 0
                && IPAddress.TryParse(entry[..slash], out var network)
                && int.TryParse(entry[(slash + 1)..], out var bits))
            {
                return new DirectHost("", network, bits, null);
            }

            var (host, port) = SplitPort(entry);
            if (IPAddress.TryParse(host, out var address))
                return new DirectHost("", Unmapped(address), int.MaxValue, port);
            return new DirectHost(host.TrimStart('*').Trim('.'), null, 0, port);
        }

        /// <summary>Splits <c>host:port</c>; an IPv6 address with a port stands in brackets.</summary>
        private static (string Host, int? Port) SplitPort(string entry)
        {
            var colon = entry.LastIndexOf(':');
            var isPart = colon > 0
                && (entry.IndexOf(':', StringComparison.Ordinal) == colon || entry[colon - 1] == ']');
            return isPart && ushort.TryParse(entry[(colon + 1)..], out var port)
                ? (entry[..colon], port)
                : (entry, null);
        }

        internal bool Covers(string host, IPAddress? address, int port)
        {
            if (Port is { } only && only != port) return false;
            if (Address is not null) return address is not null && SameBits(Address, address);
            return Name.Length > 0 && address is null
                && (host.Equals(Name, StringComparison.OrdinalIgnoreCase)
                    || host.EndsWith("." + Name, StringComparison.OrdinalIgnoreCase));
        }

        private bool SameBits(IPAddress one, IPAddress other)
        {
            var (a, b) = (one.GetAddressBytes(), other.GetAddressBytes());
            if (a.Length != b.Length) return false;
            for (var bit = 0; bit < Math.Min(Bits, a.Length * 8); bit++)
            {
                if (((a[bit / 8] ^ b[bit / 8]) & (0x80 >> (bit % 8))) != 0) return false;
            }

            return true;
        }
    }

    /// <summary>The name and password of each proxy, by its host and port.</summary>
    private sealed class ProxyCredentials(Dictionary<string, NetworkCredential> known) : ICredentials
    {
        public NetworkCredential? GetCredential(Uri uri, string authType) => known.GetValueOrDefault(uri.Authority);
    }
}
