using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.AccessLog;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.AccessLog;

public sealed class LumberjackTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly Arrivals<string> _asked = new();
    private readonly Lumberjack _lumberjack;
    private readonly ZmqSocket _logger;
    private Func<Task> _answer = () => Task.CompletedTask;

    public LumberjackTests()
    {
        _database = new FakeDatabase(_bed.Time)
        {
            Before = async method =>
            {
                await _asked.Add(method);
                await _answer();
            },
        };
        var configuration = new MasterConfiguration { LogQueue = _bed.Ipc("log") };
        _lumberjack = _bed.Add(new Lumberjack(configuration, _bed.Environment, _database));
        _lumberjack.Start();
        _logger = _bed.Zmq.CreateSocket(ZmqSocketType.Push, new() { HighWaterMark = 1_000_000 });
        _logger.Connect(configuration.LogQueue);
    }

    public ValueTask DisposeAsync()
    {
        _logger.Dispose();
        return _bed.DisposeAsync();
    }

    [Fact]
    public async Task Accesses_of_all_kinds_are_recorded_within_a_second()
    {
        AccessState[] accesses =
        [
            new DownloadState("foo-1.0-py3-none-any.whl", "192.0.2.1", Now, InstallerState.Unknown),
            new SearchState("foo", "192.0.2.1", Now, InstallerState.Unknown with { InstallerName = "pip" }),
            new ProjectState("foo", "2001:db8::1", Now, "agent"),
            new JsonState("foo", "192.0.2.1", Now, "agent"),
            Page("home"),
        ];
        foreach (var access in accesses) Send(access);
        await UntilRecordedAsync(accesses.Length);
        Assert.Equivalent(accesses, _database.Accesses);
    }

    [Fact]
    public async Task A_full_batch_does_not_wait()
    {
        var recorded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _database.After = _ =>
        {
            recorded.TrySetResult();
            return Task.CompletedTask;
        };
        for (var index = 0; index < AccessBuffer.BatchMax; index++) Send(Page("home"));
        // The clock stands still
        await recorded.Task.Within();
        Assert.Equal(AccessBuffer.BatchMax, _database.Accesses.Count);
    }

    [Fact]
    public async Task Bad_entries_are_dropped_and_told_of()
    {
        _logger.TrySend(new byte[] { 0xff });
        Send(Page("home") with { Host = "nowhere" });
        Send(Page("home") with { Timestamp = Now.AddYears(20) });
        Send(Page("good"));
        await UntilRecordedAsync(1);
        Assert.Equal("good", ((PageState)Assert.Single(_database.Accesses)).Page);
        Assert.True(_bed.Log.Says("its address is none"));
    }

    [Fact]
    public async Task What_the_database_leaves_out_is_counted_and_the_rest_recorded()
    {
        Send(Page(new string('x', 31)));
        Send(Page("good"));
        Send(Page(""));
        await UntilRecordedAsync(1);
        Assert.True(_bed.Log.Says("2 of 3 accesses are left out"));
    }

    [Fact]
    public async Task While_the_database_is_away_accesses_are_kept_and_tried_again_later()
    {
        _answer = () => throw new DatabaseException("away", transient: true);
        Send(Page("home"));
        await UntilAskedAsync();
        _answer = () => Task.CompletedTask;
        Send(Page("second"));
        _bed.Time.Advance(Lumberjack.RetryPause - TimeSpan.FromSeconds(1));
        await SettleAsync();
        Assert.Empty(_database.Accesses);
        Assert.False(_asked.HasMore);

        await UntilRecordedAsync(2);
    }

    [Fact]
    public async Task A_batch_whose_recording_is_in_doubt_is_recorded_once()
    {
        var answers = 0;
        _database.After = _ => answers++ < 2
            ? throw new DatabaseException("the connection is broken", transient: true)
            : Task.CompletedTask;
        Send(Page("home"));
        await UntilRecordedAsync(1);
        while (answers < 3) await NextFlushAsync();
        Assert.Single(_database.Accesses);
    }

    [Fact]
    public async Task With_as_many_accesses_as_can_be_kept_no_more_are_read_and_none_is_lost()
    {
        const int Beyond = 5_000;
        _answer = () => throw new DatabaseException("away", transient: true);
        for (var index = 0; index < AccessBuffer.KeptMax + Beyond; index++) Send(Page("home"));
        await _bed.Log.WhenSaidAsync("loggers are kept waiting");
        for (var flush = 0; flush < 100; flush++) await NextFlushAsync();
        Assert.Empty(_database.Accesses);

        _answer = () => Task.CompletedTask;
        await UntilRecordedAsync(AccessBuffer.KeptMax + Beyond);
        Assert.Equal(AccessBuffer.KeptMax + Beyond, _database.Accesses.Count);
        Assert.Single(_bed.Log.Entries, line => line.Message.Contains("kept waiting", StringComparison.Ordinal));
        Assert.False(_bed.Log.Says("dropped"));
    }

    [Fact]
    public async Task It_ends_while_loggers_are_kept_waiting()
    {
        _answer = () => throw new DatabaseException("away", transient: true);
        for (var index = 0; index < AccessBuffer.KeptMax + 1; index++) Send(Page("home"));
        await _bed.Log.WhenSaidAsync("loggers are kept waiting");
        _lumberjack.Quit();
        await _lumberjack.Completion.Within();
        Assert.True(_bed.Log.Says($"{AccessBuffer.KeptMax} accesses could not be recorded"));
    }

    [Fact]
    public async Task One_access_that_the_database_refuses_does_not_take_others_with_it()
    {
        // A thousand, halved until one is left, is asked for ten times
        var refusals = 0;
        _answer = () => refusals++ < 10
            ? throw new DatabaseException("refused", transient: false)
            : Task.CompletedTask;
        for (var index = 0; index < AccessBuffer.BatchMax; index++) Send(Page($"page{index}"));
        Assert.Equal("LogAccess", await _asked.Next());
        await UntilRecordedAsync(AccessBuffer.BatchMax - 1);
        Assert.DoesNotContain(_database.Accesses, access => access is PageState { Page: "page0" });
        Assert.True(_bed.Log.Says("the database refuses it"));
    }

    [Fact]
    public async Task What_was_sent_before_the_end_is_still_recorded()
    {
        Send(Page("home"));
        Send(Page("last"));
        // Nonsense is told of, so that its arrival, after the others', is seen
        _logger.TrySend(new byte[] { 0xff });
        await _bed.Log.WhenSaidAsync("dropped");
        _lumberjack.Quit();
        await _lumberjack.Completion.Within();
        Assert.Equal(2, _database.Accesses.Count);
    }

    [Fact]
    public async Task With_the_database_away_the_end_comes_all_the_same()
    {
        _answer = () => throw new DatabaseException("away", transient: true);
        Send(Page("home"));
        await UntilAskedAsync();
        _lumberjack.Quit();
        await _lumberjack.Completion.Within();
        Assert.True(_bed.Log.Says("1 accesses could not be recorded"));
    }

    private DateTimeOffset Now => _bed.Time.GetUtcNow();

    private PageState Page(string page) => new(page, "192.0.2.1", Now, "agent");

    private void Send(AccessState access)
    {
        var writer = new CborWriter();
        LogEntry.Of(access).Write(writer);
        Assert.True(_logger.TrySend(writer.Encode()));
    }

    private async Task UntilAskedAsync()
    {
        while (!_asked.HasMore) await NextFlushAsync();
        await _asked.Next();
        await SettleAsync();
    }

    private async Task UntilRecordedAsync(int count)
    {
        var until = TimeProvider.System.GetUtcNow() + Waiting.Limit;
        while (_database.Accesses.Count < count)
        {
            Assert.True(TimeProvider.System.GetUtcNow() < until);
            await NextFlushAsync();
        }
    }

    private async Task NextFlushAsync()
    {
        _bed.Time.Advance(Lumberjack.FlushInterval);
        await SettleAsync();
    }

    private async Task SettleAsync()
    {
        for (var turn = 0; turn < 3; turn++)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _lumberjack.Post(reached.SetResult);
            await reached.Task.Within();
        }
    }
}
