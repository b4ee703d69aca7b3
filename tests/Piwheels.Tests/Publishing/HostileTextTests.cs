using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Pages;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>Whatever comes from outside stays text: it makes no markup, no script, no way out of the site.</summary>
public sealed class HostileTextTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Texts() => [.. HostilePackage.Texts];

    [Theory]
    [MemberData(nameof(Texts))]
    public async Task A_hostile_text_stays_text_on_every_page(string text)
    {
        await WriteAsync(text);
        foreach (var path in (string[])["project/foo/index.html", "simple/foo/index.html"]) AssertHarmless(Html(path));
        var json = JsonDocument.Parse(File.ReadAllBytes(_folder["project/foo/json/index.json"])).RootElement;
        Assert.Equal(["package", "summary", "pypi_url", "piwheels_url", "releases"],
            json.EnumerateObject().Select(field => field.Name));
        JsonDocument.Parse(File.ReadAllBytes(_folder["simple/foo/index.v1_json"])).Dispose();
        Assert.All(_folder.Files(), file =>
            Assert.Matches("^(simple|project)/foo/(json/)?index\\.(html|json|v1_json)$", file));
    }

    [Property]
    public void Any_text_comes_through_the_simple_index_as_it_was(string? text)
    {
        text ??= "";
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        var file = new SimpleFile("f.whl", "", Sample.Hash, 1, Sample.Day, text, false, null);
        SimpleIndexWriter.WriteHtml(output, new SimplePackage("foo", ["1"], [file]));
        var document = new HtmlParser().ParseDocument(Encoding.UTF8.GetString(output.WrittenSpan));
        var link = Assert.Single(document.QuerySelectorAll("a"));
        Assert.Equal(text.Length > 0 ? HostilePackage.AsHtmlHasIt(text) : null, link.GetAttribute("data-requires-python"));
    }

    [Fact]
    public void An_address_in_a_sitemap_is_escaped()
    {
        var pages = new SitePages(new SiteFolder(_folder.Path), new WholeFile(false),
            Sample.Site("https://x.example/?a=1&b=<c>"));
        pages.WriteSearch([new SearchEntry(PackageName.Parse("foo"), 1, 2)]);
        var locations = XDocument.Load(_folder["sitemap0.xml"]).Descendants().Where(element =>
            element.Name.LocalName == "loc");
        Assert.Contains(locations, element => element.Value == "https://x.example/?a=1&b=<c>/project/foo/");
    }

    [Theory]
    [InlineData("https://code.example/", true)]
    [InlineData("mailto:us@farm.example", true)]
    [InlineData("/faq.html", true)]
    [InlineData("javascript:alert(1)", false)]
    [InlineData("data:text/html,x", false)]
    [InlineData("//evil.example", false)]
    [InlineData("/\\evil.example", false)]
    [InlineData("evil", false)]
    public void A_link_of_the_operator_leads_where_a_page_may_lead(string url, bool allowed) =>
        Assert.Equal(allowed, SiteLink.IsAllowed(url));

    [Theory]
    [InlineData("/simple", "/simple/foo/")]
    [InlineData("/archive/2026", "/archive/2026/foo/")]
    [InlineData("//evil.example", "/simple/foo/")]
    [InlineData("/../x", "/simple/foo/")]
    [InlineData("/a//b", "/simple/foo/")]
    [InlineData("https://evil.example", "/simple/foo/")]
    [InlineData("/a\"b", "/simple/foo/")]
    [InlineData("", "/simple/foo/")]
    public void A_location_leads_nowhere_else(string location, string folder) =>
        Assert.Equal(folder, FileLocation.FolderOf(location, PackageName.Parse("foo")));

    // Every field that the database holds as text, but for the canonical name and the hash
    private async Task WriteAsync(string text)
    {
        var file = new ProjectFile(
            text, 1, text, text, text, text, text, text, Sample.Day, [text], [text]);
        var version = new ProjectVersion(
            text, Sample.Day, false, text, [file], [new ProjectTarget(new Target(text, text), TargetState.Fail, 1)
            {
                Failure = new BuildFailure(FailureClass.Unknown, text, text),
            }]);
        var data = new ProjectData(PackageName.Parse("foo"), text, text, text, [text], [version]);
        var pages = new PagesOfPackage(
            new SiteFolder(_folder.Path), new WholeFile(false), Sample.Site(), NullLogger.Instance);
        var view = PackageView.Of(data, armv6Alias: true);
        await pages.WriteProjectAsync(view);
        pages.WriteSimple(view);
    }

    private IHtmlDocument Html(string path) => new HtmlParser().ParseDocument(File.ReadAllText(_folder[path]));

    private static void AssertHarmless(IHtmlDocument page)
    {
        string[] known =
        [
            "html", "head", "meta", "title", "link", "script", "body", "a", "header", "div", "img", "span", "nav",
            "main", "h1", "h2",
            "p", "bdi", "small", "strong", "section", "pre", "code", "aside", "dl", "dt", "dd", "ul", "li", "table",
            "thead", "tbody",
            "tr", "th", "td", "details", "summary", "footer", "br", "button",
        ];
        Assert.All(page.All, element => Assert.Contains(element.LocalName, known));
        Assert.All(
            page.All.SelectMany(element => element.Attributes),
            attribute => Assert.False(attribute.Name.StartsWith("on", StringComparison.Ordinal), attribute.Name));
        Assert.All(page.QuerySelectorAll("script"), script =>
            Assert.StartsWith("/static/", script.GetAttribute("src"), StringComparison.Ordinal));
        Assert.All(page.QuerySelectorAll("a"), link => AssertLeadsWhereItMay(link.GetAttribute("href")!));
    }

    private static void AssertLeadsWhereItMay(string href)
    {
        var address = new Uri(new Uri("https://wheels.example/simple/foo/"), href);
        Assert.Contains(address.Host, (string[])["wheels.example", "code.example", "pypi.org"]);
        Assert.Equal("https", address.Scheme);
    }
}
