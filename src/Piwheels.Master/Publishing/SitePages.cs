using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Piwheels.Core.Database;
using Piwheels.Pages;
using Templates = Piwheels.Pages.templates;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes what belongs to the whole site: pages, search index, sitemaps, static files, and build logs.
/// </summary>
internal sealed class SitePages(SiteFolder folder, WholeFile files, Site site)
{
    /// <summary>The most addresses in one sitemap (sitemaps.org).</summary>
    internal const int SitemapAddressesMax = 50_000;

    private static readonly string[] ListedPages =
        ["/", "/packages.html", "/stats.html", "/faq.html", "/json.html"];

    /// <summary>Makes the folders, and writes all that does not change while the farm runs.</summary>
    internal async Task WriteFixedAsync()
    {
        foreach (var path in (string[])[folder.Root, folder.Simple, folder.Projects, folder.Logs]) folder.Ensure(path);
        Leftovers.RemoveFromSite(folder, StaticFiles.Paths);
        foreach (var path in StaticFiles.Paths) WriteStatic(path, StaticFiles.Read(path));
        if (site.Logo is { } logo) WriteStatic(logo.FilePath, logo.Content.Span);
        if (site.Colour is { } colour) WriteStatic(Site.StylePath, Encoding.UTF8.GetBytes(colour.Style));

        await WriteAsync("packages.html", Templates.Packages.Create(site));
        await WriteAsync("faq.html", Templates.Questions.Create(site));
        await WriteAsync("json.html", Templates.Api.Create(site));
        await WriteAsync("404.html", Templates.NotFound.Create(site));
        // Until the database answers for the first time; what an earlier run counted is better than nothing
        if (!File.Exists(folder.Page("index.html"))) await WriteStatisticsAsync(new StatisticsPage(site, null, default));
        if (!File.Exists(folder.Page(Site.FeedPath[1..]))) WriteFeed([]);
        if (!File.Exists(folder.Page("packages.json"))) WriteSearch([]);
    }

    /// <summary>Writes the first page, and the one of statistics.</summary>
    internal async Task WriteStatisticsAsync(StatisticsPage page)
    {
        await WriteAsync("index.html", Templates.Home.Create(page));
        await WriteAsync("stats.html", Templates.Statistics.Create(page));
    }

    /// <summary>Writes the feed of new builds, which needs to know the site's own address, as sitemaps do.</summary>
    internal void WriteFeed(IReadOnlyList<NewBuild> builds)
    {
        var path = folder.Page(Site.FeedPath[1..]);
        if (site.Url.Length == 0)
        {
            File.Delete(path);
            return;
        }

        var output = new ArrayBufferWriter<byte>();
        NewBuildsFeed.Write(output, site, builds);
        files.Write(path, output.WrittenSpan);
    }

    /// <summary>Writes the list that the search page loads, and the sitemaps.</summary>
    internal void WriteSearch(IReadOnlyCollection<SearchEntry> entries)
    {
        var ordered = entries.OrderBy(entry => entry.Package).ToList();
        files.Write(folder.Page("packages.json"), stream =>
        {
            using var json = new Utf8JsonWriter(stream);
            json.WriteStartArray();
            foreach (var entry in ordered)
            {
                json.WriteStartArray();
                json.WriteStringValue(entry.Package.Value);
                json.WriteNumberValue(entry.DownloadsRecent);
                json.WriteNumberValue(entry.DownloadsAll);
                json.WriteEndArray();
                if (json.BytesPending > 64 * 1024) json.Flush();
            }

            json.WriteEndArray();
        });
        WriteSitemaps(ListedPages.Concat(ordered.Select(entry => $"/project/{entry.Package}/")));
    }

    /// <summary>Writes a build's log, compressed.</summary>
    internal void WriteLog(long buildId, string output)
    {
        var path = folder.LogOf(buildId);
        folder.Ensure(Path.GetDirectoryName(path)!);
        files.Write(path, stream =>
        {
            using var gzip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
            using var writer = new StreamWriter(gzip, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
            writer.Write(output);
        });
    }

    // The format has no relative addresses: without the site's own there is none
    private void WriteSitemaps(IEnumerable<string> paths)
    {
        var count = 0;
        if (site.Url.Length > 0)
        {
            foreach (var part in paths.Chunk(SitemapAddressesMax))
                WriteSitemap($"sitemap{count++}.xml", "urlset"u8, "url"u8, part);
            var parts = Enumerable.Range(0, count).Select(number => $"/sitemap{number}.xml");
            WriteSitemap("sitemap.xml", "sitemapindex"u8, "sitemap"u8, parts);
        }
        else
        {
            File.Delete(folder.Page("sitemap.xml"));
        }

        // A list that has become shorter leaves files behind
        for (var number = count; File.Exists(folder.Page($"sitemap{number}.xml")); number++)
            File.Delete(folder.Page($"sitemap{number}.xml"));
    }

    private void WriteSitemap(string name, ReadOnlySpan<byte> root, ReadOnlySpan<byte> item, IEnumerable<string> paths)
    {
        var output = new ArrayBufferWriter<byte>();
        var page = new Utf8Page(output);
        page.Raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<"u8);
        page.Raw(root);
        page.Raw(" xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n"u8);
        foreach (var path in paths)
        {
            page.Raw("<"u8);
            page.Raw(item);
            page.Raw("><loc>"u8);
            page.Text(site.Address(path));
            page.Raw("</loc></"u8);
            page.Raw(item);
            page.Raw(">\n"u8);
        }

        page.Raw("</"u8);
        page.Raw(root);
        page.Raw(">\n"u8);
        files.Write(folder.Page(name), output.WrittenSpan);
    }

    private void WriteStatic(string path, ReadOnlySpan<byte> content)
    {
        var target = folder.Page(path);
        folder.Ensure(Path.GetDirectoryName(target)!);
        files.Write(target, content);
    }

    private async Task WriteAsync(string name, RazorSlices.RazorSlice template)
    {
        var page = await Rendered.RenderAsync(template);
        files.Write(folder.Page(name), page.Span);
    }
}
