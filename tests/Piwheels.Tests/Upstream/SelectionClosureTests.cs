using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Everything that a selection needs, and nothing else, on each target.</summary>
public sealed class SelectionClosureTests
{
    private static readonly Target Cp39Arm = new("cp39", "linux_armv7l");
    private static readonly Target Cp311Intel = new("cp311", "linux_x86_64");
    private static readonly Target PyPy = new("pypy39_pp73", "linux_aarch64");

    [Fact]
    public async Task Markers_are_those_of_each_target_all_the_way_down()
    {
        await using var bed = await SelectionBed.StartAsync(
            folder =>
            {
                Package(folder, "app", "1.0",
                    "old; python_version < '3.10'",
                    "new; python_version >= '3.10'",
                    "arm; platform_machine == 'armv7l'",
                    "pypy-only; implementation_name == 'pypy'",
                    "windows; sys_platform == 'win32' or os_name == 'nt'",
                    "linux; platform_system == 'Linux'");
                // Only old Pythons have it, and so none of the new ones asks for what it needs there
                Package(folder, "old", "1.0", "never; python_version >= '3.10'", "older; python_full_version < '3.9.1'");
                foreach (var name in new[] { "new", "arm", "pypy-only", "windows", "linux", "never", "older" })
                    folder.AddSdist(name, "1.0");
            },
            [Cp39Arm, Cp311Intel, PyPy]);
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(["arm", "linux", "new", "old", "pypy-only"], await bed.NeedsAsync("app"));
        Assert.Equal(["older"], await bed.NeedsAsync("old"));
        Assert.Equal(
            ["app", "arm", "linux", "new", "old", "older", "pypy-only"],
            (await bed.EntriesAsync()).Select(e => e.Split(' ')[0]));
    }

    [Fact]
    public async Task Each_target_gets_the_newest_version_that_runs_there()
    {
        await using var bed = await SelectionBed.StartAsync(
            folder =>
            {
                folder.AddSdist("lib", "1.0", ">=3.7");
                folder.AddSdist("lib", "2.0", ">=3.9");
                folder.AddSdist("lib", "3.0", ">=3.10");
                folder.AddSdist("top", "1.0", ">=3.11");
            },
            [Cp39Arm, Cp311Intel]);
        await bed.SelectAsync("lib", "top");
        await bed.FollowAsync();
        Assert.Equal(
            [
                "lib resolved 2.0, 3.0",
                "top resolved 1.0, but: 1.0 needs Python >=3.11; built here for 3.9 (for cp39 on linux_armv7l)",
            ],
            await bed.EntriesAsync());
    }

    [Fact]
    public async Task What_is_asked_for_may_differ_from_target_to_target()
    {
        await using var bed = await SelectionBed.StartAsync(
            folder =>
            {
                foreach (var version in new[] { "1.0", "1.5", "2.0", "2.5" }) folder.AddSdist("lib", version);
            },
            [Cp39Arm, Cp311Intel]);
        await bed.SelectAsync("lib<2; python_version < '3.10'", "lib>=2,<2.5; python_version >= '3.10'");
        await bed.FollowAsync();
        Assert.Equal(["lib resolved 1.5, 2.0"], await bed.EntriesAsync());
        await bed.SelectAsync("lib<2", "lib>=2");
        await bed.FollowAsync();
        Assert.Equal(["lib unmatched: no version satisfies <2,>=2; the newest is 2.5"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task Extras_bring_extras_of_others_and_of_the_same_project()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "app", "1.0", "app[fast,Nice_Looks]; extra == 'all'", "lib[TLS.more]; extra == 'fast'",
                "colours; extra == 'nice-looks'", "unasked; extra == 'dev'");
            Package(folder, "lib", "1.0", "lib[tls]; extra == 'tls-more'", "crypto; extra == 'tls'", "plain");
            foreach (var name in new[] { "colours", "crypto", "plain", "unasked" }) folder.AddSdist(name, "1.0");
        });
        await bed.SelectAsync("app[all]");
        await bed.FollowAsync();
        Assert.Equal(
            ["app", "colours", "crypto", "lib", "plain"], (await bed.EntriesAsync()).Select(e => e.Split(' ')[0]));

