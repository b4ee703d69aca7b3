using System.Text.RegularExpressions;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>Keys from the operator's side: made, entered, used by a slave of another machine, and revoked.</summary>
public sealed class SlaveKeyTests
{
    [Fact]
    public async Task A_key_is_made_for_a_slave_with_its_line_for_the_list_and_is_not_overwritten()
    {
        using var folder = new TemporaryFolder();
        var path = folder["config/slave.key"];
        var (exitCode, output) = await PiwProcess.RunAsync("slave-key", "make", "--key-file", path, "--label", "pi-7");
        Assert.True(exitCode == 0, output);
        Assert.Matches(@"^pi-7 \S{40}\s*$", output);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        var secret = Secret(path);
        Assert.DoesNotContain(secret, output, StringComparison.Ordinal);

        var again = await PiwProcess.RunAsync("slave-key", "make", "--key-file", path, "--label", "pi-7");
        Assert.Equal(1, again.ExitCode);
        Assert.Equal($"piw slave-key make: {path} is there already: a key is not overwritten", again.Output.Trim());
        Assert.Equal(secret, Secret(path));
    }

    [Fact]
    public async Task The_list_is_changed_and_shown_and_what_is_wrong_with_it_is_told_line_by_line()
    {
        using var folder = new TemporaryFolder();
        var keys = folder["keys"];
        var key = (await MakeAsync(folder["slave.key"])).Key;
        var added = await RunAsync("add", "pi-7", key);
        Assert.True(added.ExitCode == 0, added.Output);
        Assert.StartsWith("pi-7 may connect.", added.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("add", "pi-7", key)).ExitCode);
        Assert.Equal($"pi-7 {key}", (await RunAsync("list")).Output.Trim());
        Assert.Equal(1, (await RunAsync("add", "pi-8", key)).ExitCode);
        Assert.Equal(2, (await RunAsync("add", "pi-8", "nonsense")).ExitCode);
        Assert.Equal(2, (await RunAsync("add", "pi/8", key)).ExitCode);
        Assert.Equal(2, (await PiwProcess.RunAsync("slave-key", "list")).ExitCode);

        Assert.Equal(0, (await RunAsync("revoke", "pi-7")).ExitCode);
        Assert.Equal(1, (await RunAsync("revoke", "pi-7")).ExitCode);
        Assert.Equal("", (await RunAsync("list")).Output.Trim());

        await File.WriteAllTextAsync(Path.Combine(keys, "slaves"), $"a {key}\nb\nc d\n");
        var wrong = await RunAsync("list");
        Assert.Equal(1, wrong.ExitCode);
        Assert.Equal(2, Regex.Count(wrong.Output, @"slaves: line [23]: "));

