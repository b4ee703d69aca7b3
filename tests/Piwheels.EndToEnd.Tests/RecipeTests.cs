using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>Recipes from the operator's side: what is wrong is told in one line, what is right takes effect.</summary>
public sealed class RecipeTests
{
    [Fact]
    public async Task A_folder_is_checked_and_what_is_wrong_told_by_file_line_section_and_key()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var folder = await WriteAsync(fixture, "[lxml]\napt = libxml2-dev\n\n[numpy <2]\nmemory = lots\n");
        var (refused, output) = await PiwProcess.RunAsync("recipe", "check", folder);
        Assert.Equal(1, refused);
        Assert.Contains("test.conf:5: [numpy <2] memory: 'lots'", output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));

        await WriteAsync(fixture, "[lxml]\napt = libxml2-dev\n");
        var good = await PiwProcess.RunAsync("recipe", "check", folder);
        Assert.True(good.ExitCode == 0, good.Output);
    }

    [Fact]
    public async Task What_holds_for_a_release_is_shown_with_its_place()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var folder = await WriteAsync(fixture, "[*]\ntimeout = 1h\n[lxml <5]\ntimeout = 2h\napt = libxml2-dev\n");
        var (exitCode, output) = await PiwProcess.RunAsync("recipe", "show", "LXML", "4.9", "--recipes", folder);
        Assert.True(exitCode == 0, output);
        Assert.Equal(
            ["apt = libxml2-dev  # test.conf:5 [lxml <5]", "timeout = 2h       # test.conf:4 [lxml <5]"],
            output.Trim().Split('\n'));
        Assert.Contains("[lxml <5]", (await PiwProcess.RunAsync("recipe", "show", "lxml", "--recipes", folder)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_farm_does_not_start_with_a_wrong_recipe()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var folder = await WriteAsync(fixture, "[lxml]\napt = NOT-A-PACKAGE\n");
        var (exitCode, output) = await PiwProcess.RunAsync(
            fixture.Up(FarmFixture.FreePort(), "--recipes", folder, "piw-demo-greeting"));
        Assert.Equal(1, exitCode);
        Assert.Contains("test.conf:2: [lxml] apt: 'NOT-A-PACKAGE'", output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));
    }

    [Fact]
    public async Task A_farm_builds_by_its_recipes_and_says_what_waits_for_apt_packages()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var folder = await WriteAsync(
            fixture,
            """
            [piw-demo-greeting]
            environment.GREETING_TOKEN = hunter2
            [piw-demo-fastsum]
            apt = piw-no-such-package-dev
            [piw-demo-broken]
            skip = it does not compile anyway
            """);
        var (exitCode, output) = await PiwProcess.RunAsync(fixture.Up(
            FarmFixture.FreePort(), "--recipes", folder, "--once", "piw-demo-greeting", "piw-demo-fastsum", "piw-demo-broken"));
        Assert.Equal(1, exitCode);
        Assert.Contains("built    piw-demo-greeting", output, StringComparison.Ordinal);
        Assert.Contains("no slave has the apt package piw-no-such-package-dev", Flat(output), StringComparison.Ordinal);
        Assert.Contains("it does not compile anyway", Flat(output), StringComparison.Ordinal);

        var site = Path.Combine(fixture.Data, "www");
        var page = await File.ReadAllTextAsync(Path.Combine(site, "project", "piw-demo-fastsum", "index.html"));
        Assert.Contains("no slave has the apt package piw-no-such-package-dev", page, StringComparison.Ordinal);
        var greeting = await File.ReadAllTextAsync(Path.Combine(site, "project", "piw-demo-greeting", "index.html"));
        Assert.Contains("environment.GREETING_TOKEN", greeting, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", greeting, StringComparison.Ordinal);
    }

    // As the table has it, which breaks lines where it likes
    private static string Flat(string output) => string.Join(' ', output.Split([' ', '\n', '│', '|'], StringSplitOptions.RemoveEmptyEntries));

    private static async Task<string> WriteAsync(FarmFixture fixture, string text)
    {
        var folder = Directory.CreateDirectory(Path.Combine(fixture.Folder, "recipes")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "test.conf"), text);
        return folder;
    }
}
