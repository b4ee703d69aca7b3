using System.Text.Json;
using Piwheels.Slave.Building;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>One slave with low limits, which builds all of <see cref="HostilePackages"/>, one after another.</summary>
public sealed class HostileBuildsFixture : IAsyncLifetime
{
    public const string Secret = "hunter2-of-the-slave";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-hostile-");
    private readonly Dictionary<string, JsonElement> _built = [];

    public string Token { get; } = $"hostile-{Guid.NewGuid():n}";

    public string Secrets => Path.Combine(_folder.FullName, "home");

    public DirectoryInfo Builds => new(Path.Combine(_folder.FullName, "builds"));

    public Uri Index { get; private set; } = null!;

    /// <summary>What the slave logged.</summary>
    public string Log { get; private set; } = "";

    /// <summary>What it told its master of a build: whether it is good, the duration, the log, the files.</summary>
    public (bool Status, string Output) Of(string package)
    {
        Assert.True(_built.TryGetValue(package, out var built), $"{package} was never reported. The slave's log:\n{Log}");
        return (built[0].GetBoolean(), built[2].GetString()!);
    }

    public async ValueTask InitializeAsync()
    {
        foreach (var folder in (string[])[_folder.FullName, Secrets, Builds.FullName]) GiveAway(Directory.CreateDirectory(folder));
        File.WriteAllText(Path.Combine(Secrets, "key"), Secret);
        using var index = new SourceIndex();
        Index = index.Url;
        var packages = new HostilePackages(Secrets, Token, Index).All;
        foreach (var (name, code) in packages) index.Add(name, code);
        index.Add("good");
        index.Add("sleeper", "def before_wheel():\n    import time\n    print('good night', flush=True)\n    time.sleep(3600)\n");

        await Task.WhenAll(
            BuildAsync(index, "long", ["--timeout", "10m"], [.. packages.Keys, "good"]),
            BuildAsync(index, "short", ["--timeout", "20s"], ["sleeper"])).WaitAsync(Limit);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task BuildAsync(SourceIndex index, string name, string[] options, string[] packages)
    {
        var builds = string.Join(", ", packages.Select(package => $"""["{package}", "1.0"]"""));
        await using var master = await ScriptedMaster.StartAsync(index, $""" "builds": [{builds}] """);
        var folder = Builds.CreateSubdirectory(name);
        GiveAway(folder);
        await using var slave = SlaveProcess.Start(
            master, folder.FullName, new Dictionary<string, string> { ["HOME"] = Secrets, ["PIW_TEST_SECRET"] = Secret },
            [
                "--sandbox", "always", "--build-memory", "256M", "--build-processes", "64", "--build-file-size", "48M",
                "--build-disk", "96M", "--build-output", "4M", "--build-cpu-time", "10s", "--build-open-files", "256",
                .. options,
            ]);
        try
        {
            foreach (var package in packages)
            {
                var built = (await master.WhenSaidAsync("BUILT")).Data;
                lock (_built) _built.Add(package, built);
            }

            await master.EndAsync();
            await slave.EndAsync();
        }
        finally
        {
            lock (_built) Log += slave.Log;
        }
    }

    private static void GiveAway(DirectoryInfo folder)
    {
        folder.UnixFileMode = (UnixFileMode)0x1FF; // rwx for all: root runs the tests, nobody the slave
    }
}

/// <summary>What strangers' packages try: contained, and told in the build's log; and the next one is built.</summary>
public sealed class HostileBuildTests(HostileBuildsFixture builds) : IClassFixture<HostileBuildsFixture>
{
    [Theory]
    [InlineData("fork-bomb", "piw-evidence: the build was stopped: it came to 64 processes and threads, the most that it may have")]
    [InlineData("huge-file", "piw-evidence: the build came to a file of 48 MiB, the largest that it may write")]
    [InlineData("filled-file", "piw-evidence: the build came to a file of 48 MiB, the largest that it may write")]
    [InlineData("many-files", "of the disk and may take 96 MiB")]
    [InlineData("deleted-file", "of the disk and may take 96 MiB")]
    [InlineData("memory-eater", "of memory and may take 256 MiB")]
    [InlineData("hidden-memory", "of memory and may take 256 MiB")]
    [InlineData("endless-log", "of memory and may take 256 MiB")]
    [InlineData("endless-output", "piw-evidence: the build was stopped: it wrote more than 4 MiB to its log")]
    [InlineData("cpu-eater", "piw-evidence: the build was stopped: it used the processors for 10 seconds, the longest that it may")]
    [InlineData("open-files", "piw-evidence: the build failed: a process of it had 256 files open, the most that it may have")]
    [InlineData("sleeper", "piw-evidence: the build was stopped after 20 seconds, the longest that it may take")]
    [InlineData("killer", "piw-evidence: pip was ended by signal 9")]
    public void What_takes_too_much_is_stopped_and_its_log_says_what_it_was(string package, string reason)
    {
        var (status, output) = builds.Of(package);

        Assert.False(status);
        Assert.EndsWith(reason, output.TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("impostor", "numpy-1.0-py3-none-any.whl is not of impostor")]
    [InlineData("zip-bomb", "zip_bomb-1.0-py3-none-any.whl is broken: it is too large unpacked")]
    [InlineData("true-bomb", "true_bomb-1.0-py3-none-any.whl is broken: ")]
    [InlineData("linker", "linker-1.0-1-py3-none-any.whl is no plain file")]
    [InlineData("closed-wheel", "its wheels cannot be read: ")]
    [InlineData("pipe-wheel", "pipe_wheel-1.0-1-py3-none-any.whl is no plain file")]
    public void A_hostile_wheel_is_refused_and_fails_the_build(string package, string reason)
    {
        var (status, output) = builds.Of(package);

        Assert.False(status);
        Assert.Equal("piw-failure: 1 bad-wheel", output.TrimEnd().Split('\n')[^2]);
        Assert.StartsWith("piw-evidence: " + reason, output.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_daemon_does_not_outlive_its_build()
    {
        Assert.True(builds.Of("daemon").Status, builds.Of("daemon").Output);
        Assert.DoesNotContain(
            ProcessTable.Read(),
            process => ProcessTable.TryReadText(process.Id, "cmdline")?.Contains(builds.Token, StringComparison.Ordinal) == true);
    }

    [Fact]
    public void Neither_the_machines_users_nor_the_slaves_keys_can_be_read()
    {
        var (_, output) = builds.Of("reader");

        Assert.DoesNotContain(HostileBuildsFixture.Secret, output, StringComparison.Ordinal);
        Assert.Contains("</etc/passwd is 'root:x:0:0::/:/bin/false\\nbuild:x:1000:1000:build:/build/home:/bin/sh\\n'>", output, StringComparison.Ordinal);
        Assert.Contains("</etc/shadow is FileNotFoundError>", output, StringComparison.Ordinal);
        Assert.Contains($"<{builds.Secrets}/key is FileNotFoundError>", output, StringComparison.Ordinal);
        Assert.Contains("<me is 1000 1000 >", output, StringComparison.Ordinal);
        Assert.Matches("<processes are [0-9] >", output);
    }

    [Fact]
    public void Nothing_outside_the_build_folder_can_be_written()
    {
        var (_, output) = builds.Of("writer");

        var written = output.Split('\n').Where(line => line.Contains(" written>", StringComparison.Ordinal)).Select(line => line.Trim());
        Assert.Equal(["</tmp/x written>", "</var/tmp/y written>", "</build/home/x written>", "</dev/shm/x written>"], written);
        Assert.Contains("unshare failed", output, StringComparison.Ordinal); // No namespaces of its own, where it would be root
        Assert.False(File.Exists(Path.Combine(builds.Secrets, "x")));
        Assert.False(File.Exists("/usr/x"));
    }

    [Fact]
    public void Only_the_index_can_be_reached_and_the_log_tells_of_everything_else()
    {
        var (_, output) = builds.Of("connector");

        var port = builds.Index.Port;
        Assert.Contains("<127.0.0.1 is ConnectionRefusedError>", output, StringComparison.Ordinal); // Its own, not the machine's
        Assert.Contains("<192.0.2.1 is OSError>", output, StringComparison.Ordinal);
        Assert.Contains("<http://evil.example/x is HTTP Error 403: Forbidden>", output, StringComparison.Ordinal);
        Assert.Contains("<https://evil.example/x is <urlopen error Tunnel connection failed: 403 Forbidden>>", output, StringComparison.Ordinal);
        Assert.Contains($"<http://127.0.0.1:{port}/simple/connector/ connected>", output, StringComparison.Ordinal);
        foreach (var host in (string[])["evil.example:80", "evil.example:443", $"127.0.0.1:{port + 1}"])
            Assert.Contains($"piw-slave: the build wanted to connect to {host}, which it may not", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_slave_builds_on_and_no_folder_is_left_however_deep_or_closed()
    {
        Assert.False(builds.Of("deep-folders").Status);
        Assert.False(builds.Of("odd-rights").Status);
        Assert.True(builds.Of("good").Status, builds.Of("good").Output);
        Assert.DoesNotContain(
            builds.Builds.GetFileSystemInfos("*", SearchOption.AllDirectories), each => each.Name is not ("long" or "short"));
    }
}
