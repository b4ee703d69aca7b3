using System.Text.Json;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>What a running farm follows is changed from outside, and it notices.</summary>
public sealed class FollowCommandTests
{
    [Fact]
    public async Task What_is_added_to_a_running_farm_is_built_and_stays_when_the_farm_is_started_with_something_else()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await using (var up = PiwProcess.Start(fixture.Up(FarmFixture.FreePort(), "piw-demo-greeting")))
        {
            await up.SeeAsync("Everything is built");
            var constraints = Path.Combine(fixture.Folder, "constraints.txt");
            await File.WriteAllTextAsync(constraints, "piw-demo-fastsum<9\n");
            var added = await FollowAsync(fixture, "add", "PIW_demo.app>=0.1", "--constraint", constraints);
            Assert.True(added.ExitCode == 0, added.Output);
            Assert.Contains("Follows PIW_demo.app>=0.1.", added.Output, StringComparison.Ordinal);
            Assert.Contains("Limits piw-demo-fastsum<9.", added.Output, StringComparison.Ordinal);
            await up.SeeAsync("built    piw-demo-app");
            await up.SeeAsync("built    piw-demo-fastsum");

            var list = await FollowAsync(fixture, "list");
            Assert.Matches(
                @"(?m)^piw-demo-app +\S+ +built +PIW_demo\.app>=0\.1 \(follow\)$", list.Output);
            Assert.Matches(
                @"(?m)^piw-demo-greeting +\S+ +built +piw-demo-greeting \(up\); needed by piw-demo-app$", list.Output);
            Assert.Contains("limited: piw-demo-fastsum<9 (follow)", list.Output, StringComparison.Ordinal);
            up.Signal("INT");
            Assert.Equal(0, await up.EndAsync());
        }

        Assert.Contains("no farm runs in", (await FollowAsync(fixture, "list")).Output, StringComparison.Ordinal);

        await using var again = PiwProcess.Start(fixture.Up(FarmFixture.FreePort(), "piw-demo-fastsum"));
        await again.SeeAsync("Everything is built");
        using var json = JsonDocument.Parse((await FollowAsync(fixture, "list", "--json")).Output);
        Assert.Equal(
            ["piw-demo-app follow", "piw-demo-fastsum up", "piw-demo-greeting "],
            json.RootElement.GetProperty("packages").EnumerateArray().Select(package =>
                package.GetProperty("package").GetString() + " "
                + string.Join(' ', package.GetProperty("requests").EnumerateArray()
                    .Select(request => request.GetProperty("asked_by").GetString()))));

        var removed = await FollowAsync(fixture, "remove", "piw-demo-app", "piw-demo-fastsum");
        Assert.True(removed.ExitCode == 0, removed.Output);
        Assert.Contains("Follows piw-demo-app no more.", removed.Output, StringComparison.Ordinal);
        Assert.Contains("Nor, since nothing else needs it: piw-demo-greeting.", removed.Output, StringComparison.Ordinal);
        Assert.Contains("'piw up' was started with piw-demo-fastsum", removed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_of_names_limit_what_is_built_from_the_next_start_on()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var never = Path.Combine(fixture.Folder, "never.txt");
        await File.WriteAllTextAsync(never, "# too slow\nPIW_demo.f* # all of them\n");
        await using (var up = PiwProcess.Start(fixture.Up(
            FarmFixture.FreePort(), "piw-demo-app", "--follow-never", never, "--follow-only=piw-demo-*")))
        {
            await up.SeeAsync("Everything is built");
            var list = await FollowAsync(fixture, "list");
            Assert.Matches(@"(?m)^piw-demo-app +\S+ +built ", list.Output);
            Assert.Matches(@"(?m)^piw-demo-fastsum .*this farm does not follow it, by its lists of names", list.Output);
            up.Signal("INT");
            Assert.Equal(0, await up.EndAsync());
        }

        await using var open = PiwProcess.Start(fixture.Up(FarmFixture.FreePort()));
        await open.SeeAsync("built    piw-demo-fastsum");
    }

    [Fact]
    public async Task What_cannot_be_done_is_told_in_one_line_and_changes_nothing()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await using var up = PiwProcess.Start(fixture.Up(FarmFixture.FreePort(), "piw-demo-app"));
        await up.SeeAsync("Everything is built");
        foreach (var (exitCode, said, arguments) in new (int, string, string[])[]
        {
            (1, "piw follow remove: nobody asked for piw-demo-greeting: it is followed since piw-demo-app needs piw-demo-greeting",
                ["remove", "piw-demo-app", "piw-demo-greeting"]),
            (1, "piw follow remove: nobody is not followed", ["remove", "nobody"]),
            (1, "nothing limits the versions of piw-demo-app", ["remove", "--constraints", "piw-demo-app"]),
            (1, "is not a requirement", ["add", "piw demo"]),
            (1, "names a URL", ["add", "x @ https://example.com/x.zip"]),
            (1, "missing.txt", ["add", "-r", "/nonexistent/missing.txt"]),
            (2, "name what to follow", ["add"]),
            (2, "is not a package name", ["remove", "-x-"]),
        })
        {
            var (code, output) = await FollowAsync(fixture, arguments);
            Assert.True(code == exitCode && output.Contains(said, StringComparison.Ordinal), $"{code}: {output}");
        }

        Assert.Equal(0, (await FollowAsync(fixture, "list")).ExitCode);
        Assert.Contains(
            "Nothing changes", (await AddTwiceAsync(fixture)).Output, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> AddTwiceAsync(FarmFixture fixture)
    {
        _ = await FollowAsync(fixture, "add", "piw-demo-greeting");
        return await FollowAsync(fixture, "add", "piw-demo-greeting");
    }

    private static Task<(int ExitCode, string Output)> FollowAsync(FarmFixture fixture, params string[] arguments) =>
        PiwProcess.RunAsync(["follow", arguments[0], "--data", fixture.Data, .. arguments[1..]]);
}
