using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Xml;

namespace Piwheels.Master.Upstream;

/// <summary>
/// HTTP to the index: says who we are, has a limit in size, time and number for everything, and turns what can go
/// wrong outside into an outcome. Proxies come from the environment (<c>https_proxy</c>, <c>no_proxy</c>, ...), the
/// certificates to trust from <c>REQUESTS_CA_BUNDLE</c> or <c>SSL_CERT_FILE</c> where set. Safe from any thread.
/// </summary>
public sealed class IndexConnection : IDisposable
{
    private const int RedirectsMax = 5;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    /// <summary>New connections now and then, so that a changed address of the index is noticed.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(10);

    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _slots;

    /// <param name="contact">
    /// A URL under which the index's people find who runs this farm; empty when there is none.
    /// </param>
    public IndexConnection(TimeProvider time, string contact = "", UpstreamLimits? limits = null)
    {
        _time = time;
        Limits = limits ?? new UpstreamLimits();
        _slots = new SemaphoreSlim(Limits.RequestsMax, Limits.RequestsMax);
        _http = new HttpClient(CreateHandler(), disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd(UserAgent(contact));
    }

    public UpstreamLimits Limits { get; }

    /// <summary>
    /// Sends one request and has the answer's body read by <paramref name="read"/>, within the limits.
    /// </summary>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled.</exception>
    public async Task<Fetched<T>> SendAsync<T>(
        HttpRequestMessage request,
        long bytesMax,
        TimeSpan timeout,
        Func<IndexResponse, CancellationToken, Task<Fetched<T>>> read,
        CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(read);
        await _slots.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            using var limit = new CancellationTokenSource(timeout, _time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
            return await ExchangeAsync(request, bytesMax, read, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new Fetched<T>.Away($"no whole answer within {timeout.TotalSeconds:0} s");
        }
        catch (ResponseTooLargeException e)
        {
            return new Fetched<T>.Unusable(e.Message);
        }
        catch (Exception e) when (e is JsonException or XmlException or InvalidDataException or FormatException)
        {
            return new Fetched<T>.Unusable($"it cannot be read: {OneLine(e)}");
        }
        catch (HttpRequestException e) when (e.HttpRequestError is not HttpRequestError.ResponseEnded)
        {
            return new Fetched<T>.Away(OneLine(e), WholeIndex: true);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or AuthenticationException)
        {
            return new Fetched<T>.Away(OneLine(e));
        }
        finally
        {
            _slots.Release();
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _slots.Dispose();
    }

    private async Task<Fetched<T>> ExchangeAsync<T>(
        HttpRequestMessage request,
        long bytesMax,
        Func<IndexResponse, CancellationToken, Task<Fetched<T>>> read,
        CancellationToken ct)
    {
        using var response = await _http
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct).ConfigureAwait(false);
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                break;
            case HttpStatusCode.NotModified:
                return new Fetched<T>.Unchanged();
            case HttpStatusCode.NotFound or HttpStatusCode.Gone:
                return new Fetched<T>.Missing();
            default:
                return Refused<T>(response);
        }

        if (response.Content.Headers.ContentLength > bytesMax) throw new ResponseTooLargeException(bytesMax);
        var body = await response.Content.ReadAsStreamAsync(ct).ConfigureAwait(false);
        await using var limited = new LimitedStream(body, bytesMax, ct);
        var answer = new IndexResponse(
            limited,
            response.RequestMessage?.RequestUri ?? request.RequestUri!,
            response.Content.Headers.ContentType?.MediaType ?? "",
            response.Headers.ETag?.ToString());
        return await read(answer, ct).ConfigureAwait(false);
    }

    private Fetched<T> Refused<T>(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        var text = $"it answered {status} {response.StatusCode}";
        var busy = status is 408 or 425 or 429 or >= 500;
        if (!busy) return new Fetched<T>.Unusable(text);
        return new Fetched<T>.Away(text, RetryAfter(response.Headers.RetryAfter), WholeIndex: status is 429);
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header)
    {
        if (header?.Delta is { } delta) return delta;
        if (header?.Date is not { } date) return null;
        var left = date - _time.GetUtcNow();
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private static string OneLine(Exception e)
    {
        var cause = e is HttpRequestException { InnerException: { } inner }
            ? $"{e.Message} ({inner.Message})"
            : e.Message;
        return cause.ReplaceLineEndings(" ");
    }

    private static string UserAgent(string contact)
    {
        var version = typeof(IndexConnection).Assembly.GetName().Version?.ToString(3) ?? "0";
        var product = $"Piwheels.NET/{version}";
        return Uri.IsWellFormedUriString(contact, UriKind.Absolute) ? $"{product} (+{contact})" : product;
    }

    private static SocketsHttpHandler CreateHandler()
    {
        var handler = new SocketsHttpHandler
        {
            AutomaticDecompression = DecompressionMethods.All,
            MaxAutomaticRedirections = RedirectsMax,
            ConnectTimeout = ConnectTimeout,
            PooledConnectionLifetime = ConnectionLifetime,
            UseCookies = false,
        };
        if (TrustedBundle() is { } trusted)
        {
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(trusted);
        }

        return handler;
    }

    /// <summary>The certificates that the environment says to trust; null where it says nothing.</summary>
    /// <exception cref="InvalidOperationException">It names something that cannot be read.</exception>
    private static X509Certificate2Collection? TrustedBundle()
    {
        foreach (var variable in new[] { "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE" })
        {
            var path = Environment.GetEnvironmentVariable(variable);
            if (string.IsNullOrEmpty(path)) continue;
            try
            {
                var bundle = new X509Certificate2Collection();
                bundle.ImportFromPemFile(path);
                return bundle;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                throw new InvalidOperationException(
                    $"{variable}: cannot read certificates from {path}: {e.Message}", e);
            }
        }

        return null;
    }
}

/// <summary>A good answer, its body not read yet.</summary>
/// <param name="Uri">Where it came from in the end, after redirects.</param>
/// <param name="MediaType">Empty when not said.</param>
/// <param name="ETag">For asking whether it has changed.</param>
public sealed record IndexResponse(Stream Body, Uri Uri, string MediaType, string? ETag);
