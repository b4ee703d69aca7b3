using Microsoft.Extensions.Logging;
using Piwheels.Cli.Demo;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Upstream's own wheels, from the index's change log or page to what is built.</summary>
public sealed class UpstreamWheelReaderTests
{
    private const string FooPage = "/simple/foo/";
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");

    private static Task<Bed> StartAsync() => Bed.StartAsync(folder =>
    {
        folder.AddSdist("foo", "1.0");
        folder.AddWheel("foo", "1.0");
        folder.AddSdist("foo", "2.0");
        folder.AddSdist("bar", "1.0");
    });

    [Fact]
    public async Task A_farm_that_rebuilds_asks_for_no_page_and_builds_all()
    {
        await using var bed = await StartAsync();
        await bed.FollowAsync();
        await bed.ReadAsync();
        Assert.Equal(0, bed.Index.Asked(FooPage));
        Assert.Equal(["bar 1.0", "foo 1.0", "foo 2.0"], await bed.QueueAsync());
        Assert.Empty(await bed.Database.GetUpstreamOwedAsync(10));
    }

    [Fact]
    public async Task Nothing_is_built_before_the_page_is_read_and_then_what_upstream_lacks()
    {
        await using var bed = await StartAsync();
        bed.Database.SetPolicy(Foo, UpstreamPolicy.Defer);
        await bed.FollowAsync();
        Assert.Equal(["bar 1.0"], await bed.QueueAsync());
        Assert.Equal(SkipReasons.UpstreamUnread, await bed.Database.GetVersionSkipAsync(new Release(Foo, "2.0")));

        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 2.0"], await bed.QueueAsync());
        Assert.Equal(1, bed.Index.Asked(FooPage));
        Assert.Equal(0, bed.Index.Asked("/simple/bar/"));
        await bed.ReadAsync();
        Assert.Equal(1, bed.Index.Asked(FooPage));
    }

    [Fact]
    public async Task A_linked_wheel_is_known_with_upstreams_address_and_hash()
    {
        await using var bed = await StartAsync();
        bed.Database.SetPolicy(UpstreamPolicy.Link);
        await bed.FollowAsync();
        await bed.ReadAsync();
        var project = (await bed.Database.GetProjectDataAsync(Foo))!;
        var wheel = Assert.Single(project.Versions.Single(version => version.Version == "1.0").Linked);
        var file = StandInFile.Read(Path.Combine(bed.Index.Folder.Path, "foo-1.0-py3-none-any.whl"));
        Assert.Equal(
            (file.Filename, new Uri(bed.Index.Index.Root, $"files/{file.Filename}").AbsoluteUri, file.Sha256, file.Size),
            (wheel.Filename, wheel.Url, wheel.FileHash, wheel.FileSize));
    }

    [Fact]
    public async Task A_wheel_that_upstream_adds_later_ends_the_waiting()
    {
        await using var bed = await StartAsync();
        bed.Database.SetPolicy(Foo, UpstreamPolicy.Defer);
        await bed.FollowAsync();
        await bed.ReadAsync();
        bed.Index.Publish(bed.Index.Folder.AddWheel("foo", "2.0"));
        await bed.FollowAsync();
        await bed.ReadAsync();
        Assert.Equal(["bar 1.0"], await bed.QueueAsync());
    }

    [Fact]
    public async Task A_policy_set_by_somebody_else_is_noticed_and_so_is_one_taken_back()
    {
        await using var bed = await StartAsync();
        await bed.FollowAsync();
        await bed.ReadAsync();
        bed.Database.SetPolicy(Foo, UpstreamPolicy.Link);
        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 1.0", "foo 2.0"], await bed.QueueAsync());
        bed.Index.Time.Advance(UpstreamWheelReader.PollInterval);
        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 2.0"], await bed.QueueAsync());

        var asked = bed.Index.Asked(FooPage);
        bed.Database.SetPolicy(Foo, null);
        bed.Index.Time.Advance(UpstreamWheelReader.PollInterval);
        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 1.0", "foo 2.0"], await bed.QueueAsync());
        Assert.Empty(bed.Database.UpstreamWheelsOf(Foo));
        Assert.Equal(asked, bed.Index.Asked(FooPage));
    }

    [Fact]
    public async Task A_stop_after_the_registration_is_made_good_by_the_next_run()
    {
        await using var bed = await StartAsync();
        bed.Database.SetPolicy(Foo, UpstreamPolicy.Defer);
        bed.Database.Before = method => method == "OweUpstream"
            ? throw new DatabaseException("killed", transient: true)
            : Task.CompletedTask;
        await bed.FollowAsync();
        Assert.Empty(await bed.Database.GetUpstreamOwedAsync(10));
        bed.Database.Before = _ => Task.CompletedTask;
        bed.Restart();
        await bed.FollowAsync();
        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 2.0"], await bed.QueueAsync());
    }

    [Fact]
    public async Task An_index_that_is_away_is_waited_for_however_long()
    {
        await using var bed = await StartAsync();
        bed.Database.SetPolicy(Foo, UpstreamPolicy.Defer);
        await bed.FollowAsync();
        bed.Index.Faults.Spoil(FooPage, IndexFaults.Status(429, "120"), times: 6);
        for (var i = 0; i < 6; i++)
        {
            await bed.ReadAsync();
            Assert.Equal(["bar 1.0"], await bed.QueueAsync());
            await bed.ReadAsync();
            Assert.Equal(i + 1, bed.Index.Asked(FooPage));
            bed.Index.Time.Advance(RetryGate.DelayMax);
        }

        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 2.0"], await bed.QueueAsync());
    }

