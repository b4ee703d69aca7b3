using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class SelectionFollowerTests
{
    [Fact]
    public async Task A_requested_package_gets_its_newest_version_and_what_the_index_tells_of_it()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("Foo.Bar", "1.0", null, "Old");
            folder.AddSdist("Foo.Bar", "2.0", null, "New");
            folder.AddSdist("Foo.Bar", "3.0rc1", null, "Newest");
        });
        await bed.SelectAsync("foo-bar");
        await bed.FollowAsync();
        Assert.Equal("foo-bar resolved 2.0", Assert.Single(await bed.EntriesAsync()));
        var project = (await bed.Database.GetProjectDataAsync(PackageName.Parse("foo-bar")))!;
        Assert.Equal(("Foo.Bar", "New"), (project.DisplayName, project.Description));
        var version = Assert.Single(project.Versions);
        Assert.Equal(("2.0", "", 2024), (version.Version, version.Skip, version.Released.Year));
        Assert.Contains("pages of foo-bar", bed.Farm.Asked);
    }

    [Fact]
    public async Task What_cannot_be_had_says_why()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("old", "1.0");
            folder.AddWheel("binary", "1.0");
            folder.AddSdist("modern", "1.0", ">=3.14");
        });
        await bed.SelectAsync(
            "old>=2",
            "binary",
            "modern",
            "nobody",
            "direct @ https://example.com/x.zip",
            "win; sys_platform == 'win32'");
        await bed.FollowAsync();
        Assert.Equal(
            [
                "binary unmatched: 1.0, the only version that satisfies, has no source file",
                "direct unmatched: it is to come from a URL, and only the index is followed",
                "modern unmatched: 1.0 needs Python >=3.14; built here for 3.9, 3.11",
                "nobody unknown: the index has no project of that name",
                "old unmatched: no version satisfies >=2; the newest is 1.0",
                "win elsewhere: its condition holds for nothing that is built here",
            ],
            await bed.EntriesAsync());
        Assert.Empty(await bed.Database.GetAllPackagesAsync());
    }

    [Fact]
    public async Task A_newer_version_is_found_after_ten_minutes()
    {
        await using var bed = await SelectionBed.StartAsync(folder => folder.AddSdist("app", "1.0"));
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        var asked = bed.Index.Asked("/simple/app/");
        bed.Index.Publish(bed.Index.Folder.AddSdist("app", "2.0"));
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval - TimeSpan.FromSeconds(1));
        await bed.FollowAsync();
        Assert.Equal(asked, bed.Index.Asked("/simple/app/"));
        bed.Index.Time.Advance(TimeSpan.FromSeconds(1));
        await bed.FollowAsync();
        Assert.Equal(["app resolved 2.0"], await bed.EntriesAsync());
        Assert.Equal(["1.0", "2.0"], await bed.VersionsAsync("app"));
    }

    [Fact]
    public async Task Nothing_is_asked_twice_without_need()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("a", "1.0");
            folder.AddWheel("a", "1.0", null, "", "lib>=1", "b");
            folder.AddSdist("b", "1.0");
            folder.AddWheel("b", "1.0", null, "", "lib<3");
            folder.AddSdist("lib", "1.0");
        });
        await bed.SelectAsync("a");
        await bed.FollowAsync();
        for (var i = 0; i < 30; i++)
        {
            bed.Index.Time.Advance(TimeSpan.FromSeconds(1));
            await bed.FollowAsync();
        }

        Assert.All(bed.Index.Faults.Requests.GroupBy(r => r, StringComparer.Ordinal), r => Assert.Single(r));
        Assert.InRange(bed.Index.Faults.UnderWayMost, 1, bed.Index.Connection.Limits.RequestsMax);
        var requests = bed.Index.Faults.Requests.Count;
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        // One question per package, whether its page has changed; and the answer is no
        Assert.Equal(requests + 3, bed.Index.Faults.Requests.Count);
    }

    [Fact]
    public async Task Yanks_of_versions_that_the_farm_has_are_followed()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddSdist("app", "2.0");
        });
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        bed.Index.Index.Catalog.Enter("app", "2.0", "yank release");
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0"], await bed.EntriesAsync());
        var project = (await bed.Database.GetProjectDataAsync(PackageName.Parse("app")))!;
        Assert.Equal(["2.0"], project.Versions.Where(v => v.Yanked).Select(v => v.Version));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    public async Task A_fault_is_waited_for_and_never_takes_a_package_for_unknown(int status)
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddSdist("other", "1.0");
        });
        bed.Index.Faults.Spoil("/simple/app/", IndexFaults.Status(status), times: 3);
        await bed.SelectAsync("app", "other");
        await bed.FollowAsync();
        Assert.Contains("app new", await bed.EntriesAsync());
        bed.AssertWarned($"{status}");
        for (var i = 0; i < 5; i++)
        {
            bed.Index.Time.Advance(RetryGate.DelayMax);
            await bed.FollowAsync();
        }

        Assert.Equal(["app resolved 1.0", "other resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_broken_page_does_not_hold_up_the_others()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddSdist("other", "1.0");
        });
        bed.Index.Faults.Spoil("/simple/app/", IndexFaults.Body("application/json", "garbage"));
        await bed.SelectAsync("app", "other");
        await bed.FollowAsync();
        var entries = await bed.EntriesAsync();
        Assert.StartsWith("app unmatched: its page at the index is of no use", entries[0], StringComparison.Ordinal);
        Assert.Equal("other resolved 1.0", entries[1]);
        bed.Index.Faults.Mend("/simple/app/");
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "other resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task Facts_that_stay_broken_are_done_without()
    {
        await using var bed = await SelectionBed.StartAsync(folder => folder.AddSdist("app", "1.0"));
        bed.Index.Faults.Spoil("/pypi/app/json", IndexFaults.Status(500));
        await bed.SelectAsync("app");
        for (var i = 0; i < 6; i++)
        {
            await bed.FollowAsync();
            bed.Index.Time.Advance(RetryGate.DelayMax);
        }

        Assert.Equal(["app resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task Without_a_target_it_waits_and_with_another_one_it_looks_again()
    {
        await using var bed = await SelectionBed.StartAsync(
            folder =>
            {
                folder.AddSdist("app", "1.0", ">=3.9");
                folder.AddSdist("app", "2.0", ">=3.11");
                folder.AddWheel("app", "1.0", null, "", "lib; python_version >= '3.11'");
                folder.AddSdist("lib", "1.0");
            },
            targets: []);
        await bed.SelectAsync("app<2");
        await bed.FollowAsync();
        Assert.Equal(["app new"], await bed.EntriesAsync());
        await bed.Database.AddTargetAsync(SelectionBed.Cp39);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0"], await bed.EntriesAsync());
        await bed.Database.AddTargetAsync(SelectionBed.Cp311);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 1.0 (dependency)"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task What_is_asked_for_meanwhile_is_not_overwritten()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddSdist("app", "2.0");
        });
        await bed.SelectAsync("app");
        bed.Index.Faults.Seen = request =>
        {
            if (request.Path.StartsWithSegments("/simple", StringComparison.Ordinal))
                bed.SelectAsync("app<2").GetAwaiter().GetResult();
        };
        await bed.FollowAsync();
        bed.Index.Faults.Seen = null;
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_restart_goes_on_where_it_was()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib");
            folder.AddSdist("lib", "1.0");
        });
        await bed.SelectAsync("app");
        bed.Database.Before = method => method == "UpdateSelection"
            ? throw new DatabaseException("gone", transient: true)
            : Task.CompletedTask;
        await bed.FollowAsync();
        bed.Database.Before = _ => Task.CompletedTask;
        bed.Restart();
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 1.0 (dependency)"], await bed.EntriesAsync());
    }
}
