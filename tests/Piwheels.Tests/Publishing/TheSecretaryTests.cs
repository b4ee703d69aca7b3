using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Publishing;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>
/// TheSecretary between whoever asks, a database in memory, and a scribe whose answers the test gives.
/// </summary>
public sealed class TheSecretaryTests : IAsyncDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly PackageName Bar = PackageName.Parse("bar");
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly Arrivals<ScribeRequest> _scribe = new();
    private readonly RpcClient<SecretaryRequest, SecretaryReply> _asks;
    private readonly ScriptedTask _others;
    private readonly TheSecretary _secretary;
    private Func<ScribeRequest, Task> _write = _ => Task.CompletedTask;

    public TheSecretaryTests()
    {
        _database = new FakeDatabase(_bed.Time);
        _others = _bed.Task("others");
        _others.BindRpc<ScribeRequest, ScribeReply>(
            MasterConfiguration.ScribeQueue,
            async request =>
            {
                await _scribe.Add(request);
                await _write(request);
                return new ScribeReply.Done();
            },
            concurrencyMax: 100);
        _secretary = _bed.Add(new TheSecretary(new MasterConfiguration(), _bed.Environment, _database));
        _asks = _others.ConnectRpc<SecretaryRequest, SecretaryReply>(
            new MasterConfiguration().WebQueue, TimeSpan.FromDays(1));
    }

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    private async Task StartAsync(params PackageName[] packages)
    {
        foreach (var package in packages)
        {
            await _database.AddNewPackageAsync(package);
            await _database.RewriteDoneAsync(package, RewriteCommand.Both, long.MaxValue);
        }

        _others.Start();
        _secretary.Start();
        await ReachedAsync(_secretary);
    }

    private Task<SecretaryReply> AskAsync(SecretaryRequest request) => _asks.AskAsync(request).Within();

    private Task<ScribeRequest> NextAsync() => _scribe.Next();

    /// <summary>Waits until a task has done all that was posted to it.</summary>
    private static async Task ReachedAsync(TaskLoop task)
    {
        for (var round = 0; round < 3; round++)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            task.Post(() => task.Post(reached.SetResult));
            await reached.Task.Within();
        }
    }

    private async Task AdvanceAsync(TimeSpan span)
    {
        _bed.Time.Advance(span);
        await ReachedAsync(_secretary);
        await _others.SettleAsync();
    }

    [Fact]
    public async Task Rewrites_are_held_a_minute_and_merged()
    {
        await StartAsync(Foo);
        await AskAsync(new SecretaryRequest.Project(Foo));
        await AdvanceAsync(Minute / 2);
        await AskAsync(new SecretaryRequest.Both(Foo));
        await AskAsync(new SecretaryRequest.Project(Foo));
        await AdvanceAsync((Minute / 2) - TimeSpan.FromSeconds(1));
        Assert.False(_scribe.HasMore);
        await AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(new ScribeRequest.Both(Foo), await NextAsync());
        await _database.RewriteDoneAsync(Foo, RewriteCommand.Both, long.MaxValue);
        await AdvanceAsync(3 * Minute);
        Assert.False(_scribe.HasMore);
    }

    [Fact]
    public async Task What_the_database_has_entered_already_is_held_too_and_not_entered_again()
    {
        await StartAsync(Foo);
        _database.Before = method => method == "SaveRewritesPending"
            ? throw new DatabaseException("entered again", transient: false)
            : Task.CompletedTask;
        await AskAsync(new SecretaryRequest.Owed(Foo, RewriteCommand.Project));
        await AskAsync(new SecretaryRequest.Owed(Foo, RewriteCommand.Both));
        Assert.False(_scribe.HasMore);
        await AdvanceAsync(Minute);
        Assert.Equal(new ScribeRequest.Both(Foo), await NextAsync());
        Assert.False(_scribe.HasMore);
    }

    [Fact]
    public async Task The_rest_passes_at_once_and_in_order()
    {
        await StartAsync(Foo);
        SecretaryRequest[] requests =
        [
            new SecretaryRequest.Log(7, Foo, "text"), new SecretaryRequest.DeleteVersion(new Release(Foo, "1.0")),
            new SecretaryRequest.DeletePackage(Foo), new SecretaryRequest.Home(), new SecretaryRequest.Search(),
        ];
        await Task.WhenAll(requests.Select(AskAsync));
        foreach (var expected in (ScribeRequest[])
        [
            new ScribeRequest.Log(7, Foo, "text"), new ScribeRequest.DeleteVersion(new Release(Foo, "1.0")),
            new ScribeRequest.DeletePackage(Foo),
        ]) Assert.Equal(expected, await NextOfAsync(Foo));
    }

    // HOME and SEARCH touch other pages, so they may come between
    private async Task<ScribeRequest> NextOfAsync(PackageName package)
    {
        while (true)
        {
            var request = await NextAsync();
            if (request is ScribeRequest.Log log && log.Package == package) return request;
            if (request is ScribeRequest.DeletePackage gone && gone.Package == package) return request;
            if (request is ScribeRequest.DeleteVersion old && old.Release.Package == package) return request;
        }
    }

    [Fact]
    public async Task What_cannot_be_done_now_is_tried_again_and_keeps_only_its_own_package_waiting()
    {
        var full = true;
        _write = request => request is ScribeRequest.Log && full
            ? throw new RpcException("disk full", transient: true)
            : Task.CompletedTask;
        await StartAsync();
        var log = _asks.AskAsync(new SecretaryRequest.Log(7, Foo, "text"));
        Assert.IsType<ScribeRequest.Log>(await NextAsync());
        var gone = _asks.AskAsync(new SecretaryRequest.DeletePackage(Foo));
        await AskAsync(new SecretaryRequest.DeletePackage(Bar));
        Assert.Equal(new ScribeRequest.DeletePackage(Bar), await NextAsync());

        await AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.IsType<ScribeRequest.Log>(await NextAsync());
        full = false;
        await _bed.Log.WhenAsync(entry => entry.Message.Contains("disk full", StringComparison.Ordinal));
        await AdvanceAsync(TimeSpan.FromSeconds(2));
        Assert.IsType<ScribeRequest.Log>(await NextAsync());
        await log.Within();
        await gone.Within();
        Assert.Equal(new ScribeRequest.DeletePackage(Foo), await NextAsync());
    }

    [Fact]
    public async Task What_can_never_be_done_is_told_and_does_not_stay_in_the_way()
    {
        _write = request => request is ScribeRequest.Log
            ? throw new RpcException("nonsense", transient: false)
            : Task.CompletedTask;
        await StartAsync();
        var refused = await Assert.ThrowsAsync<RpcException>(() => AskAsync(new SecretaryRequest.Log(7, Foo, "text")));
        Assert.Equal("nonsense", refused.Message);
        await AskAsync(new SecretaryRequest.DeletePackage(Foo));
    }

    [Fact]
    public async Task Homes_that_wait_for_a_slow_one_are_one()
    {
        var free = new TaskCompletionSource();
        _write = _ => free.Task;
        await StartAsync();
        var first = _asks.AskAsync(new SecretaryRequest.Home());
        await NextAsync();
        var later = Enumerable.Range(0, 5).Select(_ => _asks.AskAsync(new SecretaryRequest.Home())).ToList();
        await _others.SettleAsync();
        await ReachedAsync(_secretary);
        free.SetResult();
        await first.Within();
        await Task.WhenAll(later).Within();
        Assert.IsType<ScribeRequest.Home>(await NextAsync());
        Assert.False(_scribe.HasMore);
    }

    [Fact]
    public async Task A_request_is_taken_over_once_the_database_has_it()
    {
        await StartAsync(Foo);
        _database.Before = method => method == "SaveRewritesPending"
            ? throw new DatabaseException("restarting", transient: true)
            : Task.CompletedTask;
        var asked = _asks.AskAsync(new SecretaryRequest.Both(Foo));
        await _bed.Log.WhenAsync(entry => entry.Message.Contains("restarting", StringComparison.Ordinal));
        Assert.False(asked.IsCompleted);
        _database.Before = _ => Task.CompletedTask;
        await AdvanceAsync(TimeSpan.FromSeconds(1));
        await asked.Within();
        Assert.Equal(RewriteCommand.Both, Assert.Single(await _database.LoadRewritesPendingAsync()).Command);
    }

    [Fact]
    public async Task A_database_that_refuses_is_told_to_whoever_asked()
    {
        await StartAsync(Foo);
        _database.Before = method => method == "SaveRewritesPending"
            ? throw new DatabaseException("no such function", transient: false)
            : Task.CompletedTask;
        await Assert.ThrowsAsync<RpcException>(() => AskAsync(new SecretaryRequest.Both(Foo)));
    }

    [Fact]
    public async Task What_was_owed_before_the_start_is_written()
    {
        await _database.AddNewPackageAsync(Foo);
        await _database.AddNewPackageAsync(Bar);
        _bed.Time.Advance(2 * Minute);
        _others.Start();
        _secretary.Start();
        Assert.Equal(
            [new ScribeRequest.Both(Bar), new ScribeRequest.Both(Foo)],
            [await NextAsync(), await NextAsync()]);
    }

    [Fact]
    public async Task What_the_database_owes_by_itself_is_found()
    {
        await StartAsync();
        await _database.AddNewPackageAsync(Foo);
        await AdvanceAsync(TheSecretary.LoadInterval);
        Assert.False(_scribe.HasMore);
        await AdvanceAsync(Minute);
        Assert.Equal(new ScribeRequest.Both(Foo), await NextAsync());
    }

    [Fact]
    public async Task What_happens_now_is_written_in_time_while_a_first_sync_s_pages_wait()
    {
        var old = Enumerable.Range(0, TheSecretary.WaitingMax + 100).Select(i => PackageName.Parse($"old{i}")).ToList();
        await _database.ApplyIndexChangesAsync(new IndexChanges(
            0, 1, [], [.. old.Select(package => new SeenName(package, package.Value, _bed.Time.GetUtcNow()))], []));
        _bed.Time.Advance(2 * Minute);
        var free = new SemaphoreSlim(0);
        _write = _ => free.WaitAsync();
        await StartAsync(Foo, Bar);
        for (var i = 0; i < TheSecretary.WritingMax; i++) Assert.Contains(PackageOf(await NextAsync()), old);

        await AskAsync(new SecretaryRequest.Both(Foo));
        await _database.SkipPackageAsync(Bar, "by a command, which owes the page alone");
        await AdvanceAsync(TheSecretary.LoadInterval);
        await AdvanceAsync(Minute);
        var next = new List<PackageName>();
        for (var i = 0; i < 3; i++)
        {
            free.Release();
            next.Add(PackageOf(await NextAsync()));
        }

        free.Release(100);
        Assert.Equal([Bar, Foo], next.Take(2).Order());
        Assert.Contains(next[2], old);
    }

    private static PackageName PackageOf(ScribeRequest request) => request switch
    {
        ScribeRequest.Both both => both.Package,
        ScribeRequest.Project project => project.Package,
        _ => default,
    };

    [Fact]
    public async Task Pages_that_could_not_be_written_are_tried_again()
    {
        await StartAsync(Foo);
        var failures = 2;
        _write = _ => failures-- > 0 ? throw new IOException("disk full") : Task.CompletedTask;
        await AskAsync(new SecretaryRequest.Both(Foo));
        await AdvanceAsync(Minute);
        Assert.Equal(new ScribeRequest.Both(Foo), await NextAsync());
        await ReachedAsync(_secretary);
        for (var round = 0; round < 2; round++)
        {
            while (!_scribe.HasMore) await AdvanceAsync(TimeSpan.FromSeconds(1));
            Assert.Equal(new ScribeRequest.Both(Foo), await NextAsync());
        }

        Assert.Equal(-1, failures);
    }

    [Fact]
    public async Task Only_so_many_packages_are_written_at_a_time()
    {
        var free = new TaskCompletionSource();
        _write = _ => free.Task;
        var packages = Enumerable.Range(0, 10).Select(number => PackageName.Parse($"p{number}")).ToArray();
        await StartAsync(packages);
        await Task.WhenAll(packages.Select(package => AskAsync(new SecretaryRequest.Both(package))));
        await AdvanceAsync(Minute);
        for (var number = 0; number < TheSecretary.WritingMax; number++)
            Assert.Equal(new ScribeRequest.Both(packages[number]), await NextAsync());
        await AdvanceAsync(TimeSpan.FromSeconds(5));
        Assert.False(_scribe.HasMore);
        free.SetResult();
        for (var number = TheSecretary.WritingMax; number < packages.Length; number++)
            Assert.Equal(new ScribeRequest.Both(packages[number]), await NextAsync());
    }

    [Fact]
    public async Task A_deleted_package_is_not_written_again()
    {
        await StartAsync(Foo);
        await AskAsync(new SecretaryRequest.Both(Foo));
        await AskAsync(new SecretaryRequest.DeletePackage(Foo));
        await _database.DeletePackageAsync(Foo);
        Assert.Equal(new ScribeRequest.DeletePackage(Foo), await NextAsync());
        await AdvanceAsync(2 * Minute);
        Assert.False(_scribe.HasMore);
    }

    [Fact]
    public async Task While_paused_pages_wait_and_logs_do_not()
    {
        await StartAsync(Foo);
        _secretary.Pause();
        await AskAsync(new SecretaryRequest.Both(Foo));
        await AskAsync(new SecretaryRequest.Log(7, Foo, "text"));
        Assert.IsType<ScribeRequest.Log>(await NextAsync());
        await AdvanceAsync(5 * Minute);
        Assert.False(_scribe.HasMore);
        _secretary.Resume();
        Assert.Equal(new ScribeRequest.Both(Foo), await NextAsync());
    }

    [Fact]
    public async Task Quitting_does_not_wait_for_what_cannot_be_done()
    {
        _write = _ => throw new RpcException("disk full", transient: true);
        _database.Before = method => method.Contains("Rewrites", StringComparison.Ordinal)
            ? throw new DatabaseException("away", transient: true)
            : Task.CompletedTask;
        await StartAsync();
        var log = _asks.AskAsync(new SecretaryRequest.Log(7, Foo, "text"));
        var both = _asks.AskAsync(new SecretaryRequest.Both(Foo));
        await _bed.Log.WhenAsync(entry => entry.Message.Contains("disk full", StringComparison.Ordinal));
        await _bed.Log.WhenAsync(entry => entry.Message.Contains("not saved", StringComparison.Ordinal));
        _secretary.Quit();
        await _secretary.Completion.Within();
        Assert.True((await Assert.ThrowsAsync<RpcException>(() => log.Within())).Transient);
        Assert.True((await Assert.ThrowsAsync<RpcException>(() => both.Within())).Transient);
    }

    [Theory]
    [InlineData(false, false, null, 60)]
    [InlineData(true, false, null, 3)]
    [InlineData(false, true, null, 1)]
    [InlineData(true, true, null, 1)]
    [InlineData(true, true, 20, 20)]
    public void The_delay_suits_the_farm(bool devMode, bool selection, int? setting, int seconds) => Assert.Equal(
        TimeSpan.FromSeconds(seconds),
        SiteFacts.DelayOf(new MasterConfiguration
        {
            DevMode = devMode,
            FollowSelection = selection,
            RewriteDelay = setting is { } value ? TimeSpan.FromSeconds(value) : null,
        }));
}
