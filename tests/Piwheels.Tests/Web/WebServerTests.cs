using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>The server as clients meet it, over real connections.</summary>
public sealed class WebServerTests : IAsyncLifetime
{
    private const string Json = "application/vnd.pypi.simple.v1+json";
    private const string Wheel = "foo-1.0-py3-none-any.whl";
    private const string LogPath = "/logs/0000/0000/0001.txt.gz";
    private static readonly string LongText = string.Concat(Enumerable.Repeat("<p>many words</p>\n", 200));

    private readonly TemporaryFolder _folder = new();
    private readonly RecordedLog _log = new();
    private readonly HttpClient _client = new(new HttpClientHandler { AllowAutoRedirect = false });
    private RunningWebServer _server = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _folder.Write("site/index.html", "home");
        _folder.Write("site/404.html", "nothing here");
        _folder.Write("site/packages.html", LongText);
        _folder.Write("site/static/site.css", LongText);
        _folder.Write("site/simple/index.html", "root html");
        _folder.Write("site/simple/index.v1_json", "{}");
        _folder.Write("site/simple/foo/index.html", "foo html");
        _folder.Write("site/simple/foo/index.v1_json", "{\"name\":\"foo\"}");
        _folder.Write($"site/simple/foo/{Wheel}", "0123456789");
        _folder.Write("site/project/foo/index.html", "page of foo");
        _folder.Write("site/project/foo/json/index.json", "{}");
        _folder.Write("site/empty/file.txt", "text");
        _folder.Write("site/.hidden", "secret");
        _folder.Write("site/.git/config", "secret");
        _folder.Write("secret", "secret");
        Directory.CreateDirectory(Path.GetDirectoryName(_folder["site" + LogPath])!);
        await using (var log = new GZipStream(File.Create(_folder["site" + LogPath]), CompressionLevel.Optimal))
            await log.WriteAsync("built <b>well</b>\n"u8.ToArray(), Ct);
        File.CreateSymbolicLink(_folder["site/project/Foo"], "foo");
        File.CreateSymbolicLink(_folder["site/simple/foo/inner.whl"], Wheel);
        File.CreateSymbolicLink(_folder["site/simple/foo/up.whl"], "../../../secret");
        File.CreateSymbolicLink(_folder["site/simple/foo/far.whl"], "/etc/passwd");
        File.CreateSymbolicLink(_folder["site/simple/foo/hidden.whl"], "../../.hidden");
        File.CreateSymbolicLink(_folder["site/simple/foo/loop.whl"], "loop.whl");
        File.CreateSymbolicLink(_folder["site/simple/out"], "../..");
        _server = await StartAsync(new WebConfiguration { OutputPath = _folder["site"], Listen = "127.0.0.1:0" });
        _client.BaseAddress = _server.Address;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    private Task<RunningWebServer> StartAsync(WebConfiguration configuration) =>
        WebServer.StartAsync(configuration, _log, TimeProvider.System, Ct);

    private async Task<HttpResponseMessage> SendAsync(
        string path, (string Name, string Value)? header = null, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        if (header is { } extra) request.Headers.TryAddWithoutValidation(extra.Name, extra.Value);
        return await _client.SendAsync(request, Ct);
    }

    private static async Task<string> TextOf(HttpResponseMessage response) =>
        await response.Content.ReadAsStringAsync(Ct);

    [Theory]
    [InlineData("/", "home", "text/html; charset=utf-8")]
    [InlineData("/index.html", "home", "text/html; charset=utf-8")]
    [InlineData("/simple/", "root html", "text/html; charset=utf-8")]
    [InlineData("/simple/index.v1_json", "{}", Json)]
    [InlineData("/simple/foo/", "foo html", "text/html; charset=utf-8")]
    [InlineData("/project/foo/", "page of foo", "text/html; charset=utf-8")]
    [InlineData("/project/foo/json/", "{}", "application/json")]
    [InlineData($"/simple/foo/{Wheel}", "0123456789", "application/octet-stream")]
    [InlineData("/simple/foo/inner.whl", "0123456789", "application/octet-stream")]
    [InlineData("/empty/file.txt", "text", "text/plain; charset=utf-8")]
    public async Task A_file_is_served_as_what_it_is(string path, string text, string type)
    {
        using var response = await SendAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(text, await TextOf(response));
        Assert.Equal(type, response.Content.Headers.ContentType!.ToString());
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
    }

