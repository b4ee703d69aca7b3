using System.Buffers;
using System.Xml;
using System.Xml.Linq;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>The feed of new builds, against what RFC 4287 asks of one.</summary>
public sealed class NewBuildsFeedTests
{
    private static readonly XNamespace Atom = "http://www.w3.org/2005/Atom";

    [Fact]
    public void Each_build_is_an_entry_with_its_own_id_and_a_way_to_its_release()
    {
        var feed = FeedOf(Build(2, "2.0+a<b>&\u0001", Sample.Day), Build(1, "1.0", Sample.Day.AddHours(-1)));
        Assert.Equal("New builds · Wheels & more", feed.Element(Atom + "title")!.Value);
        Assert.Equal("2026-01-31T12:34:56Z", feed.Element(Atom + "updated")!.Value);
        Assert.Equal("https://wheels.example/feed.atom", LinkOf(feed, "self"));
        var entries = feed.Elements(Atom + "entry").ToList();
        Assert.Equal(
            ["https://wheels.example/logs/0000/0000/0002.txt.gz", "https://wheels.example/logs/0000/0000/0001.txt.gz"],
            entries.Select(entry => entry.Element(Atom + "id")!.Value));
        Assert.Equal("foo 2.0+a<b>&\ufffd for cp311 on linux_armv7l", entries[0].Element(Atom + "title")!.Value);
        Assert.Equal("https://wheels.example/project/foo/#2.0%2Ba%3Cb%3E%26%01", LinkOf(entries[0], "alternate"));
        Assert.Equal("2026-01-31T11:34:56Z", entries[1].Element(Atom + "updated")!.Value);
    }

    [Fact]
    public void What_must_be_in_a_feed_and_its_entries_is_there_once()
    {
        var feed = FeedOf(Build(1, "1.0", Sample.Day));
        Assert.Equal(Atom + "feed", feed.Name);
        Assert.All(["title", "id", "updated", "author"], name => Assert.Single(feed.Elements(Atom + name)));
        var entry = feed.Element(Atom + "entry")!;
        Assert.All(["title", "id", "updated", "summary"], name => Assert.Single(entry.Elements(Atom + name)));
        Assert.All(
            feed.DescendantsAndSelf().Elements(Atom + "id"),
            id => Assert.True(Uri.IsWellFormedUriString(id.Value, UriKind.Absolute)));
    }

    [Fact]
    public void A_farm_that_has_built_nothing_has_a_feed_too()
    {
        var feed = FeedOf();
        Assert.Empty(feed.Elements(Atom + "entry"));
        Assert.Equal("1970-01-01T00:00:00Z", feed.Element(Atom + "updated")!.Value);
    }

    private static string LinkOf(XElement element, string relation) =>
        element.Elements(Atom + "link").Single(link => link.Attribute("rel")!.Value == relation).Attribute("href")!.Value;

    private static NewBuild Build(long id, string version, DateTimeOffset at) =>
        new(id, new Release(PackageName.Parse("foo"), version), Sample.Pi, at, TimeSpan.FromSeconds(75));

    private static XElement FeedOf(params NewBuild[] builds)
    {
        var output = new ArrayBufferWriter<byte>();
        NewBuildsFeed.Write(output, Sample.Site(), builds);
        using var reader = XmlReader.Create(new MemoryStream(output.WrittenSpan.ToArray()));
        return XElement.Load(reader);
    }
}