        await bed.SelectAsync("app[fast]");
        await bed.FollowAsync();
        Assert.Equal(["app", "crypto", "lib", "plain"], (await bed.EntriesAsync()).Select(e => e.Split(' ')[0]));
    }

    [Fact]
    public async Task A_name_is_the_same_in_every_spelling()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "App", "1.0", "Zope.Interface>=1", "zope_interface<3", "ZOPE--interface[X]");
            Package(folder, "zope.interface", "2.0", "aPP");
        });
        await bed.SelectAsync("aPp");
        await bed.FollowAsync();
        Assert.Equal(
            ["app resolved 1.0", "zope-interface resolved 2.0 (dependency)"], await bed.EntriesAsync());
        Assert.Equal(1, bed.Index.Asked("/simple/zope-interface/"));
    }

    [Fact]
    public async Task A_dependency_that_cannot_be_had_says_why_and_for_whom_and_holds_up_nobody()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "app", "1.0", "nobody", "yanked", "early", "late>=9", "binary", "fine");
            folder.AddSdist("yanked", "1.0");
            folder.AddSdist("early", "1.0a1");
            folder.AddSdist("early", "1.0b2");
            folder.AddSdist("late", "1.0");
            folder.AddWheel("binary", "1.0");
            folder.AddSdist("fine", "1.0");
        });
        bed.Index.Index.Catalog.Enter("yanked", "1.0", "yank release");
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(
            [
                "app resolved 1.0",
                "binary unmatched: app 1.0 needs binary: "
                    + "1.0, the only version that satisfies, has no source file (dependency)",
                "early resolved 1.0b2 (dependency)",
                "fine resolved 1.0 (dependency)",
                "late unmatched: app 1.0 needs late>=9: no version satisfies >=9; the newest is 1.0 (dependency)",
                "nobody unknown: the index has no project of that name (dependency)",
                "yanked unmatched: app 1.0 needs yanked: 1.0, the only version that satisfies, was yanked (dependency)",
            ],
            await bed.EntriesAsync());
    }

    [Fact]
    public async Task Dependants_that_do_not_agree_each_find_a_version_with_what_it_needs()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "a", "1.0", "lib>=2");
            Package(folder, "b", "1.0", "lib<2");
            Package(folder, "c", "1.0", "lib<3,!=1.9");
            Package(folder, "d", "1.0", "lib==7");
            Package(folder, "lib", "1.0", "old-friend");
            folder.AddSdist("lib", "1.9");
            Package(folder, "lib", "2.5", "new-friend");
            folder.AddSdist("lib", "3.0");
            folder.AddSdist("old-friend", "1.0");
            folder.AddSdist("new-friend", "1.0");
        });
        await bed.SelectAsync("a", "b", "c", "d");
        await bed.FollowAsync();
        // c goes with b, since both have something in common; a goes with neither then
        Assert.Equal(
            [
                "a resolved 1.0",
                "b resolved 1.0",
                "c resolved 1.0",
                "d resolved 1.0",
                "lib resolved 1.0, 3.0, but: d 1.0 needs lib==7: no version satisfies ==7; the newest is 3.0 (dependency)",
                "old-friend resolved 1.0 (dependency)",
            ],
            await bed.EntriesAsync());
    }

    [Fact]
    public async Task Requirements_that_lead_in_a_circle_come_to_rest()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "app", "1.0", "b", "c");
            Package(folder, "b", "1.0");
            Package(folder, "b", "2.0", "c<2");
            Package(folder, "c", "1.0", "b<2");
            Package(folder, "c", "2.0");
        });
        await bed.SelectAsync("app");
        for (var i = 0; i < 3; i++)
        {
            await bed.FollowAsync();
            Assert.Equal(
                ["app resolved 1.0", "b resolved 1.0 (dependency)", "c resolved 1.0 (dependency)"],
                await bed.EntriesAsync());
            bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        }
    }

    [Fact]
    public async Task What_only_an_old_version_needed_leaves_with_it()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "app", "1.0", "old-friend", "lib<2");
            folder.AddSdist("old-friend", "1.0");
            folder.AddSdist("lib", "1.0");
            folder.AddSdist("lib", "2.0");
        });
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(3, (await bed.EntriesAsync()).Count);
        bed.Index.Publish(bed.Index.Folder.AddSdist("app", "2.0"));
        bed.Index.Publish(bed.Index.Folder.AddWheel("app", "2.0", null, "", "lib>=2"));
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 2.0", "lib resolved 2.0 (dependency)"], await bed.EntriesAsync());
        // They were never built, and nobody needs them now
        Assert.Equal(
            SkipReasons.NotFollowed, await bed.Database.GetVersionSkipAsync(new Release(PackageName.Parse("old-friend"), "1.0")));
        Assert.Equal(
            ["app 2.0", "lib 2.0"],
            (await bed.Database.GetBuildQueueAsync())[SelectionBed.Cp39].Select(r => $"{r}").Order());
    }

    [Fact]
    public async Task What_is_asked_for_no_more_stays_while_others_need_it()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "app", "1.0", "lib<2");
            Package(folder, "lib", "1.0");
            Package(folder, "lib", "2.0", "extra-thing");
            folder.AddSdist("extra-thing", "1.0");
        });
        await bed.SelectAsync("app", "lib");
        await bed.FollowAsync();
        Assert.Equal(
            ["app resolved 1.0", "extra-thing resolved 1.0 (dependency)", "lib resolved 1.0, 2.0"],
            await bed.EntriesAsync());
        await bed.Database.RemoveRequestsAsync([PackageName.Parse("lib")]);
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 1.0 (dependency)"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task After_a_restart_nothing_leaves_only_because_the_index_is_away()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            Package(folder, "app", "1.0", "mid[x]");
            Package(folder, "mid", "1.0", "lib<2; extra == 'x'");
            folder.AddSdist("lib", "1.0");
            folder.AddSdist("lib", "2.0");
        });
        await bed.SelectAsync("app", "lib>=1");
        await bed.FollowAsync();
        var before = await bed.EntriesAsync();
        bed.Restart();
        bed.Index.Faults.Spoil("/simple/app/", IndexFaults.Status(503));
        await bed.FollowAsync();
        Assert.Equal(before, await bed.EntriesAsync());
        Assert.Equal(["lib<2"], await bed.NeedsAsync("mid"));
    }

    [Fact]
    public async Task Those_who_ask_for_the_same_package_in_words_that_do_not_agree_each_get_theirs()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            foreach (var version in new[] { "1.0", "2.0", "3.0" }) folder.AddSdist("lib", version);
        });
        await bed.AskAsync(["lib<2"], [], origin: SelectionOrigin.Up);
        await bed.AskAsync(["lib<3"], [], origin: SelectionOrigin.Follow);
        await bed.FollowAsync();
        Assert.Equal(["lib resolved 1.0, 2.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task Twenty_packages_cost_three_requests_each_and_ten_minutes_later_one()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            for (var i = 0; i < 20; i++)
            {
                foreach (var version in new[] { "1.0", "1.1", "2.0" })
                    Package(folder, $"p{i}", version, $"p{(i + 7) % 20}>=1", $"p{(i + 3) % 20}<3", "shared>=1.1");
            }

            foreach (var version in new[] { "1.0", "1.1", "2.0" }) folder.AddSdist("shared", version);
        });
        await bed.SelectAsync([.. Enumerable.Range(0, 20).Select(i => $"p{i}")]);
        await bed.FollowAsync();
        Assert.All(await bed.EntriesAsync(), e => Assert.Contains("resolved 2.0", e, StringComparison.Ordinal));
        Assert.InRange(bed.Index.Faults.Requests.Count, 21, 21 * 3);
        Assert.DoesNotContain(bed.Index.Faults.Requests, r => r.StartsWith("POST", StringComparison.Ordinal));

        var before = bed.Index.Faults.Requests.Count;
        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        Assert.Equal(before + 21, bed.Index.Faults.Requests.Count);
    }

    /// <summary>A package with a source file, and a wheel that tells what it requires.</summary>
    private static void Package(DistributionFolder folder, string name, string version, params string[] requires)
    {
        folder.AddSdist(name, version);
        folder.AddWheel(name, version, null, "", requires);
    }
}
