using System.IO.Compression;
using System.Net;
using Microsoft.Extensions.Logging;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>Parts of files, files that are replaced, and what is kept of them.</summary>
public sealed class ServedFileTests
{
    private const string Wheel = "simple/foo/foo-1.0-py3-none-any.whl";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("bytes=2-4", 206, "bytes 2-4/10", "234")]
    [InlineData("bytes=7-", 206, "bytes 7-9/10", "789")]
    [InlineData("bytes=-3", 206, "bytes 7-9/10", "789")]
    [InlineData("bytes=-30", 206, "bytes 0-9/10", "0123456789")]
    [InlineData("bytes=0-99", 206, "bytes 0-9/10", "0123456789")]
    [InlineData("bytes=10-", 416, "bytes */10", "")]
    [InlineData("bytes=-0", 416, "bytes */10", "")]
    [InlineData("bytes=0-1,5-6", 200, null, "0123456789")]
    [InlineData("bytes=5-2", 200, null, "0123456789")]
    [InlineData("bytes=x", 200, null, "0123456789")]
    [InlineData("lines=1-2", 200, null, "0123456789")]
    public async Task A_wheel_is_read_in_parts(string range, int status, string? told, string text)
    {
        await using var site = await ServedSite.StartAsync();
        site.Write(Wheel, "0123456789");
        using var response = await site.SendAsync("/" + Wheel, ("Range", range));
        Assert.Equal((HttpStatusCode)status, response.StatusCode);
        Assert.Equal(told, response.Content.Headers.ContentRange?.ToString());
        Assert.Equal(text, await response.Content.ReadAsStringAsync(Ct));
        Assert.Contains("bytes", response.Headers.AcceptRanges);
    }

    [Fact]
    public async Task A_part_is_of_the_file_that_the_client_has_a_part_of_already()
    {
        await using var site = await ServedSite.StartAsync();
        site.Write(Wheel, "0123456789");
        using var first = await site.SendAsync("/" + Wheel, ("Range", "bytes=0-4"));
        var tag = first.Headers.ETag!.ToString();
        Assert.Equal("56789", await site.TextAsync("/" + Wheel, ("Range", "bytes=5-"), ("If-Range", tag)));
        site.Replace(Wheel, "abcdefghij");
        Assert.Equal("abcdefghij", await site.TextAsync("/" + Wheel, ("Range", "bytes=5-"), ("If-Range", tag)));
    }

    [Fact]
    public async Task A_file_that_is_replaced_while_it_is_sent_is_sent_whole()
    {
        await using var site = await ServedSite.StartAsync();
        var old = new string('o', 30_000_000);
        site.Write(Wheel, old);
        using var response = await site.SendAsync("/" + Wheel);
        await using var body = await response.Content.ReadAsStreamAsync(Ct);
        var read = new byte[1000];
        await body.ReadExactlyAsync(read, Ct);
        site.Replace(Wheel, "new");
        Assert.Equal(old[1000..], await new StreamReader(body).ReadToEndAsync(Ct));
        Assert.Equal("new", await site.TextAsync("/" + Wheel));
    }

    [Fact]
    public async Task Whoever_asks_while_pages_are_replaced_again_and_again_gets_one_of_them_whole()
    {
        await using var site = await ServedSite.StartAsync();
        string[] pages = [.. Enumerable.Range(0, 10).Select(n => new string((char)('a' + n), 3000 + n))];
        site.Write("index.html", pages[0]);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var replacing = Task.Run(
            () =>
            {
                for (var n = 0; !end.IsCancellationRequested; n++) site.Replace("index.html", pages[n % pages.Length]);
            },
            Ct);
        for (var n = 0; n < 300; n++)
        {
            var encoding = n % 2 == 0 ? "identity" : "gzip";
            using var response = await site.SendAsync("/", ("Accept-Encoding", encoding));
            await using var body = await response.Content.ReadAsStreamAsync(Ct);
            await using var text = encoding == "gzip" ? new GZipStream(body, CompressionMode.Decompress) : body;
            Assert.Contains(await new StreamReader(text).ReadToEndAsync(Ct), pages);
        }

        await end.CancelAsync();
        await replacing;
        Assert.DoesNotContain(site.Log.Entries, entry => entry.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task A_page_replaced_within_the_same_moment_by_one_as_long_has_another_tag()
    {
        await using var site = await ServedSite.StartAsync();
        site.Write("index.html", "one");
        using var one = await site.SendAsync("/");
        var written = File.GetLastWriteTimeUtc(site.Folder["site/index.html"]);
        site.Replace("index.html", "two");
        File.SetLastWriteTimeUtc(site.Folder["site/index.html"], written);
        using var two = await site.SendAsync("/", ("If-None-Match", one.Headers.ETag!.ToString()));
        Assert.Equal(HttpStatusCode.OK, two.StatusCode);
    }

    [Fact]
    public async Task A_page_is_sent_again_only_if_it_was_changed_since()
    {
        await using var site = await ServedSite.StartAsync();
        site.Write("index.html", "home");
        using var first = await site.SendAsync("/");
        var date = first.Content.Headers.LastModified!.Value.ToString("r");
        using var second = await site.SendAsync("/", ("If-Modified-Since", date));
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        using var other = await site.SendAsync("/", ("If-None-Match", "\"x\""), ("If-Modified-Since", date));
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        using var any = await site.SendAsync("/", ("If-None-Match", "*"));
        Assert.Equal(HttpStatusCode.NotModified, any.StatusCode);
    }

    [Theory]
    [InlineData("packages.json", "/packages.json")]
    [InlineData("project/foo/json/index.json", "/project/foo/json/")]
    [InlineData("simple/foo/index.v1_json", "/simple/foo/index.v1_json")]
    [InlineData(null, "/project/missing/json/")]
    public async Task Pages_of_other_sites_may_read_json_and_be_told_that_there_is_none(string? path, string target)
    {
        await using var site = await ServedSite.StartAsync();
        if (path is not null) site.Write(path, "{}");
        using var response = await site.SendAsync(target, ("Origin", "https://other.example"));
        Assert.Equal("*", Assert.Single(response.Headers.GetValues("Access-Control-Allow-Origin")));
        using var asking = new HttpRequestMessage(HttpMethod.Options, target);
        using var allowed = await site.Client.SendAsync(asking, Ct);
        Assert.Equal("*", Assert.Single(allowed.Headers.GetValues("Access-Control-Allow-Headers")));
    }

    [Fact]
    public async Task An_empty_file_is_a_file()
    {
        await using var site = await ServedSite.StartAsync();
        site.Write("packages.html", "");
        using var response = await site.SendAsync("/packages.html", ("Accept-Encoding", "gzip"));
        Assert.Equal((HttpStatusCode.OK, 0L), (response.StatusCode, response.Content.Headers.ContentLength));
    }

    [Fact]
    public async Task Compressed_pages_are_kept_up_to_a_limit_and_those_asked_for_last_stay()
    {
        using var folder = new TemporaryFolder();
        var pages = new CompressedPages(keptBytesMax: 20_000);
        for (var n = 0; n < 20; n++)
        {
            var noise = new byte[3000];
            new Random(n).NextBytes(noise);
            await File.WriteAllBytesAsync(folder[$"{n}.html"], noise, Ct);
            using var file = SiteFile.Open(folder.Path, [$"{n}.html"])!;
            await pages.CompressAsync(file, file.Path, "tag", "gzip");
            using var first = SiteFile.Open(folder.Path, ["0.html"])!;
            var kept = await pages.CompressAsync(first, first.Path, "tag", "gzip");
            Assert.Same(kept, await pages.CompressAsync(first, first.Path, "tag", "gzip"));
            Assert.InRange(pages.KeptBytes, 3000, 20_000);
        }

        using var changed = SiteFile.Open(folder.Path, ["0.html"])!;
        var before = pages.KeptBytes;
        await pages.CompressAsync(changed, changed.Path, "another tag", "gzip");
        Assert.Equal(before, pages.KeptBytes);
    }

    [Fact]
    public async Task What_many_ask_for_at_once_is_compressed_once()
    {
        await using var site = await ServedSite.StartAsync();
        var text = string.Concat(Enumerable.Range(0, 500_000).Select(number => $"{number} "));
        site.Write("simple/index.html", text);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            using var response = await site.SendAsync("/simple/", ("Accept-Encoding", "gzip"));
            return await response.Content.ReadAsByteArrayAsync(Ct);
        }));
        Assert.All(answers, answer => Assert.Equal(answers[0], answer));
    }
}
