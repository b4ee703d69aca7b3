using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Piwheels.Master.Upstream;

/// <summary>
/// The way to the index: proxies and certificates as the environment says (docs/commands.md, "The network"), and
/// compressed answers.
/// </summary>
public static class IndexTransport
{
    /// <summary>New connections now and then, so that a changed address of the index is noticed.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(10);

    /// <param name="connectTimeout">Longest time until a connection stands.</param>
    /// <param name="variable">What environment variables hold; null for those of this process.</param>
    /// <exception cref="InvalidOperationException">
    /// A variable names a proxy or certificates that cannot be used; its message names variable and file.
    /// </exception>
    public static SocketsHttpHandler Create(TimeSpan connectTimeout, Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        var handler = new SocketsHttpHandler
        {
            AutomaticDecompression = DecompressionMethods.All,
            ConnectTimeout = connectTimeout,
            PooledConnectionLifetime = ConnectionLifetime,
            UseCookies = false,
            Proxy = new EnvironmentProxy(variable),
        };
        if (TrustedCertificates.Read(variable) is { } trusted)
        {
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                // Nor are certificates fetched from where a stranger's certificate says
                DisableCertificateDownloads = true,
            };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(trusted);
        }

        return handler;
    }

    /// <summary>Why a request failed, in one line: the cause, where the message alone only points at it.</summary>
    public static string ReasonOf(Exception e)
    {
        ArgumentNullException.ThrowIfNull(e);
        var cause = e is HttpRequestException { InnerException: { } inner }
            ? $"{e.Message} ({inner.Message})"
            : e.Message;
        return cause.ReplaceLineEndings(" ");
    }

    /// <summary>Who we are: our name and version, and where to find who runs this farm.</summary>
    /// <param name="contact">A URL of http, https or mailto; what is none is left out.</param>
    public static string UserAgent(string contact)
    {
        var version = typeof(IndexConnection).Assembly.GetName().Version?.ToString(3) ?? "0";
        var product = $"Piwheels.NET/{version}";
        if (!Uri.TryCreate(contact, UriKind.Absolute, out var uri)) return product;
        if (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeMailto)
            return product;
        // In a comment parentheses have a meaning (RFC 9110 section 5.6.5)
        var text = uri.AbsoluteUri
            .Replace("(", "%28", StringComparison.Ordinal).Replace(")", "%29", StringComparison.Ordinal);
        return $"{product} (+{text})";
    }
}
