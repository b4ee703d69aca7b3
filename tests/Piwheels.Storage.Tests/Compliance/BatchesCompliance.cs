using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class BatchesDirect(ClusterFixture fixture) : BatchesCompliance<Direct>(fixture);

/// <summary>What is registered or recorded many at once is as if it had been done one by one, or not at all.</summary>
public abstract class BatchesCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly PackageName Baz = PackageName.Parse("baz");

    [Fact]
    public async Task Packages_are_added_once_each_and_the_first_of_a_name_counts()
    {
        await Db.AddNewPackageAsync(Bar);
        await WritePagesAsync();
        Assert.Equal(
            [true, false, false, true],
            await Db.AddNewPackagesAsync(
            [
                new NewPackage(Foo, "", "Does foo"), new NewPackage(Bar, "bad", "Does bar"),
                new NewPackage(Foo, "bad", "Does more"), new NewPackage(Baz, "no source"),
            ]));
        Assert.Equal([Bar, Baz, Foo], (await Db.GetAllPackagesAsync()).Order());
        Assert.Equal(("Does foo", ""), (await Db.GetPackageDescriptionAsync(Foo), await Db.GetPackageSkipAsync(Foo)));
        Assert.Equal(("", ""), (await Db.GetPackageDescriptionAsync(Bar), await Db.GetPackageSkipAsync(Bar)));
        Assert.Equal("no source", await Db.GetPackageSkipAsync(Baz));
        Assert.Equal("foo", await Db.GetProjectDisplayNameAsync(Foo));
        Assert.Equal("baz Both, foo Both", await OwedAsync());
    }

    [Fact]
    public async Task Versions_are_added_once_each_and_wait_as_if_one_by_one()
    {
        await AddTargetsAsync(Cp39, Cp311, Cp311X86);
        await RegisterAsync(Foo1);
        await Db.AddNewPackagesAsync([new NewPackage(Bar, "no source"), new NewPackage(Baz)]);
        await WritePagesAsync();
        Assert.Equal(
            [false, true, false, true, true, true],
            await Db.AddNewPackageVersionsAsync(
            [
                new NewVersion(Foo1, LongAgo.AddYears(1), "bad"), new NewVersion(Foo2, LongAgo),
                new NewVersion(Foo2, LongAgo, "bad"), new NewVersion(new Release(Bar, "1.0")),
                new NewVersion(new Release(Baz, "1.0"), LongAgo, "bad"), new NewVersion(new Release(Baz, "2.0")),
            ]));
        Assert.Equal(
            "cp311: baz 2.0, foo 1.0, foo 2.0; cp39: baz 2.0, foo 1.0, foo 2.0", await QueueAsync());
        Assert.Equal(("", "bad"), (await Db.GetVersionSkipAsync(Foo1), await Db.GetVersionSkipAsync(new Release(Baz, "1.0"))));
        Assert.Equal("bar Project, baz Project, foo Project", await OwedAsync());
        Assert.Equal(3, (await Db.GetBuildQueueLengthsAsync())[Cp39]);
    }

    [Fact]
    public async Task A_version_that_the_selection_has_chosen_comes_before_fresh_ones_and_the_backlog()
    {
        await AddTargetsAsync(Cp39);
        await Db.AddNewPackageAsync(Foo);
        await Requests.AddRequestsAsync(SelectionOrigin.Follow, new SelectionWish([Requirement.Parse("foo")], []));
        await Db.UpdateSelectionAsync(
            await Db.GetSelectionRevisionAsync(),
            new SelectionEntry(Foo, SelectionState.Resolved, "", [new SelectionVersion("2.0", true)], []));
        await Db.AddNewPackageVersionsAsync(
            [new NewVersion(Foo1, LongAgo), new NewVersion(new Release(Foo, "3.0")), new NewVersion(Foo2, LongAgo.AddYears(1))]);
        Assert.Equal("cp39: foo 2.0, foo 3.0, foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_batch_with_an_unknown_package_is_refused_whole()
    {
        await Db.AddNewPackageAsync(Foo);
        await WritePagesAsync();
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => Db.AddNewPackageVersionsAsync(
            [new NewVersion(Foo1, LongAgo), new NewVersion(new Release(Bar, "1.0"), LongAgo)]));
        Assert.False(fault.Transient);
        Assert.Contains("bar", fault.Message, StringComparison.Ordinal);
        Assert.Empty(await Db.GetAllPackageVersionsAsync());
        Assert.Equal("", await OwedAsync());
    }

    [Fact]
    public async Task A_batch_with_something_that_the_database_refuses_is_refused_whole()
    {
        await Assert.ThrowsAsync<DatabaseException>(() => Db.AddNewPackagesAsync(
            [new NewPackage(Foo), new NewPackage(Bar, new string('x', 101))]));
        Assert.Empty(await Db.GetAllPackagesAsync());
        await Db.AddNewPackageAsync(Foo);
        await Assert.ThrowsAsync<DatabaseException>(() => Db.AddNewPackageVersionsAsync(
            [new NewVersion(Foo1, LongAgo), new NewVersion(new Release(Foo, ""), LongAgo)]));
        Assert.Empty(await Db.GetAllPackageVersionsAsync());
    }

    [Fact]
    public async Task Nothing_at_all_is_a_batch_too()
    {
        Assert.Empty(await Db.AddNewPackagesAsync([]));
        Assert.Empty(await Db.AddNewPackageVersionsAsync([]));
        Assert.Empty(await Db.LogBuildsAsync([]));
    }

    [Fact]
    public async Task Builds_are_recorded_together_and_numbered_in_their_order()
    {
        await AddTargetsAsync(Cp39, Cp311);
        var bar1 = new Release(Bar, "1.0");
        await RegisterAsync(Foo1, Foo2, bar1);
        await WritePagesAsync();
        var numbers = await Db.LogBuildsAsync(
        [
            Built(Foo1, Cp39, "py3-none-any"), Failed(bar1, Cp39), Failed(Foo2, Cp39), Failed(Foo2, Cp311),
        ]);
        Assert.Equal(numbers.Order(), await Db.GetAllBuildIdsAsync());
        var foo = await Db.GetProjectDataAsync(Foo);
        Assert.Equal(
            [("1.0", numbers[0]), ("2.0", numbers[2])],
            foo!.Versions.OrderBy(v => v.Version, StringComparer.Ordinal).Select(
                v => (v.Version, v.Targets.Single(t => t.Target == Cp39).BuildId!.Value)));
        Assert.Equal(["foo-1.0-py3-none-any.whl"], await Db.GetVersionFilesAsync(Foo1));
        Assert.Equal("cp311: bar 1.0", await QueueAsync());
        Assert.Equal("bar Project, foo Both", await OwedAsync());
    }

    [Fact]
    public async Task Of_builds_of_which_one_is_refused_none_is_recorded()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await WritePagesAsync();
        foreach (var refused in new[] { Failed(Foo2, Cp39), Built(Foo1, Cp39), Failed(Foo1, Cp311) })
        {
            var fault = await Assert.ThrowsAsync<DatabaseException>(
                () => Db.LogBuildsAsync([Built(Foo1, Cp39, "py3-none-any"), refused]));
            Assert.False(fault.Transient);
        }

        Assert.Empty(await Db.GetAllBuildIdsAsync());
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
        Assert.Equal("", await OwedAsync());
    }

    [Fact]
    public async Task Builds_that_are_asked_for_again_by_their_numbers_are_answered_as_the_first_time()
    {
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(Foo1, Foo2);
        var requests = Enumerable.Range(0, 3).Select(_ => RequestNumber.Next(TimeProvider.System)).ToList();
        var first = await Db.LogBuildsAsync([Failed(Foo1, Cp39), Failed(Foo2, Cp39)], requests[..2]);
        var again = await Db.LogBuildsAsync([Failed(Foo1, Cp39), Failed(Foo2, Cp39), Failed(Foo2, Cp311)], requests);
        Assert.Equal(first, again.Take(2));
        Assert.Equal(3, (await Db.GetAllBuildIdsAsync()).Count);
    }

    [Fact]
    public async Task Batches_at_once_over_the_same_packages_wait_for_each_other_in_no_circle()
    {
        await AddTargetsAsync(Cp39, Cp311X86);
        var packages = Enumerable.Range(0, 30).Select(n => PackageName.Parse($"p{n:00}")).ToList();
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(async session =>
        {
            var order = session % 2 == 0 ? packages : [.. Enumerable.Reverse(packages)];
            var added = await Db.AddNewPackagesAsync([.. order.Select(p => new NewPackage(p))]);
            var versions = order.Select(p => new Release(p, "1.0")).ToList();
            var registered = await Db.AddNewPackageVersionsAsync([.. versions.Select(r => new NewVersion(r, LongAgo))]);
            await Db.LogBuildsAsync([.. versions.Select(r => Built(r, Cp39, $"py3{session}-none-any"))]);
            return (Packages: added.Count(isNew => isNew), Versions: registered.Count(isNew => isNew));
        }));
        Assert.Equal((30, 30), (answers.Sum(a => a.Packages), answers.Sum(a => a.Versions)));
        Assert.Equal(180, (await Db.GetAllBuildIdsAsync()).Count);
    }
}
