using System.IO.Compression;
using System.Text;
using Piwheels.Core.Database;
using Piwheels.Logger;
using Piwheels.Logger.Formats;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>What is in a log is recorded once, whatever ends meanwhile.</summary>
public sealed class LoggerRunTests : IAsyncDisposable
{
    private const int Many = 12_000;

    private readonly LoggedFarm _farm = new();

    public ValueTask DisposeAsync() => _farm.DisposeAsync();

    [Fact]
    public async Task Files_are_read_packed_or_not_to_their_last_line_ended_or_not()
    {
        var plain = Write("plain.log", LoggedFarm.Lines(0, 1_500).TrimEnd('\n'));
        var packed = _farm.PathOf("packed.log.gz");
        Pack(packed, LoggedFarm.Lines(1_500, 1_000), LoggedFarm.Lines(2_500, 10));
        _farm.StartMaster();
        Assert.True(await _farm.StartLogger(_farm.Reading(plain, packed)));
        Assert.Equal(LoggedFarm.Names(0, 2_510), _farm.Recorded);
        Assert.True(_farm.Log.Says("2510 lines: 2510 hits told"));
    }

    [Fact]
    public async Task A_damaged_packed_file_is_told_of_and_the_others_are_read()
    {
        var damaged = _farm.PathOf("damaged.log.gz");
        Pack(damaged, LoggedFarm.Lines(0, 2_000));
        var bytes = await File.ReadAllBytesAsync(damaged, TestContext.Current.CancellationToken);
        bytes.AsSpan(bytes.Length / 2, 100).Fill(0xff);
        await File.WriteAllBytesAsync(damaged, bytes, TestContext.Current.CancellationToken);
        var whole = Write("whole.log", LoggedFarm.Line("whole"));
        _farm.StartMaster();
        Assert.False(await _farm.StartLogger(_farm.Reading(damaged, whole)));
        Assert.Contains("whole", _farm.Recorded);
        Assert.True(_farm.Log.Says("is damaged"));
    }

    [Fact]
    public async Task What_is_unreadable_is_counted_and_the_rest_recorded()
    {
        var text = LoggedFarm.Line("first") + "nonsense\n" + new string('x', 3_000_000) + "\n\0\0\n"
            + LoggedFarm.Line("absurd").Replace("/20", "/00", StringComparison.Ordinal)
            + LoggedFarm.Line("nowhere").Replace("192.0.2.7", "nowhere", StringComparison.Ordinal)
            + LoggedFarm.Line("last");
        _farm.StartMaster();
        Assert.True(await _farm.StartLogger(_farm.Reading(Write("a.log", text))));
        Assert.Equal(["first", "last"], _farm.Recorded);
        Assert.True(_farm.Log.Says(
            "7 lines: 2 hits told, 0 count as nothing, 2 not of the format, 1 too long, 1 without an address, 1 with a date"));
    }

