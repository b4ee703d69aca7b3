using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>The lists of names of a farm that follows the index's log are changed, and take effect at its next start.</summary>
public sealed class FollowedNamesChangeTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo-bar");
    private static readonly PackageName Other = PackageName.Parse("other");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");

    private static Task<StandInBed> StartAsync() => StandInBed.StartAsync(folder =>
    {
        folder.AddSdist("Foo.Bar", "1.0", null, "A foo");
        folder.AddSdist("Foo.Bar", "2.0", null, "A foo");
        folder.AddSdist("other", "1.0");
    });

    [Fact]
    public async Task What_is_blocked_later_waits_no_more_and_comes_back_when_it_is_let_in_again()
    {
        await using var bed = await StartAsync();
        var first = new Following(bed);
        await first.Database.AddTargetAsync(Cp311);
        await first.RunAsync();
        await first.Database.SkipPackageVersionAsync(new Release(Foo, "2.0"), "broken");

        await new Following(bed, first.Database) { Names = new FollowedNames([], ["Foo_*"]) }.RunAsync();
        Assert.Equal([new Release(Other, "1.0")], await QueueAsync(first));
        Assert.Equal(SkipReasons.NotFollowed, await first.Database.GetPackageSkipAsync(Foo));

        await new Following(bed, first.Database).RunAsync();
        Assert.Equal([new Release(Foo, "1.0"), new Release(Other, "1.0")], await QueueAsync(first));
    }

    [Fact]
    public async Task What_somebody_skips_for_a_reason_of_his_own_stays_so_whatever_the_lists_say()
    {
        await using var bed = await StartAsync();
        var first = new Following(bed);
        await first.RunAsync();
        await first.Database.SkipPackageAsync(Foo, "too big");
        await new Following(bed, first.Database) { Names = new FollowedNames(["other"], []) }.RunAsync();
        Assert.Equal("too big", await first.Database.GetPackageSkipAsync(Foo));
        await new Following(bed, first.Database).RunAsync();
        Assert.Equal("too big", await first.Database.GetPackageSkipAsync(Foo));
    }

    [Fact]
    public async Task What_is_let_in_later_has_all_that_was_published_meanwhile()
    {
        await using var bed = await StartAsync();
        var blocking = new Following(bed) { Names = new FollowedNames([], ["foo-bar"]) };
        await blocking.Database.AddTargetAsync(Cp311);
        await blocking.RunAsync();
        Assert.Equal([Other], await blocking.Database.GetAllPackagesAsync());
        bed.Publish(bed.Folder.AddWheel("Foo.Bar", "3.0"));
        bed.Index.Catalog.Enter("foo.bar", "1.0", "yank release");
        await blocking.RunAsync();

        var open = new Following(bed, blocking.Database);
        await open.RunAsync();
        var foo = await open.ProjectAsync(Foo);
        Assert.Equal(("Foo.Bar", "", "A test"), (foo.DisplayName, foo.Skip, foo.Description));
        Assert.Equal([("1.0", ""), ("2.0", ""), ("3.0", SkipReasons.BinaryOnly)], open.Versions(foo));
        Assert.Equal(["1.0"], foo.Versions.Where(v => v.Yanked).Select(v => v.Version));
        Assert.All(foo.Versions, v => Assert.Equal(2024, v.Released.Year));
        Assert.Contains("pages of foo-bar", open.Farm.Asked);

        // From here on by its events, as all others
        bed.Publish(bed.Folder.AddSdist("Foo.Bar", "3.0"));
        await open.RunAsync();
        Assert.Equal([("1.0", ""), ("2.0", ""), ("3.0", "")], open.Versions(await open.ProjectAsync(Foo)));
    }

    [Fact]
    public async Task Of_what_was_known_before_it_was_blocked_the_missed_versions_are_registered()
    {
        await using var bed = await StartAsync();
        var first = new Following(bed);
        await first.RunAsync();
        var blocking = new Following(bed, first.Database) { Names = new FollowedNames(["other"], []) };
        bed.Publish(bed.Folder.AddSdist("foo.bar", "3.0"));
        await blocking.RunAsync();
        Assert.Equal(["1.0", "2.0"], first.Versions(await first.ProjectAsync(Foo)).Select(v => v.Version));
        await new Following(bed, first.Database) { Names = new FollowedNames(["other", "FOO.*"], []) }.RunAsync();
        var foo = await first.ProjectAsync(Foo);
        Assert.Equal(["1.0", "2.0", "3.0"], first.Versions(foo).Select(v => v.Version));
        Assert.Equal("", foo.Skip);
    }

    [Fact]
    public async Task Lists_that_let_nothing_more_in_cost_no_request_but_those_for_the_log()
    {
        await using var bed = await StartAsync();
        var first = new Following(bed) { Names = new FollowedNames(["foo*", "other"], []) };
        await first.RunAsync();
        var asked = Besides();
        foreach (var (only, never) in new (string[], string[])[]
        {
            (["other", "foo*"], []), (["other"], []), (["other"], ["foo*"]), (["other"], ["foo*", "x"]),
        })
        {
            await new Following(bed, first.Database) { Names = new FollowedNames(only, never) }.RunAsync();
        }

        Assert.Equal(asked, Besides());
        int Besides() => bed.Faults.Requests.Count(r => r != "POST /pypi");
    }

    [Fact]
    public async Task A_page_that_stays_broken_or_is_gone_stops_nobody()
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil("/simple/foo-bar/", IndexFaults.Status(500));
        var follower = new Following(bed) { Names = new FollowedNames(["foo-bar", "other", "nobody"], []) };
        for (var i = 0; i < 8; i++) await follower.RunAsync();
        Assert.Equal([Other], await follower.Database.GetAllPackagesAsync());
        Assert.Contains(follower.Log.Entries, line => line.Level == LogLevel.Warning
            && line.Message.StartsWith("foo-bar goes without what was published before", StringComparison.Ordinal));
        // What comes after is in the log
        bed.Publish(bed.Folder.AddSdist("Foo.Bar", "3.0"));
        await follower.RunAsync();
        Assert.Equal([("3.0", "")], follower.Versions(await follower.ProjectAsync(Foo)));
    }

    [Theory]
    [InlineData("/simple/")]
    [InlineData("/pypi")]
    public async Task An_index_that_is_away_is_waited_for(string path)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil(path, IndexFaults.Status(503), times: 7);
        var follower = new Following(bed) { Names = new FollowedNames(["foo*"], []) };
        await follower.RunAsync();
        Assert.Empty(await follower.Database.GetAllPackagesAsync());
        await follower.RunAsync();
        await follower.RunAsync();
        Assert.Equal([Foo], await follower.Database.GetAllPackagesAsync());
    }

    [Fact]
    public async Task Versions_that_a_selection_left_out_are_built_by_a_farm_that_follows_the_index()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed);
        await follower.Database.AddTargetAsync(Cp311);
        await follower.Database.AddNewPackageAsync(Other);
        await follower.Database.AddNewPackageVersionAsync(
            new Release(Other, "1.0"), bed.Time.GetUtcNow(), SkipReasons.NotFollowed);
        await follower.RunAsync();
        Assert.Contains(new Release(Other, "1.0"), await QueueAsync(follower));
    }

    /// <summary>Killed at any call of the database, any number of times, it comes to the rows of an undisturbed change.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_change_that_is_killed_anywhere_ends_with_the_same_rows(int seed)
    {
        await using var bed = await StandInBed.StartAsync(folder =>
        {
            for (var i = 0; i < 40; i++)
            {
                folder.AddSdist($"Pack.Age{i}", "1.0", null, $"Number {i}");
                if (i % 3 == 0) folder.AddWheel($"pack_age{i}", "2.0");
            }
        });
        var wide = new FollowedNames(["pack-age*"], ["pack-age1*"]);
        var undisturbed = await NarrowAsync(bed);
        await new Following(bed, undisturbed) { Names = wide }.RunAsync();

        var random = new Random(seed);
        var database = await NarrowAsync(bed);
        var farm = new RecordedFarm();
        for (var kills = 0; kills < 12; kills++)
        {
            var calls = random.Next(1, 120);
            database.Before = _ => --calls < 0 ? throw new Following.KilledException() : Task.CompletedTask;
            try
            {
                await new Following(bed, database, farm) { Names = wide }.RunAsync();
            }
            catch (Following.KilledException)
            {
            }
        }

        database.Before = _ => Task.CompletedTask;
        await new Following(bed, database, farm) { Names = wide }.RunAsync();
        Assert.Equal(await Following.RowsAsync(undisturbed), await Following.RowsAsync(database));
        Assert.Contains("pack-age3 Pack.Age3 'A test' ''", await Following.RowsAsync(database));
        Assert.Contains("pack-age13 Pack.Age13 'Number 13' 'not followed'", await Following.RowsAsync(database));
    }

    /// <summary>A farm that follows two packages, of which the lists of the test leave one out.</summary>
    private static async Task<FakeDatabase> NarrowAsync(StandInBed bed)
    {
        var follower = new Following(bed) { Names = new FollowedNames(["pack-age2", "pack-age13"], []) };
        await follower.RunAsync();
        return follower.Database;
    }

    private static async Task<IEnumerable<Release>> QueueAsync(Following follower) =>
        (await follower.Database.GetBuildQueueAsync())[Cp311].OrderBy(r => r.ToString(), StringComparer.Ordinal);
}
