using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Piwheels.Web;

namespace Piwheels.Tests.Publishing;

/// <summary>
/// The built-in web server as installers reach it, through something that writes down what they ask for. Or, in its place,
/// a server that knows nothing of installers: it has folders with an index.html, and takes no notice of Accept.
/// </summary>
internal sealed class RecordedServer : IAsyncDisposable
{
    private static readonly string[] PassedHeaders = ["Accept", "Range", "If-None-Match"];
    private static readonly string[] PassedBackHeaders = ["ETag", "Accept-Ranges", "Content-Range", "Vary", "Cache-Control"];

    private readonly HttpListener _listener = new();
    private readonly HttpClient _client = new(new HttpClientHandler { AllowAutoRedirect = false });
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly RunningWebServer _server;
    private readonly bool _isPlain;
    private readonly Task _serving;

    private RecordedServer(RunningWebServer server, bool isPlain)
    {
        (_server, _isPlain) = (server, isPlain);
        Address = Listen();
        _serving = ServeAsync();
    }

    /// <summary>With a slash at the end.</summary>
    internal Uri Address { get; }

    /// <summary>Method and path of each request since the last time, without those for the program's own news.</summary>
    internal IReadOnlyList<string> Requests()
    {
        var all = new List<string>();
        while (_requests.TryDequeue(out var request)) all.Add(request);
        return all;
    }

    internal static async Task<RecordedServer> StartAsync(string folder, bool isPlain, CancellationToken ct) => new(
        await WebServer.StartAsync(
            new WebConfiguration { OutputPath = folder, Listen = "127.0.0.1:0" }, new Piwheels.Testing.RecordedLog(),
            TimeProvider.System, ct),
        isPlain);

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private Uri Listen()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            _listener.Prefixes.Add($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/");
        }

        _listener.Start();
        return new Uri(_listener.Prefixes.Single());
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                await AnswerAsync(context.Request, context.Response);
            }
            catch (Exception fault) when (fault is HttpListenerException or ObjectDisposedException)
            {
                // Closed, by this side or by the installer
            }
        }
    }

    private async Task AnswerAsync(HttpListenerRequest request, HttpListenerResponse response)
    {
        var path = request.Url!.AbsolutePath;
        _requests.Enqueue($"{request.HttpMethod} {path}");
        var file = _isPlain && path.EndsWith('/') ? path + "index.html" : path;
        using var passed = new HttpRequestMessage(new HttpMethod(request.HttpMethod), new Uri(_server.Address, file));
        foreach (var name in PassedHeaders.Where(name => !(_isPlain && name == "Accept")))
        {
            if (request.Headers[name] is { } value) passed.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await _client.SendAsync(passed);
        response.StatusCode = (int)answer.StatusCode;
        response.ContentType = $"{answer.Content.Headers.ContentType}";
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (PassedBackHeaders.Contains(name)) response.AddHeader(name, string.Join(", ", values));
        }

        if (answer.Headers.Location is { } elsewhere) response.RedirectLocation = $"{elsewhere}";
        var content = await answer.Content.ReadAsByteArrayAsync();
        response.ContentLength64 = request.HttpMethod == "HEAD" ? answer.Content.Headers.ContentLength ?? 0 : content.Length;
        if (request.HttpMethod != "HEAD") await response.OutputStream.WriteAsync(content);
        response.Close();
    }
}
