using System.Buffers;
using System.Text;
using Piwheels.Core.Database;
using Piwheels.Core.Logs;
using Piwheels.Core.Packaging;
using Piwheels.Pages;
using Templates = Piwheels.Pages.templates;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes what belongs to the whole site: pages, search index, sitemaps, static files, and build logs.
/// </summary>
internal sealed class SitePages(SiteFolder folder, WholeFile files, Site site)
{
    /// <summary>Makes the folders, and writes all that does not change while the farm runs.</summary>
    internal async Task WriteFixedAsync()
    {
        Leftovers.RemoveFromSite(folder, StaticFiles.Paths);
        foreach (var path in (string[])[folder.Root, folder.Simple, folder.Projects, folder.Logs]) folder.Ensure(path);
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
    internal void WriteSearch(IReadOnlyCollection<SearchEntry> entries) =>
        new SearchPages(folder, files, site).Write(entries as SearchIndex ?? SearchIndex.Of(entries));

    /// <summary>Writes a build's log, compressed.</summary>
    internal void WriteLog(long buildId, PackageName package, string output)
    {
        var path = folder.LogOf(buildId);
        folder.Ensure(Path.GetDirectoryName(path)!);
        files.Write(path, stream => PackedLog.Write(stream, package, output));
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
