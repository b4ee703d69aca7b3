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
        bed.Faults.Spoil(Log, IndexFaults.Body(Xml, """
            <?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
            <methodResponse><params><param><value><string>&b;</string></value></param></params></methodResponse>
            """));
        Assert.IsType<Fetched<ChangelogBatch>.Unusable>(await bed.Changelog.SinceAsync(0, default));
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

    private static string Answer(string rows) =>
        "<?xml version='1.0'?>\n<methodResponse><params><param>" +
        $"<value><array><data>{rows}</data></array></value></param></params></methodResponse>";

    private static string Row(string name, long serial, string seconds = "1700000000") =>
        $"<value><array><data><value><string>{name}</string></value>" +
        $"<value><nil/></value><value><int>{seconds}</int></value>" +
        $"<value><string>create</string></value><value><int>{serial}</int></value></data></array></value>";
}
