using System.Text.Json;
using System.Xml.Linq;
using FsCheck.Xunit;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>The list that the search page loads, and the sitemaps.</summary>
public sealed class SearchPagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SearchPages _pages;

    public SearchPagesTests() =>
        _pages = new SearchPages(new SiteFolder(_folder.Path), new WholeFile(flush: false), Sample.Site());

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_list_is_in_order_however_the_index_is()
    {
        _pages.Write(SearchIndex.Of([Entry("b", 1, 2), Entry("a-b", 0, 0), Entry("a", long.MaxValue, 3), Entry("a0", 4, 5)]));
        Assert.Equal(
            """[["a",9223372036854775807,3],["a-b",0,0],["a0",4,5],["b",1,2]]""", File.ReadAllText(_folder["packages.json"]));
        _pages.Write(SearchIndex.Empty);
        Assert.Equal("[]", File.ReadAllText(_folder["packages.json"]));
    }

    [Fact]
    public void A_sitemap_has_as_many_addresses_as_it_may_and_what_is_not_needed_any_more_goes()
    {
        var names = Enumerable.Range(0, SearchPages.SitemapAddressesMax).Select(number => $"p{number}").ToList();
        _pages.Write(SearchIndex.Of(names.Select(name => Entry(name, 0, 0))));
        var (first, second) = (Locations("sitemap0.xml"), Locations("sitemap1.xml"));
        Assert.Equal(SearchPages.SitemapAddressesMax, first.Count);
        Assert.Equal(
            names.Select(name => $"https://wheels.example/project/{name}/").Order(StringComparer.Ordinal),
            first.Concat(second).Where(address => address.Contains("/project/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["https://wheels.example/sitemap0.xml", "https://wheels.example/sitemap1.xml"], Locations("sitemap.xml"));
        Assert.Contains("https://wheels.example/faq.html", first);

        _pages.Write(SearchIndex.Of([Entry("foo", 0, 0)]));
        Assert.False(File.Exists(_folder["sitemap1.xml"]));
        Assert.Equal(["https://wheels.example/sitemap0.xml"], Locations("sitemap.xml"));
    }

    [Property(MaxTest = 50)]
    public void What_changed_in_the_index_is_in_the_list_and_nothing_else_is(byte[] before, byte[] changed, byte[] gone)
    {
        var expected = before.Distinct().ToDictionary(number => $"p{number}", number => (long)number);
        var index = SearchIndex.Of(expected.Select(each => Entry(each.Key, each.Value, 0)));
        var removed = gone.Except(changed).Distinct().ToList();
        foreach (var number in changed) expected[$"p{number}"] = 1_000 + number;
        foreach (var number in removed) expected.Remove($"p{number}");
        _pages.Write(index.With(new SearchChanges(
            "", Complete: false, SearchIndex.Of(changed.Distinct().Select(number => Entry($"p{number}", 1_000 + number, 0))),
            [.. removed.Select(number => PackageName.Parse($"p{number}"))])));
        using var json = JsonDocument.Parse(File.ReadAllBytes(_folder["packages.json"]));
        Assert.Equal(
            expected.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => (each.Key, each.Value)),
            json.RootElement.EnumerateArray().Select(each => (each[0].GetString()!, each[1].GetInt64())));
    }

    private static SearchEntry Entry(string name, long recent, long all) => new(PackageName.Parse(name), recent, all);

    private List<string> Locations(string file) =>
        [.. XDocument.Load(_folder[file]).Descendants().Where(each => each.Name.LocalName == "loc").Select(each => each.Value)];
}
