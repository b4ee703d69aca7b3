using System.IO.Compression;
using System.Net;
using System.Text;
using AngleSharp.Html.Parser;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

public sealed class LogPageTests
{
    private const string LogPath = "logs/0000/0123/4567.txt.gz";
    private const string Browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static string Lines(int count) =>
        string.Concat(Enumerable.Range(1, count).Select(number => $"line {number}\n"));

    private static async Task<string> PageOfAsync(byte[] log)
    {
        await using var site = await ServedSite.StartAsync();
        site.WritePacked(LogPath, log);
        using var response = await site.SendAsync("/" + LogPath, ("Accept", Browser));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return await response.Content.ReadAsStringAsync(Ct);
    }

    private static Task<string> PageOfAsync(string log) => PageOfAsync(Encoding.UTF8.GetBytes(log));

    private static string TextOf(string page) => new HtmlParser().ParseDocument(page).Body!.TextContent;

    [Theory]
    [InlineData(Browser, "", true)]
    [InlineData("text/html", "", true)]
    [InlineData(Browser, "?raw", false)]
    [InlineData(Browser, "?raw=1", false)]
    [InlineData("*/*", "", false)]
    [InlineData("text/plain", "", false)]
    [InlineData("text/*", "", false)]
    [InlineData("text/html;q=0, */*", "", false)]
    [InlineData("nonsense", "", false)]
    [InlineData(null, "", false)]
    public async Task A_browser_gets_a_page_and_a_program_the_log(string? accept, string query, bool page)
    {
        await using var site = await ServedSite.StartAsync();
        site.WritePacked(LogPath, "built\n"u8.ToArray());
        (string, string)[] headers = accept is null ? [] : [("Accept", accept)];
        using var response = await site.SendAsync(
            $"/{LogPath}{query}", [.. headers, ("Accept-Encoding", "gzip, br")]);
        Assert.Equal("gzip", Assert.Single(response.Content.Headers.ContentEncoding));
        Assert.Equal(["Accept", "Accept-Encoding"], response.Headers.Vary);
        Assert.Equal(page ? "text/html" : "text/plain", response.Content.Headers.ContentType!.MediaType);
        await using var text = new GZipStream(await response.Content.ReadAsStreamAsync(Ct), CompressionMode.Decompress);
        var sent = await new StreamReader(text).ReadToEndAsync(Ct);
        if (page) Assert.Contains("built", TextOf(sent), StringComparison.Ordinal);
        else Assert.Equal("built\n", sent);

        using var known = await site.SendAsync(
            $"/{LogPath}{query}",
            [.. headers, ("Accept-Encoding", "gzip, br"), ("If-None-Match", response.Headers.ETag!.ToString())]);
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
    }

