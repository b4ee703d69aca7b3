using Microsoft.Playwright;
using Piwheels.Core.Failures;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>The log of a build as a browser gets it. What holds for every page is tested of it as of the others.</summary>
public sealed class LogPageTests(PublishedSite site)
{
    public const int FailedBuild = 1_001;
    private const string Path = "/logs/0000/0000/1001.txt.gz";
    private const string Evidence = "x.c:2:10: fatal error: libpq-fe.h: No such file or directory";

    /// <summary>Long, with a line wider than any window, with markup, and with the colours of a terminal.</summary>
    public static readonly string FailedLog = new BuildFailure(FailureClass.MissingHeader, Evidence, "libpq-dev").AppendTo(
        $"gcc {new string('x', 2_000)}\n<script>document.title = 'mine'</script>\n\u001b[31mred\u001b[0m\n"
        + string.Concat(Enumerable.Range(1, 300).Select(static number => $"line {number}\n")));

    [Fact]
    public async Task Why_it_failed_stands_above_the_last_lines_and_these_above_the_rest()
    {
        await using var visitor = await site.VisitAsync(ColorScheme.Dark);
        await visitor.OpenAsync(Path);
        await visitor.PictureAsync("log");

        await Expect(visitor.Find("main .state.failed")).ToHaveTextAsync("Failed");
        await Expect(visitor.Find("main pre")).ToHaveCountAsync(3);
        await Expect(visitor.Find("main pre").First).ToHaveTextAsync(Evidence);
        await Expect(visitor.Find("main pre").First).ToBeInViewportAsync();
        await Expect(visitor.Find("main pre").Nth(1)).ToContainTextAsync("line 300");
        await Expect(visitor.Find("main pre").Nth(2)).ToContainTextAsync("line 1\n");
        await Expect(visitor.Page).ToHaveTitleAsync(new System.Text.RegularExpressions.Regex("^Log of build 1001 "));
    }

    [Fact]
    public async Task It_leads_to_its_project_and_to_the_log_as_it_was_written()
    {
        await using var visitor = await site.VisitAsync();
        await visitor.OpenAsync(Path);
        await visitor.Find("main a[href='/project/numpy/']").ClickAsync();
        await Expect(visitor.Find("main h1")).ToHaveTextAsync("NumPy 2.3.0");
        await visitor.Page.GoBackAsync();

        // As the click would have it; a page of plain text has no icon, and the browser asks for one where there is none
        var raw = await visitor.Find("main a[href$='?raw']").EvaluateAsync<string>(
            "link => fetch(link.href, { headers: { Accept: 'text/html' } })"
            + ".then(async answer => `${answer.headers.get('Content-Type')}\n${await answer.text()}`)");
        Assert.Equal($"text/plain; charset=utf-8\n{FailedLog}", raw);
    }

    [Fact]
    public async Task On_a_phone_long_lines_are_broken_and_each_part_is_reached_by_keyboard()
    {
        await using var visitor = await site.VisitAsync(width: 360);
        await visitor.OpenAsync(Path);
        await Expect(visitor.Find("main pre").Last).ToContainTextAsync(new string('x', 1_900));
        Assert.Equal(3, await visitor.Page.EvaluateAsync<int>(
            "[...document.querySelectorAll('main pre')].filter(box => box.scrollWidth <= box.clientWidth).length"));

        // Between them are what copies them
        await visitor.Find("main a[href$='?raw']").FocusAsync();
        var reached = new List<string?>();
        for (var press = 0; press < 4; press++)
        {
            await visitor.Page.Keyboard.PressAsync("Tab");
            reached.Add(await visitor.Page.EvaluateAsync<string?>("document.activeElement.getAttribute('aria-labelledby')"));
        }

        Assert.Equal(["last", "whole"], reached.OfType<string>());
    }
}
