using System.Globalization;
using Piwheels.Core.Failures;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Slave;
using Piwheels.Slave.Building;
using Piwheels.Slave.Conversation;
using Piwheels.Slave.Machine;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>The whole slave against a master in Python, over real queues, with pip and real source distributions.</summary>
public sealed class SlaveRunnerTests : IDisposable
{
    private const string Wheel = "tiny-1.0-py3-none-any.whl";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-slave-");
    private readonly CancellationTokenSource _stop = new();
    private readonly RecordedLog _log = new();
    private readonly SourceIndex _index = new();
    private readonly string _endless = $"endless-{Guid.NewGuid():n}";

    public void Dispose()
    {
        foreach (var line in _log.Entries) TestContext.Current.TestOutputHelper?.WriteLine(line.ToString());
        _stop.Dispose();
        _index.Dispose();
        _folder.Delete(recursive: true);
    }

    private DirectoryInfo Builds => _folder.CreateSubdirectory("builds");

    private SlaveConfiguration Configuration(ScriptedMaster master) => new()
    {
        SlaveQueue = master.SlaveQueue,
        FileQueue = master.FileQueue,
        Dir = Builds.FullName,
        Label = "test",
        Python = "/usr/bin/python3",
        IdleInterval = TimeSpan.FromMilliseconds(100),
        BusyInterval = TimeSpan.FromMilliseconds(500),
    };

    private Task<SlaveEnd> RunAsync(SlaveConfiguration configuration) =>
        SlaveRunner.RunAnywayAsync(configuration, _log, TimeProvider.System, _stop.Token).WaitAsync(Limit);

    private Task<SlaveEnd> RunAsync(ScriptedMaster master) => master.With(RunAsync(Configuration(master)));

    /// <summary>A release whose build starts a process of its own, tells so, and then never ends.</summary>
    private void AddEndless() => _index.Add("endless", $"""
        def before_wheel():
            import subprocess, urllib.request
            child = subprocess.Popen(["sh", "-c", "sleep 600; : {_endless}"], start_new_session=True)
            try:
                urllib.request.urlopen("{_index.Url}/endless-runs")
            except OSError:
                pass  # There is no such page
            child.wait()
        """);

    private void AssertEndlessHasEnded()
    {
        Assert.Contains("/simple/endless-runs", _index.Asked);
        Assert.DoesNotContain(
            ProcessTable.Read(),
            process => ProcessTable.TryReadText(process.Id, "cmdline")?.Contains(_endless, StringComparison.Ordinal) == true);
    }

    [Theory]
    [InlineData(FileStateForm.WithLocation, 11)]
    [InlineData(FileStateForm.WithoutLocation, 10)]
    public async Task A_release_is_built_and_handed_over_to_masters_old_and_new(FileStateForm form, int fields)
    {
        _index.Add("tiny", requires: "Requires-Python: >=3.7\n");
        await using var master = await ScriptedMaster.StartAsync(_index, """ "builds": [["tiny", "1.0"]] """);

        var slave = master.With(RunAsync(Configuration(master) with { FileStates = form }));

        await master.EndAsync();
        Assert.Equal(SlaveEnd.Dismissed, await slave);
        Assert.Equal("HELLO IDLE BUILT SENT IDLE BYE", master.Requests);
        Assert.Equal(10, master.Last("HELLO").GetArrayLength());
        Assert.Equal(10800, master.Last("HELLO")[0].GetDouble());
        Assert.Equal("test", master.Last("HELLO")[5].GetString());
        Assert.Equal(9, master.Last("IDLE").GetArrayLength());
        var built = master.Last("BUILT");
        Assert.True(built[0].GetBoolean(), built[2].GetString());
        Assert.InRange(built[1].GetDouble(), 0.05, Limit.TotalSeconds);
        var state = Assert.Single(built[3].EnumerateArray());
        Assert.Equal(fields, state.GetArrayLength());
        Assert.Equal(Wheel, state[0].GetString());
        Assert.Equal(["tiny", "1.0", "py3", "none", "any"], Enumerable.Range(3, 5).Select(i => state[i].GetString()));
        Assert.Equal(">=3.7", state[8].GetString());
        var file = Assert.Single(master.Files);
        Assert.True(file.Json.GetProperty("sound").GetBoolean());
        Assert.Equal(state[1].GetInt64(), file.Json.GetProperty("size").GetInt64());
        Assert.Empty(Builds.GetFileSystemInfos());
    }

    [Fact]
    public async Task A_file_is_sent_range_by_range_and_again_when_the_master_wants_it()
    {
        _index.Add("tiny");
        await using var master = await ScriptedMaster.StartAsync(
            _index, """ "builds": [["tiny", "1.0"]], "chunk": 100, "twice": true """);

        var slave = RunAsync(master);

        await master.EndAsync();
        await slave;
        Assert.Equal("HELLO IDLE BUILT SENT SENT IDLE BYE", master.Requests);
        Assert.Equal(2, master.Files.Count());
        Assert.All(master.Files, file =>
        {
            Assert.True(file.Json.GetProperty("sound").GetBoolean());
            Assert.InRange(file.Json.GetProperty("fetches").GetInt32(), file.Json.GetProperty("size").GetInt32() / 100, int.MaxValue);
        });
    }

