using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>The page of statistics, with its plots.</summary>
public sealed class StatisticsPageTests(PublishedSite site)
{
    [Theory]
    [InlineData("Builds a day", "2025-12-03 to 2026-01-31.")]
    [InlineData("Downloads a month", "2024-12 to 2026-01.")]
    public async Task Plots_say_what_they_show_and_are_tables_too(string title, string span)
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/stats.html");
        var plot = visitor.Page.GetByRole(AriaRole.Img, new() { Name = title });
        await Expect(plot).ToBeVisibleAsync();
        await Expect(plot.Locator("desc")).ToContainTextAsync(span);
        await visitor.Page.GetByText($"{title} as a table").ClickAsync();
        var columns = await plot.Locator("rect").CountAsync();
        await Expect(visitor.Find("figure.plot").Filter(new() { Has = plot }).Locator("tbody tr"))
            .ToHaveCountAsync(columns);
    }

    [Theory]
    [InlineData("#pythons", new[] { "3.9", "3.11", "3.13", "other" })]
    [InlineData("#machines", new[] { "armv7l", "aarch64", "other" })]
    [InlineData(
        "#queue",
        new[]
        {
            "Bookworm, Python 3.11 linux_aarch64", "cp313 linux_aarch64", "Bullseye, Python 3.9 linux_armv7l",
            "Bookworm, Python 3.11 linux_armv7l",
        })]
    public async Task Bars_stand_beside_their_figures(string heading, string[] labels)
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync("/stats.html");
        var section = visitor.Find($"section:has({heading})");
        await Expect(section.Locator("tbody th")).ToHaveTextAsync(labels);
        await Expect(section.Locator("tbody svg.bar")).ToHaveCountAsync(labels.Length);
    }
}
