using System.Text.Json;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>Where settings come from, and what is told of those that nobody can use.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public async Task What_is_wrong_is_told_with_its_place_and_what_may_have_been_meant()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("piwheels.conf", """
            loose = 1
            [master]
            dsn = postgresql://me:secret@localhost/farm
            oracels = 3
            disk-min = much
            [slaves]
            label = a
            [slave]
            timeout = 1h30m
            """);
        var (exit, output) = await RunAsync(
            folder, new() { ["PIW_MASTR"] = "x", ["PIW_TIMEOUT"] = "soon" }, "config", "check", "--configuration", file);
        Assert.Equal(1, exit);
        Assert.Equal(
            [
                $"wrong: {file}: loose stands before any section",
                $"wrong: {file}: nobody knows oracels in [master]; oracles?",
                $"wrong: {file}: no command reads [slaves]; slave?",
                "wrong: PIW_MASTR: no command reads this variable; PIW_MASTER?",
                $"wrong: {file}, [master] disk-min: 'much' is not a size; write it like 512M or 4G",
            ],
            output.Split('\n').Where(static line => line.StartsWith("wrong: ", StringComparison.Ordinal))
                .Where(static line => !line.StartsWith("wrong: PIW_TIMEOUT: 'soon'", StringComparison.Ordinal)));
        Assert.Contains("wrong: PIW_TIMEOUT: 'soon'", output, StringComparison.Ordinal);
        Assert.Contains("postgresql://me@localhost/farm", output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_wrong_ends_well_for_people_and_for_programs()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("piwheels.conf", "[slave]\nlabel = porch\n");
        var (exit, output) = await RunAsync(folder, [], "config", "check", "-c", file);
        Assert.Equal(0, exit);
        Assert.Contains($"label  porch  ({file}, [slave] label)", output, StringComparison.Ordinal);

        (exit, output) = await RunAsync(folder, [], "config", "check", "-c", file, "--json");
        Assert.Equal(0, exit);
        using var report = JsonDocument.Parse(output);
        Assert.Equal(file, Assert.Single(report.RootElement.GetProperty("files").EnumerateArray()).GetString());
        Assert.Empty(report.RootElement.GetProperty("problems").EnumerateArray());
        var setting = Assert.Single(report.RootElement.GetProperty("settings").EnumerateArray());
        Assert.Equal("porch", setting.GetProperty("value").GetString());
    }

    [Fact]
    public async Task The_environment_beats_files_and_the_users_file_beats_what_nobody_says()
    {
        using var folder = new TemporaryFolder();
        folder.Write(".config/piwheels/piwheels.conf", "[slave]\nlabel = from the file\nmaster = filed\n");
        Assert.Equal(("from the file", "filed", "3h"), await ShownAsync([]));
        Assert.Equal(("said", "filed", "3h"), await ShownAsync(new() { ["PIW_LABEL"] = "said" }));
        // An empty variable says nothing
        Assert.Equal(("from the file", "filed", "3h"), await ShownAsync(new() { ["PIW_LABEL"] = "" }));

        async Task<(string? Label, string? Master, string? Timeout)> ShownAsync(Dictionary<string, string> environment)
        {
            var (exit, output) = await RunAsync(folder, environment, "config", "show", "slave", "--json");
            Assert.True(exit == 0, output);
            using var settings = JsonDocument.Parse(output);
            string? Value(string name) => settings.RootElement.EnumerateArray()
                .Single(each => each.GetProperty("name").GetString() == name).GetProperty("value").GetString();
            return (Value("label"), Value("master"), Value("timeout")?.Split(' ')[0]);
        }
    }

    [Fact]
    public async Task A_key_that_nobody_knows_is_passed_over_with_a_warning_when_a_command_runs()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("piwheels.conf", "[man]\nsize = large\n");
        var (exit, output) = await RunAsync(folder, [], "man", "-c", file);
        Assert.Equal(0, exit);
        Assert.Contains($"{file}: nobody knows size in [man]; passed over", output, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Unreadable() => new()
    {
        { "no INI", "[master\nwhat is this" },
        { "a key twice", "[master]\ndsn = a\ndsn = b\n" },
        { "bytes", "\0\u0001\0" },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task A_file_that_cannot_be_read_is_told_in_one_line(string what, string content)
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("piwheels.conf", content);
        var (exit, output) = await RunAsync(folder, [], "config", "check", "-c", file);
        Assert.True(exit == 1, what);
        Assert.StartsWith($"piw config check: {file}: ", Assert.Single(output.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("piw master: --oracles: 'x' is not a number from 1 to 64", "master", "--oracles", "x")]
    [InlineData("piw: Unrecognized command or argument 'mastr'", "mastr")]
    [InlineData("piw audit queue: Unrecognized command or argument '--no-such'", "audit-queue", "--no-such")]
    [InlineData("piw follow: Required command was not provided", "follow")]
    public async Task Wrong_usage_is_told_in_one_line(string expected, params string[] arguments)
    {
        var (exit, output) = await PiwProcess.RunAsync(arguments);
        Assert.Equal(2, exit);
        Assert.StartsWith(expected, Assert.Single(output.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(
        TemporaryFolder home, Dictionary<string, string> environment, params string[] arguments)
    {
        await using var piw = PiwProcess.Start(arguments, new Dictionary<string, string>(environment) { ["HOME"] = home.Path });
        return (await piw.EndAsync(), piw.Output);
    }
}
