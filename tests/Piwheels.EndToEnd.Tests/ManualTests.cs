using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>The manual's pages are what man can show.</summary>
public sealed class ManualTests
{
    [Fact]
    public async Task Every_command_has_a_page_that_a_reader_of_pages_finds_nothing_wrong_with()
    {
        using var folder = new TemporaryFolder();
        var (exit, output) = await PiwProcess.RunAsync("man", "--all", folder["man"]);
        Assert.True(exit == 0, output);
        var pages = Directory.GetFiles(folder["man"]).Order(StringComparer.Ordinal).ToList();
        Assert.Contains("piw.1", pages.Select(Path.GetFileName));
        Assert.Contains("piw-master.1", pages.Select(Path.GetFileName));
        Assert.Contains("piw-slave-key-revoke.1", pages.Select(Path.GetFileName));

        // Whether a date is wanted: these pages are the same whenever they are made
        await using var lint = PiwProcess.Start("mandoc", ["-T", "lint", "-W", "warning", .. pages], environment: null);
        await lint.EndAsync();
        var said = lint.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.DoesNotContain(said, static line => !line.Contains("missing date", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_page_has_what_help_has_and_where_else_a_setting_may_stand()
    {
        var (exit, page) = await PiwProcess.RunAsync("man", "master");
        Assert.Equal(0, exit);
        using var folder = new TemporaryFolder();
        await using var reader = PiwProcess.Start("mandoc", ["-T", "utf8", folder.Write("piw-master.1", page)], environment: null);
        Assert.Equal(0, await reader.EndAsync());
        var text = Plain(reader.Output);
        Assert.Contains("piw-master - runs the master", text, StringComparison.Ordinal);
        Assert.Contains("--output-path PATH", text, StringComparison.Ordinal);
        Assert.Contains("PIW_OUTPUT_PATH", text, StringComparison.Ordinal);
        Assert.Contains("section [master]", text, StringComparison.Ordinal);
        Assert.DoesNotContain("parents-pipe", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no-such-command")]
    [InlineData("follow", "nothing")]
    public async Task A_command_that_is_not_there(params string[] words)
    {
        var (exit, output) = await PiwProcess.RunAsync(["man", .. words]);
        Assert.Equal(2, exit);
        Assert.Contains($"there is no command '{string.Join(' ', words)}'", output, StringComparison.Ordinal);
    }

    /// <summary>Letters that are struck over themselves, or over a line, as terminals once showed bold and italics.</summary>
    private static string Plain(string text)
    {
        var struck = System.Text.RegularExpressions.Regex.Replace(text, ".\b", "");
        return System.Text.RegularExpressions.Regex.Replace(struck, @"\s+", " ");
    }
}
