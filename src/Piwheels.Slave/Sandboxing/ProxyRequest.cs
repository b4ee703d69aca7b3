using System.Globalization;
using System.Text;

namespace Piwheels.Slave.Sandboxing;

/// <summary>The head of a request to a forward proxy (RFC 9110, 9112).</summary>
/// <param name="Target">Whom it wants to talk to.</param>
/// <param name="IsTunnel">CONNECT: whatever follows goes to the target as it is.</param>
/// <param name="Method">GET and the like.</param>
/// <param name="Path">What is asked for at the target, e.g. <c>/simple/six/?a=b</c>; for a tunnel empty.</param>
/// <param name="Fields">The header, without what is meant for a proxy.</param>
internal sealed record ProxyRequest(
    HostAndPort Target, bool IsTunnel, string Method, string Path, IReadOnlyList<string> Fields)
{
    // Of the connection to the proxy, not of the request (RFC 9110 section 7.6.1); Host is made anew
    private static readonly string[] OfConnection =
        ["Connection", "Proxy-Connection", "Proxy-Authorization", "Keep-Alive", "TE", "Upgrade", "Host"];

    /// <summary>Reads a head, up to and without its empty line. Nothing that two readers could read in two ways is let through.</summary>
    public static bool TryParse(ReadOnlySpan<byte> head, out ProxyRequest request)
    {
        request = null!;
        if (head.ContainsAnyInRange((byte)0x80, (byte)0xFF) || head.Contains((byte)0)) return false;
        var lines = Encoding.ASCII.GetString(head).Split("\r\n");
        if (lines.Any(line => line.AsSpan().ContainsAny('\r', '\n'))) return false;
        if (lines[0].Split(' ') is not [{ Length: > 0 } method, var target, "HTTP/1.1" or "HTTP/1.0"]
            || !method.All(char.IsAsciiLetterUpper))
        {
            return false;
        }

        var fields = lines.Skip(1).ToList();
        if (fields.Exists(field => NameOf(field) is null)) return false;
        fields.RemoveAll(field => OfConnection.Contains(NameOf(field), StringComparer.OrdinalIgnoreCase));
        if (method == "CONNECT")
        {
            if (!HostAndPort.TryParse(target, out var tunnel)) return false;
            request = new ProxyRequest(tunnel, IsTunnel: true, method, "", []);
            return true;
        }

        if (!Uri.TryCreate(target, UriKind.Absolute, out var url)
            || url.Scheme != Uri.UriSchemeHttp || url.UserInfo.Length > 0
            || !HostAndPort.TryMake(url.IdnHost, url.Port, out var host))
        {
            return false;
        }

        request = new ProxyRequest(host, IsTunnel: false, method, url.PathAndQuery, fields);
        return true;
    }

    /// <summary>The head as it goes on, to the target itself or to a further proxy.</summary>
    /// <param name="authorization">For a further proxy: the value of Proxy-Authorization.</param>
    public byte[] Write(bool toProxy, string? authorization)
    {
        var host = !IsTunnel && Target.Port == 80 ? Target.ToString()[..^3] : Target.ToString();
        var text = new StringBuilder();
        var what = IsTunnel ? Target.ToString() : toProxy ? $"http://{host}{Path}" : Path;
        text.Append(CultureInfo.InvariantCulture, $"{Method} {what} HTTP/1.1\r\nHost: {host}\r\n");
        foreach (var field in Fields) text.Append(field).Append("\r\n");
        if (authorization is not null) text.Append("Proxy-Authorization: ").Append(authorization).Append("\r\n");
        // One request a connection: the next may be for somebody else
        if (!IsTunnel) text.Append("Connection: close\r\n");
        return Encoding.ASCII.GetBytes(text.Append("\r\n").ToString());
    }

    /// <summary>The name of a field; null when it is none, or continues the line before (which is obsolete).</summary>
    private static string? NameOf(string field)
    {
        var colon = field.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && field[..colon].All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal))
            ? field[..colon]
            : null;
    }
}
