using System.Diagnostics;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;
using Xunit;

namespace Piwheels.Tests.Slave;

public sealed class LimitTests : IDisposable
{
    private static readonly ResourceLimits Limits = new()
    {
        WallTime = TimeSpan.FromMinutes(1),
        CpuTime = TimeSpan.FromSeconds(10),
        MemoryBytes = 100 << 20,
        Processes = 10,
        OpenFiles = 20,
        FileBytes = 50 << 20,
        FolderBytes = 80 << 20,
        OutputBytes = 1 << 20,
    };

    private static readonly BuildUsage AtTheLimit = new(
        new TreeUsage(9, 60 << 20, TimeSpan.FromSeconds(10)), new HiddenUsage(40 << 20, 30 << 20),
        new FolderUsage(50 << 20, (50 << 20) - 1, false), 1 << 20, long.MaxValue, long.MaxValue);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-limits-");

    public void Dispose()
    {
        Run("/bin/chmod", "-R", "u+rwx", _folder.FullName);
        Run("/bin/rm", "-rf", _folder.FullName);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public void What_is_at_its_limit_goes_on_and_what_is_over_one_is_told_which()
    {
        Assert.Null(LimitCheck.Of(AtTheLimit, Limits));

        Assert.Equal(BuildLimit.Memory, Limit(AtTheLimit with { Hidden = new HiddenUsage((40 << 20) + 1, 0) }));
        Assert.Equal(BuildLimit.Memory, Limit(AtTheLimit with { MemoryFree = 1 << 20 }));
        Assert.Equal(BuildLimit.Processes, Limit(AtTheLimit with { Tree = AtTheLimit.Tree with { Tasks = 10 } }));
        Assert.Equal(BuildLimit.CpuTime, Limit(AtTheLimit with { Tree = AtTheLimit.Tree with { CpuTime = TimeSpan.FromSeconds(11) } }));
        Assert.Equal(BuildLimit.FileSize, Limit(AtTheLimit with { Folder = AtTheLimit.Folder with { LargestFile = 50 << 20 } }));
        Assert.Equal(BuildLimit.Disk, Limit(AtTheLimit with { Folder = AtTheLimit.Folder with { Bytes = (50 << 20) + 1 } }));
        Assert.Equal(BuildLimit.Disk, Limit(AtTheLimit with { Folder = AtTheLimit.Folder with { IsTooDeep = true } }));
        Assert.Equal(BuildLimit.Disk, Limit(AtTheLimit with { DiskFree = 1 << 20 }));
        Assert.Equal(BuildLimit.Output, Limit(AtTheLimit with { OutputBytes = (1 << 20) + 1 }));

        static BuildLimit? Limit(BuildUsage usage) => LimitCheck.Of(usage, Limits)?.Limit;
    }

    [Theory]
    [InlineData(153, "", BuildLimit.FileSize)] // SIGXFSZ
    [InlineData(152, "", BuildLimit.CpuTime)] // SIGXCPU
    [InlineData(1, "OSError: [Errno 27] File too large", BuildLimit.FileSize)]
    [InlineData(1, "OSError: [Errno 24] Too many open files: 'x'", BuildLimit.OpenFiles)]
    [InlineData(2, "sh: 1: Cannot fork", BuildLimit.Processes)]
    [InlineData(1, "BlockingIOError: [Errno 11] Resource temporarily unavailable", BuildLimit.Processes)]
    [InlineData(137, "", null)]
    [InlineData(1, "error: command 'gcc' failed", null)]
    [InlineData(0, "File too large", null)]
    public void A_limit_that_the_kernel_holds_is_seen_by_its_traces(int status, string output, BuildLimit? limit)
    {
        var ending = BuildEnding.FromStatus(status);

        var read = LimitTraces.Read(ending, output, Limits);

        Assert.Equal(limit, (read as BuildEnding.LimitReached)?.Limit);
        if (limit is null) Assert.Same(ending, read);
    }

    [Fact]
    public void A_folder_takes_the_blocks_of_each_file_once_whatever_its_names()
    {
        var empty = FolderUsage.Measure(_folder.FullName);
        var script = """
            import os, sys
            os.chdir(sys.argv[1])
            with open(b"\xff\xfe", "wb") as file:
                file.write(bytes(1 << 20))
            for i in range(10):
                os.link(b"\xff\xfe", f"link-{i}")
            os.symlink("/usr", "usr")
            with open("holes", "wb") as file:
                file.truncate(1 << 30)
            os.makedirs("closed/inside")
            with open("closed/inside/file", "wb") as file:
                file.write(bytes(2 << 20))
            os.chmod("closed", 0)
            """;
        Run("/usr/bin/python3", "-c", script, _folder.FullName);

        var full = FolderUsage.Measure(_folder.FullName);

        Assert.InRange(full.Bytes - empty.Bytes, 3 << 20, (3 << 20) + 100_000);
        Assert.Equal(1 << 30, full.LargestFile);
        Assert.False(full.IsTooDeep);
    }

    [Fact]
    public void A_folder_too_deep_for_any_path_is_told_and_not_followed_to_its_end()
    {
        const string Script = "import os, sys\nos.chdir(sys.argv[1])\nfor i in range(10_000): os.mkdir('d'); os.chdir('d')";
        Run("/usr/bin/python3", "-c", Script, _folder.FullName);

        var usage = FolderUsage.Measure(_folder.FullName);

        Assert.True(usage.IsTooDeep);
        Assert.Equal(FolderUsage.DepthMax * 4096, usage.Bytes);
    }

    /// <summary>A folder that looks like a control group; the kernel itself is not asked.</summary>
    [Fact]
    public void A_delegated_control_group_gets_one_for_each_build_with_its_limits()
    {
        var slave = _folder.CreateSubdirectory("system.slice/piw-slave.service").FullName;
        File.WriteAllText(Path.Combine(slave, "cgroup.controllers"), "cpu memory pids\n");
        File.WriteAllText(Path.Combine(slave, "cgroup.procs"), "41\n42\n");

        var parent = ControlGroup.FindDelegated(_folder.FullName, "1:name=systemd:/x\n0::/system.slice/piw-slave.service\n");

        Assert.Equal(slave, parent);
        Assert.Equal("+memory +pids", File.ReadAllText(Path.Combine(slave, "cgroup.subtree_control")));
        Assert.Equal("42", File.ReadAllText(Path.Combine(slave, "slave", "cgroup.procs")));
        using var group = ControlGroup.Create(parent!, "build-1", Limits);
        Assert.Equal($"{100 << 20}", File.ReadAllText(Path.Combine(group.Path, "memory.max")));
        Assert.Equal("10", File.ReadAllText(Path.Combine(group.Path, "pids.max")));
        Assert.Null(group.LimitReached(Limits));
        File.WriteAllText(Path.Combine(group.Path, "pids.events"), "max 3\n");
        Assert.Equal(BuildLimit.Processes, group.LimitReached(Limits)?.Limit);
        File.WriteAllText(Path.Combine(group.Path, "memory.events"), "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n");
        Assert.Equal(BuildLimit.Memory, group.LimitReached(Limits)?.Limit);
        File.WriteAllText(Path.Combine(group.Path, "cgroup.kill"), "");
        group.Kill();
        Assert.Equal("1", File.ReadAllText(Path.Combine(group.Path, "cgroup.kill")));
    }

    [Theory]
    [InlineData("4:memory:/x\n", "memory pids")] // The first kind of control groups
    [InlineData("0::/slave\n", "cpu")]
    [InlineData("0::/elsewhere\n", "memory pids")]
    public void Control_groups_that_are_not_delegated_are_left_alone(string membership, string controllers)
    {
        var slave = _folder.CreateSubdirectory("slave").FullName;
        File.WriteAllText(Path.Combine(slave, "cgroup.controllers"), controllers);
        File.WriteAllText(Path.Combine(slave, "cgroup.procs"), "");

        Assert.Null(ControlGroup.FindDelegated(_folder.FullName, membership));
        Assert.False(File.Exists(Path.Combine(slave, "cgroup.subtree_control")));
    }
}
