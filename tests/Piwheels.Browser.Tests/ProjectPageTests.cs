using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>A package's page.</summary>
public sealed class ProjectPageTests(PublishedSite site)
{
    private const string Numpy = "/project/numpy/";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Files_of_the_newest_release_show_and_others_can_be_opened(bool scripts)
    {
        await using var visitor = await site.VisitAsync(scripts: scripts);
        await visitor.OpenAsync(Numpy);
        await Expect(FileOf(visitor, "2.3.0")).ToBeVisibleAsync();
        await Expect(FileOf(visitor, "2.1.0")).ToBeHiddenAsync();
        await visitor.Find("tbody", "2.1.0").Locator("summary").ClickAsync();
        await Expect(FileOf(visitor, "2.1.0")).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Old_releases_are_folded_away_and_come_when_wanted(bool scripts)
    {
        await using var visitor = await site.VisitAsync(scripts: scripts);
        await visitor.OpenAsync("/project/many-releases/");
        await Expect(visitor.Find("tbody", "0.1000")).ToBeVisibleAsync();
        await Expect(visitor.Find("tbody", "0.900")).ToBeHiddenAsync();
        await visitor.Find("details.older:has(tbody[id='0.900']) > summary").ClickAsync();
        await Expect(visitor.Find("tbody", "0.900")).ToBeVisibleAsync();
        await Expect(visitor.Find("tbody", "0.1")).ToBeHiddenAsync();
        Assert.Equal(SampleFarm.ManyReleases, await visitor.Find("table.releases tbody").CountAsync());
    }

    [Fact]
    public async Task An_address_leads_to_a_release_that_is_folded_away()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/project/many-releases/#0.42");
        await Expect(visitor.Find("tbody", "0.42")).ToBeInViewportAsync();
    }

    [Fact]
    public async Task States_lead_to_logs_and_say_why()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync(Numpy);
        var release = visitor.Find("tbody", "2.2.1");
        await Expect(release.GetByText("libatlas-base-dev")).ToBeVisibleAsync();
        await Expect(release.GetByText("Upstream has it")).ToBeVisibleAsync();
        await Expect(release.GetByText("Linked")).ToBeVisibleAsync();
        await Expect(release.GetByRole(AriaRole.Link, new() { Name = "Failed: log of the build" }))
            .ToHaveAttributeAsync("href", "/logs/0000/0000/1000.txt.gz");
    }

    [Fact]
    public async Task What_to_type_names_apt_packages_and_dependencies_are_linked()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync(Numpy);
        await Expect(visitor.Find(".command code")).ToHaveTextAsync(
        [
            "sudo apt install libgfortran5 libopenblas0",
            "pip install --prefer-binary --extra-index-url https://wheels.example/simple/ numpy",
        ]);
        await Expect(visitor.Page.GetByRole(AriaRole.Link, new() { Name = "typing-extensions" }))
            .ToHaveAttributeAsync("href", "/project/typing-extensions/");
    }

    [Fact]
    public async Task What_a_package_says_of_itself_stays_text()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/project/evil/");
        Assert.StartsWith("Evil", await visitor.Page.TitleAsync(), StringComparison.Ordinal);
        await Expect(visitor.Find("main script, main img")).ToHaveCountAsync(0);
        await Expect(visitor.Find(".lead")).ToContainTextAsync("onerror=");
    }

    private static ILocator FileOf(Visitor visitor, string version) =>
        visitor.Find("tbody", version).GetByRole(AriaRole.Link, new() { Name = $"numpy-{version}-cp311-cp311-linux_armv7l.whl" });
}
