using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw add`, `import`, `rebuild` and `remove` against `piw master` and PostgreSQL.</summary>
public sealed class ToolTests(DatabaseFixture databases)
{
    [Theory]
    [InlineData("ipc")]
    [InlineData("tcp")]
    public async Task What_was_built_elsewhere_goes_all_its_way_and_away_again(string transport)
    {
        await using var farm = await MasterFixture.StartAsync(databases, transport);
        var wheel = farm.Wheel();
        var page = Path.Combine(Path.GetDirectoryName(farm.Published(wheel))!, "index.html");
        bool Lists() => File.Exists(page) && File.ReadAllText(page).Contains(Path.GetFileName(wheel), StringComparison.Ordinal);

        await SaysAsync(farm, "Added package foo.", "add", "foo", "-y", "-d", "a thing", "-a", "FOO");
        await SaysAsync(
            farm, "Added foo 1.0.", "add", "foo", "1.0", "-y", "-r", "2024-01-31", "--pypi-json", "http://127.0.0.1:9/");
        await SaysAsync(
            farm, "Imported 1 wheel of foo 1.0.", "import", "-y", "-d", "--duration", "90s", "--file-queue", farm["file"], wheel);
        Assert.False(File.Exists(wheel));
        Assert.True(File.Exists(farm.Published(wheel)));
        Assert.Equal(
            ["cp311 linux_armv7l 00:01:30 0"],
            await farm.Store.ColumnAsync("SELECT concat_ws(' ', abi_tag, platform_tag, duration, built_by) FROM builds"));
        await farm.UntilAsync(Lists);

        // Damaged on the disk, which nobody would notice
        File.Delete(page);
        await SaysAsync(
            farm, "Written again: the project page and the simple index of foo.", "rebuild", "index", "foo");
        await farm.UntilAsync(Lists);
        await SaysAsync(
            farm, "Written again, one after the other and behind what changes now: the project page of all packages.",
            "rebuild", "project", "-y");

        await SaysAsync(farm, "Removed package foo.", "remove", "foo", "-y");
        Assert.False(File.Exists(farm.Published(wheel)));
        Assert.Empty(await farm.Store.ColumnAsync("SELECT package FROM packages"));
        await farm.EndAsync();
    }

    /// <summary>Runs it; it must end well, and this must be its last line.</summary>
    private static async Task SaysAsync(MasterFixture farm, string line, params string[] arguments)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(
            [.. arguments, "--configuration", "/dev/null", "--import-queue", farm["import"]]);
        Assert.True(exitCode == 0, output);
        Assert.Equal(line, output.Trim().Split('\n')[^1]);
    }
}