        Task<(int ExitCode, string Output)> RunAsync(string command, params string[] arguments) =>
            PiwProcess.RunAsync(["slave-key", command, "--slave-keys", keys, .. arguments]);
    }

    [Fact]
    public async Task A_farm_does_not_start_with_a_wrong_list_or_a_key_that_others_may_read()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var keys = Directory.CreateDirectory(Path.Combine(fixture.Folder, "keys")).FullName;
        File.SetUnixFileMode(keys, (UnixFileMode)0b111_111_111);
        await File.WriteAllTextAsync(Path.Combine(keys, "slaves"), "nonsense\n");
        var wrong = await PiwProcess.RunAsync(fixture.Up(FarmFixture.FreePort(), "--slave-keys", keys, "piw-demo-greeting"));
        Assert.Equal(1, wrong.ExitCode);
        Assert.Contains("slaves: line 1: a line is a name and a key", wrong.Output, StringComparison.Ordinal);
        Assert.Single(wrong.Output.Trim().Split('\n'));

        var own = Path.Combine(keys, "master.key");
        File.SetUnixFileMode(own, (UnixFileMode)0b110_100_100);
        var open = await PiwProcess.RunAsync(fixture.Up(FarmFixture.FreePort(), "--slave-keys", keys, "piw-demo-greeting"));
        Assert.Equal(1, open.ExitCode);
        Assert.Contains($"chmod 600 {own}", open.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slave_named_by_key_alone_is_wrong_usage()
    {
        var (exitCode, output) = await PiwProcess.RunAsync("slave", "--key-file", "/nonexistent/slave.key");
        Assert.Equal(2, exitCode);
        Assert.Contains("--key-file goes with --master-key", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slave_comes_in_with_its_key_builds_and_is_cut_off_when_it_is_revoked()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var keys = Directory.CreateDirectory(Path.Combine(fixture.Folder, "keys")).FullName;
        File.SetUnixFileMode(keys, (UnixFileMode)0b111_111_111);
        var (slaveQueue, fileQueue) = (Queue(), Queue());
        await using var farm = PiwProcess.Start(
            fixture.Up(FarmFixture.FreePort(), "--slave-keys", keys, "piw-demo-greeting"),
            new Dictionary<string, string> { ["PIW_KEYED_SLAVE_QUEUE"] = slaveQueue, ["PIW_KEYED_FILE_QUEUE"] = fileQueue });
        await farm.SeeAsync("piw-demo-greeting");
        var masterKey = Regex.Match((await PiwProcess.RunAsync("slave-key", "list", "--slave-keys", keys)).Output, @"master's key: (\S{40})").Groups[1].Value;

        var builds = Directory.CreateDirectory(Path.Combine(fixture.Folder, "builds")).FullName;
        File.SetUnixFileMode(builds, (UnixFileMode)0b111_111_111);
        var key = await MakeAsync(Path.Combine(builds, "slave.key"), asUser: true);
        await using var slave = PiwProcess.StartAsUser(
            "slave", "--dir", builds, "--label", "far-away", "--python", "/usr/bin/python3", "--master-key", masterKey,
            "--key-file", Path.Combine(builds, "slave.key"), "--slave-queue", slaveQueue, "--file-queue", fileQueue,
            "--verbose");
        await slave.SeeAsync($"piw slave-key add NAME '{key.Key}'");
        Assert.Equal(0, (await PiwProcess.RunAsync("slave-key", "add", "--slave-keys", keys, "far-away", key.Key)).ExitCode);
        await slave.SeeAsync("heard ACK");

        Assert.Equal(0, (await PiwProcess.RunAsync("slave-key", "revoke", "--slave-keys", keys, "far-away")).ExitCode);
        Assert.Equal(0, await slave.EndAsync()); // It is told to die at its next word
        var log = await File.ReadAllTextAsync(Path.Combine(fixture.Data, "log", "master.log"));
        Assert.Contains("with the key of far-away", log, StringComparison.Ordinal);
        Assert.Contains("its key is off the list", log, StringComparison.Ordinal);
        var secret = Secret(Path.Combine(keys, "master.key"));
        Assert.DoesNotContain(secret, log, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret(Path.Combine(builds, "slave.key")), slave.Output, StringComparison.Ordinal);
        var farms = fixture.ProcessesOfFarm();
        Assert.NotEmpty(farms);
        Assert.All(farms, id => Assert.DoesNotContain(secret, FarmFixture.CommandLine(id), StringComparison.Ordinal));
    }

    private static string Queue() => $"tcp://127.0.0.1:{FarmFixture.FreePort()}";

    private static string Secret(string path) => File.ReadAllLines(path).Single(line => line.Length == 40);

    private static async Task<(string Name, string Key)> MakeAsync(string path, bool asUser = false)
    {
        string[] command = ["slave-key", "make", "--key-file", path, "--label", "pi-7"];
        await using var make = asUser ? PiwProcess.StartAsUser(command) : PiwProcess.Start(command);
        Assert.Equal(0, await make.EndAsync());
        var words = make.Output.Trim().Split(' ');
        return (words[0], words[1]);
    }
}