    [Theory]
    [InlineData(Json, "{\"name\":\"foo\"}", Json)]
    [InlineData("application/vnd.pypi.simple.v1+html", "foo html", "application/vnd.pypi.simple.v1+html")]
    [InlineData("text/html", "foo html", "text/html; charset=utf-8")]
    public async Task The_simple_index_is_negotiated(string accept, string text, string type)
    {
        using var response = await SendAsync("/simple/foo/", ("Accept", accept));
        Assert.Equal(text, await TextOf(response));
        Assert.Equal(type, response.Content.Headers.ContentType!.ToString());
        Assert.Contains("Accept", response.Headers.Vary);
        Assert.Equal("*", Assert.Single(response.Headers.GetValues("Access-Control-Allow-Origin")));

        using var byQuery = await SendAsync("/simple/foo/?format=" + Uri.EscapeDataString(accept));
        Assert.Equal(text, await TextOf(byQuery));
    }

    [Fact]
    public async Task What_no_form_of_the_index_satisfies_is_told()
    {
        using var response = await SendAsync("/simple/foo/", ("Accept", "image/png"));
        Assert.Equal(HttpStatusCode.NotAcceptable, response.StatusCode);
    }

    [Theory]
    [InlineData("/project", "/packages.html")]
    [InlineData("/p/Foo", "/project/foo/")]
    [InlineData("/project/FOO/json/", "/project/foo/json/")]
    [InlineData("/project/foo", "/project/foo/")]
    [InlineData("/project/foo/json", "/project/foo/json/")]
    [InlineData("/simple", "/simple/")]
    [InlineData("/simple/Foo/?format=x", "/simple/foo/?format=x")]
    public async Task A_path_in_another_form_leads_home(string path, string home)
    {
        using var response = await SendAsync(path);
        Assert.Equal(HttpStatusCode.MovedPermanently, response.StatusCode);
        Assert.Equal(home, response.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task A_page_that_is_known_is_not_sent_again()
    {
        using var first = await SendAsync("/packages.html");
        Assert.Equal("no-cache", first.Headers.CacheControl!.ToString());
        using var second = await SendAsync("/packages.html", ("If-None-Match", first.Headers.ETag!.ToString()));
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);

        _folder.Write("site/packages.html", LongText + "more");
        using var third = await SendAsync("/packages.html", ("If-None-Match", first.Headers.ETag!.ToString()));
        Assert.Equal(HttpStatusCode.OK, third.StatusCode);
        Assert.EndsWith("more", await TextOf(third), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_page_is_compressed_for_who_takes_it(string encoding)
    {
        using var response = await SendAsync("/packages.html", ("Accept-Encoding", encoding));
        Assert.Equal(encoding, Assert.Single(response.Content.Headers.ContentEncoding));
        Assert.Contains("Accept-Encoding", response.Headers.Vary);
        Assert.Equal(LongText, await DecodeAsync(response, encoding));

        using var plain = await SendAsync("/packages.html");
        Assert.NotEqual(plain.Headers.ETag, response.Headers.ETag);
        using var again = await SendAsync("/packages.html", ("If-None-Match", response.Headers.ETag!.ToString()));
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
    }

    [Fact]
    public async Task A_large_page_is_compressed_on_the_way()
    {
        var text = string.Concat(Enumerable.Range(0, 200_000).Select(number => $"{number} "));
        _folder.Write("site/simple/index.html", text);
        using var response = await SendAsync("/simple/", ("Accept-Encoding", "gzip"));
        Assert.Equal(text, await DecodeAsync(response, "gzip"));

        using var request = new HttpRequestMessage(HttpMethod.Get, "/simple/");
        request.Headers.AcceptEncoding.ParseAdd("gzip");
        request.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        using var known = await _client.SendAsync(request, Ct);
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
    }

    private static async Task<string> DecodeAsync(HttpResponseMessage response, string encoding)
    {
        var body = await response.Content.ReadAsStreamAsync(Ct);
        await using Stream decoder = encoding == "br"
            ? new BrotliStream(body, CompressionMode.Decompress)
            : new GZipStream(body, CompressionMode.Decompress);
        return await new StreamReader(decoder).ReadToEndAsync(Ct);
    }

    [Fact]
    public async Task A_wheel_may_be_kept_for_ever_and_read_in_parts()
    {
        using var whole = await SendAsync($"/simple/foo/{Wheel}", ("Accept-Encoding", "gzip, br"));
        Assert.Equal("public, max-age=31536000, immutable",
            string.Join(", ", whole.Headers.GetValues("Cache-Control")));
        Assert.Empty(whole.Content.Headers.ContentEncoding);

        using var part = await SendAsync($"/simple/foo/{Wheel}", ("Range", "bytes=2-4"));
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal("234", await TextOf(part));
        using var beyond = await SendAsync($"/simple/foo/{Wheel}", ("Range", "bytes=10-"));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
    }

    [Theory]
    [InlineData("/static/site.css?v=1", true)]
    [InlineData("/static/site.css", false)]
    [InlineData("/packages.html?v=1", false)]
    public async Task A_style_sheet_may_be_kept_where_its_tag_is_asked_for(string path, bool forEver)
    {
        using var response = await SendAsync(path);
        Assert.Equal(forEver, response.Headers.CacheControl!.MaxAge is not null);
    }

    [Fact]
    public async Task A_log_is_text_for_every_client()
    {
        using var packed = await SendAsync(LogPath, ("Accept-Encoding", "gzip"));
        Assert.Equal("gzip", Assert.Single(packed.Content.Headers.ContentEncoding));
        Assert.Equal("built <b>well</b>\n", await DecodeAsync(packed, "gzip"));
        using var plain = await SendAsync(LogPath);
        Assert.Empty(plain.Content.Headers.ContentEncoding);
        Assert.Equal("built <b>well</b>\n", await TextOf(plain));
        Assert.All([packed, plain], log =>
            Assert.Equal("text/plain; charset=utf-8", log.Content.Headers.ContentType!.ToString()));
    }

    [Theory]
    [InlineData("/missing")]
    [InlineData("/empty/")]
    [InlineData("/static/")]
    [InlineData("/simple/missing/")]
    [InlineData("/.hidden")]
    [InlineData("/.git/config")]
    [InlineData("/simple/foo/up.whl")]
    [InlineData("/simple/foo/far.whl")]
    [InlineData("/simple/foo/hidden.whl")]
    [InlineData("/simple/foo/loop.whl")]
    [InlineData("/simple/out/secret")]
    [InlineData("/p/-no-name-")]
    public async Task What_is_not_to_be_seen_is_not_there(string path)
    {
        using var response = await SendAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("nothing here", await TextOf(response));
        Assert.Equal("text/html; charset=utf-8", response.Content.Headers.ContentType!.ToString());
    }

    [Theory]
    [InlineData("/../secret")]
    [InlineData("/simple/../../secret")]
    [InlineData("/%2e%2e/secret")]
    [InlineData("/..%2fsecret")]
    [InlineData("/simple/foo/..%2f..%2f..%2fsecret")]
    [InlineData("/simple/foo/%2e%2e/%2e%2e/%2e%2e/secret")]
    [InlineData("/..\\secret")]
    [InlineData("/%2e%2e%5csecret")]
    [InlineData("/..%c0%afsecret")]
    [InlineData("/..%252fsecret")]
    [InlineData("//evil.example/..")]
    [InlineData("//evil.example")]
    [InlineData("/simple//foo/")]
    [InlineData("/%00")]
    [InlineData("/%2ehidden")]
    [InlineData("/simple/foo/%0d%0aSet-Cookie:%20x=1")]
    [InlineData("http://evil.example/../secret")]
    [InlineData("secret")]
    [InlineData("*")]
    public async Task No_path_leads_out_of_the_folder(string target)
    {
        var answer = await SendRawAsync($"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Assert.Matches("^HTTP/1.1 (400|404|405) ", answer);
        Assert.DoesNotContain("\nsecret", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Set-Cookie", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Location: //", answer, StringComparison.Ordinal);
    }

    private async Task<string> SendRawAsync(string request)
    {
        using var tcp = new System.Net.Sockets.TcpClient();
        await tcp.ConnectAsync(_server.Address.Host, _server.Address.Port, Ct);
        await using var stream = tcp.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Ct);
        return await new StreamReader(stream, Encoding.Latin1).ReadToEndAsync(Ct);
    }

    [Fact]
    public async Task A_head_request_is_answered_without_a_body()
    {
        foreach (var path in (string[])["/", "/packages.html", LogPath, "/missing", $"/simple/foo/{Wheel}"])
        {
            var answer = await SendRawAsync($"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("POST", HttpStatusCode.MethodNotAllowed)]
    [InlineData("PUT", HttpStatusCode.MethodNotAllowed)]
    [InlineData("DELETE", HttpStatusCode.MethodNotAllowed)]
    [InlineData("OPTIONS", HttpStatusCode.NoContent)]
    public async Task Nothing_can_be_changed(string method, HttpStatusCode status)
    {
        using var response = await SendAsync("/index.html", method: new HttpMethod(method));
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(["GET", "HEAD", "OPTIONS"], response.Content.Headers.Allow);
    }

    [Fact]
    public async Task Before_the_folder_is_there_nothing_is_found()
    {
        await using var server = await StartAsync(
            new WebConfiguration { OutputPath = _folder["later"], Listen = "127.0.0.1:0" });
        using var client = new HttpClient { BaseAddress = server.Address };
        using (var early = await client.GetAsync(new Uri("/", UriKind.Relative), Ct))
            Assert.Equal(HttpStatusCode.NotFound, early.StatusCode);
        _folder.Write("later/index.html", "here");
        Assert.Equal("here", await client.GetStringAsync(new Uri("/", UriKind.Relative), Ct));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_in_one_line()
    {
        var taken = new WebConfiguration { OutputPath = _folder["site"], Listen = $"127.0.0.1:{_server.Address.Port}" };
        var refused = await Assert.ThrowsAsync<WebServerException>(() => StartAsync(taken));
        Assert.Equal($"cannot listen on {taken.Listen}: Address already in use", refused.Message);
    }

    [Fact]
    public async Task An_address_that_is_not_ours_is_told_in_one_line()
    {
        var refused = await Assert.ThrowsAsync<WebServerException>(
            () => StartAsync(new WebConfiguration { OutputPath = _folder["site"], Listen = "192.0.2.1:0" }));
        Assert.StartsWith("cannot listen on 192.0.2.1:0: ", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_a_certificate_the_site_is_served_over_tls()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch,
            DateTimeOffset.UnixEpoch.AddYears(200));
        await using var server = await StartAsync(new WebConfiguration
        {
            OutputPath = _folder["site"],
            Listen = "127.0.0.1:0",
            CertificateFile = _folder.Write("cert.pem", certificate.ExportCertificatePem()),
            KeyFile = _folder.Write("key.pem", key.ExportPkcs8PrivateKeyPem()),
        });
        var trust = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        trust.CustomTrustStore.Add(certificate);
        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = trust } });
        Assert.Equal("https", server.Address.Scheme);
        Assert.Equal("home", await client.GetStringAsync(server.Address, Ct));
    }

    [Fact]
    public async Task A_certificate_that_cannot_be_read_is_told_in_one_line()
    {
        var configuration = new WebConfiguration { Listen = "127.0.0.1:0", CertificateFile = _folder["secret"] };
        var refused = await Assert.ThrowsAsync<WebServerException>(() => StartAsync(configuration));
        Assert.StartsWith("cannot read the certificate ", refused.Message, StringComparison.Ordinal);
    }
}
