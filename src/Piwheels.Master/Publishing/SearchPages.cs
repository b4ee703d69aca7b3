using System.Buffers;
using Piwheels.Core.Database;
using Piwheels.Pages;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes what leads to packages: the list that the search page loads, and the sitemaps. They hold every package, so
/// they are made of the index's bytes, without an object for each.
/// </summary>
internal sealed class SearchPages(SiteFolder folder, WholeFile files, Site site)
{
    /// <summary>The most addresses in one sitemap (sitemaps.org).</summary>
    internal const int SitemapAddressesMax = 50_000;

    private const int FlushBytes = 64 * 1024;

    private static readonly string[] ListedPages =
        ["/", "/packages.html", "/stats.html", "/faq.html", "/json.html"];

    internal void Write(SearchIndex index)
    {
        var order = new int[index.Count];
        for (var at = 0; at < order.Length; at++) order[at] = at;
        order.AsSpan().Sort((left, right) => index.NameBytes(left).SequenceCompareTo(index.NameBytes(right)));
        files.Write(folder.Page("packages.json"), stream => WriteList(stream, index, order));
        WriteSitemaps(index, order);
    }

    // A name of letters, digits and hyphens is itself in JSON and in a URL
    private static void WriteList(Stream stream, SearchIndex index, int[] order)
    {
        var output = new ArrayBufferWriter<byte>(2 * FlushBytes);
        var page = new Utf8Page(output);
        page.Raw("["u8);
        for (var at = 0; at < order.Length; at++)
        {
            page.Raw(at == 0 ? "[\""u8 : ",[\""u8);
            page.Raw(index.NameBytes(order[at]));
            page.Raw("\","u8);
            page.Number(index.Recent[order[at]]);
            page.Raw(","u8);
            page.Number(index.All[order[at]]);
            page.Raw("]"u8);
            if (output.WrittenCount > FlushBytes) output.MoveTo(stream);
        }

        page.Raw("]"u8);
        output.MoveTo(stream);
    }

    // The format has no relative addresses: without the site's own there is none
    private void WriteSitemaps(SearchIndex index, int[] order)
    {
        var count = 0;
        if (site.Url.Length > 0)
        {
            var output = new ArrayBufferWriter<byte>();
            var addresses = ListedPages.Length + order.Length;
            for (; count * SitemapAddressesMax < addresses; count++) WriteSitemap(output, index, order, count);
            WriteSitemapIndex(output, count);
        }
        else
        {
            File.Delete(folder.Page("sitemap.xml"));
        }

        // A list that has become shorter leaves files behind
        for (var number = count; File.Exists(folder.Page($"sitemap{number}.xml")); number++)
            File.Delete(folder.Page($"sitemap{number}.xml"));
    }

    private void WriteSitemap(ArrayBufferWriter<byte> output, SearchIndex index, int[] order, int number)
    {
        var page = Begin(output, "urlset"u8);
        var end = Math.Min(ListedPages.Length + order.Length, (number + 1) * SitemapAddressesMax);
        for (var at = number * SitemapAddressesMax; at < end; at++)
        {
            page.Raw("<url><loc>"u8);
            if (at < ListedPages.Length)
            {
                page.Text(site.Address(ListedPages[at]));
            }
            else
            {
                page.Text(site.Url);
                page.Raw("/project/"u8);
                page.Raw(index.NameBytes(order[at - ListedPages.Length]));
                page.Raw("/"u8);
            }

            page.Raw("</loc></url>\n"u8);
        }

        page.Raw("</urlset>\n"u8);
        files.Write(folder.Page($"sitemap{number}.xml"), output.WrittenSpan);
    }

    private void WriteSitemapIndex(ArrayBufferWriter<byte> output, int count)
    {
        var page = Begin(output, "sitemapindex"u8);
        for (var number = 0; number < count; number++)
        {
            page.Raw("<sitemap><loc>"u8);
            page.Text(site.Address($"/sitemap{number}.xml"));
            page.Raw("</loc></sitemap>\n"u8);
        }

        page.Raw("</sitemapindex>\n"u8);
        files.Write(folder.Page("sitemap.xml"), output.WrittenSpan);
    }

    private static Utf8Page Begin(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> root)
    {
        output.ResetWrittenCount();
        var page = new Utf8Page(output);
        page.Raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<"u8);
        page.Raw(root);
        page.Raw(" xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n"u8);
        return page;
    }
}
