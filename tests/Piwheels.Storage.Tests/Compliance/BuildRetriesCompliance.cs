using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class BuildRetriesDirect(ClusterFixture fixture) : BuildRetriesCompliance<Direct>(fixture);

public abstract class BuildRetriesCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Now = TimeSpan.Zero;

    private static BuildState Away(Release release, Target target, FailureClass failure = FailureClass.Network) =>
        Failed(release, target) with { Failure = new BuildFailure(failure, "no route to host") };

    private Task<DateTimeOffset?> DeferAsync(Release release, Target target, params TimeSpan[] delays) =>
        Db.DeferBuildAsync(Away(release, target), delays);

    [Fact]
    public async Task A_deferred_build_waits_for_its_time_and_nothing_of_it_is_recorded()
    {
        await RegisterAsync(Foo1, Foo2);
        await AddTargetsAsync(Cp39, Cp311);
        await WritePagesAsync();
        var before = TimeProvider.System.GetUtcNow();

        var retryAt = await DeferAsync(Foo1, Cp39, Hour);

        Assert.InRange(retryAt!.Value, before + Hour - TimeSpan.FromMinutes(1), before + Hour + TimeSpan.FromMinutes(1));
        Assert.Equal("cp39: foo 2.0", await QueueAsync());
        Assert.Equal(1, (await Db.GetBuildQueueLengthsAsync())[Cp39]);
        Assert.Empty(await Db.GetAllBuildIdsAsync());
        Assert.Equal("foo Project", await OwedAsync());
        Assert.Equal(0, await Db.ResumeBuildsAsync());
        Assert.Equal("cp39: foo 2.0", await QueueAsync());
    }

    [Fact]
    public async Task When_its_time_has_come_it_is_in_the_queue_again()
    {
        await RegisterAsync(Foo1, Foo2);
        await AddTargetsAsync(Cp39);
        await DeferAsync(Foo1, Cp39, Now);
        await DeferAsync(Foo2, Cp39, Hour);
        await WritePagesAsync();
        Assert.Equal("", await QueueAsync());

        Assert.Equal(1, await Db.ResumeBuildsAsync());

        Assert.Equal("cp39: foo 1.0", await QueueAsync());
        Assert.Equal("foo Project", await OwedAsync());
        Assert.Equal(0, await Db.ResumeBuildsAsync());
    }

    [Fact]
    public async Task Some_are_brought_back_at_a_time()
    {
        var releases = Enumerable.Range(10, 5).Select(n => new Release(Foo, $"{n}")).ToArray();
        await RegisterAsync(releases);
        await AddTargetsAsync(Cp39);
        foreach (var release in releases) await DeferAsync(release, Cp39, Now);
        Assert.Equal((2L, 2L, 1L, 0L), (await Db.ResumeBuildsAsync(2), await Db.ResumeBuildsAsync(2), await Db.ResumeBuildsAsync(2), await Db.ResumeBuildsAsync(2)));
        Assert.Equal(5, (await Db.GetBuildQueueAsync())[Cp39].Count);
    }

    [Fact]
    public async Task It_is_deferred_as_often_as_there_are_delays_and_then_recorded()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.NotNull(await DeferAsync(Foo1, Cp39, Now, Now, Now));
            Assert.Equal(1, await Db.ResumeBuildsAsync());
            Assert.Equal("cp39: foo 1.0", await QueueAsync());
        }

        Assert.Null(await DeferAsync(Foo1, Cp39, Now, Now, Now));
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
        await Db.LogBuildAsync(Away(Foo1, Cp39));
        Assert.Equal("cp311: foo 1.0", await QueueAsync());
        Assert.NotNull(await DeferAsync(Foo1, Cp311, Now));
        Assert.Null(await Db.DeferBuildAsync(Away(Foo1, Cp311), []));
    }

    [Fact]
    public async Task The_delays_are_taken_one_after_the_other()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39);
        var first = await DeferAsync(Foo1, Cp39, Hour, 24 * Hour);
        var second = await DeferAsync(Foo1, Cp39, Hour, 24 * Hour);
        Assert.InRange(second!.Value - first!.Value, 22.9 * Hour, 23.1 * Hour);
    }

    [Fact]
    public async Task While_it_is_held_no_other_ABI_of_its_platform_tries_it_and_other_platforms_do()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311, Cp311X86);
        await DeferAsync(Foo1, Cp39, Hour);
        Assert.Equal("cp311: foo 1.0", await QueueAsync());
        Assert.Equal([Foo1], (await Db.GetBuildQueueAsync())[Cp311X86]);
    }

    [Fact]
    public async Task A_build_that_succeeds_ends_it_wherever_its_wheel_runs()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311X86);
        await DeferAsync(Foo1, Cp39, Hour);
        await Db.LogBuildAsync(Built(Foo1, Cp311X86, "py3-none-any"));
        await Db.DeleteBuildAsync(Foo1);
        Assert.Equal("cp311: foo 1.0; cp39: foo 1.0", await QueueAsync());
        // Its attempts are counted from the beginning again
        Assert.NotNull(await DeferAsync(Foo1, Cp39, Hour));
    }

    [Fact]
    public async Task A_recorded_failure_ends_it_for_its_target_alone()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311X86);
        await DeferAsync(Foo1, Cp39, Hour);
        await DeferAsync(Foo1, Cp311X86, Now);
        await Db.LogBuildAsync(Failed(Foo1, Cp39));
        Assert.Equal("", await QueueAsync());
        Assert.Equal(1, await Db.ResumeBuildsAsync());
        Assert.Equal("cp311: foo 1.0", await QueueAsync());
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData(null)]
    public async Task Whoever_asks_for_it_has_it_tried_at_once_with_all_attempts(string? version)
    {
        await RegisterAsync(Foo1, Foo2);
        await AddTargetsAsync(Cp39);
        Assert.Equal(1, await Db.RaisePriorityAsync(Foo, "1.0"));
        await DeferAsync(Foo1, Cp39, Hour);
        Assert.Equal(version is null ? 2 : 1, await Db.RaisePriorityAsync(Foo, version));
        Assert.Equal("cp39: foo 1.0, foo 2.0", await QueueAsync());
        Assert.Equal(0, await Db.RaisePriorityAsync(Foo, version));
        Assert.NotNull(await DeferAsync(Foo1, Cp39, Hour));
    }

    [Fact]
    public async Task What_is_deleted_or_skipped_is_not_tried_again()
    {
        await RegisterAsync(Foo1, Foo2);
        await AddTargetsAsync(Cp39);
        await DeferAsync(Foo1, Cp39, Now);
        await DeferAsync(Foo2, Cp39, Now);
        await Db.DeleteVersionAsync(Foo1);
        await Db.SkipPackageVersionAsync(Foo2, "no use");
        await Db.ResumeBuildsAsync();
        Assert.Equal("", await QueueAsync());
        await RegisterAsync(Foo1);
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
        await Db.SkipPackageVersionAsync(Foo2, "");
        Assert.Equal("cp39: foo 1.0, foo 2.0", await QueueAsync());
    }

    [Fact]
    public async Task Deleting_its_builds_has_it_tried_at_once()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39);
        await DeferAsync(Foo1, Cp39, Hour);
        await Db.DeleteBuildAsync(Foo1);
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_target_that_is_removed_takes_its_deferrals_with_it()
    {
        await RegisterAsync(Foo1);
        await AddTargetsAsync(Cp39, Cp311);
        await DeferAsync(Foo1, Cp39, Hour);
        await Db.RemoveTargetAsync(Cp39);
        Assert.Equal("cp311: foo 1.0", await QueueAsync());
        await AddTargetsAsync(Cp39);
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_source_that_is_not_there_a_day_after_its_release_does_not_come()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.AddNewPackageVersionAsync(Foo2, TimeProvider.System.GetUtcNow().AddHours(-2));
        Assert.Null(await Db.DeferBuildAsync(Away(Foo1, Cp39, FailureClass.NoSource), [Hour]));
        Assert.NotNull(await Db.DeferBuildAsync(Away(Foo2, Cp39, FailureClass.NoSource), [Hour]));
        Assert.NotNull(await DeferAsync(Foo1, Cp39, Hour));
    }

    [Fact]
    public async Task An_unknown_release_or_target_is_refused()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Assert.ThrowsAsync<DatabaseException>(() => DeferAsync(Foo2, Cp39, Hour));
        await Assert.ThrowsAsync<DatabaseException>(() => DeferAsync(Foo1, Cp311, Hour));
    }

    [Fact]
    public async Task The_projects_page_is_told_why_a_build_failed_and_when_it_is_tried_again()
    {
        var header = new BuildFailure(FailureClass.MissingHeader, "fatal error: libpq-fe.h", "libpq-dev");
        await AddTargetsAsync(Cp39, Cp311, Cp311X86);
        await RegisterAsync(Foo1);
        await Db.LogBuildAsync(Failed(Foo1, Cp39) with { Failure = header });
        await Db.LogBuildAsync(Failed(Foo1, Cp311));
        var retryAt = await DeferAsync(Foo1, Cp311X86, Hour);

        var targets = (await Db.GetProjectDataAsync(Foo))!.Versions.Single().Targets;
        Assert.Equal(
            [(Cp39, header, null), (Cp311, null, null), (Cp311X86, Away(Foo1, Cp39).Failure, retryAt)],
            targets.Select(target => (target.Target, target.Failure, target.RetryAt)));

        // The last attempt counts; and what is in the queue again is not told of
        await Db.LogBuildAsync(Failed(Foo1, Cp39));
        await Db.DeleteVersionAsync(Foo1);
        await RegisterAsync(Foo1);
        Assert.All((await Db.GetProjectDataAsync(Foo))!.Versions.Single().Targets, target => Assert.Null(target.Failure));
    }

    [Fact]
    public async Task A_request_asked_again_defers_once_and_is_answered_as_the_first_time()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        var request = RequestNumber.Next(TimeProvider.System);
        var first = await Db.DeferBuildAsync(Away(Foo1, Cp39), [Hour], request);
        Assert.NotNull(first);
        Assert.Equal(first, await Db.DeferBuildAsync(Away(Foo1, Cp39), [Hour], request));
        Assert.Null(await DeferAsync(Foo1, Cp39, Hour));
    }
}
