using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Which versions: limited by constraints, or all that match.</summary>
public sealed class SelectionVersionsTests
{
    [Fact]
    public async Task Constraints_limit_what_is_asked_for_and_what_it_needs_and_select_nothing()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            foreach (var version in new[] { "1.0", "2.0" })
            {
                folder.AddSdist("app", version);
                folder.AddWheel("app", version, null, "", "lib");
            }

            foreach (var version in new[] { "1.0", "2.0", "3.0" }) folder.AddSdist("lib", version);
            folder.AddSdist("unrelated", "1.0");
        });
        await bed.AskAsync(["app"], ["App<2", "LIB<3", "lib!=2.0; python_version >= '3'", "lib==9; python_version < '3'", "unrelated<2"]);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 1.0 (dependency)"], await bed.EntriesAsync());

        // A restart keeps them, since they are in the database; and without them all is as it would have been
        bed.Restart();
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 1.0 (dependency)"], await bed.EntriesAsync());
        await bed.Database.RemoveConstraintsAsync([PackageName.Parse("app"), PackageName.Parse("lib")]);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 2.0", "lib resolved 3.0 (dependency)"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_constraint_that_leaves_nothing_is_told()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib>=2");
            folder.AddSdist("lib", "1.0");
            folder.AddSdist("lib", "2.0");
        });
        await bed.AskAsync(["app"], ["lib<2", "app>=2"]);
        await bed.FollowAsync();
        Assert.Equal(
            ["app unmatched: the constraint >=2 leaves no version of app that can be built here"],
            await bed.EntriesAsync());
        await bed.AskAsync(["app"], ["lib<2"]);
        await bed.FollowAsync();
        Assert.Equal(
            [
                "app resolved 1.0",
                "lib unmatched: app 1.0 needs lib>=2: "
                    + "the constraint <2 leaves no version of lib>=2 that can be built here (dependency)",
            ],
            await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_constraint_to_a_number_lets_a_yanked_version_and_a_pre_release_in_as_pips_does()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("a", "1.0");
            folder.AddSdist("a", "2.0rc1");
            folder.AddSdist("b", "1.0");
            folder.AddSdist("b", "2.0");
        });
        bed.Index.Index.Catalog.Enter("b", "1.0", "yank release");
        await bed.AskAsync(["a", "b"], ["a>=2.0rc1", "b==1.0"]);
        await bed.FollowAsync();
        Assert.Equal(["a resolved 2.0rc1", "b resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task All_versions_that_match_are_built_with_what_each_needs_and_new_ones_as_they_appear()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            foreach (var version in new[] { "0.9", "1.0", "1.1", "2.0rc1", "2.0" }) folder.AddSdist("app", version);
            folder.AddWheel("app", "0.9", null, "", "never");
            folder.AddWheel("app", "1.0", null, "", "lib<2", "old-friend");
            folder.AddWheel("app", "1.1", null, "", "lib>=2");
            folder.AddWheel("app", "2.0", null, "", "lib");
            folder.AddWheel("app", "1.2");
            foreach (var name in new[] { "lib", "old-friend", "never" }) folder.AddSdist(name, "1.0");
            folder.AddSdist("lib", "2.0");
            folder.AddSdist("app", "1.5");
        });
        bed.Index.Index.Catalog.Enter("app", "1.5", "yank release");
        await bed.AskAsync(["app>=1"], [], all: true);
        await bed.FollowAsync();
        Assert.Equal(
            [
                "app resolved 1.0, 1.1, 2.0",
                "lib resolved 1.0, 2.0 (dependency)",
                "old-friend resolved 1.0 (dependency)",
            ],
            await bed.EntriesAsync());
        // The newest goes before the others, as does what is needed
        Assert.Equal(
            [("1.0", false), ("1.1", false), ("2.0", true)],
            (await bed.Database.GetSelectionAsync()).Entries[0].Versions.Select(v => (v.Version, v.Urgent)));

        bed.Index.Publish(bed.Index.Folder.AddSdist("app", "1.0.1"));
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        Assert.Contains("app resolved 1.0, 1.0.1, 1.1, 2.0", await bed.EntriesAsync());

        await bed.AskAsync(["app>=1"], []);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 2.0", "lib resolved 2.0 (dependency)"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task The_farm_may_want_all_versions_of_whatever_is_asked_for_by_name()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            foreach (var version in new[] { "1.0", "2.0" })
            {
                folder.AddSdist("app", version);
                folder.AddWheel("app", version, null, "", "lib");
                folder.AddSdist("lib", version);
            }
        });
        bed.AllVersions = true;
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0, 2.0", "lib resolved 2.0 (dependency)"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task What_a_dependant_needs_is_taken_from_all_versions_that_match()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            foreach (var version in new[] { "1.0", "2.0", "3.0" }) folder.AddSdist("lib", version);
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib<3");
        });
        await bed.AskAsync(["lib>=2"], [], all: true, SelectionOrigin.Follow);
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 2.0, 3.0"], await bed.EntriesAsync());
        Assert.All(
            (await bed.Database.GetSelectionAsync()).Entries.Single(e => e.Package.Value == "lib").Versions,
            v => Assert.True(v.Urgent));
    }

    [Fact]
    public void Thousands_of_versions_and_dependants_that_pin_them_are_no_burden()
    {
        var package = PackageName.Parse("botocore");
        var page = new IndexPage(
            [.. Enumerable.Range(0, 2_000).Select(i => new IndexFile($"botocore-1.{i}.tar.gz", new Uri("http://127.0.0.1/f")))],
            null,
            null);
        var wishes = Enumerable.Range(0, 2_000).Select(i => new VersionWish(
            SpecifierSet.Parse($"==1.{i}"), new Release(PackageName.Parse("boto3"), $"1.{i}"), AllVersions: false));
        var resolution = SelectionResolver.Resolve(
            IndexRelease.Of(package, page),
            new PackageWishes(
                package, [new TargetWishes(new Target("cp311", "linux_x86_64"), SpecifierSet.Any, [.. wishes])], depth: 1));
        Assert.Equal(2_000, resolution.Chosen.Count);
        Assert.Equal("", resolution.Problems);
    }
}
