using System.IO.Compression;
using System.Text;
using Piwheels.Core.Database;
using Piwheels.Logger;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>Logs that grow and are rotated while they are read, and between two runs.</summary>
public sealed class FollowedLogTests : IAsyncDisposable
{
    private readonly LoggedFarm _farm = new();
    private readonly string _log;
    private readonly string _state;
    private Task<bool>? _run;

    public FollowedLogTests()
    {
        _log = _farm.PathOf("access.log");
        _state = _farm.PathOf("state");
        _farm.StartMaster();
    }

    private CancellationTokenSource? _again;

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _farm.DisposeAsync();
        _again?.Dispose();
    }

    [Fact]
    public async Task What_is_added_is_told_and_what_was_there_is_not()
    {
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 5));
        Start(state: false);
        await _farm.Log.WhenSaidAsync("the master answers");
        LoggedFarm.Append(_log, LoggedFarm.Lines(5, 5));
        await _farm.WhenRecordedAsync(5);
        Assert.Equal(LoggedFarm.Names(5, 5), _farm.Recorded);
    }

    [Fact]
    public async Task A_line_counts_when_it_has_ended()
    {
        Start();
        var line = LoggedFarm.Line("whole");
        LoggedFarm.Append(_log, LoggedFarm.Line("first") + line[..30]);
        await _farm.WhenRecordedAsync(1);
        LoggedFarm.Append(_log, line[30..]);
        await _farm.WhenRecordedAsync(2);
        Assert.Equal(["first", "whole"], _farm.Recorded);
    }

    [Fact]
    public async Task A_renamed_file_is_read_on_beside_the_new_one()
    {
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 5));
        Start();
        await _farm.WhenRecordedAsync(5);
        File.Move(_log, _log + ".1");
        LoggedFarm.Append(_log + ".1", LoggedFarm.Lines(5, 5));
        await _farm.WhenRecordedAsync(10);
        LoggedFarm.Append(_log, LoggedFarm.Lines(10, 5));
        await _farm.WhenRecordedAsync(15);
        LoggedFarm.Append(_log + ".1", LoggedFarm.Lines(15, 5));
        await _farm.WhenRecordedAsync(20);
        Assert.Equal(LoggedFarm.Names(0, 20), _farm.Recorded);
    }

    [Fact]
    public async Task A_file_that_is_copied_and_made_empty_is_read_from_its_beginning()
    {
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 50));
        Start();
        await _farm.WhenRecordedAsync(50);
        File.Copy(_log, _log + ".1");
        Empty();
        LoggedFarm.Append(_log, LoggedFarm.Lines(50, 5));
        await _farm.WhenRecordedAsync(55);
        Assert.Equal(LoggedFarm.Names(0, 55), _farm.Recorded);
    }

    [Fact]
    public async Task A_file_that_was_made_empty_and_has_grown_beyond_its_old_length_is_noticed()
    {
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 5));
        Start();
        await _farm.WhenRecordedAsync(5);
        await StopAsync();
        File.Copy(_log, _log + ".1");
        LoggedFarm.Append(_log + ".1", LoggedFarm.Lines(5, 5));
        Empty();
        LoggedFarm.Append(_log, LoggedFarm.Lines(10, 50));
        Start();
        await _farm.WhenRecordedAsync(60);
        Assert.Equal(LoggedFarm.Names(0, 60), _farm.Recorded);
    }

    [Fact]
    public async Task A_restart_neither_loses_nor_doubles_lines()
    {
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 2_500));
        for (var round = 0; round < 3; round++)
        {
            Start();
            await _farm.WhenRecordedAsync(2_500 + round * 10);
            await StopAsync();
            LoggedFarm.Append(_log, LoggedFarm.Lines(2_500 + round * 10, 10));
        }

        Start();
        await _farm.WhenRecordedAsync(2_530);
        Assert.Equal(LoggedFarm.Names(0, 2_530), _farm.Recorded);
    }

    [Fact]
    public async Task What_was_rotated_between_two_runs_is_found_renamed_and_packed_and_what_nobody_saw()
    {
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 20));
        Start();
        await _farm.WhenRecordedAsync(20);
        await StopAsync();
        LoggedFarm.Append(_log, LoggedFarm.Lines(20, 20));
        Pack(_log, _log + ".2.gz", hoursAgo: 2);
        LoggedFarm.Append(_log, LoggedFarm.Lines(40, 20));
        File.Move(_log, _log + ".1");
        File.SetLastWriteTimeUtc(_log + ".1", TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-1));
        LoggedFarm.Append(_log, LoggedFarm.Lines(60, 20));
        // None of this log's
        LoggedFarm.Append(_log + ".old", LoggedFarm.Lines(900, 5));
        Start();
        await _farm.WhenRecordedAsync(80);
        Assert.Equal(LoggedFarm.Names(0, 80), _farm.Recorded);
    }

    [Fact]
    public async Task A_state_without_following_reads_to_the_end_and_leaves_a_line_that_has_not_ended()
    {
        var line = LoggedFarm.Line("later");
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 5) + line[..20]);
        var once = _farm.Reading(_log) with { StateFile = _state };
        Assert.True(await _farm.StartLogger(once));
        Assert.Equal(LoggedFarm.Names(0, 5), _farm.Recorded);
        LoggedFarm.Append(_log, line[20..]);
        Assert.True(await _farm.StartLogger(once));
        Assert.True(await _farm.StartLogger(once));
        Assert.Equal(["later", .. LoggedFarm.Names(0, 5)], _farm.Recorded);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task A_logger_and_a_master_that_are_killed_at_once_lose_and_double_nothing(int batch)
    {
        // What is on disk just when a batch is recorded is what a killed logger leaves; nothing happens after that
        var killed = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var recorded = 0;
        _farm.Answer = () =>
        {
            if (++recorded < batch) return Task.CompletedTask;
            killed.TrySetResult(File.ReadAllBytes(_state));
            _farm.Database.Before = _ => throw new DatabaseException("away", transient: true);
            throw new DatabaseException("away", transient: true);
        };
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 4_500));
        Start(stopLimit: TimeSpan.FromMilliseconds(1));
        var state = await killed.Task.Within();
        await StopAsync();
        await _farm.StopMasterAsync();
        Assert.InRange(_farm.Recorded.Count, 1, 4_499);

        await File.WriteAllBytesAsync(_state, state, TestContext.Current.CancellationToken);
        _farm.Database.Before = _farm.Database.After = _ => Task.CompletedTask;
        _farm.StartMaster();
        Assert.True(await _farm.StartLogger(_farm.Reading(_log) with { StateFile = _state }));
        Assert.Equal(LoggedFarm.Names(0, 4_500), _farm.Recorded);
    }

    [Fact]
    public async Task Stopped_while_the_database_is_away_it_says_so_and_goes_on_there()
    {
        _farm.Database.Before = _ => throw new DatabaseException("away", transient: true);
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 3_000));
        Start(stopLimit: TimeSpan.FromMilliseconds(1));
        await _farm.Log.WhenSaidAsync("accesses wait for the database");
        await StopAsync();
        Assert.True(_farm.Log.Says("are read again at the next start"));
        _farm.Database.Before = _ => Task.CompletedTask;
        Start();
        await _farm.WhenRecordedAsync(3_000);
        Assert.Equal(LoggedFarm.Names(0, 3_000), _farm.Recorded);
    }

    [Fact]
    public async Task Several_logs_are_followed_side_by_side()
    {
        var other = _farm.PathOf("other.log");
        _again = new CancellationTokenSource();
        var run = _farm.StartLogger(_farm.Reading(_log, other) with { Follows = true, StateFile = _state }, _again.Token);
        LoggedFarm.Append(_log, LoggedFarm.Lines(0, 5));
        await _farm.WhenRecordedAsync(5);
        LoggedFarm.Append(other, LoggedFarm.Lines(5, 5));
        await _farm.WhenRecordedAsync(10);
        await _again.CancelAsync();
        Assert.True(await run);
        Assert.Equal(LoggedFarm.Names(0, 10), _farm.Recorded);
    }

    private void Start(bool state = true, TimeSpan? stopLimit = null)
    {
        _again?.Dispose();
        _again = new CancellationTokenSource();
        var configuration = _farm.Reading(_log) with { Follows = true, StateFile = state ? _state : null };
        if (stopLimit is { } limit) configuration = configuration with { StopLimit = limit };
        _run = _farm.StartLogger(configuration, _again.Token);
    }

    private async Task StopAsync()
    {
        if (_run is not { } run) return;
        _run = null;
        await _again!.CancelAsync();
        Assert.True(await run);
    }

    // In place, as logrotate's copytruncate does it
    private void Empty()
    {
        using var file = new FileStream(_log, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        file.SetLength(0);
    }

    private static void Pack(string from, string to, int hoursAgo)
    {
        using (var file = File.Create(to))
        using (var gzip = new GZipStream(file, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(File.ReadAllText(from)));
        }

        File.SetLastWriteTimeUtc(to, TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-hoursAgo));
        File.Delete(from);
    }
}