    [Fact]
    public async Task A_failing_build_is_reported_with_its_log_and_the_next_one_begun()
    {
        _index.Add("tiny").Add("bad", "raise RuntimeError('this is bad')");
        await using var master = await ScriptedMaster.StartAsync(_index, """ "builds": [["bad", "1.0"], ["tiny", "1.0"]] """);

        var slave = RunAsync(master);

        var bad = await master.WhenSaidAsync("BUILT");
        await master.EndAsync();
        await slave;
        Assert.Equal("HELLO IDLE BUILT IDLE BUILT SENT IDLE BYE", master.Requests);
        Assert.False(bad.Data[0].GetBoolean());
        Assert.Contains("this is bad", bad.Data[2].GetString(), StringComparison.Ordinal);
        Assert.True(BuildFailure.TryReadEnd(bad.Data[2].GetString()!, out var failure));
        Assert.Equal(new BuildFailure(FailureClass.BuildScript, "RuntimeError: this is bad"), failure);
        Assert.Equal(0, bad.Data[3].GetArrayLength());
    }

    [Fact]
    public async Task A_wheel_that_cannot_be_imported_is_a_failed_build_with_its_class()
    {
        _index.AddNative("bad", """module("bad", "extern int nowhere(void);", "nowhere();")""").AddNative("good", """module("good")""");
        await using var master = await ScriptedMaster.StartAsync(_index, """ "builds": [["bad", "1.0"], ["good", "1.0"]] """);

        var slave = RunAsync(master);

        var bad = await master.WhenSaidAsync("BUILT");
        await master.EndAsync();
        await slave;
        Assert.Equal("HELLO IDLE BUILT IDLE BUILT SENT IDLE BYE", master.Requests);
        Assert.False(bad.Data[0].GetBoolean());
        Assert.True(BuildFailure.TryReadEnd(bad.Data[2].GetString()!, out var failure));
        Assert.Equal(FailureClass.ImportFailed, failure.Class);
        Assert.Contains("undefined symbol: nowhere", failure.Evidence, StringComparison.Ordinal);
        Assert.Equal(0, bad.Data[3].GetArrayLength());
        Assert.EndsWith(".whl can be imported\n", master.Last("BUILT")[2].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_master_that_drops_the_build_gets_an_IDLE_and_no_process_of_it_is_left()
    {
        AddEndless();
        await using var master = await ScriptedMaster.StartAsync(
            _index, """ "builds": [["endless", "1.0"]], "at_busy": "CONT", "then": "SLEEP" """);
        var slave = RunAsync(master);
        await WhenEndlessRunsAsync(master);
        await master.TellAsync("""{"at_busy": "DONE", "then": "DIE"}""");

        await master.EndAsync();

        Assert.Equal(SlaveEnd.Dismissed, await slave);
        Assert.Equal("HELLO IDLE IDLE BYE", master.Requests);
        AssertEndlessHasEnded();
        Assert.Empty(Builds.GetFileSystemInfos());
    }

    [Fact]
    public async Task A_master_that_falls_silent_during_a_build_loses_it_and_is_greeted_anew()
    {
        AddEndless();
        await using var master = await ScriptedMaster.StartAsync(_index, """ "builds": [["endless", "1.0"]] """);
        var slave = master.With(RunAsync(Configuration(master) with { BusyTimeout = TimeSpan.FromSeconds(5) }));
        await WhenEndlessRunsAsync(master);
        await master.TellAsync("""{"silent_at": "BUSY"}""");

        await master.EndAsync();

        Assert.Equal(SlaveEnd.Dismissed, await slave);
        Assert.Equal("HELLO IDLE HELLO IDLE BYE", master.Requests);
        Assert.Contains(_log.Entries, line => line.Message == "starting over: the master did not answer BUSY");
        AssertEndlessHasEnded();
    }

    [Theory]
    [InlineData("IDLE", "HELLO IDLE HELLO IDLE BYE")]
    [InlineData("BUILT", "HELLO IDLE BUILT HELLO IDLE BYE")]
    [InlineData("SENT", "HELLO IDLE BUILT SENT HELLO IDLE BYE")]
    [InlineData("FETCH", "HELLO IDLE BUILT HELLO IDLE BYE")]
    public async Task A_master_that_falls_silent_is_greeted_anew(string request, string requests)
    {
        _index.Add("tiny");
        var builds = request == "IDLE" ? "" : """["tiny", "1.0"]""";
        await using var master = await ScriptedMaster.StartAsync(_index, $""" "builds": [{builds}], "silent_at": "{request}" """);

        var slave = master.With(RunAsync(Configuration(master) with { BusyTimeout = TimeSpan.FromSeconds(5) }));

        await master.EndAsync();
        Assert.Equal(SlaveEnd.Dismissed, await slave);
        Assert.Equal(requests, master.Requests);
        Assert.Empty(Builds.GetFileSystemInfos());
    }

    [Theory]
    [InlineData("""["SEND", "tiny-1.0-py3-none-any.whl"]""")]
    [InlineData("\"CONT\"")]
    public async Task An_answer_out_of_order_is_no_reason_to_end(string reply)
    {
        await using var master = await ScriptedMaster.StartAsync(_index, $$""" "reply": {"IDLE": {{reply}}} """);

        var slave = RunAsync(master);

        await master.EndAsync();
        Assert.Equal(SlaveEnd.Dismissed, await slave);
        Assert.Equal("HELLO IDLE HELLO IDLE BYE", master.Requests);
    }

    [Fact]
    public async Task A_slave_without_work_asks_again_and_a_stop_says_BYE()
    {
        await using var master = await ScriptedMaster.StartAsync(_index, """ "then": "SLEEP" """);
        var slave = RunAsync(master);
        for (var round = 0; round < 3; round++) await master.WhenSaidAsync("IDLE");

        await _stop.CancelAsync();

        await master.EndAsync();
        Assert.Equal(SlaveEnd.Stopped, await slave);
    }

    [Theory]
    [InlineData("CONT")] // As piwheels' master answers
    [InlineData("DONE")] // As ours does
    public async Task A_slave_that_is_short_of_something_says_so_and_takes_no_work(string answer)
    {
        _index.Add("tiny");
        await using var master = await ScriptedMaster.StartAsync(
            _index, $""" "builds": [["tiny", "1.0"]], "at_busy": "{answer}" """);
        var slave = master.With(RunAsync(Configuration(master) with { Needs = new MachineNeeds(long.MaxValue, 0) }));
        for (var round = 0; round < 3; round++) await master.WhenSaidAsync("BUSY");

        await _stop.CancelAsync();

        await master.EndAsync();
        Assert.Equal(SlaveEnd.Stopped, await slave);
        Assert.Equal("HELLO BYE", master.Requests);
        Assert.Single(_log.Entries, line => line.Message.StartsWith("takes no builds until there is more: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(500, 100, null)]
    [InlineData(499, 100, "499 MB of disk are free, 500 are wanted")]
    [InlineData(500, 99, "99 MB of memory are free, 100 are wanted")]
    public void What_a_machine_is_short_of(long disk, long memory, string? expected)
    {
        var stats = new SlaveStats(DateTimeOffset.UnixEpoch, 1L << 40, disk << 20, 1L << 30, memory << 20, 0, 0, 0, 0);
        Assert.Equal(expected, new MachineNeeds().ShortageOf(stats));
        Assert.Null(new MachineNeeds(0, 0).ShortageOf(stats));
        Assert.Null(new MachineNeeds().ShortageOf(stats with { DiskFree = 1L << 40, MemSize = 0, MemFree = 0 }));
    }

    [Fact]
    public async Task A_stop_during_a_build_ends_its_processes_and_says_BYE()
    {
        AddEndless();
        await using var master = await ScriptedMaster.StartAsync(_index, """ "builds": [["endless", "1.0"]] """);
        var slave = RunAsync(master);
        await WhenEndlessRunsAsync(master);

        await _stop.CancelAsync();

        await master.EndAsync();
        Assert.Equal(SlaveEnd.Stopped, await slave);
        AssertEndlessHasEnded();
        Assert.Empty(Builds.GetFileSystemInfos());
    }

    [Fact]
    public async Task A_stop_without_a_master_does_not_last()
    {
        var slave = RunAsync(new SlaveConfiguration
        {
            SlaveQueue = $"ipc://{_folder.FullName}/nobody",
            Dir = Builds.FullName,
            Python = "/usr/bin/python3",
        });
        await _log.WhenAsync(line => line.Message.StartsWith("looking for the master", StringComparison.Ordinal));

        await _stop.CancelAsync();

        Assert.Equal(SlaveEnd.Stopped, await slave);
    }

    [Fact]
    public async Task A_folder_that_is_none_is_said_in_one_line()
    {
        var refusal = await Assert.ThrowsAsync<SlaveException>(
            () => RunAsync(new SlaveConfiguration { Dir = "/no/such/folder", Python = "/usr/bin/python3" }));

        Assert.StartsWith("/no/such/folder is no folder to build in: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public async Task Root_is_refused()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can be refused.");

        var refusal = await Assert.ThrowsAsync<SlaveException>(
            () => SlaveRunner.RunAsync(new SlaveConfiguration(), _log, TimeProvider.System, _stop.Token));

        Assert.StartsWith("a slave does not run as root", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Reads on until the endless build has come to its end, which is none.</summary>
    private async Task WhenEndlessRunsAsync(ScriptedMaster master)
    {
        do
        {
            await master.WhenSaidAsync("BUSY");
        }
        while (!_index.Asked.Contains("/simple/endless-runs"));
    }
}
