using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>How the index is asked: as little as possible, saying who asks, and not led astray.</summary>
public sealed class IndexMannersTests
{
    private const string Page = "/simple/foo/";
    private const string Facts = "/pypi/foo/json";
    private const string Log = "/pypi";
    private const string Json = "application/json";
    private static readonly PackageName Foo = PackageName.Parse("foo");

    private static Task<StandInBed> StartAsync() => StandInBed.StartAsync(folder => folder.AddSdist("foo", "1.0"));

    [Theory]
    [InlineData("https://farm.example/", "Piwheels.NET/0.1.0 (+https://farm.example/)")]
    [InlineData("mailto:farm@example.org", "Piwheels.NET/0.1.0 (+mailto:farm@example.org)")]
    [InlineData("https://farm.example/a)(b\u00e4", "Piwheels.NET/0.1.0 (+https://farm.example/a%29%28b%C3%A4)")]
    [InlineData("", "Piwheels.NET/0.1.0")]
    [InlineData("/etc/passwd", "Piwheels.NET/0.1.0")]
    [InlineData("my farm", "Piwheels.NET/0.1.0")]
    public async Task It_says_who_asks_and_whom_to_turn_to(string contact, string said)
    {
        await using var bed = await StartAsync();
        var agent = "";
        bed.Faults.Seen = request => agent = request.Headers.UserAgent.ToString();
        using var connection = new IndexConnection(TimeProvider.System, contact, variable: _ => null);
        await new SimpleClient(connection, bed.Index.Simple).GetPageAsync(Foo, null, default);
        Assert.Equal(said, agent);
    }

    [Fact]
    public async Task Facts_that_have_not_changed_are_not_sent_again()
    {
        await using var bed = await StartAsync();
        var first = Found(await bed.Projects.GetAsync(Foo, default));
        var answered = 0;
        bed.Faults.Spoil(Facts, context =>
        {
            Assert.Equal($"\"{bed.Index.Catalog.LastSerial - 1}\"", context.Request.Headers.IfNoneMatch);
            answered++;
            context.Response.StatusCode = 304;
            return Task.CompletedTask;
        });
        Assert.Same(first, Found(await bed.Projects.GetAsync(Foo, default)));
        Assert.Equal(1, answered);
        bed.Faults.Mend(Facts);
        bed.Publish(bed.Folder.AddSdist("foo", "2.0"));
        Assert.Equal("2.0", Found(await bed.Projects.GetAsync(Foo, default)).Version);
    }

