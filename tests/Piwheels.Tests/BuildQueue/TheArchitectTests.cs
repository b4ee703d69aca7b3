using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.BuildQueue;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.BuildQueue;

public sealed class TheArchitectTests : IAsyncLifetime
{
    private static readonly Target Target = new("cp311", "linux_armv7l");
    private static readonly Release Release = new(PackageName.Parse("simplejson"), "3.19.2");

    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly System.Threading.Channels.Channel<BuildQueueMessage.Queue> _pushed =
        System.Threading.Channels.Channel.CreateUnbounded<BuildQueueMessage.Queue>();
    private readonly TaskCompletionSource<Action> _listening = new();
    private bool _away;
    private readonly System.Collections.Concurrent.ConcurrentQueue<IReadOnlyList<SettlingTarget>?> _changes = [];
    private readonly System.Collections.Concurrent.ConcurrentQueue<DateTimeOffset> _steps = [];

    public TheArchitectTests() => _database = new FakeDatabase(_bed.Time)
    {
        Before = method => _away && method == "GetBuildQueue"
            ? throw new DatabaseException("away", transient: true)
            : Task.CompletedTask,
    };

    public async ValueTask InitializeAsync()
    {
        await _database.AddTargetAsync(Target);
        await _database.AddNewPackageAsync(Release.Package);
        var driver = _bed.Task("slave_driver");
        var builds = driver.Bind<BuildQueueMessage, NoMessages>(ZmqSocketType.Pull, "inproc://builds");
        driver.Register(builds, message =>
        {
            _pushed.Writer.TryWrite((BuildQueueMessage.Queue)message);
            return Task.CompletedTask;
        });
        driver.Start();
    }

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task The_queue_is_pushed_at_the_start()
    {
        await _database.AddNewPackageVersionAsync(Release);
        Start();
        var queue = await NextAsync();
        Assert.Equal([Release], queue.Releases[Target]);
    }

    [Fact]
    public async Task A_change_is_told_at_once_and_then_at_most_once_a_second()
    {
        Start();
        Assert.Empty((await NextAsync()).Releases[Target]);
        var changed = await _listening.Task.Within();
        _bed.Time.Advance(TheArchitect.ShortestPause);
        await _database.AddNewPackageVersionAsync(Release);
        changed();
        Assert.Equal([Release], (await NextAsync()).Releases[Target]);

        var second = Release with { Version = "3.19.3" };
        await _database.AddNewPackageVersionAsync(second);
        changed();
        changed();
        Assert.False(_pushed.Reader.TryRead(out _));
        _bed.Time.Advance(TheArchitect.ShortestPause);
        Assert.Equal(2, (await NextAsync()).Releases[Target].Count);
    }

    [Fact]
    public async Task Without_any_notification_the_queue_is_read_once_a_minute()
    {
        Start();
        _ = await NextAsync();
        await _listening.Task.Within();
        await _database.AddNewPackageVersionAsync(Release);
        _bed.Time.Advance(TheArchitect.LongestPause);
        Assert.Equal([Release], (await NextAsync()).Releases[Target]);
    }

    [Fact]
    public async Task A_database_that_is_away_is_asked_again_when_it_is_back()
    {
        _away = true;
        Start();
        await _bed.Log.WhenAsync(line => line.Message.Contains("cannot read the build queue", StringComparison.Ordinal)).Within();
        await _database.AddNewPackageVersionAsync(Release);
        _away = false;
        using var limit = new CancellationTokenSource(Waiting.Limit);
        BuildQueueMessage.Queue? queue;
        while (!_pushed.Reader.TryRead(out queue))
        {
            limit.Token.ThrowIfCancellationRequested();
            _bed.Time.Advance(TheArchitect.ShortestPause);
            await Task.Yield();
        }

        Assert.Equal([Release], queue.Releases[Target]);
    }

    [Fact]
    public async Task A_change_of_a_target_is_carried_on_with_the_pauses_that_the_database_asks_for()
    {
        var (first, second) = (TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(70));
        _changes.Enqueue([Change(30, first)]);
        _changes.Enqueue([Change(60, second)]);
        Start();
        await _bed.Log.WhenSaidAsync("cp314 on linux_armv7l takes effect, version by version; 30 %").Within();
        await AdvanceUntilAsync(() => _bed.Log.Says("cp314 on linux_armv7l has taken effect everywhere"));
        var steps = _steps.ToList();
        Assert.Equal(3, steps.Count);
        Assert.True(steps[1] - steps[0] >= first, $"{steps[1] - steps[0]}");
        Assert.True(steps[2] - steps[1] >= second, $"{steps[2] - steps[1]}");
        Assert.Single(_bed.Log.Entries, line => line.Message.Contains("takes effect", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_change_of_a_target_goes_on_when_the_database_is_back()
    {
        _changes.Enqueue(null);
        _changes.Enqueue([Change(50, TimeSpan.Zero)]);
        Start();
        await _bed.Log.WhenSaidAsync("cannot have changes of targets take effect, will try again: away").Within();
        await AdvanceUntilAsync(() => _bed.Log.Says("cp314 on linux_armv7l has taken effect everywhere"));
        Assert.True(_steps.ElementAt(1) - _steps.ElementAt(0) >= TheArchitect.FaultPause);
    }

    [Fact]
    public async Task What_was_deferred_comes_back_when_its_time_has_come()
    {
        await _database.AddNewPackageVersionAsync(Release);
        var failed = new BuildState(
            1, Release.Package.Value, Release.Version, Target.Abi, false, TimeSpan.Zero, "", [], Target.Platform)
        {
            Failure = new BuildFailure(FailureClass.Network, "no route to host"),
        };
        await _database.DeferBuildAsync(failed, [TimeSpan.FromMinutes(10)]);
        Start();
        Assert.Empty((await NextAsync()).Releases[Target]);

        _bed.Time.Advance(TimeSpan.FromMinutes(10));
        await AdvanceUntilAsync(() => _bed.Log.Says("1 builds that failed for a reason that passes are tried again"));
        Assert.Single((await _database.GetBuildQueueAsync())[Target]);
    }

    private static SettlingTarget Change(int percent, TimeSpan pause) =>
        new(new Target("cp314", "linux_armv7l"), false, percent, 100, pause);

    /// <summary>As a database with what was queued to be told of; null is one that is away. Then nothing is left.</summary>
    private Task<IReadOnlyList<SettlingTarget>> SettleAsync(CancellationToken cancel)
    {
        _steps.Enqueue(_bed.Time.GetUtcNow());
        if (!_changes.TryDequeue(out var left)) left = [];
        return left is not null
            ? Task.FromResult(left)
            : throw new DatabaseException("away", transient: true);
    }

    private async Task AdvanceUntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Waiting.Limit);
        while (!condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            _bed.Time.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Yield();
        }
    }

    private void Start() => _bed.Add(
        new TheArchitect(new MasterConfiguration(), _bed.Environment, _database, ListenAsync, SettleAsync)).Start();

    private async Task ListenAsync(Action changed, CancellationToken cancel)
    {
        if (_away) throw new DatabaseException("away", transient: true);
        _listening.TrySetResult(changed);
        await Task.Delay(Timeout.InfiniteTimeSpan, _bed.Time, cancel);
    }

    private async Task<BuildQueueMessage.Queue> NextAsync() => await _pushed.Reader.ReadAsync().AsTask().Within();
}
