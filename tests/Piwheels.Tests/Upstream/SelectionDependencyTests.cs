using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>How a selection grows by what its packages depend on.</summary>
public sealed class SelectionDependencyTests
{
    [Fact]
    public async Task Metadata_describes_a_new_package_so_that_its_facts_are_not_asked_for()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("Foo.Bar", "1.0", null, "In the facts");
            folder.AddWheel("Foo.Bar", "1.0", null, "In the metadata");
        });
        await bed.SelectAsync("foo-bar");
        await bed.FollowAsync();
        var project = (await bed.Database.GetProjectDataAsync(PackageName.Parse("foo-bar")))!;
        Assert.Equal(("Foo.Bar", "In the metadata"), (project.DisplayName, project.Description));
        Assert.Equal(2024, Assert.Single(project.Versions).Released.Year);
        Assert.Equal(0, bed.Index.Asked("/pypi/foo-bar/json"));
    }

    [Fact]
    public async Task Lists_of_names_hold_for_packages_that_are_known_already_from_the_next_start_on()
    {
        await using var bed = await SelectionBed.StartAsync(folder => folder.AddSdist("app", "1.0"));
        var (app, extra) = (PackageName.Parse("app"), PackageName.Parse("extra"));
        foreach (var package in new[] { app, extra }) await bed.Database.AddNewPackageAsync(package);
        bed.Names = new FollowedNames([], ["app"]);
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(["app unmatched: this farm does not follow it, by its lists of names"], await bed.EntriesAsync());
        Assert.Equal([app], await bed.Database.GetPackagesSkippedAsync(SkipReasons.NotFollowed));

        bed.Names = new FollowedNames(["app"], []);
        bed.Restart();
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0"], await bed.EntriesAsync());
        Assert.Equal([extra], await bed.Database.GetPackagesSkippedAsync(SkipReasons.NotFollowed));
    }

    [Fact]
    public async Task A_dependency_on_the_block_list_is_told_and_not_followed()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "huge-thing");
            folder.AddSdist("huge-thing", "1.0");
        });
        bed.Names = new FollowedNames([], ["Huge_*"]);
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(
            [
                "app resolved 1.0",
                "huge-thing unmatched: this farm does not follow it, by its lists of names (dependency)",
            ],
            await bed.EntriesAsync());
        Assert.Equal(0, bed.Index.Asked("/simple/huge-thing/"));
    }

    [Fact]
    public async Task Dependencies_are_taken_from_a_wheels_metadata_at_the_index()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel(
                "app",
                "1.0",
                null,
                "",
                "Lib_A>=1",
                "lib-b; python_version < '3.10'",
                "lib-c; python_version < '3'",
                "lib-d; extra == 'more'");
            folder.AddSdist("lib-a", "1.5");
            folder.AddSdist("lib-b", "1.0");
            folder.AddSdist("lib-d", "1.0");
        });
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(
            ["app resolved 1.0", "lib-a resolved 1.5 (dependency)", "lib-b resolved 1.0 (dependency)"],
            await bed.EntriesAsync());
        Assert.Equal(1, bed.Index.Asked("/files/app-1.0-py3-none-any.whl.metadata"));
        Assert.Equal(0, bed.Index.Asked("/files/app-1.0-py3-none-any.whl"));

        await bed.SelectAsync("app[MORE]");
        await bed.FollowAsync();
        Assert.Contains("lib-d resolved 1.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task Dependencies_of_an_older_version_come_from_the_JSON_of_that_version()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib-a");
            folder.AddSdist("app", "2.0");
            folder.AddWheel("app", "2.0", null, "", "lib-b");
            folder.AddSdist("lib-a", "1.0");
        });
        bed.Index.Faults.Spoil("/files/app-1.0-py3-none-any.whl.metadata", IndexFaults.Status(404));
        await bed.SelectAsync("app<2");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib-a resolved 1.0 (dependency)"], await bed.EntriesAsync());
        Assert.Equal(1, bed.Index.Asked("/pypi/app/1.0/json"));
    }

    [Fact]
    public async Task Dependencies_that_only_a_build_can_tell_are_read_from_our_own_wheel()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddSdist("lib-a", "1.0");
            folder.AddSdist("lib-b", "1.0");
        });
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0"], await bed.EntriesAsync());

        await bed.BuildAsync("app", "1.0", "lib-a (>=1)", "win; sys_platform == 'win32'");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib-a resolved 1.0 (dependency)"], await bed.EntriesAsync());
        Assert.Empty(await bed.Database.GetUnexaminedFilesAsync());

        // And from there on: the dependency's own wheel
        await bed.BuildAsync("lib-a", "1.0", "lib-b");
        await bed.FollowAsync();
        Assert.Contains("lib-b resolved 1.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task Metadata_inside_our_wheel_serves_where_there_is_none_beside_it()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddSdist("lib-a", "1.0");
        });
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        var wheel = bed.Index.Folder.AddWheel("app", "1.0", null, "", "lib-a");
        Directory.CreateDirectory(Path.Combine(bed.Output, "simple", "app"));
        File.Move(wheel, Path.Combine(bed.Output, "simple", "app", Path.GetFileName(wheel)));
        await bed.LogBuildAsync("app", "1.0");
        await bed.FollowAsync();
        Assert.Contains("lib-a resolved 1.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_wheel_that_cannot_be_read_is_not_read_for_ever()
    {
        await using var bed = await SelectionBed.StartAsync(folder => folder.AddSdist("app", "1.0"));
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        await bed.LogBuildAsync("app", "1.0");
        await bed.FollowAsync();
        Assert.Empty(await bed.Database.GetUnexaminedFilesAsync());
        bed.AssertWarned("stays unknown");
    }

    [Fact]
    public async Task Clauses_of_several_dependants_are_collected_while_one_version_satisfies_them()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("a", "1.0");
            folder.AddWheel("a", "1.0", null, "", "lib>=2");
            folder.AddSdist("b", "1.0");
            folder.AddWheel("b", "1.0", null, "", "lib[x]<4");
            foreach (var version in new[] { "1.0", "2.0", "3.0", "4.0" }) folder.AddSdist("lib", version);
        });
        await bed.SelectAsync("a");
        await bed.FollowAsync();
        Assert.Contains("lib resolved 4.0 (dependency)", await bed.EntriesAsync());
        await bed.SelectAsync("a", "b");
        await bed.FollowAsync();
        Assert.Contains("lib resolved 3.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task Where_no_version_satisfies_all_another_is_built_beside()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("a", "1.0");
            folder.AddWheel("a", "1.0", null, "", "lib>=2");
            folder.AddSdist("b", "1.0");
            folder.AddWheel("b", "1.0", null, "", "lib<2");
            folder.AddSdist("lib", "1.0");
            folder.AddWheel("lib", "1.0", null, "", "old-friend");
            folder.AddSdist("lib", "2.0");
            folder.AddSdist("old-friend", "1.0");
        });
        await bed.SelectAsync("a");
        await bed.FollowAsync();
        await bed.SelectAsync("a", "b");
        await bed.FollowAsync();
        Assert.Equal(["1.0", "2.0"], await bed.VersionsAsync("lib"));
        Assert.Equal(
            [
                "a resolved 1.0",
                "b resolved 1.0",
                "lib resolved 1.0, 2.0 (dependency)",
                "old-friend resolved 1.0 (dependency)",
            ],
            await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_requested_package_keeps_its_words_and_gets_another_version_beside_where_a_dependant_needs_one()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib<3", "same>=1");
            foreach (var version in new[] { "1.0", "2.0", "3.0" }) folder.AddSdist("lib", version);
            folder.AddSdist("same", "1.0");
        });
        await bed.SelectAsync("lib", "app", "same");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 2.0, 3.0", "same resolved 1.0"], await bed.EntriesAsync());
        Assert.Equal(["2.0", "3.0"], await bed.VersionsAsync("lib"));
        Assert.Equal(["1.0"], await bed.VersionsAsync("same"));
    }

    [Fact]
    public async Task What_a_version_beside_requires_is_read_from_its_wheel_too()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib<2");
            folder.AddSdist("lib", "1.0");
            folder.AddSdist("lib", "2.0");
            folder.AddSdist("friend", "1.0");
        });
        await bed.SelectAsync("lib", "app");
        await bed.FollowAsync();
        await bed.BuildAsync("lib", "1.0", "friend");
        bed.Index.Time.Advance(TimeSpan.FromSeconds(10));
        await bed.FollowAsync();
        Assert.Contains("friend resolved 1.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task Extras_that_a_dependant_wants_of_a_requested_package_are_followed()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib[tls]");
            folder.AddSdist("lib", "1.0");
            folder.AddWheel("lib", "1.0", null, "", "crypto; extra == 'tls'");
            folder.AddSdist("crypto", "1.0");
        });
        await bed.SelectAsync("lib", "app");
        await bed.FollowAsync();
        Assert.Equal(
            ["app resolved 1.0", "crypto resolved 1.0 (dependency)", "lib resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task Packages_that_depend_on_each_other_come_to_an_end()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("hen", "1.0");
            folder.AddWheel("hen", "1.0", null, "", "egg>=1");
            folder.AddSdist("egg", "1.0");
            folder.AddWheel("egg", "1.0", null, "", "hen<2", "egg");
        });
        await bed.SelectAsync("hen");
        await bed.FollowAsync();
        Assert.Equal(["egg resolved 1.0 (dependency)", "hen resolved 1.0"], await bed.EntriesAsync());
    }
}