    [Fact]
    public async Task A_page_that_stays_broken_holds_nobody_up_for_ever()
    {
        await using var bed = await StartAsync();
        bed.Database.SetPolicy(UpstreamPolicy.Defer);
        await bed.FollowAsync();
        bed.Index.Faults.Spoil(FooPage, IndexFaults.Status(500));
        for (var i = 0; i < 3; i++)
        {
            await bed.ReadAsync();
            Assert.Equal(["bar 1.0"], await bed.QueueAsync());
            bed.Index.Time.Advance(RetryGate.DelayMax);
        }

        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 1.0", "foo 2.0"], await bed.QueueAsync());
        Assert.Equal(4, bed.Index.Asked(FooPage));
        Assert.Contains(bed.Log.Entries, line => line.Level == LogLevel.Warning
            && line.Message.StartsWith("foo goes by what is known", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_database_that_is_away_is_asked_again()
    {
        await using var bed = await StartAsync();
        bed.Database.SetPolicy(Foo, UpstreamPolicy.Defer);
        await bed.FollowAsync();
        bed.Database.Before = method => method == "SetUpstreamWheels"
            ? throw new DatabaseException("away", transient: true)
            : Task.CompletedTask;
        await bed.ReadAsync();
        Assert.Equal(["bar 1.0"], await bed.QueueAsync());
        bed.Database.Before = _ => Task.CompletedTask;
        bed.Index.Time.Advance(RetryGate.OwnDelayMax);
        await bed.ReadAsync();
        Assert.Equal(["bar 1.0", "foo 2.0"], await bed.QueueAsync());
    }

    [Fact]
    public async Task A_selection_needs_no_request_for_it()
    {
        await using var index = await StandInBed.StartAsync(folder =>
        {
            folder.AddSdist("foo", "1.0");
            folder.AddWheel("foo", "1.0");
        });
        var database = new FakeDatabase(index.Time);
        await database.AddTargetAsync(Cp311);
        await database.AddRequestsAsync(SelectionOrigin.Follow, new SelectionWish([Requirement.Parse("foo")], []));
        database.SetPolicy(UpstreamPolicy.Link);
        using var output = new TemporaryFolder();
        var log = new RecordedLog().CreateLogger("test");
        var policies = new PolicyWatch(database, index.Time);
        var pages = new SelectionPages(index.Simple, index.Time, policies);
        var follower = new SelectionFollower(
            database,
            pages,
            index.Projects,
            new ReleaseRequirements(database, new OwnWheels(output.Path), index.Simple, index.Projects),
            new Registry(database, new RecordedFarm(), policies),
            FollowedNames.All,
            false,
            index.Time,
            log);
        var reader = new UpstreamWheelReader(
            database, (package, ct) => pages.GetAsync(package, ifChanged: false, ct), policies, index.Time, log);
        await OneThread.RunAsync(() => follower.FollowAsync(() => true, default));
        Assert.Equal(SkipReasons.UpstreamUnread, await database.GetVersionSkipAsync(new Release(Foo, "1.0")));
        await OneThread.RunAsync(() => reader.ReadAsync(() => true, default));

        var version = Assert.Single((await database.GetProjectDataAsync(Foo))!.Versions);
        Assert.Equal([new ProjectTarget(Cp311, TargetState.Linked, null)], version.Targets);
        Assert.Equal(1, index.Asked(FooPage));
        Assert.Empty(await database.GetUpstreamOwedAsync(10));
    }

    /// <summary>A farm that follows the whole of a stand-in index.</summary>
    private sealed class Bed : IAsyncDisposable
    {
        private ChangelogFollower _follower = null!;
        private UpstreamWheelReader _reader = null!;

        internal StandInBed Index { get; private init; } = null!;
        internal FakeDatabase Database { get; private init; } = null!;
        internal RecordedLog Log { get; } = new();

        internal static async Task<Bed> StartAsync(Action<DistributionFolder> fill)
        {
            var index = await StandInBed.StartAsync(fill);
            var bed = new Bed { Index = index, Database = new FakeDatabase(index.Time) };
            await bed.Database.AddTargetAsync(Cp311);
            bed.Restart();
            return bed;
        }

        internal void Restart()
        {
            var policies = new PolicyWatch(Database, Index.Time);
            _follower = new ChangelogFollower(
                Database,
                Index.Changelog,
                Index.Simple,
                Index.Projects,
                new Registry(Database, new RecordedFarm(), policies),
                FollowedNames.All,
                Index.Time,
                Log.CreateLogger("test"));
            _reader = new UpstreamWheelReader(
                Database,
                (package, ct) => new SelectionPages(Index.Simple, Index.Time).GetAsync(package, ifChanged: false, ct),
                policies,
                Index.Time,
                Log.CreateLogger("test"));
        }

        /// <summary>Follows to the log's end, as often as needed for what its quiet tail holds back.</summary>
        internal async Task FollowAsync()
        {
            for (var i = 0; i < 3; i++)
            {
                Index.Time.Advance(RetryGate.DelayMax);
                await OneThread.RunAsync(() => _follower.FollowAsync(() => true, default));
            }
        }

        internal Task ReadAsync() => OneThread.RunAsync(() => _reader.ReadAsync(() => true, default));

        internal async Task<IEnumerable<string>> QueueAsync() =>
            (await Database.GetBuildQueueAsync())[Cp311].Select(release => release.ToString()).Order();

        public ValueTask DisposeAsync() => Index.DisposeAsync();
    }
}