    [Fact]
    public async Task A_page_without_a_tag_is_asked_for_by_its_date_when_that_says_enough()
    {
        await using var bed = await StartAsync();
        var old = TimeProvider.System.GetUtcNow().AddDays(-1).ToString("R");
        var young = TimeProvider.System.GetUtcNow().ToString("R");
        var modified = old;
        var asked = new List<string?>();
        bed.Faults.Spoil(Page, context =>
        {
            asked.Add(context.Request.Headers.IfModifiedSince);
            context.Response.Headers.LastModified = modified;
            context.Response.Headers.Date = young;
            if (context.Request.Headers.IfModifiedSince == modified) context.Response.StatusCode = 304;
            else return IndexFaults.Body(Json, "{\"files\": []}")(context);
            return Task.CompletedTask;
        });
        var page = Found(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.IsType<Fetched<IndexPage>.Unchanged>(await bed.Simple.GetPageAsync(Foo, page.Validators, default));
        modified = young;
        page = Found(await bed.Simple.GetPageAsync(Foo, page.Validators, default));
        Assert.Null(page.Validators);
        Assert.Equal([null, old, old], asked);
    }

    [Fact]
    public async Task Not_changed_is_no_answer_to_who_never_asked_that()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Status(304));
        bed.Faults.Spoil(Facts, IndexFaults.Status(304));
        Assert.IsType<Fetched<IndexPage>.Unusable>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.IsType<Fetched<ProjectFacts>.Unusable>(await bed.Projects.GetAsync(Foo, default));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task Answers_come_packed(string encoding)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, async context =>
        {
            Assert.Contains(encoding, context.Request.Headers.AcceptEncoding.ToString(), StringComparison.Ordinal);
            context.Response.ContentType = Json;
            context.Response.Headers.ContentEncoding = encoding;
            await using var packed = Pack(context.Response.Body, encoding);
            await packed.WriteAsync("{\"files\": []}"u8.ToArray());
        });
        Assert.Empty(Found(await bed.Simple.GetPageAsync(Foo, null, default)).Files);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task The_limit_is_that_of_the_unpacked_answer(string encoding)
    {
        await using var bed = await StandInBed.StartAsync(
            folder => folder.AddSdist("foo", "1.0"), StandInBed.Unpaced with { PageBytesMax = 1 << 20 });
        var sent = 0L;
        bed.Faults.Spoil(Facts, async context =>
        {
            context.Response.ContentType = Json;
            context.Response.Headers.ContentEncoding = encoding;
            using var all = new MemoryStream();
            await using (var packed = Pack(all, encoding))
            {
                await packed.WriteAsync("{\"info\": {\"summary\": \""u8.ToArray());
                var block = new byte[1 << 20];
                block.AsSpan().Fill((byte)'a');
                for (var i = 0; i < 20; i++) await packed.WriteAsync(block);
                await packed.WriteAsync("\"}}"u8.ToArray());
            }

            sent = all.Length;
            await context.Response.Body.WriteAsync(all.ToArray());
        });
        var unusable = Assert.IsType<Fetched<ProjectFacts>.Unusable>(await bed.Projects.GetAsync(Foo, default));
        Assert.Equal("it has more than 1,048,576 bytes", unusable.Reason);
        Assert.InRange(sent, 1, 1 << 20);
    }

    [Fact]
    public async Task A_redirect_is_followed()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Redirect(302, "/elsewhere/foo/"));
        bed.Faults.Spoil("/elsewhere/foo/", IndexFaults.Body(
            Json, "{\"files\": [{\"filename\": \"foo-1.0.tar.gz\", \"url\": \"foo-1.0.tar.gz\"}]}"));
        var asked = new List<string>();
        bed.Faults.Seen = request => asked.Add(
            $"{request.Headers.UserAgent} {request.Headers.Accept} {request.Headers.IfNoneMatch}");
        var page = Found(await bed.Simple.GetPageAsync(Foo, new Validators("\"a tag\"", null), default));
        Assert.Equal(new Uri(bed.Index.Root, "/elsewhere/foo/foo-1.0.tar.gz"), Assert.Single(page.Files).Url);
        Assert.Equal(2, asked.Count);
        Assert.Single(asked.Distinct());
    }

    [Theory]
    [InlineData("ftp://files.test/foo")]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    public async Task A_redirect_to_something_else_than_a_web_server_is_not_followed(string location)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Redirect(301, location));
        var unusable = Assert.IsType<Fetched<IndexPage>.Unusable>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.StartsWith($"it redirects to {location}", unusable.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_from_https_to_http_is_not_followed()
    {
        using var maker = new CertificateMaker();
        using var folder = new TemporaryFolder();
        var bundle = folder.Write("ca.pem", maker.Pem);
        using var certificate = maker.ForServer();
        await using var open = await StartAsync();
        await using var bed = await StandInBed.StartAsync(
            f => f.AddSdist("foo", "1.0"), certificate: certificate, variable: n => n == "PIP_CERT" ? bundle : null);
        bed.Faults.Spoil(Page, IndexFaults.Redirect(302, new Uri(open.Index.Root, Page).AbsoluteUri));
        Assert.IsType<Fetched<IndexPage>.Unusable>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.Empty(open.Faults.Requests);
        open.Faults.Spoil(Page, IndexFaults.Redirect(302, new Uri(bed.Index.Root, "/simple/foo").AbsoluteUri));
        // The other way is fine
        using var connection = new IndexConnection(TimeProvider.System, variable: n => n == "PIP_CERT" ? bundle : null);
        var upwards = new SimpleClient(connection, open.Index.Simple);
        bed.Faults.Mend(Page);
        Assert.Single(Found(await upwards.GetPageAsync(Foo, null, default)).Files);
    }

    [Fact]
    public async Task Redirects_in_a_circle_come_to_an_end()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Redirect(302, "/circle"));
        bed.Faults.Spoil("/circle", IndexFaults.Redirect(302, Page));
        Assert.IsType<Fetched<IndexPage>.Unusable>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.Equal(6, bed.Faults.Requests.Count);
    }

    [Theory]
    [InlineData(307, true)]
    [InlineData(308, true)]
    [InlineData(301, false)]
    [InlineData(302, false)]
    [InlineData(303, false)]
    public async Task A_call_is_redirected_only_as_a_call(int status, bool followed)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil("/elsewhere", IndexFaults.Redirect(status, Log));
        var changelog = new ChangelogClient(bed.Connection, new Uri(bed.Index.Root, "/elsewhere"));
        var fetched = await changelog.LastSerialAsync(default);
        Assert.Equal(followed ? 1 : 0, bed.Asked(Log));
        if (followed) Assert.Equal(bed.Index.Catalog.LastSerial, Found(fetched));
        else Assert.Equal(
            "it redirects to /pypi, which is not followed", Assert.IsType<Fetched<long>.Unusable>(fetched).Reason);
    }

    [Fact]
    public async Task Metadata_is_not_asked_for_by_http_where_the_page_came_by_https()
    {
        using var maker = new CertificateMaker();
        using var folder = new TemporaryFolder();
        var bundle = folder.Write("ca.pem", maker.Pem);
        using var certificate = maker.ForServer();
        await using var bed = await StandInBed.StartAsync(
            f => f.AddWheel("foo", "1.0"), certificate: certificate, variable: n => n == "PIP_CERT" ? bundle : null);
        Assert.True(Assert.Single(Found(await bed.Simple.GetPageAsync(Foo, null, default)).Files).Metadata);
        bed.Faults.Spoil(Page, IndexFaults.Body(Json,
            "{\"files\": [{\"filename\": \"f\", \"url\": \"http://files.test/f\", \"core-metadata\": true}]}"));
        Assert.False(Assert.Single(Found(await bed.Simple.GetPageAsync(Foo, null, default)).Files).Metadata);
        bed.Faults.Spoil(Page, IndexFaults.Body("text/html",
            "<a href='http://files.test/f' data-core-metadata='true'>f</a>"));
        Assert.False(Assert.Single(Found(await bed.Simple.GetPageAsync(Foo, null, default)).Files).Metadata);
    }

    [Fact]
    public async Task The_change_log_is_not_called_more_often_than_PyPI_allows()
    {
        await using var bed = await StartAsync();
        var time = new FakeTimeProvider();
        using var connection = new IndexConnection(time, variable: _ => null);
        var changelog = new ChangelogClient(connection, bed.Index.Pypi);
        await changelog.LastSerialAsync(default).Within();
        for (var call = 1; call <= 2; call++)
        {
            var next = changelog.SinceAsync(0, default);
            time.Advance(TimeSpan.FromSeconds(1.9));
            Assert.False(next.IsCompleted);
            Assert.Equal(call, bed.Asked(Log));
            time.Advance(TimeSpan.FromSeconds(0.1));
            await next.Within();
        }

        time.Advance(TimeSpan.FromSeconds(10));
        await changelog.SinceAsync(0, default).Within();
        Assert.Equal(4, bed.Asked(Log));
    }

    [Fact]
    public async Task Waiting_for_a_call_to_be_due_ends_with_the_task()
    {
        await using var bed = await StartAsync();
        using var connection = new IndexConnection(new FakeTimeProvider(), variable: _ => null);
        var changelog = new ChangelogClient(connection, bed.Index.Pypi);
        await changelog.LastSerialAsync(default).Within();
        using var quitting = new CancellationTokenSource();
        var next = changelog.LastSerialAsync(quitting.Token);
        await quitting.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.Within());
    }

    [Theory]
    [InlineData("HTTPTooManyRequests: The action could not be performed because there were too many requests by the " +
        "client. Limit may reset in 17 seconds.", 17)]
    [InlineData("HTTPTooManyRequests: Limit may reset in a while", null)]
    [InlineData("HTTPTooManyRequests: Limit may reset in 99999999999999 seconds.", null)]
    [InlineData("RuntimeError: 17 seconds", null)]
    public async Task PyPI_says_by_a_fault_when_to_come_back(string text, int? seconds)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Log, IndexFaults.XmlRpcFault(-32500, text));
        var away = Assert.IsType<Fetched<long>.Away>(await bed.Changelog.LastSerialAsync(default));
        Assert.Equal(seconds is { } s ? TimeSpan.FromSeconds(s) : null, away.RetryAfter);
        Assert.Contains(text, away.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_date_to_come_back_at_is_taken_by_the_servers_clock()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, context =>
        {
            context.Response.Headers.Date = "Thu, 01 Jan 1970 00:00:00 GMT";
            return IndexFaults.Status(503, "Thu, 01 Jan 1970 00:02:00 GMT")(context);
        });
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.Equal(TimeSpan.FromMinutes(2), away.RetryAfter);
    }

    [Fact]
    public async Task Where_no_connection_comes_about_the_index_is_away_as_a_whole()
    {
        // Connections that nobody accepts fill the queue; then the kernel answers no more
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        using var first = new TcpClient();
        await first.ConnectAsync((IPEndPoint)listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        using var connection = new IndexConnection(
            TimeProvider.System,
            limits: StandInBed.Unpaced with { ConnectTimeout = TimeSpan.FromMilliseconds(50) },
            variable: _ => null);
        var simple = new SimpleClient(connection, new Uri($"http://{listener.LocalEndPoint}/simple"));
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await simple.GetPageAsync(Foo, null, default).Within());
        Assert.True(away.WholeIndex);
        Assert.StartsWith("no connection within", away.Reason, StringComparison.Ordinal);
    }

    private static Stream Pack(Stream stream, string encoding) => encoding switch
    {
        "gzip" => new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true),
        "br" => new BrotliStream(stream, CompressionLevel.Fastest, leaveOpen: true),
        _ => new ZLibStream(stream, CompressionLevel.Fastest, leaveOpen: true),
    };

    private static T Found<T>(Fetched<T> fetched) => Assert.IsType<Fetched<T>.Found>(fetched).Value;
}
