using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text.Json;
using System.Xml;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// HTTP to the index: says who we are, has a limit in size, time and number for everything, and turns what can go
/// wrong outside into an outcome. The way there is <see cref="IndexTransport"/>'s. Safe from any thread.
/// </summary>
public sealed class IndexConnection : IDisposable
{
    /// <summary>How often a request may be sent elsewhere before it has an answer.</summary>
    private const int RedirectsMax = 5;

    private readonly HttpClient _http;
    private readonly SemaphoreSlim _slots;
    private readonly UpstreamMeter? _meter;

    /// <param name="contact">
    /// A URL under which the index's people find who runs this farm; empty when there is none.
    /// </param>
    /// <param name="variable">What environment variables hold; null for those of this process.</param>
    /// <exception cref="InvalidOperationException">The environment names what cannot be used.</exception>
    public IndexConnection(
        TimeProvider time,
        string contact = "",
        UpstreamLimits? limits = null,
        UpstreamMeter? meter = null,
        Func<string, string?>? variable = null)
    {
        Time = time;
        Limits = limits ?? new UpstreamLimits();
        _meter = meter;
        _slots = new SemaphoreSlim(Limits.RequestsMax, Limits.RequestsMax);
        var transport = IndexTransport.Create(Limits.ConnectTimeout, variable);
        // The handler's own way follows also from http to ftp, and turns calls into questions
        transport.AllowAutoRedirect = false;
        _http = new HttpClient(transport, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd(IndexTransport.UserAgent(contact));
    }

    public UpstreamLimits Limits { get; }

    internal TimeProvider Time { get; }

    /// <summary>
    /// Sends one request and has the answer's body read by <paramref name="read"/>, within the limits of its kind.
    /// </summary>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled.</exception>
    public async Task<Fetched<T>> SendAsync<T>(
        HttpRequestMessage request,
        IndexRequestKind kind,
        Func<IndexResponse, CancellationToken, Task<Fetched<T>>> read,
        CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(read);
        await _slots.WaitAsync(ct).ConfigureAwait(false);
        var started = Time.GetTimestamp();
        try
        {
            var fetched = await AskAsync(request, kind, read, ct).ConfigureAwait(false);
            _meter?.Asked(kind.Name, fetched.Outcome, Time.GetElapsedTime(started));
            return fetched;
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

    private async Task<Fetched<T>> AskAsync<T>(
        HttpRequestMessage request,
        IndexRequestKind kind,
        Func<IndexResponse, CancellationToken, Task<Fetched<T>>> read,
        CancellationToken ct)
    {
        try
        {
            using var limit = new CancellationTokenSource(kind.Timeout, Time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
            return await ExchangeAsync(request, kind.BytesMax, read, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            // The transport's own limit looks like a cancellation, too
            return e.InnerException is TimeoutException
                ? new Fetched<T>.Away(
                    $"no connection within {Limits.ConnectTimeout.TotalSeconds:0} s", WholeIndex: true)
                : new Fetched<T>.Away($"no whole answer within {kind.Timeout.TotalSeconds:0} s");
        }
        catch (ResponseTooLargeException e)
        {
            return new Fetched<T>.Unusable(e.Message);
        }
        catch (Exception e) when (e is JsonException or XmlException or InvalidDataException or FormatException)
        {
            return new Fetched<T>.Unusable($"it cannot be read: {IndexTransport.ReasonOf(e)}");
        }
        catch (HttpRequestException e)
        {
            return new Fetched<T>.Away(IndexTransport.ReasonOf(e), WholeIndex: IsOfTheWholeIndex(e.HttpRequestError));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return new Fetched<T>.Away(IndexTransport.ReasonOf(e));
        }
    }

    /// <summary>
    /// Whether no connection could be made. One that breaks later may be the fault of the page that was asked for.
    /// </summary>
    private static bool IsOfTheWholeIndex(HttpRequestError error) => error is
        HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or
        HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError or
        HttpRequestError.VersionNegotiationError or HttpRequestError.UserAuthenticationError;

    private async Task<Fetched<T>> ExchangeAsync<T>(
        HttpRequestMessage request,
        long bytesMax,
        Func<IndexResponse, CancellationToken, Task<Fetched<T>>> read,
        CancellationToken ct)
    {
        using var response = await FollowAsync(request, ct).ConfigureAwait(false);
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                break;
            case HttpStatusCode.NotModified when IsConditional(request):
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
            response.RequestMessage!.RequestUri!,
            response.Content.Headers.ContentType?.MediaType ?? "",
            Validators.Of(response));
        return await read(answer, ct).ConfigureAwait(false);
    }

    /// <summary>
    /// The answer, after redirects (RFC 9110 section 15.4): a few of them, from one web server to another, and never
    /// from https to http. One that is not followed is the answer.
    /// </summary>
    private async Task<HttpResponseMessage> FollowAsync(HttpRequestMessage request, CancellationToken ct)
    {
        var headers = request.Headers.NonValidated.ToList();
        for (var redirects = 0; ; redirects++)
        {
            // One connection for all that is asked at a time, where the index speaks HTTP/2 (over TLS only)
            (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionOrLower);
            var response = await _http
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct).ConfigureAwait(false);
            if (redirects == RedirectsMax || Redirection(request, response) is not { } target) return response;
            response.Dispose();
            request = new HttpRequestMessage(request.Method, target) { Content = request.Content };
            foreach (var (name, values) in headers) request.Headers.TryAddWithoutValidation(name, values);
        }
    }

    /// <summary>Where a request is to be sent to instead; null when nowhere else, or nowhere safe.</summary>
    private static Uri? Redirection(HttpRequestMessage request, HttpResponseMessage response)
    {
        // The others have a call become a question (301, 302 by custom)
        var keepsMethod = response.StatusCode
            is HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;
        var isRedirect = keepsMethod || (request.Method == HttpMethod.Get && response.StatusCode
            is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther);
        if (!isRedirect || response.Headers.Location is not { } location) return null;
        var from = request.RequestUri!;
        return Uri.TryCreate(from, location, out var target)
            && (target.Scheme == Uri.UriSchemeHttps
                || (target.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp))
            && target.Host.Length > 0
                ? target
                : null;
    }

    private static bool IsConditional(HttpRequestMessage request) =>
        request.Headers.Contains("If-None-Match") || request.Headers.Contains("If-Modified-Since");

    private Fetched<T> Refused<T>(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        if (status is > 300 and < 400 && response.Headers.Location is { } elsewhere)
        {
            return new Fetched<T>.Unusable(
                $"it redirects to {Excerpt.Of(elsewhere.OriginalString)}, which is not followed");
        }

        var text = $"it answered {status} {response.StatusCode}";
        var busy = status is 407 or 408 or 425 or 429 or >= 500;
        if (!busy) return new Fetched<T>.Unusable(text);
        return new Fetched<T>.Away(text, RetryAfter(response.Headers), WholeIndex: status is 407 or 429);
    }

    private TimeSpan? RetryAfter(HttpResponseHeaders headers)
    {
        if (headers.RetryAfter?.Delta is { } delta) return delta;
        if (headers.RetryAfter?.Date is not { } date) return null;
        // By the server's own clock, where it tells it: ours may be wrong
        var left = date - (headers.Date ?? Time.GetUtcNow());
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}

/// <summary>A good answer, its body not read yet.</summary>
/// <param name="Uri">Where it came from in the end, after redirects.</param>
/// <param name="MediaType">Empty when not said.</param>
/// <param name="Validators">For asking whether it has changed; null where the index gives none.</param>
public sealed record IndexResponse(Stream Body, Uri Uri, string MediaType, Validators? Validators);
