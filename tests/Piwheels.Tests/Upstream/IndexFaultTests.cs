using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>The clients against a server that fails in every way that one can.</summary>
public sealed class IndexFaultTests
{
    private const string Page = "/simple/foo/";
    private const string Facts = "/pypi/foo/json";
    private const string Log = "/pypi";
    private const string Json = "application/json";
    private const string Xml = "text/xml";
    private const string Begun = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    private static readonly PackageName Foo = PackageName.Parse("foo");

    private static readonly UpstreamLimits Small = StandInBed.Unpaced with
    {
        PageBytesMax = 1 << 20,
        ChangelogBytesMax = 1 << 20,
    };

    private static Task<StandInBed> StartAsync(UpstreamLimits? limits = null, TimeProvider? clock = null) =>
        StandInBed.StartAsync(folder => folder.AddSdist("foo", "1.0"), limits ?? Small, clock: clock);

    [Theory]
    [InlineData(429, true)]
    [InlineData(500, false)]
    [InlineData(502, false)]
    [InlineData(503, false)]
    [InlineData(408, false)]
    public async Task A_busy_server_is_away(int status, bool wholeIndex)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Status(status, "17"));
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.Contains($"{status}", away.Reason, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(17), away.RetryAfter);
        Assert.Equal(wholeIndex, away.WholeIndex);
    }

    [Theory]
    [InlineData(429, null)]
    [InlineData(429, "soon")]
    [InlineData(429, "-5")]
    [InlineData(503, "1.5")]
    [InlineData(503, "99999999999999999999")]
    [InlineData(503, "Thu, 32 Foo 2026 00:00:00 GMT")]
    public async Task Without_a_time_to_retry_after_our_own_waits_count(int status, string? retryAfter)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Status(status, retryAfter));
        bed.Faults.Spoil(Log, IndexFaults.Status(status, retryAfter));
        var page = Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default));
        var log = Assert.IsType<Fetched<ChangelogBatch>.Away>(await bed.Changelog.SinceAsync(0, default));
        Assert.Equal((null, null), (page.RetryAfter, log.RetryAfter));
    }

    [Fact]
    public async Task A_gateway_that_answers_for_a_server_that_is_down_is_waited_for()
    {
        await using var bed = await StartAsync();
        Task GatewayAsync(HttpContext context)
        {
            context.Response.StatusCode = 502;
            return IndexFaults.Body("text/html", "<html><a href='foo-9.9.tar.gz'>Bad gateway</a></html>")(context);
        }

        bed.Faults.Spoil(Page, GatewayAsync);
        bed.Faults.Spoil(Facts, GatewayAsync);
        bed.Faults.Spoil(Log, GatewayAsync);
        Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.IsType<Fetched<ProjectFacts>.Away>(await bed.Projects.GetAsync(Foo, default));
        Assert.IsType<Fetched<ChangelogBatch>.Away>(await bed.Changelog.SinceAsync(0, default));
    }

    /// <summary>What breaks off after a request may be the fault of the page, so it counts as an attempt.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\n")]
    [InlineData(Begun + "Content-Length: 100\r\n\r\n          ")]
    [InlineData(Begun + "Transfer-Encoding: chunked\r\n\r\n5\r\n     ")]
    [InlineData(Begun + "Transfer-Encoding: chunked\r\n\r\nxx\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2p1\r\n")]
    [InlineData("\0\u0001\u0002\u0003")]
    public async Task A_connection_that_is_reset_is_worth_another_try(string before)
    {
        using var server = new RawServer(async (socket, ct) =>
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(before), SocketFlags.None, ct);
            socket.LingerState = new LingerOption(true, 0);
        });
        using var connection = new IndexConnection(TimeProvider.System, limits: Small, variable: _ => null);
        var simple = new SimpleClient(connection, server.Root);
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await simple.GetPageAsync(Foo, null, default).Within());
        Assert.False(away.WholeIndex);
        var changelog = new ChangelogClient(connection, server.Root);
        Assert.IsType<Fetched<ChangelogBatch>.Away>(await changelog.SinceAsync(0, default).Within());
    }

    [Fact]
    public async Task Headers_without_end_are_cut_off()
    {
        using var server = new RawServer(async (socket, ct) =>
        {
            await socket.SendAsync("HTTP/1.1 200 OK\r\n"u8.ToArray(), SocketFlags.None, ct);
            var header = "X-Header: and on and on and on\r\n"u8.ToArray();
            while (true) await socket.SendAsync(header, SocketFlags.None, ct);
        });
        using var connection = new IndexConnection(TimeProvider.System, limits: Small, variable: _ => null);
        Assert.IsType<Fetched<IndexPage>.Away>(
            await new SimpleClient(connection, server.Root).GetPageAsync(Foo, null, default).Within());
    }

    [Fact]
    public async Task A_date_to_retry_after_is_understood()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Status(503, TimeProvider.System.GetUtcNow().AddHours(2).ToString("R")));
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.InRange(away.RetryAfter!.Value, TimeSpan.FromMinutes(115), TimeSpan.FromMinutes(121));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(418)]
    [InlineData(204)]
    public async Task A_status_of_no_use_is_not_asked_for_again(int status)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Status(status));
        Assert.IsType<Fetched<IndexPage>.Unusable>(await bed.Simple.GetPageAsync(Foo, null, default));
    }

    [Theory]
    [InlineData(Json, "")]
    [InlineData(Json, "null")]
    [InlineData(Json, "[]")]
    [InlineData(Json, "{")]
    [InlineData(Json, "{\"files\": {}}")]
    [InlineData(Json, "{\"files\": []} x")]
    [InlineData(Json, "{\"files\": [], \"x\": [[[[}")]
    [InlineData(Json, "{\"name\": \"foo\"}")]
    [InlineData(Json, "{\"meta\": {\"api-version\": \"2.0\"}, \"files\": []}")]
    [InlineData(Json, "\u0000\u0001garbage")]
    [InlineData("text/html", "<meta name='pypi:repository-version' content='2.0'>")]
    [InlineData("image/png", "x")]
    public async Task Garbage_is_unusable(string type, string body)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Body(type, body));
        Assert.IsType<Fetched<IndexPage>.Unusable>(await bed.Simple.GetPageAsync(Foo, null, default));
    }

    [Fact]
    public async Task Files_that_are_none_are_left_out_of_a_page()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.Body(Json, """
            {"meta": "1", "versions": "2", "files": [null, 3, "x", [{}], {}, {"filename": "a"}, {"url": "b"},
            {"filename": 3, "url": "b"}, {"filename": "\ud800", "url": "b"}, {"filename": "c", "url": "ftp://x/c"},
            {"filename": "d", "url": ["d"], "size": "1"},
            {"filename": "d", "url": "http://["}, {"filename": "e", "url": "javascript:alert(1)"},
            {"filename": "f", "url": "../../f", "hashes": {"sha256": "zz"}, "yanked": "", "size": "1",
            "core-metadata": {"sha256": "00"}},
            {"filename": "g", "url": "/g", "yanked": "broken", "requires-python": " ", "upload-time": "yesterday",
            "hashes": null, "core-metadata": 1, "dist-info-metadata": null, "gpg-sig": [{"a": [1, 2.5e10]}]}]}
            """));
        var page = Assert.IsType<Fetched<IndexPage>.Found>(await bed.Simple.GetPageAsync(Foo, null, default)).Value;
        Assert.Equal(["f", "g"], page.Files.Select(f => f.Filename));
        Assert.Equal(new Uri(bed.Index.Root, "f"), page.Files[0].Url);
        Assert.Null(page.Versions);
        Assert.Equal((null, false, true), (page.Files[0].Sha256, page.Files[0].Yanked, page.Files[0].Metadata));
        Assert.Equal((null, true, null), (page.Files[1].RequiresPython, page.Files[1].Yanked, page.Files[1].Uploaded));
    }

    [Theory]
    [InlineData("{\"info\": {}}", "", null)]
    [InlineData("{\"info\": {\"summary\": null, \"version\": null, \"name\": null}, \"releases\": null}", "", null)]
    [InlineData("{\"info\": {\"summary\": 5, \"version\": 2.0, \"name\": [\"x\"]}, \"urls\": {}}", "", null)]
    [InlineData("{\"info\": {\"summary\": \"\\udc00\", \"version\": \"2.0\"}, \"releases\": [\"2.0\"]}", "", "2.0")]
    [InlineData("{\"info\": {\"summary\": \"A\\u0000b\", \"version\": \"2\", \"requires_dist\": \"x\"}}", "A b", "2")]
    [InlineData("{\"releases\": {\"2.0\": null}, \"info\": {\"summary\": \"S\", \"version\": \"2.0\"}}", "S", "2.0")]
    public async Task Facts_that_are_none_are_left_out(string body, string description, string? version)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Facts, IndexFaults.Body(Json, body));
        var facts = Assert.IsType<Fetched<ProjectFacts>.Found>(await bed.Projects.GetAsync(Foo, default)).Value;
        Assert.Equal((description, version), (facts.Description, facts.Version));
        Assert.Null(facts.RequiresDist);
        Assert.Empty(facts.Released);
    }

    [Fact]
    public async Task Dates_and_requirements_that_are_none_are_left_out()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Facts, IndexFaults.Body(Json, """
            {"urls": [{"upload_time_iso_8601": "2020-01-02T00:00:00Z"}], "last_serial": "7", "info":
            {"version": "2.0", "requires_dist": ["a", null, 5, "b>1", ["c"]], "yanked": "no"}, "releases":
            {"1.0": [null, 3, {"upload_time_iso_8601": 2020}, {"upload_time_iso_8601": "2019-01-02T00:00:00"},
            {"upload_time_iso_8601": "2019-01-01T00:00:00Z"}], "1.1": {}, "1.2": [[]], "1.3": "x"}}
            """));
        var facts = Assert.IsType<Fetched<ProjectFacts>.Found>(await bed.Projects.GetAsync(Foo, default)).Value;
        Assert.Equal(["a", "b>1"], facts.RequiresDist);
        Assert.Equal(
            ["1.0 2019-01-01", "2.0 2020-01-02"], facts.Released.Select(r => $"{r.Key} {r.Value:yyyy-MM-dd}").Order());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("5")]
    [InlineData("{}")]
    [InlineData("{\"info\": null}")]
    [InlineData("{\"info\": []}")]
    [InlineData("{\"info\": {\"summary\": \"half")]
    public async Task Facts_of_nothing_are_unusable(string body)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Facts, IndexFaults.Body(Json, body));
        Assert.IsType<Fetched<ProjectFacts>.Unusable>(await bed.Projects.GetAsync(Foo, default));
    }

    /// <summary>Within the limits of a farm: larger than any page of PyPI.</summary>
    [Fact]
    public async Task A_page_of_100_MB_is_refused_and_one_of_60_MB_is_read()
    {
        await using var bed = await StartAsync(StandInBed.Unpaced);
        const string File = "{\"filename\": \"foo-1.0.tar.gz\", \"junk\": [";
        bed.Faults.Spoil(Page, IndexFaults.Endless(Json, $"{{\"files\": [{File}\"", 100L << 20));
        Assert.IsType<Fetched<IndexPage>.Unusable>(await bed.Simple.GetPageAsync(Foo, null, default));
        var file = File + string.Join(',', Enumerable.Repeat("\"0123456789\"", 5_000_000)) + "], \"url\": \"f\"}";
        bed.Faults.Spoil(Page, IndexFaults.Body(Json, $"{{\"files\": [{file}]}}"));
        var page = Assert.IsType<Fetched<IndexPage>.Found>(await bed.Simple.GetPageAsync(Foo, null, default)).Value;
        Assert.Equal("foo-1.0.tar.gz", Assert.Single(page.Files).Filename);
    }

    [Fact]
    public async Task Half_a_body_is_worth_another_try()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Page, IndexFaults.HalfABody(Json, "{\"files\": [], \"name\": \"foo\"}"));
        Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default));
        bed.Faults.Spoil(Log, IndexFaults.HalfABody(Xml, Answer(string.Concat(Enumerable.Repeat(Row("a", 5), 100)))));
        Assert.IsType<Fetched<ChangelogBatch>.Away>(await bed.Changelog.SinceAsync(0, default));
    }

    [Fact]
    public async Task A_server_that_never_answers_is_given_up()
    {
        var clock = new FakeTimeProvider();
        await using var bed = await StartAsync(clock: clock);
        bed.Faults.Spoil(Page, bed.Faults.NeverAnswers());
        var asked = Asked(bed);
        var page = bed.Simple.GetPageAsync(Foo, null, default);
        await asked.Within();
        clock.Advance(bed.Connection.Limits.PageTimeout);
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await page.Within());
        Assert.Equal(("no whole answer within 60 s", false), (away.Reason, away.WholeIndex));
    }

    [Theory]
    [InlineData(Page, Json, "{\"files\": [")]
    [InlineData(Log, Xml, "<?xml version='1.0'?><methodResponse>")]
    public async Task A_server_that_stands_still_half_way_is_given_up(string path, string type, string beginning)
    {
        var clock = new FakeTimeProvider();
        await using var bed = await StartAsync(clock: clock);
        bed.Faults.Spoil(path, bed.Faults.Stalls(type, beginning));
        await GivenUpAsync(bed, clock, path);
    }

    /// <summary>Each byte comes before one has waited long for it, and still it does not go on for ever.</summary>
    [Theory]
    [InlineData(Page, Json, "{\"files\": [")]
    [InlineData(Log, Xml, "<?xml version='1.0'?><methodResponse>")]
    public async Task A_server_that_says_a_byte_a_minute_is_given_up(string path, string type, string beginning)
    {
        var clock = new FakeTimeProvider();
        await using var bed = await StartAsync(clock: clock);
        bed.Faults.Spoil(path, bed.Faults.Dribbles(type, beginning, clock, TimeSpan.FromMinutes(1)));
        await GivenUpAsync(bed, clock, path);
    }

    private static async Task GivenUpAsync(StandInBed bed, FakeTimeProvider clock, string path)
    {
        var asked = Asked(bed);
        var given = path == Log
            ? IsAwayAsync(bed.Changelog.SinceAsync(0, default))
            : IsAwayAsync(bed.Simple.GetPageAsync(Foo, null, default));
        await asked.Within();
        for (var minutes = 0; minutes < 4; minutes++) clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(await given.Within());
    }

    private static async Task<bool> IsAwayAsync<T>(Task<Fetched<T>> fetched) => await fetched is Fetched<T>.Away;

    private static Task Asked(StandInBed bed)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bed.Faults.Seen = _ => asked.TrySetResult();
        return asked.Task;
    }

    [Fact]
    public async Task An_answer_without_end_is_cut_off()
    {
        await using var bed = await StartAsync(
            StandInBed.Unpaced with { PageBytesMax = 1 << 20, ChangelogBytesMax = 1 << 20 });
        bed.Faults.Spoil(Facts, IndexFaults.Endless(Json, "{\"info\": {\"summary\": \"", 100L << 20));
        var unusable = Assert.IsType<Fetched<ProjectFacts>.Unusable>(await bed.Projects.GetAsync(Foo, default));
        Assert.Equal("it has more than 1,048,576 bytes", unusable.Reason);
        bed.Faults.Spoil(Log, IndexFaults.Endless(
            Xml, "<?xml version='1.0'?><methodResponse><params><param><value><int>", 100L << 20));
        Assert.IsType<Fetched<ChangelogBatch>.Unusable>(await bed.Changelog.SinceAsync(0, default));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_away_as_a_whole()
    {
        await using var bed = await StartAsync();
        await bed.Index.DisposeAsync();
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.True(away.WholeIndex);
    }

    [Fact]
    public async Task An_XML_bomb_does_not_go_off()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Log, IndexFaults.Body(
            Xml,
            "<!DOCTYPE b [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>"
                + Answer(Row("&b;", 5))[Declaration.Length..]));
        var unusable = Assert.IsType<Fetched<ChangelogBatch>.Unusable>(await bed.Changelog.SinceAsync(0, default));
        Assert.Contains("DTD", unusable.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html><body>Bad gateway</body></html>")]
    [InlineData("<methodResponse/>")]
    [InlineData("<methodResponse><params><param><value><int>1")]
    [InlineData("<methodResponse><params><param><value><array><data>")]
    [InlineData("<methodResponse><params><param><value><array><data><value><int>1</int></value></data></array>" +
        "</value></param></params></methodResponse>")]
    [InlineData("<methodResponse><params><param><value><struct/></value></param></params></methodResponse>")]
    public async Task An_answer_that_is_no_XML_RPC_is_unusable(string body)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Log, IndexFaults.Body(Xml, body));
        Assert.IsType<Fetched<ChangelogBatch>.Unusable>(await bed.Changelog.SinceAsync(0, default));
    }

    [Fact]
    public async Task A_fault_is_worth_another_try_and_is_told()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(Log, IndexFaults.XmlRpcFault(-32500, "HTTPTooManyRequests: slow\ndown"));
        var away = Assert.IsType<Fetched<ChangelogBatch>.Away>(await bed.Changelog.SinceAsync(0, default));
        Assert.Equal("it answered with fault -32500: HTTPTooManyRequests: slow down", away.Reason);
    }

    [Fact]
    public async Task Rows_that_are_no_events_are_left_out_and_counted()
    {
        await using var bed = await StartAsync();
        var rows = Row("good", 5)
            + "<value><array><data><value><string>short</string></value></data></array></value>"
            + Row("long", 6).Replace("</data>", "<value><int>1</int></value></data>", StringComparison.Ordinal)
            + Row("late", 7, seconds: "99999999999999")
            + Row("zero", 0)
            + Row("nameless", 8).Replace("<string>nameless</string>", "<nil/>", StringComparison.Ordinal)
            + Untyped(Row("untyped", 9))
            + Row("wide", 10).Replace("int>", "i8>", StringComparison.Ordinal)
            + Row("a &amp; b&#1;", 11)
            + Row(new string('n', 5000), 12);
        bed.Faults.Spoil(Log, IndexFaults.Body(Xml, Answer(rows)));
        var batch = Assert.IsType<Fetched<ChangelogBatch>.Found>(await bed.Changelog.SinceAsync(0, default)).Value;
        Assert.Equal(["good", "untyped", "wide", "a & b\u0001"], batch.Events.Select(e => e.Name));
        Assert.Equal(6, batch.Misshapen);
    }

    [Fact]
    public async Task Giving_up_ourselves_is_no_outcome()
    {
        await using var bed = await StartAsync(StandInBed.Unpaced);
        bed.Faults.Spoil(Page, bed.Faults.NeverAnswers());
        using var quitting = new CancellationTokenSource();
        bed.Faults.Seen = _ => quitting.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => bed.Simple.GetPageAsync(Foo, null, quitting.Token).Within());
    }

    private static string Untyped(string row) => row
        .Replace("<string>", "", StringComparison.Ordinal).Replace("</string>", "", StringComparison.Ordinal);

    private const string Declaration = "<?xml version='1.0'?>\n";

    private static string Answer(string rows) =>
        $"{Declaration}<methodResponse><params><param>" +
        $"<value><array><data>{rows}</data></array></value></param></params></methodResponse>";

    private static string Row(string name, long serial, string seconds = "1700000000") =>
        $"<value><array><data><value><string>{name}</string></value>" +
        $"<value><nil/></value><value><int>{seconds}</int></value>" +
        $"<value><string>create</string></value><value><int>{serial}</int></value></data></array></value>";
}
