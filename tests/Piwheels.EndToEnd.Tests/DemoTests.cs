using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>What a newcomer runs first.</summary>
public sealed class DemoTests
{
    [Fact]
    public async Task The_demonstration_builds_installs_and_shows_what_failed()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var (exitCode, output) = await PiwProcess.RunAsync(Demo(fixture));
        Assert.True(exitCode == 0, output);
        Assert.Contains("Hello", output, StringComparison.Ordinal);
        Assert.Contains("Your numbers add up to 0.6", output, StringComparison.Ordinal);
        Assert.Contains("error:", output, StringComparison.Ordinal);
        Assert.Empty(fixture.ProcessesOfFarm());
    }

    [Fact]
    public async Task Killed_in_the_middle_it_can_be_run_again()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await using (var first = PiwProcess.Start(Demo(fixture)))
        {
            await first.SeeAsync("building ");
            first.Signal("KILL");
            await first.EndAsync();
        }

        var (exitCode, output) = await PiwProcess.RunAsync(Demo(fixture));
        Assert.True(exitCode == 0, output);
        Assert.Empty(fixture.ProcessesOfFarm());
    }

    private static string[] Demo(FarmFixture fixture) =>
    [
        "demo", "--data", fixture.Data, "--listen", $"127.0.0.1:{FarmFixture.FreePort()}", "--python", "/usr/bin/python3",
        .. FarmFixture.AsUser,
    ];
}
