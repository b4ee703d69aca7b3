using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>What a package's page says of recipes.</summary>
public sealed class RecipePageTests : IDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_page_without_recipes_says_nothing_of_them() =>
        Assert.Null((await PageAsync("", [])).QuerySelector("#recipes"));

    [Fact]
    public async Task A_page_shows_the_recipes_and_of_variables_the_names_alone()
    {
        var page = await PageAsync(
            "[foo <2]\napt = libfoo-dev\nenvironment.FOO_TOKEN = hunter2\npip-arguments = --config-settings=a=<b>", []);
        var section = page.QuerySelector("#recipes")!.ParentElement!;
        Assert.Equal("foo <2", section.QuerySelector("dt")!.TextContent);
        Assert.Equal(
            ["apt = libfoo-dev", "environment.FOO_TOKEN", "pip-arguments = --config-settings=a=<b>"],
            section.QuerySelectorAll("code").Select(code => code.TextContent));
    }

    [Fact]
    public async Task What_waits_for_apt_packages_says_so_in_its_row()
    {
        var page = await PageAsync("", [Held("1.0", "no slave has the apt package libfoo-dev", skipped: false)]);
        var row = page.QuerySelectorAll("table.releases tbody tr").Single(row => row.TextContent.Contains("1.0", StringComparison.Ordinal));
        Assert.Contains("no slave has the apt package libfoo-dev", row.TextContent, StringComparison.Ordinal);
        Assert.Contains("Waiting", row.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_recipe_skips_is_skipped_on_its_page()
    {
        var page = await PageAsync("", [Held("1.0", "too <big>", skipped: true)]);
        var row = page.QuerySelectorAll("table.releases tbody tr").Single(row => row.TextContent.Contains("1.0", StringComparison.Ordinal));
        Assert.Contains("too <big>", row.TextContent, StringComparison.Ordinal);
        Assert.Contains("Skipped", row.TextContent, StringComparison.Ordinal);
        Assert.DoesNotContain("Waiting", row.TextContent, StringComparison.Ordinal);
    }

    private static HeldBuild Held(string version, string reason, bool skipped) =>
        new(new Release(Foo, version), Sample.Pi, skipped, reason);

    private async Task<IHtmlDocument> PageAsync(string recipes, IReadOnlyList<HeldBuild> held)
    {
        var book = new RecipeBook(RecipeFile.Read("test.conf", recipes, static _ => throw new InvalidOperationException()));
        var view = PackageView.Of(Sample.Project("foo", Sample.Version("1.0")), armv6Alias: false) with
        {
            Recipes = [.. book.SectionsOf(Foo)],
            Held = held,
        };
        var pages = new PagesOfPackage(
            new SiteFolder(_folder.Path), new WholeFile(flush: false), Sample.Site("https://wheels.example"), NullLogger.Instance);
        await pages.WriteProjectAsync(view);
        return new HtmlParser().ParseDocument(await File.ReadAllTextAsync(_folder["project/foo/index.html"]));
    }
}
