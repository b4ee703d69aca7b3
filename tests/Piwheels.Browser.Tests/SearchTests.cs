using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>The search, which runs in the browser.</summary>
public sealed class SearchTests(PublishedSite site)
{
    private static readonly string[] ByDownloads =
        ["xnumpyx", "numpy", "scipy", "my-numpy", "numpy-stl", "many-releases", "evil"];

    private static ILocator Results(Visitor visitor) => visitor.Find("#results tbody a");

    [Fact]
    public async Task Without_a_word_the_most_downloaded_come_first()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/packages.html");
        await Expect(Results(visitor)).ToHaveTextAsync(ByDownloads);
        await Expect(visitor.Find("#search-status")).ToHaveTextAsync("7 packages");
    }

    [Theory]
    [InlineData("numpy", new[] { "numpy", "numpy-stl", "my-numpy", "xnumpyx" })]
    [InlineData(" NumPy_STL ", new[] { "numpy-stl" })]
    [InlineData("ump", new[] { "xnumpyx", "numpy", "my-numpy", "numpy-stl" })]
    public async Task What_is_typed_is_looked_for_and_the_best_comes_first(string typed, string[] found)
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/packages.html");
        await visitor.Find("#q").PressSequentiallyAsync(typed);
        await Expect(Results(visitor)).ToHaveTextAsync(found);
    }

    [Fact]
    public async Task What_is_nowhere_is_said_to_be_so()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/packages.html");
        await visitor.Find("#q").FillAsync("no such thing");
        await Expect(visitor.Find("#search-status")).ToHaveTextAsync("No package has that in its name.");
        await Expect(visitor.Find("#results")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task The_first_page_leads_to_what_is_found_and_its_address_can_be_kept()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/");
        await visitor.Find("#q").FillAsync("stl");
        await visitor.Find("#q").PressAsync("Enter");
        await Expect(Results(visitor)).ToHaveTextAsync(["numpy-stl"]);
        await Expect(visitor.Page).ToHaveURLAsync(site.Address + "/packages.html?q=stl");
        await visitor.Find("#q").FillAsync("scipy");
        await Expect(visitor.Page).ToHaveURLAsync(site.Address + "/packages.html?q=scipy");
    }

    [Fact]
    public async Task Everything_can_be_done_by_keyboard()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/packages.html");
        await visitor.Find("#results a").First.FocusAsync();
        await visitor.Page.Keyboard.PressAsync("/");
        await Expect(visitor.Find("#q")).ToBeFocusedAsync();
        await visitor.Page.Keyboard.TypeAsync("numpy");
        await Expect(Results(visitor)).ToHaveCountAsync(4);
        await visitor.Page.Keyboard.PressAsync("ArrowDown");
        await visitor.Page.Keyboard.PressAsync("ArrowDown");
        await Expect(Results(visitor).Nth(1)).ToBeFocusedAsync();
        await visitor.Page.Keyboard.PressAsync("ArrowUp");
        await visitor.Page.Keyboard.PressAsync("ArrowUp");
        await Expect(visitor.Find("#q")).ToBeFocusedAsync();
        await visitor.Page.Keyboard.PressAsync("ArrowDown");
        await visitor.Page.Keyboard.PressAsync("Enter");
        await Expect(visitor.Page).ToHaveURLAsync(site.Address + "/project/numpy/");
    }

    [Fact]
    public async Task Enter_leads_to_a_package_whose_name_is_all_there()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/packages.html");
        await visitor.Find("#q").FillAsync("NumPy");
        await Expect(Results(visitor)).ToHaveCountAsync(4);
        await visitor.Find("#q").PressAsync("Enter");
        await Expect(visitor.Page).ToHaveURLAsync(site.Address + "/project/numpy/");
    }
}
