using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class PriorityDirect(ClusterFixture fixture) : PriorityCompliance<Direct>(fixture);

public sealed class PriorityQueued(ClusterFixture fixture) : PriorityCompliance<Queued>(fixture);

public sealed class PriorityFaked(ClusterFixture fixture) : PriorityCompliance<Faked>(fixture);

public abstract class PriorityCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly Release Bar1 = new(Bar, "1.0");

    [Fact]
    public async Task A_release_that_is_asked_for_is_built_first_on_every_platform_where_it_waits()
    {
        await RegisterAsync(Bar1, Foo1, Foo2);
        await AddTargetsAsync(Cp39, Cp311, Cp311X86);
        Assert.Equal(2, await Db.RaisePriorityAsync(Foo, "2.0"));
        var queue = await Db.GetBuildQueueAsync();
        Assert.Equal([Foo2, Bar1, Foo1], queue[Cp39]);
        Assert.Equal([Foo2, Bar1, Foo1], queue[Cp311X86]);
    }

    [Fact]
    public async Task It_goes_before_fresh_releases_too_and_after_those_asked_for_that_are_older()
    {
        await RegisterAsync(Foo1);
        await Db.AddNewPackageVersionAsync(Foo2);
        await Db.AddNewPackageVersionAsync(new Release(Foo, "0.9"), LongAgo.AddYears(-1));
        await AddTargetsAsync(Cp39);
        Assert.Equal("cp39: foo 2.0, foo 0.9, foo 1.0", await QueueAsync());
        Assert.Equal(1, await Db.RaisePriorityAsync(Foo, "1.0"));
        Assert.Equal("cp39: foo 1.0, foo 2.0, foo 0.9", await QueueAsync());
        Assert.Equal(1, await Db.RaisePriorityAsync(Foo, "0.9"));
        Assert.Equal("cp39: foo 0.9, foo 1.0, foo 2.0", await QueueAsync());
    }

    [Fact]
    public async Task All_that_waits_of_a_package_can_be_asked_for_at_once()
    {
        await RegisterAsync(Bar1, Foo1, Foo2);
        await AddTargetsAsync(Cp39);
        Assert.Equal(2, await Db.RaisePriorityAsync(Foo));
        Assert.Equal("cp39: foo 1.0, foo 2.0, bar 1.0", await QueueAsync());
    }

    [Fact]
    public async Task Asking_twice_moves_nothing_more()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39);
        Assert.Equal(1, await Db.RaisePriorityAsync(Foo, "1.0"));
        Assert.Equal(0, await Db.RaisePriorityAsync(Foo, "1.0"));
        Assert.Equal(0, await Db.RaisePriorityAsync(Foo));
    }

    [Fact]
    public async Task What_does_not_wait_stays_in_the_backlog_for_the_day_when_it_does()
    {
        await RegisterAsync(Bar1, Foo1, Foo2);
        await AddTargetsAsync(Cp39);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "cp39-cp39-linux_armv7l"));
        await Db.SkipPackageVersionAsync(Foo2, "broken");
        Assert.Equal(0, await Db.RaisePriorityAsync(Foo, "1.0"));
        Assert.Equal(0, await Db.RaisePriorityAsync(Foo));
        await Db.SkipPackageVersionAsync(Foo2, "");
        await AddTargetsAsync(Cp311);
        Assert.Equal("cp311: foo 1.0; cp39: bar 1.0, foo 2.0", await QueueAsync());
    }

    [Fact]
    public async Task The_next_ABI_of_a_release_that_was_asked_for_is_built_first_too()
    {
        await RegisterAsync(Bar1, Foo1);
        await AddTargetsAsync(Cp39, Cp311);
        await Db.LogBuildAsync(Failed(Bar1, Cp39));
        await Db.RaisePriorityAsync(Foo, "1.0");
        await Db.LogBuildAsync(Failed(Foo1, Cp39));
        Assert.Equal("cp311: foo 1.0, bar 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_package_or_version_that_is_unknown_is_an_error_that_names_it()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39);
        var package = await Assert.ThrowsAsync<DatabaseException>(() => Db.RaisePriorityAsync(Bar));
        Assert.Equal((false, "no such package: bar"), (package.Transient, package.Message));
        var version = await Assert.ThrowsAsync<DatabaseException>(() => Db.RaisePriorityAsync(Foo, "3.0"));
        Assert.Equal((false, "no such release: foo 3.0"), (version.Transient, version.Message));
    }
}
