using System.Globalization;
using System.Net;

namespace Piwheels.Slave.Sandboxing;

/// <summary>A host and a port that somebody wants to connect to.</summary>
/// <param name="Host">A name or an address, lower case, IPv6 without brackets.</param>
public readonly record struct HostAndPort(string Host, int Port)
{
    private const int HostLengthMax = 253; // RFC 1035

    /// <summary>Reads HOST:PORT, where an IPv6 address has brackets.</summary>
    public static bool TryParse(string text, out HostAndPort value)
    {
        value = default;
        var colon = text.LastIndexOf(':');
        return colon > 0
            && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && TryMake(text[..colon], port, out value);
    }

    public static bool TryMake(string host, int port, out HostAndPort value)
    {
        if (host.Length > 2 && host[0] == '[' && host[^1] == ']') host = host[1..^1];
        value = new HostAndPort(host.ToLowerInvariant(), port);
        return port is > 0 and <= ushort.MaxValue
            && host.Length is > 0 and <= HostLengthMax
            && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':');
    }

    public bool IsLoopback =>
        Host is "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

/// <summary>The hosts that a build may connect to.</summary>
public sealed class AllowedHosts
{
    private const int Http = 80;
    private const int Https = 443;

    // Where an index keeps its files when that is not on its own host
    private static readonly Dictionary<string, string> FileHosts = new(StringComparer.Ordinal)
    {
        ["pypi.org"] = "files.pythonhosted.org",
        ["test.pypi.org"] = "test-files.pythonhosted.org",
        ["www.piwheels.org"] = "archive1.piwheels.org",
    };

    private readonly HashSet<HostAndPort> _exact = [];
    private readonly List<(string Suffix, int? Port)> _below = [];

    /// <param name="indexes">Where packages come from.</param>
    /// <param name="more">Further hosts, as <see cref="CheckText"/> takes them.</param>
    public AllowedHosts(IEnumerable<Uri> indexes, IEnumerable<string> more)
    {
        foreach (var index in indexes)
        {
            if (index.Scheme is not ("http" or "https")) continue;
            AddUsual(index.IdnHost, index.IsDefaultPort ? null : index.Port);
            if (FileHosts.TryGetValue(index.IdnHost, out var files)) AddUsual(files, port: null);
        }

        foreach (var text in more) Add(text);
    }

    public bool Contains(HostAndPort wanted) =>
        _exact.Contains(wanted)
        || _below.Any(each => wanted.Host.EndsWith(each.Suffix, StringComparison.Ordinal)
            && (each.Port is { } port ? wanted.Port == port : wanted.Port is Http or Https));

    public override string ToString() => string.Join(
        ", ", _exact.Select(each => $"{each}").Concat(_below.Select(each => $"*{each.Suffix}")).Order(StringComparer.Ordinal));

    /// <summary>Whether a text is HOST, HOST:PORT, or *.DOMAIN for all hosts below a domain.</summary>
    public static bool CheckText(string text) => TryRead(text, out _, out _, out _);

    private void Add(string text)
    {
        if (!TryRead(text, out var host, out var port, out var isDomain)) return; // Settings are checked where they are read
        if (isDomain) _below.Add(("." + host, port));
        else AddUsual(host, port);
    }

    private void AddUsual(string host, int? port)
    {
        foreach (var each in port is { } one ? [one] : (int[])[Http, Https])
        {
            if (HostAndPort.TryMake(host, each, out var value)) _exact.Add(value);
        }
    }

    private static bool TryRead(string text, out string host, out int? port, out bool isDomain)
    {
        isDomain = text.StartsWith("*.", StringComparison.Ordinal);
        if (isDomain) text = text[2..];
        if (HostAndPort.TryParse(text, out var both))
        {
            (host, port) = (both.Host, both.Port);
            return true;
        }

        port = null;
        host = text.ToLowerInvariant();
        return !text.Contains(':', StringComparison.Ordinal) && HostAndPort.TryMake(text, Https, out _);
    }
}
