using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Messaging.Tasks;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class ChangelogFollowerTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo-bar");
    private static readonly PackageName Other = PackageName.Parse("other");

    private static Task<StandInBed> StartAsync() => StandInBed.StartAsync(folder =>
    {
        folder.AddSdist("Foo.Bar", "1.0", null, "A <foo>");
        folder.AddWheel("Foo.Bar", "2.0", null, "A newer foo");
        folder.AddSdist("other", "1.0");
    });

    [Fact]
    public async Task Packages_and_versions_are_registered_with_what_the_index_tells_of_them()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();

        var foo = await follower.ProjectAsync(Foo);
        Assert.Equal("Foo.Bar", foo.DisplayName);
        Assert.Equal("A newer foo", foo.Description);
        Assert.Equal([("1.0", ""), ("2.0", SkipReasons.BinaryOnly)], follower.Versions(foo));
        var listed = Assert.IsType<Fetched<ProjectFacts>.Found>(await bed.Projects.GetAsync(Foo, default)).Value;
        var first = foo.Versions.First(v => v.Version == "1.0");
        Assert.Equal(listed.Released["1.0"], first.Released, TimeSpan.FromSeconds(1));
        Assert.Equal(["pages of foo-bar", "pages of other"], follower.Farm.Asked.Order(StringComparer.Ordinal));
        Assert.Equal(bed.Index.Catalog.LastSerial - 1, await follower.Database.GetPypiSerialAsync());
    }

    [Fact]
    public async Task A_serial_that_somebody_has_moved_on_is_taken_up_again_and_nobody_ends()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        var later = bed.Index.Catalog.LastSerial + 100;
        await follower.Database.SetPypiSerialAsync(later);
        bed.Publish(bed.Folder.AddSdist("other", "2.0"));
        bed.Publish(bed.Folder.AddSdist("other", "3.0"));
        await follower.RunAsync();
        Assert.Contains(follower.Log.Entries, line => line.Level == LogLevel.Error);
        bed.Time.Advance(RetryGate.OwnDelayMax);
        await follower.RunAsync();
        Assert.Equal(later, await follower.Database.GetPypiSerialAsync());
    }

    [Fact]
    public async Task A_description_is_asked_for_once_per_package()
    {
        await using var bed = await StartAsync();
        await new Following(bed).RunAsync();
        Assert.Equal(1, bed.Asked("/pypi/foo-bar/json"));
    }

    [Fact]
    public async Task A_source_file_later_lifts_the_skip()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        bed.Publish(bed.Folder.AddSdist("Foo.Bar", "2.0"));
        await follower.RunAsync();
        Assert.Equal([("1.0", ""), ("2.0", "")], follower.Versions(await follower.ProjectAsync(Foo)));
    }

    [Fact]
    public async Task Another_spelling_becomes_the_display_name()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        bed.Publish(bed.Folder.AddSdist("foo_BAR", "3.0"));
        await follower.RunAsync();
        var foo = await follower.ProjectAsync(Foo);
        Assert.Equal("foo_BAR", foo.DisplayName);
        Assert.Equal(["Foo.Bar", "foo_BAR"], foo.Aliases.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Yanks_go_both_ways()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        bed.Index.Catalog.Enter("foo.bar", "1.0", "yank release");
        await follower.RunAsync();
        Assert.Equal(["1.0"], (await follower.ProjectAsync(Foo)).Versions.Where(v => v.Yanked).Select(v => v.Version));
        bed.Index.Catalog.Enter("foo.bar", "1.0", "unyank release");
        bed.Index.Catalog.Enter("foo.bar", "9.9", "unyank release");
        await follower.RunAsync();
        Assert.DoesNotContain((await follower.ProjectAsync(Foo)).Versions, v => v.Yanked);
    }

    [Fact]
    public async Task A_removed_version_is_marked_then_forgotten_then_deleted()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        var release = new Release(Foo, "1.0");
        follower.Farm.Before = what =>
        {
            if (what == $"forget {release}")
                Assert.Equal(
                    SkipReasons.Deleted, follower.Database.GetVersionSkipAsync(release).GetAwaiter().GetResult());
        };
        bed.Index.Catalog.Enter("foo-bar", "1.0", "remove release");
        await follower.RunAsync();
        Assert.False(await follower.Database.TestPackageVersionAsync(release));
        Assert.Equal([$"forget {release}", "pages of foo-bar"], follower.Farm.Asked.TakeLast(2));
    }

    [Fact]
    public async Task A_removed_package_goes_and_comes_back_when_it_is_created_again()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        bed.Index.Catalog.Enter("foo-bar", null, "remove project");
        await follower.RunAsync();
        Assert.False(await follower.Database.TestPackageAsync(Foo));
        Assert.Equal("forget foo-bar", follower.Farm.Asked[^1]);
        bed.Publish(bed.Folder.AddSdist("foo-bar", "5.0"));
        await follower.RunAsync();
        Assert.Equal([("5.0", "")], follower.Versions(await follower.ProjectAsync(Foo)));
    }

    [Fact]
    public async Task Removals_of_what_is_not_known_ask_nobody_for_anything()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        var before = follower.Farm.Asked.Count;
        bed.Index.Catalog.Enter("nobody", null, "remove project");
        bed.Index.Catalog.Enter("other", "9.9", "remove release");
        await follower.RunAsync();
        Assert.Equal(before, follower.Farm.Asked.Count);
    }

    [Fact]
    public async Task A_removal_that_stops_half_way_is_done_again()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        var serial = await follower.Database.GetPypiSerialAsync();
        bed.Index.Catalog.Enter("foo-bar", null, "remove project");
        follower.Farm.Before = _ => throw new RpcException("nobody there", transient: true);
        await follower.RunAsync();
        Assert.Equal(SkipReasons.Deleted, await follower.Database.GetPackageSkipAsync(Foo));
        Assert.Equal(serial, await follower.Database.GetPypiSerialAsync());

        follower.Farm.Before = _ => { };
        await new Following(bed, follower.Database, follower.Farm).RunAsync();
        Assert.False(await follower.Database.TestPackageAsync(Foo));
        Assert.True(serial < await follower.Database.GetPypiSerialAsync());
    }

    [Fact]
    public async Task Hostile_names_and_versions_are_refused_with_a_log_line_and_the_rest_goes_on()
    {
        await using var bed = await StartAsync();
        bed.Index.Catalog.Enter("../../etc", null, "create");
        bed.Index.Catalog.Enter("other", "1.0\n2.0", "add source file x.tar.gz");
        bed.Index.Catalog.Enter("last", null, "create");
        var follower = new Following(bed);
        await follower.RunAsync();
        Assert.Equal(
            [Foo, PackageName.Parse("last"), Other], (await follower.Database.GetAllPackagesAsync()).Order());
        Assert.Equal(
            2,
            follower.Log.Entries.Count(l => l.Message.StartsWith("passed over event", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Names_on_the_block_list_are_not_registered_but_still_removed()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed) { Names = new FollowedNames([], ["foo*"]) };
        await follower.Database.AddNewPackageAsync(Foo);
        await follower.RunAsync();
        Assert.Equal([Foo, Other], (await follower.Database.GetAllPackagesAsync()).Order());
        Assert.Empty((await follower.ProjectAsync(Foo)).Versions);
        Assert.Equal(0, bed.Asked("/pypi/foo-bar/json"));
        bed.Index.Catalog.Enter("foo-bar", null, "remove project");
        await follower.RunAsync();
        Assert.Equal([Other], await follower.Database.GetAllPackagesAsync());
    }

    [Fact]
    public async Task What_the_database_refuses_is_passed_over()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        follower.Database.Before = method => method == "AddNewPackage"
            ? throw new DatabaseException("too odd", transient: false)
            : Task.CompletedTask;
        await follower.RunAsync();
        Assert.Empty(await follower.Database.GetAllPackagesAsync());
        Assert.Equal(bed.Index.Catalog.LastSerial - 1, await follower.Database.GetPypiSerialAsync());
    }

    [Fact]
    public async Task A_package_that_somebody_removed_is_registered_again_by_a_new_version()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.RunAsync();
        await follower.Database.DeletePackageAsync(Other);
        bed.Publish(bed.Folder.AddSdist("other", "2.0"));
        await follower.RunAsync();
        Assert.Equal([("2.0", "")], follower.Versions(await follower.ProjectAsync(Other)));
    }

    [Fact]
    public async Task A_page_that_stays_broken_leaves_its_package_without_a_description_and_stops_nobody()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil("/pypi/foo-bar/json", IndexFaults.Status(500));
        var follower = new Following(bed);
        for (var i = 0; i < 10; i++) await follower.RunAsync();
        Assert.Equal("", (await follower.ProjectAsync(Foo)).Description);
        Assert.Equal("A test", (await follower.ProjectAsync(Other)).Description);
        Assert.Equal(bed.Index.Catalog.LastSerial - 1, await follower.Database.GetPypiSerialAsync());
        Assert.InRange(bed.Asked("/pypi/foo-bar/json"), 2, 8);
        Assert.Equal(1, bed.Asked("/pypi/other/json"));
    }

    [Fact]
    public async Task An_index_that_asks_for_patience_gets_it()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil("/pypi", IndexFaults.Status(429, "100"), times: 1);
        var follower = new Following(bed);
        await follower.FollowAsync();
        bed.Time.Advance(TimeSpan.FromSeconds(99));
        await follower.FollowAsync();
        Assert.Equal(1, bed.Asked("/pypi"));
        bed.Time.Advance(TimeSpan.FromSeconds(1));
        await follower.FollowAsync();
        Assert.True(await follower.Database.TestPackageAsync(Foo));
    }

    [Fact]
    public async Task At_the_logs_end_it_is_asked_every_ten_seconds()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.FollowAsync();
        var asked = bed.Asked("/pypi");
        bed.Time.Advance(TimeSpan.FromSeconds(9));
        await follower.FollowAsync();
        Assert.Equal(asked, bed.Asked("/pypi"));
        bed.Time.Advance(TimeSpan.FromSeconds(1));
        await follower.FollowAsync();
        Assert.Equal(asked + 1, bed.Asked("/pypi"));
    }

    /// <summary>
    /// Killed at any call of the database, any number of times, it comes to the rows of an undisturbed run.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Killed_anywhere_it_ends_with_the_same_rows(int seed)
    {
        await using var bed = await Following.StartEventfulAsync(rowsMax: 17);
        var undisturbed = new Following(bed);
        await undisturbed.RunAsync();

        var random = new Random(seed);
        var database = new FakeDatabase(bed.Time);
        var farm = new RecordedFarm();
        for (var kills = 0; kills < 12; kills++)
        {
            var calls = random.Next(1, 60);
            database.Before = _ => --calls < 0 ? throw new Following.KilledException() : Task.CompletedTask;
            try
            {
                await new Following(bed, database, farm).RunAsync();
            }
            catch (Following.KilledException)
            {
            }
        }

        database.Before = _ => Task.CompletedTask;
        await new Following(bed, database, farm).RunAsync();
        Assert.Equal(await Following.RowsAsync(undisturbed.Database), await Following.RowsAsync(database));
    }
}
