using System.Buffers;
using System.Globalization;
using Piwheels.Core.Database;
using Piwheels.Pages;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes the Atom feed of new builds (RFC 4287). Its entries are known by their logs' addresses, which no other build
/// ever has.
/// </summary>
internal static class NewBuildsFeed
{
    /// <summary>How many builds it tells of.</summary>
    internal const int EntriesMax = 50;

    internal static void Write(IBufferWriter<byte> output, Site site, IReadOnlyList<NewBuild> builds)
    {
        var page = new Utf8Page(output);
        page.Raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n"u8);
        Element(page, "title"u8, $"New builds · {site.Title}");
        Element(page, "id"u8, site.Address(Site.FeedPath));
        Element(page, "updated"u8, Time(builds.Select(build => build.BuiltAt).DefaultIfEmpty(DateTimeOffset.UnixEpoch).Max()));
        page.Raw("<author><name>"u8);
        page.Text(site.Title);
        page.Raw("</name></author>\n<link rel=\"self\" type=\"application/atom+xml\" href=\""u8);
        page.Text(site.Address(Site.FeedPath));
        page.Raw("\"/>\n"u8);
        Link(page, site.Address("/"));
        foreach (var build in builds) WriteEntry(page, site, build);
        page.Raw("</feed>\n"u8);
    }

    private static void WriteEntry(in Utf8Page page, Site site, NewBuild build)
    {
        var (package, version) = (build.Release.Package.Value, build.Release.Version);
        page.Raw("<entry>\n"u8);
        Element(page, "title"u8, $"{package} {version} for {build.Target.Abi} on {build.Target.Platform}");
        Element(page, "id"u8, site.Address(SiteFolder.LogPath(build.BuildId)));
        Element(page, "updated"u8, Time(build.BuiltAt));
        Link(page, site.Address($"/project/{package}/#{Uri.EscapeDataString(version)}"));
        Element(page, "summary"u8, $"Built in {Figures.Duration(build.Duration)}.");
        page.Raw("</entry>\n"u8);
    }

    private static void Element(in Utf8Page page, ReadOnlySpan<byte> name, string text)
    {
        page.Raw("<"u8);
        page.Raw(name);
        page.Raw(">"u8);
        page.Text(text);
        page.Raw("</"u8);
        page.Raw(name);
        page.Raw(">\n"u8);
    }

    private static void Link(in Utf8Page page, string address)
    {
        page.Raw("<link rel=\"alternate\" type=\"text/html\" href=\""u8);
        page.Text(address);
        page.Raw("\"/>\n"u8);
    }

    // RFC 3339
    private static string Time(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
