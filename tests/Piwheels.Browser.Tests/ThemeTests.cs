using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>Light and dark, as the system has it or as the visitor wants it.</summary>
public sealed class ThemeTests(PublishedSite site)
{
    private const string Light = "rgb(251, 250, 247)";
    private const string Dark = "rgb(20, 24, 26)";

    [Theory]
    [InlineData(ColorScheme.Light, true, Light)]
    [InlineData(ColorScheme.Dark, true, Dark)]
    [InlineData(ColorScheme.Light, false, Light)]
    [InlineData(ColorScheme.Dark, false, Dark)]
    public async Task Pages_look_as_the_system_has_it(ColorScheme system, bool scripts, string paper)
    {
        await using var visitor = await site.VisitAsync(system, scripts: scripts);
        await visitor.OpenAsync("/");
        await Expect(visitor.Find("body")).ToHaveCSSAsync("background-color", paper);
    }

    [Theory]
    [InlineData(ColorScheme.Light, Dark, Light)]
    [InlineData(ColorScheme.Dark, Light, Dark)]
    public async Task A_choice_is_remembered_until_it_is_taken_back(ColorScheme system, string chosen, string own)
    {
        await using var visitor = await site.VisitAsync(system);
        await visitor.OpenAsync("/");
        await visitor.Find("button.theme").ClickAsync();
        await Expect(visitor.Find("body")).ToHaveCSSAsync("background-color", chosen);
        await visitor.OpenAsync("/project/numpy/");
        await Expect(visitor.Find("body")).ToHaveCSSAsync("background-color", chosen);

        await visitor.Find("button.theme").FocusAsync();
        await visitor.Page.Keyboard.PressAsync("Enter");
        await Expect(visitor.Find("body")).ToHaveCSSAsync("background-color", own);
        Assert.Null(await visitor.Page.EvaluateAsync<string?>("localStorage.getItem('theme')"));
    }
}
