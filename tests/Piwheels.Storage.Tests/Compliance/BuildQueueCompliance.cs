using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class BuildQueueDirect(ClusterFixture fixture) : BuildQueueCompliance<Direct>(fixture);

public abstract class BuildQueueCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly Release Bar1 = new(Bar, "1.0");

    [Fact]
    public async Task A_target_is_added_skipped_and_removed()
    {
        await AddTargetsAsync(Cp311, Cp39, Cp311X86);
        Assert.False(await Db.AddTargetAsync(Cp39));
        await Db.SkipTargetAsync(Cp39, "old");
        Assert.Equal(
            [(Cp39, "old"), (Cp311, ""), (Cp311X86, "")], (await Db.GetTargetsAsync()).Select(t => (t.Target, t.Skip)));
        Assert.Equal(["cp311", "cp39"], (await Db.GetBuildAbisAsync()).Order());
        Assert.Equal(["cp311"], await Db.GetBuildAbisAsync(excludeSkipped: true));
        await Db.RemoveTargetAsync(Cp39);
        Assert.Equal([Cp311, Cp311X86], (await Db.GetTargetsAsync()).Select(t => t.Target));
    }

    [Fact]
    public async Task Only_the_lowest_ABI_of_each_platform_waits()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp311, Cp39, Cp311X86);
        var queue = await Db.GetBuildQueueAsync();
        Assert.Equal([Foo1], queue[Cp39]);
        Assert.Equal([Foo1], queue[Cp311X86]);
        Assert.Empty(queue[Cp311]);
        var lengths = await Db.GetBuildQueueLengthsAsync();
        Assert.Equal((1L, 0L, 1L), (lengths[Cp39], lengths[Cp311], lengths[Cp311X86]));
    }

    [Fact]
    public async Task A_failure_sends_the_release_to_the_next_ABI()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311);
        await Db.LogBuildAsync(Failed(Foo1, Cp39));
        Assert.Equal("cp311: foo 1.0", await QueueAsync());
        await Db.LogBuildAsync(Failed(Foo1, Cp311));
        Assert.Equal("", await QueueAsync());
    }

    [Theory]
    [InlineData("py3-none-any", "")]
    [InlineData("py2.py3-none-any", "")]
    [InlineData("py3-none-linux_armv7l", "linux_x86_64")]
    [InlineData("cp36-abi3-linux_armv7l", "linux_x86_64")]
    [InlineData("cp36-abi3-manylinux_2_17_armv7l.manylinux2014_armv7l", "linux_x86_64")]
    [InlineData("cp310-abi3-linux_armv7l", "linux_x86_64")]
    [InlineData("cp39-cp39-linux_armv7l", "linux_armv7l, linux_x86_64")]
    [InlineData("cp39-none-any", "linux_armv7l, linux_x86_64")]
    [InlineData("py2-none-any", "linux_armv7l, linux_x86_64")]
    [InlineData("cp312-abi3-linux_armv7l", "linux_armv7l, linux_x86_64")]
    [InlineData("py310-none-any", "")]
    [InlineData("py312-none-any", "linux_armv7l, linux_x86_64")]
    public async Task A_wheel_covers_where_its_tags_run(string tags, string stillWaiting)
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311, Cp311X86);
        await Db.LogBuildAsync(Built(Foo1, Cp39, tags));
        var queue = await Db.GetBuildQueueAsync();
        Assert.Equal(
            stillWaiting, string.Join(", ", queue.Where(q => q.Value.Count > 0).Select(q => q.Key.Platform).Order()));
    }

    [Fact]
    public async Task A_build_for_a_higher_ABI_leaves_the_lower_one_waiting()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311);
        await Db.LogBuildAsync(Built(Foo1, Cp311, "cp311-cp311-linux_armv7l"));
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task Nothing_waits_where_package_version_or_target_is_skipped()
    {
        await RegisterAsync(Foo1, Foo2);
        await AddTargetsAsync(Cp39, Cp311);
        await Db.SkipPackageVersionAsync(Foo1, "too big");
        Assert.Equal("cp39: foo 2.0", await QueueAsync());
        await Db.SkipTargetAsync(Cp39, "old");
        Assert.Equal("cp311: foo 2.0", await QueueAsync());
        await Db.SkipPackageAsync(Foo, "no source");
        Assert.Equal("", await QueueAsync());
        Assert.Equal(0, (await Db.GetBuildQueueLengthsAsync())[Cp311]);

        await Db.SkipPackageAsync(Foo, "");
        await Db.SkipPackageVersionAsync(Foo1, "");
        await Db.SkipTargetAsync(Cp39, "");
        Assert.Equal("cp39: foo 1.0, foo 2.0", await QueueAsync());
    }

    [Fact]
    public async Task A_skipped_or_removed_target_is_not_in_the_queue_at_all()
    {
        await AddTargetsAsync(Cp39, Cp311);
        await Db.SkipTargetAsync(Cp39, "old");
        Assert.Equal([Cp311], (await Db.GetBuildQueueAsync()).Keys);
        Assert.Equal([Cp311], (await Db.GetBuildQueueLengthsAsync()).Keys);
    }

    [Fact]
    public async Task Fresh_releases_come_before_the_backlog_and_the_oldest_first()
    {
        var now = DateTimeOffset.Parse((await Store.ColumnAsync("SELECT now()"))[0]!);
        await AddTargetsAsync(Cp39);
        await Db.AddNewPackageAsync(Foo);
        await Db.AddNewPackageVersionAsync(new Release(Foo, "new2"), now.AddDays(-1));
        await Db.AddNewPackageVersionAsync(new Release(Foo, "old2"), LongAgo.AddYears(1));
        await Db.AddNewPackageVersionAsync(new Release(Foo, "new1"), now.AddDays(-2));
        await Db.AddNewPackageVersionAsync(new Release(Foo, "old1"), LongAgo);
        await Db.AddNewPackageVersionAsync(new Release(Foo, "now"));
        Assert.Equal("cp39: foo new1, foo new2, foo now, foo old1, foo old2", await QueueAsync());
    }

    [Fact]
    public async Task The_queue_is_cut_at_its_limit_for_each_target()
    {
        await RegisterAsync([.. Enumerable.Range(10, 20).Select(n => new Release(Foo, $"{n}"))]);
        await AddTargetsAsync(Cp39, Cp311X86);
        var queue = await Db.GetBuildQueueAsync(3);
        Assert.Equal(["10", "11", "12"], queue[Cp39].Select(r => r.Version));
        Assert.Equal(["10", "11", "12"], queue[Cp311X86].Select(r => r.Version));
        Assert.Equal(20, (await Db.GetBuildQueueLengthsAsync())[Cp39]);
    }

    [Fact]
    public async Task Texts_sort_as_bytes_whatever_the_server_is_set_to()
    {
        await RegisterAsync(new Release(Foo, "a"), new Release(Foo, "B"), new Release(Foo, "-"));
        await AddTargetsAsync(Cp39);
        Assert.Equal("cp39: foo -, foo B, foo a", await QueueAsync());
    }

    [Fact]
    public async Task What_is_held_keeps_nothing_behind_it_waiting()
    {
        await RegisterAsync(Foo1, Bar1);
        await AddTargetsAsync(Cp39, Cp311X86);
        await Db.HoldBuildsAsync([Held(Foo1, Cp39, "no slave has libfoo-dev"), Held(Bar1, Cp311X86, "too big", skipped: true)]);
        var queue = await Db.GetBuildQueueAsync(limit: 1);
        Assert.Equal([Bar1], queue[Cp39]);
        Assert.Equal([Foo1], queue[Cp311X86]);
        Assert.Equal(2L, (await Db.GetBuildQueueLengthsAsync())[Cp39]);
        Assert.Equal(
            [Held(Bar1, Cp311X86, "too big", skipped: true), Held(Foo1, Cp39, "no slave has libfoo-dev")],
            await Db.GetHeldBuildsAsync());
        Assert.Equal([Held(Foo1, Cp39, "no slave has libfoo-dev")], await Db.GetHeldBuildsAsync(Foo1.Package));
    }

    [Fact]
    public async Task What_is_held_is_handed_out_again_when_the_reason_has_gone()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39);
        await Db.HoldBuildsAsync([Held(Foo1, Cp39, "one")]);
        await Db.HoldBuildsAsync([Held(Foo1, Cp39, "two")]);
        Assert.Equal([Held(Foo1, Cp39, "two")], await Db.GetHeldBuildsAsync());
        await Db.HoldBuildsAsync([Held(Foo1, Cp39, "")]);
        Assert.Empty(await Db.GetHeldBuildsAsync());
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task What_does_not_wait_is_not_held()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39);
        await Db.HoldBuildsAsync([Held(Bar1, Cp39, "unknown"), Held(Foo1, Cp311, "not there"), Held(Foo1, Cp39, "waits")]);
        Assert.Equal([Held(Foo1, Cp39, "waits")], await Db.GetHeldBuildsAsync());
        await Db.LogBuildAsync(Failed(Foo1, Cp39));
        Assert.Empty(await Db.GetHeldBuildsAsync());
    }

    [Fact]
    public async Task A_hold_owes_the_project_page_and_only_when_it_changes_something()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39);
        await WriteAllAsync();
        await Db.HoldBuildsAsync([Held(Foo1, Cp39, "one")]);
        Assert.Equal([Foo1.Package], await OwedPagesAsync());
        await WriteAllAsync();
        await Db.HoldBuildsAsync([Held(Foo1, Cp39, "one")]);
        Assert.Empty(await OwedPagesAsync());
        await Db.HoldBuildsAsync([Held(Foo1, Cp39, "")]);
        Assert.Equal([Foo1.Package], await OwedPagesAsync());
    }

    private static HeldBuild Held(Release release, Target target, string reason, bool skipped = false) =>
        new(release, target, skipped, reason);

    private async Task<IEnumerable<PackageName>> OwedPagesAsync() =>
        (await Db.LoadRewritesPendingAsync()).Select(owed => owed.Package);

    private async Task WriteAllAsync()
    {
        foreach (var owed in await Db.LoadRewritesPendingAsync())
        {
            var data = (await Db.GetProjectDataAsync(owed.Package))!;
            await Db.RewriteDoneAsync(owed.Package, RewriteCommand.Both, data.Revision);
        }
    }
}
