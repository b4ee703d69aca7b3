using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using AngleSharp.Html.Parser;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>Pages of builds that run, and the streams that have them grow.</summary>
public sealed class LivePageTests : IDisposable
{
    private const string Hostile =
        "<script>alert(1)</script></pre>\n\u001b[31mred\u001b[0m \"quoted\" &amp; \u202egnp.exe\nnul\0 bell\u0007 Größe 漢字\n";

    private readonly LiveMaster _master = new();

    public void Dispose() => _master.Dispose();

    [Fact]
    public async Task The_page_shows_what_was_printed_and_where_more_is_without_scripts()
    {
        await using var site = await ServedSite.StartAsync(Told());
        using var response = await PageAsync(
            site, LiveMaster.Running(), LiveMaster.Kept((0, "collecting\nbuilding\nnot yet a li")));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("no-store", response.Headers.CacheControl!.ToString());
        var page = await PageOf(response);
        Assert.Equal("Build of numpy 2.1.0", page.QuerySelector("h1")!.TextContent);
        Assert.Equal("/project/numpy/", page.QuerySelector("h1 a")!.GetAttribute("href"));
        Assert.Equal("Being built by pi-1 since 2026-01-02 03:04 UTC.", page.QuerySelector("#live-status")!.TextContent);
        Assert.Equal("collecting\nbuilding", page.QuerySelector("#live-text")!.TextContent);
        Assert.Equal("20", page.QuerySelector("#live-text")!.GetAttribute("data-from"));
        // AngleSharp takes what is for those without scripts as text
        Assert.Contains(LiveMaster.Path, page.QuerySelector("main noscript")!.InnerHtml, StringComparison.Ordinal);
        Assert.NotNull(page.QuerySelector("script[src*='live.js']"));
    }

    [Fact]
    public async Task What_a_build_prints_stays_text_in_the_page_and_in_the_stream()
    {
        string[] shown =
        [
            "<script>alert(1)</script></pre>", "red \"quoted\" &amp; \ufffdgnp.exe", "nul␀ bell␇ Größe 漢字",
        ];
        await using var site = await ServedSite.StartAsync(Told());
        using var response = await PageAsync(site, LiveMaster.Running(label: "<b>pi</b>"), LiveMaster.Kept((0, Hostile)));
        var page = await PageOf(response);
        Assert.Equal(string.Join('\n', shown), page.QuerySelector("#live-text")!.TextContent);
        Assert.Empty(page.QuerySelectorAll("main script, main b"));

        using var stream = await EventStream.OpenAsync(site, LiveMaster.Path + "?from=0");
        var (_, data) = await stream.NextAsync("lines");
        Assert.Equal(shown, LinesOf(data));
    }

