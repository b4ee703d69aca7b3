using System.Globalization;
using System.Text;
using Piwheels.Slave.Building;
using Xunit;

namespace Piwheels.Tests.Slave;

public class ProcessTreeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly Dictionary<string, string> Environment = new() { ["PATH"] = "/usr/bin:/bin" };

    private static ProcessTree Start(string script) =>
        ProcessTree.Start(["/bin/sh", "-c", script], "/", Environment, TimeProvider.System);

    private static ProcessTree StartPython(string script) =>
        ProcessTree.Start(["/usr/bin/python3", "-c", script], "/", Environment, TimeProvider.System);

    private static async Task<string> ReadAsync(ProcessTree tree)
    {
        using var reader = new StreamReader(tree.Output, Encoding.UTF8);
        return await reader.ReadToEndAsync().WaitAsync(Limit);
    }

    private static async Task<int[]> ReadPidsAsync(ProcessTree tree, int count)
    {
        var reader = new StreamReader(tree.Output, Encoding.UTF8);
        var pids = new int[count];
        for (var i = 0; i < count; i++)
            pids[i] = int.Parse((await reader.ReadLineAsync().WaitAsync(Limit))!, CultureInfo.InvariantCulture);
        return pids;
    }

    private static bool IsAlive(int pid) => ProcessTable.TryRead(pid, out var process) && !process.IsZombie;

    [Fact]
    public async Task Both_outputs_come_in_their_order_and_the_exit_status_with_them()
    {
        await using var tree = Start("echo one; echo two >&2; echo three; exit 7");

        Assert.Equal("one\ntwo\nthree\n", await ReadAsync(tree));
        Assert.Equal(7, await tree.Exited.WaitAsync(Limit));
    }

    [Fact]
    public async Task Standard_input_is_empty_and_the_environment_is_as_given()
    {
        await using var tree = Start("cat; env | grep -v -E '^(PWD|_|OLDPWD|SHLVL)='");

        Assert.Equal("PATH=/usr/bin:/bin\n", await ReadAsync(tree));
    }

    [Fact]
    public async Task The_command_leads_a_session_of_its_own()
    {
        await using var tree = Start("echo $$; sleep 600");
        Assert.Equal([tree.Id], await ReadPidsAsync(tree, 1));

        Assert.True(ProcessTable.TryRead(tree.Id, out var process));
        Assert.Equal((tree.Id, tree.Id), (process.GroupId, process.SessionId));
        await tree.EndAsync().WaitAsync(Limit);
        Assert.Equal(128 + 9, await tree.Exited.WaitAsync(Limit));
    }

    [Fact]
    public async Task Children_and_grandchildren_go_with_their_tree()
    {
        await using var tree = Start("(sleep 600 & echo $!; wait) & sleep 600 & echo $!; wait");
        var pids = await ReadPidsAsync(tree, 2);
        Assert.All(pids, pid => Assert.True(IsAlive(pid)));

        await tree.EndAsync().WaitAsync(Limit);

        Assert.All(pids, pid => Assert.False(IsAlive(pid)));
        Assert.Empty(tree.Members());
    }

    [Fact]
    public async Task A_daemon_that_changed_its_session_and_dropped_its_environment_is_found_after_its_parent_has_gone()
    {
        await using var tree = StartPython(
            """
            import os
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.chdir("/")
                    print(os.getpid(), flush=True)
                    os.closerange(0, 100)
                    os.execve("/usr/bin/sleep", ["sleep", "600"], {})
                os._exit(0)
            os.wait()
            """);
        var pid = Assert.Single(await ReadPidsAsync(tree, 1));
        Assert.Equal(0, await tree.Exited.WaitAsync(Limit));
        Assert.True(IsAlive(pid));

        await tree.EndAsync().WaitAsync(Limit);

        Assert.False(IsAlive(pid));
        Assert.False(Directory.Exists($"/proc/{pid}")); // Not even a zombie is left
    }

    [Theory]
    [InlineData("")]
    [InlineData("os.setsid()")]
    public async Task A_tree_that_goes_on_forking_is_ended_all_the_same(string each)
    {
        await using var tree = StartPython(
            """
            import os, time
            print(os.getpid(), flush=True)
            until = time.monotonic() + 20  # Whatever becomes of the test, the machine gets it back
            while time.monotonic() < until:  # Each is gone as soon as its child is there
                if os.fork():
                    os._exit(0)
                NEXT
                time.sleep(0.001)
            """.Replace("NEXT", each, StringComparison.Ordinal));
        await ReadPidsAsync(tree, 1);

        await tree.EndAsync().WaitAsync(Limit);

        Assert.Empty(tree.Members());
    }

    [Fact]
    public async Task Another_tree_is_left_alone()
    {
        await using var other = Start("sleep 600 & echo $!; wait");
        var pid = Assert.Single(await ReadPidsAsync(other, 1));
        await using (var tree = Start("sleep 600 & echo $!; wait"))
        {
            await ReadPidsAsync(tree, 1);
        }

        Assert.True(IsAlive(pid));
        Assert.False(other.Exited.IsCompleted);
    }

    [Fact]
    public void A_command_with_spaces_and_parentheses_does_not_confuse_the_process_table()
    {
        Assert.True(ProcessTable.TryParse(
            42, "42 (a) S 1 (b) S 7 42 43 0 -1 4194304 1 0 0 0 1 2 3 4 20 0 5 0 9876 1 6", out var process));
        Assert.Equal(
            new ProcessEntry(42, 'S', 7, 42, 43, 9876) { Threads = 5, CpuTicks = 10, ResidentPages = 6 }, process);

        Assert.False(ProcessTable.TryParse(42, "42 (a) S 1", out _));
        Assert.False(ProcessTable.TryParse(42, "", out _));
    }
}