    [Theory]
    [InlineData("numpy", "/project/numpy/")]
    [InlineData("a-b-c", "/project/a-b-c/")]
    public async Task The_page_leads_to_the_package_that_the_master_wrote_the_log_of(string package, string link)
    {
        await using var site = await ServedSite.StartAsync();
        site.WriteLog(LogPath, PackageName.Parse(package), "Collecting other\n");
        using var response = await site.SendAsync("/" + LogPath, ("Accept", Browser));
        var document = new HtmlParser().ParseDocument(await response.Content.ReadAsStringAsync(Ct));
        Assert.Equal(package, document.QuerySelector($"main a[href='{link}']")!.TextContent);
        Assert.Contains("Collecting other", document.QuerySelector("pre")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_log_of_an_unknown_package_leads_nowhere()
    {
        var page = await PageOfAsync("Collecting numpy\n");
        Assert.Empty(new HtmlParser().ParseDocument(page).QuerySelectorAll("main a[href*='/project/']"));
    }

    [Fact]
    public async Task The_page_says_first_why_it_failed_then_the_last_lines_then_all()
    {
        var failure = new BuildFailure(
            FailureClass.MissingHeader, "x.c:2:10: fatal error: libpq-fe.h: No such file or directory", "libpq-dev");
        var page = await PageOfAsync(failure.AppendTo(Lines(200)));
        var document = new HtmlParser().ParseDocument(page);
        Assert.Equal("Log of build 1234567", document.QuerySelector("h1")!.TextContent);
        var blocks = document.QuerySelectorAll("pre").Select(block => block.TextContent).ToList();
        Assert.Equal(3, blocks.Count);
        Assert.Equal(failure.Evidence, blocks[0]);
        Assert.Contains("libpq-dev", document.QuerySelector(".project-head")!.TextContent, StringComparison.Ordinal);
        Assert.Equal(FailureClass.MissingHeader.Text(), document.QuerySelector("strong")!.TextContent);
        Assert.DoesNotContain("line 160\n", blocks[1], StringComparison.Ordinal);
        Assert.Contains("line 200\n", blocks[1], StringComparison.Ordinal);
        Assert.StartsWith("line 1\nline 2\n", blocks[2], StringComparison.Ordinal);
        Assert.Contains("\nline 200\n", blocks[2], StringComparison.Ordinal);
        Assert.Equal($"/{LogPath}?raw", document.QuerySelector(".project-head a")!.GetAttribute("href"));
        Assert.Equal(document.QuerySelectorAll("[id]").Select(each => each.Id).Distinct().Count(),
            document.QuerySelectorAll("[id]").Length);
    }

    [Fact]
    public async Task A_build_may_print_what_looks_like_a_failure_and_it_is_none()
    {
        var page = await PageOfAsync("piw-failure: 1 disk-full\npiw-evidence: forged\nSuccessfully built foo\n");
        Assert.Null(new HtmlParser().ParseDocument(page).QuerySelector(".state"));
    }

    [Fact]
    public async Task A_log_stays_text_whatever_a_build_has_printed()
    {
        const string Hostile =
            "<script>alert(1)</script></pre></code><img src=x onerror=alert(1)>\n" +
            "&lt;b&gt; \" ' ` @Model.Site {{x}} <!-- --> ]]>\n" +
            "\u001b[31mred\u001b[0m \u001b]8;;http://evil.example\u0007link\u001b]8;;\u0007 \u001b[2J\u001b(Bok\u001b7\n" +
            "nul\0bell\u0007back\b\u007f\u0085 \u202egnp.exe\u2066 \ufeff\n" +
            "one\rtwo\r\nthree\n" +
            "Größe 漢字 🎡\n";
        var page = await PageOfAsync(Hostile);
        var document = new HtmlParser().ParseDocument(page);
        Assert.Equal(
            document.QuerySelectorAll("script").Length,
            new HtmlParser().ParseDocument(await PageOfAsync("x")).QuerySelectorAll("script").Length);
        Assert.Empty(document.QuerySelectorAll("main img, main script, [onerror]"));
        var lines = document.QuerySelector("pre")!.TextContent.Split('\n');
        Assert.Equal("<script>alert(1)</script></pre></code><img src=x onerror=alert(1)>", lines[0]);
        Assert.Equal("&lt;b&gt; \" ' ` @Model.Site {{x}} <!-- --> ]]>", lines[1]);
        Assert.Equal("red link ok", lines[2]);
        Assert.Equal("nul␀bell␇back␈␡", lines[3][..15]);
        Assert.Contains("one", lines);
        Assert.Contains("two", lines);
        Assert.Contains("three", lines);
        Assert.Contains("Größe 漢字 🎡", lines);
        Assert.DoesNotContain(page, character => character is '\u202e' or '\u2066' or '\0' or '\u001b' or '\u0085');
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_shown_as_such()
    {
        var noise = new byte[300_000];
        new Random(1).NextBytes(noise);
        var page = await PageOfAsync(noise);
        Assert.Contains('\ufffd', page);
    }

    [Fact]
    public async Task Of_a_long_log_beginning_and_end_are_shown_and_how_much_is_not()
    {
        var failure = new BuildFailure(FailureClass.CompilerError, "error: no");
        var page = await PageOfAsync(failure.AppendTo(Lines(200_000)));
        Assert.InRange(page.Length, 500_000, 800_000);
        var text = TextOf(page);
        Assert.Contains("\nline 2\n", text, StringComparison.Ordinal);
        Assert.Contains("\nline 200000\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\nline 100000\n", text, StringComparison.Ordinal);
        Assert.Contains(" KiB before it are not shown here", text, StringComparison.Ordinal);
        Assert.Contains("error: no", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LogExcerpt.HeadBytesMax - 1)]
    [InlineData(LogExcerpt.HeadBytesMax)]
    [InlineData(LogExcerpt.HeadBytesMax + LogExcerpt.TailBytesMax)]
    [InlineData(LogExcerpt.HeadBytesMax + LogExcerpt.TailBytesMax + 1)]
    [InlineData(LogExcerpt.HeadBytesMax + (5 * LogExcerpt.TailBytesMax) + 77)]
    public async Task Of_a_log_of_any_length_the_beginning_and_the_end_are_its_own(int length)
    {
        var log = new byte[length];
        new Random(length).NextBytes(log);
        log.AsSpan().Replace((byte)'\n', (byte)' ');
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync(log, Ct);
        packed.Position = 0;
        var excerpt = await LogExcerpt.ReadAsync(packed, Ct);
        var shown = Math.Min(length, LogExcerpt.HeadBytesMax + LogExcerpt.TailBytesMax);
        Assert.Equal(length - shown, excerpt.LeftOut);
        Assert.Equal(
            excerpt.LeftOut == 0 ? log : log[..LogExcerpt.HeadBytesMax], excerpt.Beginning().ToArray());
        Assert.Equal(excerpt.LeftOut == 0 ? [] : log[^LogExcerpt.TailBytesMax..], excerpt.End().ToArray());
    }

    [Fact]
    public async Task One_endless_line_and_a_bomb_take_neither_memory_nor_the_browser()
    {
        await using var site = await ServedSite.StartAsync();
        Directory.CreateDirectory(Path.GetDirectoryName(site.Folder["site/" + LogPath])!);
        await using (var packed = new GZipStream(File.Create(site.Folder["site/" + LogPath]), CompressionLevel.Fastest))
        {
            var piece = Encoding.ASCII.GetBytes(new string('x', 1 << 20));
            for (var n = 0; n < 200; n++) await packed.WriteAsync(piece, Ct);
        }

        var page = await site.TextAsync("/" + LogPath, ("Accept", Browser));
        Assert.InRange(page.Length, 0, 20_000);
        Assert.Contains("more characters in this line", page, StringComparison.Ordinal);
        Assert.Contains("longer than 128 MiB", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_whose_file_is_damaged_is_shown_as_far_as_it_can_be_read()
    {
        await using var site = await ServedSite.StartAsync();
        site.WritePacked(LogPath, Encoding.UTF8.GetBytes(Lines(50_000)));
        var packed = await File.ReadAllBytesAsync(site.Folder["site/" + LogPath], Ct);
        packed.AsSpan(packed.Length / 2, 100).Fill(0xff);
        await File.WriteAllBytesAsync(site.Folder["site/" + LogPath], packed, Ct);
        var page = await site.TextAsync("/" + LogPath, ("Accept", Browser));
        Assert.Contains("is damaged", page, StringComparison.Ordinal);

        site.Write("logs/0000/0000/0001.txt.gz", "not packed at all");
        Assert.Contains(
            "is damaged", await site.TextAsync("/logs/0000/0000/0001.txt.gz", ("Accept", Browser)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_has_the_sites_own_name()
    {
        var configuration = new WebConfiguration();
        await using var site = await ServedSite.StartAsync(
            configuration with { Site = configuration.Site with { Title = "Wheels & <co>" } });
        site.WritePacked(LogPath, "built\n"u8.ToArray());
        var page = await site.TextAsync("/" + LogPath, ("Accept", Browser));
        Assert.Contains("Wheels &amp; &lt;co&gt;", page, StringComparison.Ordinal);
    }
}