    [Fact]
    public async Task A_stream_sends_lines_as_they_are_printed_and_the_end_with_the_log()
    {
        await using var site = await ServedSite.StartAsync(Told());
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept((0, "one\n")))).Dispose();
        using var stream = await EventStream.OpenAsync(site, LiveMaster.Path + "?from=4");
        Assert.Equal("text/event-stream", stream.Response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("no-store", stream.Response.Headers.CacheControl!.ToString());
        Assert.Contains("Being built by pi-1", (await stream.NextAsync("status")).Data, StringComparison.Ordinal);

        _master.Tell(LiveMaster.Printed(4, "two\nthr"));
        Assert.Equal(("8", """["two"]"""), await stream.NextAsync("lines"));
        _master.Tell(LiveMaster.Printed(11, "ee\n"));
        Assert.Equal(("14", """["three"]"""), await stream.NextAsync("lines"));
        _master.Tell(LiveMaster.Printed(14, "the last"), new LiveMessage.Ended(1_234_567, Status: false));
        Assert.Equal(["the last"], LinesOf((await stream.NextAsync("lines")).Data));
        Assert.Equal("\"It could not be built.\"", (await stream.NextAsync("status")).Data);
        Assert.Equal("\"/logs/0000/0123/4567.txt.gz\"", (await stream.NextAsync("end")).Data);
        Assert.Equal("", await stream.RestAsync());
    }

    [Fact]
    public async Task Who_comes_again_goes_on_where_it_was()
    {
        await using var site = await ServedSite.StartAsync(Told());
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept((0, "one\ntwo\nthree\n")))).Dispose();
        using var stream = await EventStream.OpenAsync(site, LiveMaster.Path + "?from=0", ("Last-Event-ID", "4"));
        Assert.Equal(("14", """["two","three"]"""), await stream.NextAsync("lines"));
    }

    [Fact]
    public async Task A_build_that_begins_anew_is_shown_from_its_beginning()
    {
        await using var site = await ServedSite.StartAsync(Told());
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept((0, "one\ntwo\nthree\n")))).Dispose();
        using var stream = await EventStream.OpenAsync(site, LiveMaster.Path + "?from=14");
        await stream.NextAsync("status");
        _master.Tell(LiveMaster.Running(label: "pi-2"), LiveMaster.Kept((0, "again\n")));
        Assert.Equal(("6", """["again"]"""), await stream.NextAsync("lines"));
    }

    [Fact]
    public async Task A_build_that_has_ended_is_not_found_or_leads_to_its_log()
    {
        await using var site = await ServedSite.StartAsync(Told());
        using var unknown = await PageAsync(site, new LiveMessage.Ended(null, Status: false));
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        var page = await PageOf(unknown);
        Assert.Equal("It is not being built, or not any more.", page.QuerySelector("#live-status")!.TextContent);
        Assert.Null(page.QuerySelector("script[src*='live.js']"));

        // Nobody looks at it any more, so the master is asked anew
        Assert.StartsWith("-numpy", _master.Hear(), StringComparison.Ordinal);
        using var ended = await PageAsync(site, new LiveMessage.Ended(7, Status: true));
        Assert.Equal(HttpStatusCode.OK, ended.StatusCode);
        page = await PageOf(ended);
        Assert.Equal("It has been built.", page.QuerySelector("#live-status")!.TextContent);
        Assert.NotNull(page.QuerySelector("a[href='/logs/0000/0000/0007.txt.gz']"));
    }

    [Theory]
    [InlineData(LiveReach.Mute, "Its slave does not tell what it prints.", true)]
    [InlineData(LiveReach.Full, "So many builds are looked at that no more can be", false)]
    public async Task What_cannot_be_followed_says_why(LiveReach reach, string why, bool waits)
    {
        await using var site = await ServedSite.StartAsync(Told());
        using var response = await PageAsync(site, LiveMaster.Running(reach), LiveMaster.Kept());
        var page = await PageOf(response);
        Assert.Contains(why, page.QuerySelector("#live-status")!.TextContent, StringComparison.Ordinal);
        Assert.Equal(waits, page.QuerySelector("#live-text") is not null);
    }

    [Fact]
    public async Task The_list_names_what_runs_with_a_page_for_each()
    {
        await using var site = await ServedSite.StartAsync(Told());
        using var redirect = await site.SendAsync("/live");
        Assert.Equal("/live/", redirect.Headers.Location!.ToString());
        var odd = new LiveTopic(new Release(PackageName.Parse("odd"), "1!2.0+a"), new Target("abi3", "any"));
        var asking = site.SendAsync("/live/");
        Assert.Equal("+builds", _master.Hear());
        _master.Tell(LiveTopic.All, new LiveMessage.Builds(
            1_234,
            [
                new LiveBuild(LiveMaster.Numpy, "<i>pi</i>", LiveMaster.Since, LiveReach.Followed),
                new LiveBuild(odd, "pi-2", LiveMaster.Since, LiveReach.Mute),
                new LiveBuild(odd with { Target = new Target("a b", "../..") }, "pi-3", LiveMaster.Since, LiveReach.Mute),
            ]));
        using var response = await asking.Within();
        var page = await PageOf(response);
        var rows = page.QuerySelectorAll("tbody tr").ToList();
        Assert.Equal(
            [LiveMaster.Path, "/live/odd/1%212.0%2Ba/abi3/any"], rows.Select(row => row.QuerySelector("a")!.GetAttribute("href")));
        Assert.Contains("<i>pi</i>", rows[0].TextContent, StringComparison.Ordinal);
        Assert.Contains("cannot be followed", rows[1].TextContent, StringComparison.Ordinal);

        var again = site.SendAsync("/live/odd/1%212.0%2Ba/abi3/any");
        Assert.Equal("+odd 1!2.0+a abi3 any", _master.Hear());
        _master.Tell(odd.ToBytes(), LiveMaster.Running(), LiveMaster.Kept());
        using var found = await again.Within();
        Assert.Equal(HttpStatusCode.OK, found.StatusCode);
    }

    [Theory]
    [InlineData("/live/numpy/2.1.0/cp311")]
    [InlineData("/live/numpy/2.1.0/cp311/")]
    [InlineData("/live/numpy/2.1.0/cp311/linux_armv7l/")]
    [InlineData("/live/numpy/2.1.0/cp311/linux_armv7l/more")]
    [InlineData("/live/NumPy/2.1.0/cp311/linux_armv7l")]
    [InlineData("/live/numpy/2.1.0%20x/cp311/linux_armv7l")]
    [InlineData("/live/numpy/%0a/cp311/linux_armv7l")]
    [InlineData("/live/numpy/..%2fx/cp311/linux_armv7l")]
    [InlineData("/live/builds")]
    public async Task What_names_no_build_is_not_found_and_not_followed(string path)
    {
        await using var site = await ServedSite.StartAsync(Told());
        using var response = await site.SendAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Theory]
    [InlineData("/live/")]
    [InlineData(LiveMaster.Path)]
    public async Task Without_a_master_to_hear_there_are_no_such_pages(string path)
    {
        await using var site = await ServedSite.StartAsync();
        using var page = await site.SendAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, page.StatusCode);
        using var stream = await site.SendAsync(path, ("Accept", "text/event-stream"));
        Assert.Equal(HttpStatusCode.NotFound, stream.StatusCode);
    }

    [Fact]
    public async Task A_master_that_says_nothing_is_not_waited_for_long()
    {
        var time = new FakeTimeProvider();
        await using var site = await ServedSite.StartAsync(Told(), time);
        var asking = site.SendAsync(LiveMaster.Path);
        Assert.StartsWith("+numpy", _master.Hear(), StringComparison.Ordinal);
        // What it says is none of this queue's messages
        _master.Tell(LiveMaster.Numpy.ToBytes(), "nonsense"u8.ToArray());
        var began = Stopwatch.GetTimestamp();
        while (!asking.IsCompleted && Stopwatch.GetElapsedTime(began) < Waiting.Limit)
        {
            time.Advance(LivePages.FirstWordTime);
            await Task.WhenAny(asking, site.TextAsync("/"));
        }

        using var response = await asking.Within();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal("30", response.Headers.GetValues("Retry-After").Single());
    }

    [Fact]
    public async Task A_client_has_its_share_of_the_streams()
    {
        var limits = new WebLimits { AddressStreamsMax = 2 };
        await using var site = await ServedSite.StartAsync(Told(limits));
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept())).Dispose();
        using var first = await EventStream.OpenAsync(site, LiveMaster.Path);
        using var second = await EventStream.OpenAsync(site, LiveMaster.Path);
        using (var third = await EventStream.OpenAsync(site, LiveMaster.Path))
            Assert.Equal(HttpStatusCode.ServiceUnavailable, third.Response.StatusCode);
        // Pages are no streams
        using var page = await site.SendAsync(LiveMaster.Path);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);

        first.Dispose();
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            using var next = await EventStream.OpenAsync(site, LiveMaster.Path);
            if (next.Response.StatusCode == HttpStatusCode.OK) break;
            Assert.True(Stopwatch.GetElapsedTime(began) < Waiting.Limit, "a stream that was closed counts for ever");
        }
    }

    [Fact]
    public async Task A_silent_stream_shows_that_it_lives()
    {
        var limits = new WebLimits { HeartbeatInterval = TimeSpan.FromMilliseconds(20) };
        await using var site = await ServedSite.StartAsync(Told(limits));
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept())).Dispose();
        using var stream = await EventStream.OpenAsync(site, LiveMaster.Path);
        await stream.NextAsync(":");
        await stream.NextAsync(":");
    }

    [Fact]
    public async Task A_stream_ends_when_its_time_is_over()
    {
        var limits = new WebLimits { HeartbeatInterval = TimeSpan.FromMilliseconds(20), StreamTime = TimeSpan.FromMilliseconds(100) };
        await using var site = await ServedSite.StartAsync(Told(limits));
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept())).Dispose();
        using var stream = await EventStream.OpenAsync(site, LiveMaster.Path);
        Assert.DoesNotContain("event: end", await stream.RestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streams_end_when_the_server_stops()
    {
        var site = await ServedSite.StartAsync(Told());
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept())).Dispose();
        using var stream = await EventStream.OpenAsync(site, LiveMaster.Path);
        await stream.NextAsync("status");
        var rest = stream.RestAsync();
        await site.Server.DisposeAsync().AsTask().Within();
        Assert.Equal("", await rest);
        await site.DisposeAsync();
    }

    [Fact]
    public async Task Who_reads_slowly_sees_a_gap_and_keeps_nobody_waiting()
    {
        await using var site = await ServedSite.StartAsync(Told());
        (await PageAsync(site, LiveMaster.Running(), LiveMaster.Kept())).Dispose();
        using var slow = await site.ConnectAsync();
        await slow.GetStream().WriteAsync(
            Encoding.ASCII.GetBytes($"GET {LiveMaster.Path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"),
            TestContext.Current.CancellationToken);
        using var quick = await EventStream.OpenAsync(site, LiveMaster.Path);
        var line = new string('x', 1_000) + "\n";
        var piece = string.Concat(Enumerable.Repeat(line, 60));
        for (var n = 0; n < 300; n++)
        {
            _master.Tell(LiveMaster.Printed((long)n * piece.Length, piece));
            Assert.Equal($"{(n + 1L) * piece.Length}", (await quick.NextAsync("lines")).Id);
        }
    }

    [Fact]
    public async Task What_nobody_looks_at_is_left_after_a_while_and_first_where_there_is_no_room()
    {
        await using var bed = new TaskTestbed();
        var feed = bed.Add(new LiveFeed(_master.Address, bed.Environment));
        feed.Start();
        var leases = Enumerable.Range(0, LiveFeed.WatchesMax).Select(n => feed.Follow(Topic(n))).ToList();
        for (var n = 0; n < LiveFeed.WatchesMax; n++) Assert.Equal($"+many 1.{n} abi3 any", _master.Hear());
        Assert.Null(feed.Follow(Topic(1_000)));
        leases[3]!.Dispose();
        leases[3]!.Dispose();
        leases[7]!.Dispose();
        bed.Time.Advance(LiveFeed.LingerTime / 2);
        using var more = feed.Follow(Topic(1_000));
        Assert.NotNull(more);
        Assert.Equal("-many 1.3 abi3 any", _master.Hear());
        Assert.Equal("+many 1.1000 abi3 any", _master.Hear());
        var began = Stopwatch.GetTimestamp();
        while (feed.Count == LiveFeed.WatchesMax)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Waiting.Limit, "it is followed for ever");
            bed.Time.Advance(LiveFeed.LingerTime);
            await Task.Yield();
        }

        Assert.Equal("-many 1.7 abi3 any", _master.Hear());
        Assert.Equal(LiveFeed.WatchesMax - 1, feed.Count);
    }

    [Fact]
    public async Task Whoever_asks_for_thousands_of_builds_is_not_asked_for_at_the_master()
    {
        await using var bed = new TaskTestbed();
        var feed = bed.Add(new LiveFeed(_master.Address, bed.Environment));
        feed.Start();
        for (var n = 0; n < LiveFeed.NewInSecondMax; n++) feed.Follow(Topic(n))!.Dispose();
        Assert.Null(feed.Follow(Topic(1_000)));
        bed.Time.Advance(TimeSpan.FromSeconds(1));
        using var next = feed.Follow(Topic(1_000));
        Assert.NotNull(next);
    }

    private WebConfiguration Told(WebLimits? limits = null) =>
        new() { LiveQueue = _master.Address, Limits = limits ?? new WebLimits() };

    /// <summary>Has somebody ask for the page of a build that the master tells this of.</summary>
    private async Task<HttpResponseMessage> PageAsync(ServedSite site, params LiveMessage[] messages)
    {
        var asking = site.SendAsync(LiveMaster.Path);
        Assert.Equal("+numpy 2.1.0 cp311 linux_armv7l", _master.Hear());
        _master.Tell(messages);
        return await asking.Within();
    }

    private static byte[] Topic(int number) =>
        new LiveTopic(new Release(PackageName.Parse("many"), $"1.{number}"), new Target("abi3", "any")).ToBytes();

    private static async Task<AngleSharp.Html.Dom.IHtmlDocument> PageOf(HttpResponseMessage response) =>
        new HtmlParser().ParseDocument(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

    private static string[] LinesOf(string data) => JsonSerializer.Deserialize<string[]>(data)!;
}