    [Fact]
    public async Task A_log_of_another_format_is_a_fault()
    {
        _farm.StartMaster();
        var run = _farm.StartLogger(_farm.Reading(Write("a.log", "one\ntwo\n")));
        var fault = await Assert.ThrowsAsync<LoggerException>(() => run);
        Assert.Contains("no line is of the format combined", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_and_a_state_that_is_none_are_faults()
    {
        var missing = _farm.StartLogger(_farm.Reading(_farm.PathOf("missing")));
        Assert.Contains("cannot be read", (await Assert.ThrowsAsync<LoggerException>(() => missing)).Message, StringComparison.Ordinal);
        foreach (var text in (string[])["", "{", "[]", """{"version":2,"files":[],"batches":[]}""", """{"version":1,"files":[],"batches":[{"request":"00000000-0000-0000-0000-000000000000","ends":[{"file":3,"place":1}]}]}"""])
        {
            var state = _farm.StartLogger(_farm.Reading(Write("a.log", "")) with { StateFile = Write("state", text) });
            Assert.Contains("no state of a logger", (await Assert.ThrowsAsync<LoggerException>(() => state)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_state_is_kept_by_one_logger_at_a_time()
    {
        var reading = _farm.Reading(Write("a.log", "")) with { StateFile = _farm.PathOf("state"), Follows = true };
        using var stop = new CancellationTokenSource();
        _farm.StartMaster();
        var first = _farm.StartLogger(reading, stop.Token);
        await _farm.Log.WhenSaidAsync("the master answers");
        var fault = await Assert.ThrowsAsync<LoggerException>(() => _farm.StartLogger(reading));
        Assert.Contains("another logger keeps it", fault.Message, StringComparison.Ordinal);
        await stop.CancelAsync();
        Assert.True(await first);
        Assert.True(await _farm.StartLogger(reading with { Follows = false }));
    }

    [Fact]
    public async Task Without_a_master_it_gives_up_after_its_time_and_says_what_was_not_told()
    {
        var run = _farm.StartLogger(_farm.Reading(Write("a.log", LoggedFarm.Lines(0, 10))) with { MasterLimit = TimeSpan.FromMilliseconds(1) });
        var fault = await Assert.ThrowsAsync<LoggerException>(() => run);
        Assert.Contains("no master is at", fault.Message, StringComparison.Ordinal);
        Assert.Contains("10 that were read were not", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_master_that_comes_later_gets_everything()
    {
        var run = _farm.StartLogger(_farm.Reading(Write("a.log", LoggedFarm.Lines(0, Many))));
        await _farm.Log.WhenSaidAsync("no master is there");
        _farm.StartMaster();
        Assert.True(await run);
        Assert.Equal(LoggedFarm.Names(0, Many), _farm.Recorded);
    }

    [Fact]
    public async Task Nothing_is_lost_or_doubled_when_the_master_is_restarted_again_and_again()
    {
        _farm.StartMaster();
        var run = _farm.StartLogger(_farm.Reading(Write("a.log", LoggedFarm.Lines(0, Many))));
        foreach (var recorded in (int[])[1, 5_000, 9_000])
        {
            await _farm.WhenRecordedAsync(recorded);
            await _farm.StopMasterAsync();
            _farm.StartMaster();
        }

        Assert.True(await run);
        Assert.Equal(LoggedFarm.Names(0, Many), _farm.Recorded);
    }

    [Fact]
    public async Task Answers_that_never_come_lose_and_double_nothing()
    {
        var answers = 0;
        _farm.Answer = () => ++answers % 3 == 1 ? throw new DatabaseException("the connection is broken", transient: true) : Task.CompletedTask;
        _farm.StartMaster();
        Assert.True(await _farm.StartLogger(_farm.Reading(Write("a.log", LoggedFarm.Lines(0, 3_000)))));
        Assert.Equal(LoggedFarm.Names(0, 3_000), _farm.Recorded);
    }

    [Fact]
    public async Task What_the_database_refuses_is_left_out_alone_and_counted()
    {
        var log = Write("a.log", LoggedFarm.Lines(0, 100));
        var refusals = 0;
        _farm.Database.Before = _ => ++refusals <= 7 ? throw new DatabaseException("refused", transient: false) : Task.CompletedTask;
        _farm.StartMaster();
        Assert.True(await _farm.StartLogger(_farm.Reading(log)));
        Assert.Equal(99, _farm.Recorded.Count);
        Assert.True(_farm.Log.Says("99 hits told"));
        Assert.True(_farm.Log.Says("1 left out by the master"));
    }

    [Fact]
    public async Task While_hits_are_dropped_nobody_waits_for_a_master()
    {
        var run = _farm.StartLogger(
            _farm.Reading(Write("a.log", LoggedFarm.Lines(0, 120_000))) with { Drops = true, StopLimit = TimeSpan.FromMilliseconds(1) });
        Assert.True(await run.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.True(_farm.Log.Says("0 hits told"));
        Assert.True(_farm.Log.Says("120000 dropped"));
    }

    [Fact]
    public async Task Stopped_without_a_master_it_says_how_much_is_lost()
    {
        using var stop = new CancellationTokenSource();
        var run = _farm.StartLogger(
            _farm.Reading(Write("a.log", LoggedFarm.Lines(0, 10))) with { StopLimit = TimeSpan.FromMilliseconds(1) }, stop.Token);
        await _farm.Log.WhenSaidAsync("10 hits wait for it");
        await stop.CancelAsync();
        Assert.False(await run);
        Assert.True(_farm.Log.Says("10 hits could not be delivered, and are lost"));
    }

    private string Write(string name, string text)
    {
        var path = _farm.PathOf(name);
        File.WriteAllText(path, text);
        return path;
    }

    private static void Pack(string path, params string[] members)
    {
        using var file = File.Create(path);
        foreach (var member in members)
        {
            using var gzip = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true);
            gzip.Write(Encoding.UTF8.GetBytes(member));
        }
    }
}
