using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class FollowedNamesDirect(ClusterFixture fixture) : FollowedNamesCompliance<Direct>(fixture);

public abstract class FollowedNamesCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly Release Bar1 = new(Bar, "1.0");

    [Fact]
    public async Task Lists_of_names_are_kept_as_they_were_set_last()
    {
        await AssertNamesAsync([], []);
        await Db.SetFollowedNamesAsync(new NameLists(["foo", "django-*", "foo"], ["*-stubs", "foo"]));
        await AssertNamesAsync(["django-*", "foo"], ["*-stubs", "foo"]);
        await Db.SetFollowedNamesAsync(new NameLists(["bar"], []));
        await AssertNamesAsync(["bar"], []);
        await Db.SetFollowedNamesAsync(new NameLists([], []));
        await AssertNamesAsync([], []);
    }

    [Fact]
    public async Task A_list_with_what_is_no_pattern_for_its_length_is_refused_and_the_last_one_stays()
    {
        await Db.SetFollowedNamesAsync(new NameLists(["foo"], []));
        await Assert.ThrowsAsync<DatabaseException>(
            () => Db.SetFollowedNamesAsync(new NameLists([], [new string('x', 201)])));
        await AssertNamesAsync(["foo"], []);
    }

    [Fact]
    public async Task Packages_that_are_skipped_for_one_reason_get_another_and_others_stay_as_they_are()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, Foo2, Bar1);
        var baz = PackageName.Parse("baz");
        await Db.AddNewPackageAsync(baz, "too big");
        await WritePagesAsync();

        await Db.ChangePackageSkipsAsync([Foo, baz, PackageName.Parse("nobody")], "", "not followed");
        Assert.Equal("cp39: bar 1.0", await QueueAsync());
        Assert.Equal(1, (await Db.GetBuildQueueLengthsAsync())[Cp39]);
        Assert.Equal("foo Project", await OwedAsync());
        Assert.Equal([Foo], await Db.GetPackagesSkippedAsync("not followed"));
        Assert.Equal([baz], await Db.GetPackagesSkippedAsync("too big"));

        await Db.ChangePackageSkipsAsync([Foo, Bar, baz], "not followed", "");
        Assert.Equal("cp39: bar 1.0, foo 1.0, foo 2.0", await QueueAsync());
        Assert.Empty(await Db.GetPackagesSkippedAsync("not followed"));
        Assert.Equal("too big", await Db.GetPackageSkipAsync(baz));
    }

    [Fact]
    public async Task What_is_skipped_for_no_reason_is_not_skipped()
    {
        await RegisterAsync(Foo1);
        Assert.Empty(await Db.GetPackagesSkippedAsync(""));
    }

    [Fact]
    public async Task All_versions_that_a_selection_left_out_are_built_again_and_no_others()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, Foo2, Bar1);
        await Db.SkipPackageVersionAsync(Foo1, "not followed");
        await Db.SkipPackageVersionAsync(Bar1, "not followed");
        await Db.SkipPackageVersionAsync(Foo2, "broken");
        await WritePagesAsync();
        Assert.Equal("", await QueueAsync());

        await Db.FollowAllVersionsAsync();
        Assert.Equal("cp39: bar 1.0, foo 1.0", await QueueAsync());
        Assert.Equal("broken", await Db.GetVersionSkipAsync(Foo2));
        Assert.Equal("bar Project, foo Project", await OwedAsync());
    }

    private async Task AssertNamesAsync(string[] only, string[] never)
    {
        var lists = await Db.GetFollowedNamesAsync();
        Assert.Equal(only, lists.Only);
        Assert.Equal(never, lists.Never);
    }
}
