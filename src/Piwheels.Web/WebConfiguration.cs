using System.Net;
using Piwheels.Pages;

namespace Piwheels.Web;

/// <summary>What the web server was told.</summary>
public sealed record WebConfiguration
{
    /// <summary>The folder that is served; it may come into being later.</summary>
    public string OutputPath { get; init; } = "/var/www";

    /// <summary>
    /// ADDRESS:PORT, e.g. <c>127.0.0.1:8080</c>, <c>[::1]:8080</c>, <c>*:80</c>; port 0 takes a free one.
    /// </summary>
    public string Listen { get; init; } = "127.0.0.1:8080";

    /// <summary>Where accesses are told of; null tells nobody.</summary>
    public string? LogQueue { get; init; }

    /// <summary>Where the master tells what running builds print; null: there are no pages of them.</summary>
    public string? LiveQueue { get; init; }

    /// <summary>PEM file of the certificate, with its chain; null serves plain HTTP.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file of the certificate's key; null where the certificate's file holds it too.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Proxies whose word on the client's address is taken (X-Forwarded-For).</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>What the pages that the server makes itself, those of logs, say of the site.</summary>
    public Site Site { get; init; } = new("Wheel farm", "", [], "", "", new Dictionary<string, string>());

    /// <summary>What clients may take of the server.</summary>
    public WebLimits Limits { get; init; } = new();
}

/// <summary>What clients may take of the server.</summary>
public sealed record WebLimits
{
    /// <summary>Connections at a time; more are closed at once.</summary>
    public int ConnectionsMax { get; init; } = 10_000;

    /// <summary>Connections at a time of one address, or IPv6 network of 64 bits, that is no trusted proxy.</summary>
    public int AddressConnectionsMax { get; init; } = 1_000;

    /// <summary>How long a client may take to send the head of a request.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may stay open without a request.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>Bytes a second that a client has to take, after <see cref="ClientGrace"/>: less is cut off.</summary>
    public double ClientBytesPerSecondMin { get; init; } = 500;

    public TimeSpan ClientGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Streams of events at a time, of all who follow running builds.</summary>
    public int StreamsMax { get; init; } = 500;

    /// <summary>Streams at a time of one address, or IPv6 network of 64 bits.</summary>
    public int AddressStreamsMax { get; init; } = 20;

    /// <summary>How long a stream may be; a browser then begins another where it ended.</summary>
    public TimeSpan StreamTime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a stream is silent at most, so that nobody on the way takes it for dead.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>The server cannot start; the message is one line for whoever started it.</summary>
public sealed class WebServerException(string message, Exception? inner = null) : Exception(message, inner);
