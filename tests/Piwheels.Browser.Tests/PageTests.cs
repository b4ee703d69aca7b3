using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>What holds for every page.</summary>
public sealed class PageTests(PublishedSite site)
{
    private const int PhoneWidth = 360;

    private static readonly AxeRunOptions Everything = new();

    // All else is the same in both themes
    private static readonly AxeRunOptions Colours = new() { RunOnly = new RunOnlyOptions { Type = "rule", Values = ["color-contrast"] } };

    public static TheoryData<string> Pages => [.. PublishedSite.Pages];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task No_page_is_wider_than_a_phone(string path)
    {
        await using var visitor = await site.VisitAsync(width: PhoneWidth);
        await visitor.OpenAsync(path);
        await visitor.PictureAsync("phone");
        Assert.Equal(PhoneWidth, await visitor.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
    }

    // The page of a thousand releases is like that of forty, but for the time it takes
    public static TheoryData<string> OneOfAKind => [.. PublishedSite.Pages.Where(path => path != "/project/many-releases/")];

    [Theory]
    [MemberData(nameof(OneOfAKind))]
    public async Task Axe_finds_nothing_serious(string path)
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync(path);
        foreach (var colours in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            await visitor.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = colours });
            await visitor.PictureAsync($"{colours}");
            var result = await visitor.Page.RunAxe(colours == ColorScheme.Light ? Everything : Colours);
            Assert.NotEmpty(result.Passes);
            Assert.Empty(
                from fault in result.Violations
                where fault.Impact is "serious" or "critical"
                from node in fault.Nodes
                select $"{colours}: {fault.Id}: {node.Html}");
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Every_page_can_be_read_without_scripts(string path)
    {
        await using var visitor = await site.VisitAsync(scripts: false);
        await visitor.OpenAsync(path);
        await Expect(visitor.Find("main h1")).ToBeVisibleAsync();
        await Expect(visitor.Find("button.theme")).ToBeHiddenAsync();
        await Expect(visitor.Find("noscript .notice"))
            .ToHaveCountAsync(path.StartsWith("/packages.html", StringComparison.Ordinal) ? 1 : 0);
    }

    [Fact]
    public async Task The_first_tab_leads_past_the_menu()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/faq.html");
        await visitor.Page.Keyboard.PressAsync("Tab");
        await Expect(visitor.Find(".skip-link")).ToBeFocusedAsync();
        await Expect(visitor.Find(".skip-link")).ToBeInViewportAsync();
        await visitor.Page.Keyboard.PressAsync("Enter");
        Assert.EndsWith("/faq.html#content", visitor.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_has_the_focus_shows_it()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/");
        await visitor.Page.Keyboard.PressAsync("Tab");
        await visitor.Page.Keyboard.PressAsync("Tab");
        await Expect(visitor.Find(".brand")).ToBeFocusedAsync();
        await Expect(visitor.Find(".brand")).ToHaveCSSAsync("outline-style", "solid");
    }
}
