using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class SelectionFollowerTests
{
    private static readonly Target Cp39 = new("cp39", "linux_armv7l");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");

    [Fact]
    public async Task A_requested_package_gets_its_newest_version_and_what_the_index_tells_of_it()
    {
        await using var bed = await Bed.StartAsync(folder =>
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
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("old", "1.0");
            folder.AddWheel("binary", "1.0");
            folder.AddSdist("modern", "1.0", ">=3.14");
        });
        await bed.SelectAsync("old>=2", "binary", "modern", "nobody", "direct @ https://example.com/x.zip", "win; sys_platform == 'win32'");
        await bed.FollowAsync();
        Assert.Equal(
            [
                "binary unmatched: 1.0, the only version that satisfies, has no source file",
                "direct @ https://example.com/x.zip unmatched: it is to come from a URL, and only the index is followed",
                "modern unmatched: 1.0 needs Python >=3.14; built here for 3.9, 3.11",
                "nobody unknown: the index has no project of that name",
                "old>=2 unmatched: no version satisfies >=2; the newest is 1.0",
                "win; sys_platform == 'win32' unmatched: its condition holds for nothing that is built here",
            ],
            await bed.EntriesAsync());
        Assert.Empty(await bed.Database.GetAllPackagesAsync());
    }

    [Fact]
    public async Task A_dependency_on_the_block_list_is_told_and_not_followed()
    {
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "huge-thing");
            folder.AddSdist("huge-thing", "1.0");
        });
        bed.Names = new FollowedNames([], ["Huge_*"]);
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(
            ["app resolved 1.0", "huge-thing unmatched: this farm does not follow it, by its lists of names (dependency)"],
            await bed.EntriesAsync());
        Assert.Equal(0, bed.Index.Asked("/simple/huge-thing/"));
    }

    [Fact]
    public async Task Dependencies_are_taken_from_a_wheels_metadata_at_the_index()
    {
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel(
                "app", "1.0", null, "", "Lib_A>=1", "lib-b; python_version < '3.10'", "lib-c; python_version < '3'", "lib-d; extra == 'more'");
            folder.AddSdist("lib-a", "1.5");
            folder.AddSdist("lib-b", "1.0");
            folder.AddSdist("lib-d", "1.0");
        });
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(
            ["Lib_A>=1 resolved 1.5 (dependency)", "app resolved 1.0", "lib-b resolved 1.0 (dependency)"], await bed.EntriesAsync());
        Assert.Equal(1, bed.Index.Asked("/files/app-1.0-py3-none-any.whl.metadata"));
        Assert.Equal(0, bed.Index.Asked("/files/app-1.0-py3-none-any.whl"));

        await bed.SelectAsync("app[MORE]");
        await bed.FollowAsync();
        Assert.Contains("lib-d resolved 1.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task Dependencies_of_an_older_version_come_from_the_JSON_of_that_version()
    {
        await using var bed = await Bed.StartAsync(folder =>
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
        Assert.Equal(["app<2 resolved 1.0", "lib-a resolved 1.0 (dependency)"], await bed.EntriesAsync());
        Assert.Equal(1, bed.Index.Asked("/pypi/app/1.0/json"));
    }

    [Fact]
    public async Task Dependencies_that_only_a_build_can_tell_are_read_from_our_own_wheel()
    {
        await using var bed = await Bed.StartAsync(folder =>
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
        Assert.Equal(["app resolved 1.0", "lib-a>=1 resolved 1.0 (dependency)"], await bed.EntriesAsync());
        Assert.Empty(await bed.Database.GetUnexaminedFilesAsync());

        // And from there on: the dependency's own wheel
        await bed.BuildAsync("lib-a", "1.0", "lib-b");
        await bed.FollowAsync();
        Assert.Contains("lib-b resolved 1.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task Metadata_inside_our_wheel_serves_where_there_is_none_beside_it()
    {
        await using var bed = await Bed.StartAsync(folder =>
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
        await using var bed = await Bed.StartAsync(folder => folder.AddSdist("app", "1.0"));
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        await bed.LogBuildAsync("app", "1.0");
        await bed.FollowAsync();
        Assert.Empty(await bed.Database.GetUnexaminedFilesAsync());
        Assert.Contains(bed.Log.Entries, l => l.Level == LogLevel.Warning && l.Message.Contains("stays unknown", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Clauses_of_several_dependants_are_collected_while_one_version_satisfies_them()
    {
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("a", "1.0");
            folder.AddWheel("a", "1.0", null, "", "lib>=2");
            folder.AddSdist("b", "1.0");
            folder.AddWheel("b", "1.0", null, "", "lib[x]<4");
            foreach (var version in new[] { "1.0", "2.0", "3.0", "4.0" }) folder.AddSdist("lib", version);
        });
        await bed.SelectAsync("a");
        await bed.FollowAsync();
        Assert.Contains("lib>=2 resolved 4.0 (dependency)", await bed.EntriesAsync());
        await bed.SelectAsync("a", "b");
        await bed.FollowAsync();
        Assert.Contains("lib[x]>=2,<4 resolved 3.0 (dependency)", await bed.EntriesAsync());
    }

    [Fact]
    public async Task Where_no_version_satisfies_all_another_is_built_beside()
    {
        await using var bed = await Bed.StartAsync(folder =>
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
            ["a resolved 1.0", "b resolved 1.0", "lib>=2 resolved 2.0 (dependency)", "old-friend resolved 1.0 (dependency)"],
            await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_requested_package_keeps_its_words_and_gets_another_version_beside_where_a_dependant_needs_one()
    {
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib<3", "same>=1");
            foreach (var version in new[] { "1.0", "2.0", "3.0" }) folder.AddSdist("lib", version);
            folder.AddSdist("same", "1.0");
        });
        await bed.SelectAsync("lib", "app", "same");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "lib resolved 3.0", "same resolved 1.0"], await bed.EntriesAsync());
        Assert.Equal(["2.0", "3.0"], await bed.VersionsAsync("lib"));
        Assert.Equal(["1.0"], await bed.VersionsAsync("same"));
    }

    [Fact]
    public async Task What_a_version_beside_requires_is_read_from_its_wheel_too()
    {
        await using var bed = await Bed.StartAsync(folder =>
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
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib[tls]");
            folder.AddSdist("lib", "1.0");
            folder.AddWheel("lib", "1.0", null, "", "crypto; extra == 'tls'");
            folder.AddSdist("crypto", "1.0");
        });
        await bed.SelectAsync("lib", "app");
        await bed.FollowAsync();
        Assert.Equal(["app resolved 1.0", "crypto resolved 1.0 (dependency)", "lib resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task Packages_that_depend_on_each_other_come_to_an_end()
    {
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("hen", "1.0");
            folder.AddWheel("hen", "1.0", null, "", "egg>=1");
            folder.AddSdist("egg", "1.0");
            folder.AddWheel("egg", "1.0", null, "", "hen<2", "egg");
        });
        await bed.SelectAsync("hen");
        await bed.FollowAsync();
        Assert.Equal(["egg>=1 resolved 1.0 (dependency)", "hen resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_newer_version_is_found_after_ten_minutes()
    {
        await using var bed = await Bed.StartAsync(folder => folder.AddSdist("app", "1.0"));
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
        await using var bed = await Bed.StartAsync(folder =>
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
        await using var bed = await Bed.StartAsync(folder =>
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
        await using var bed = await Bed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddSdist("other", "1.0");
        });
        bed.Index.Faults.Spoil("/simple/app/", IndexFaults.Status(status), times: 3);
        await bed.SelectAsync("app", "other");
        await bed.FollowAsync();
        Assert.Contains("app new", await bed.EntriesAsync());
        Assert.Contains(bed.Log.Entries, l => l.Level == LogLevel.Warning && l.Message.Contains($"{status}", StringComparison.Ordinal));
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
        await using var bed = await Bed.StartAsync(folder =>
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
        await using var bed = await Bed.StartAsync(folder => folder.AddSdist("app", "1.0"));
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
        await using var bed = await Bed.StartAsync(
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
        Assert.Equal(["app<2 new"], await bed.EntriesAsync());
        await bed.Database.AddTargetAsync(Cp39);
        await bed.FollowAsync();
        Assert.Equal(["app<2 resolved 1.0"], await bed.EntriesAsync());
        await bed.Database.AddTargetAsync(Cp311);
        await bed.FollowAsync();
        Assert.Equal(["app<2 resolved 1.0", "lib resolved 1.0 (dependency)"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task What_is_asked_for_meanwhile_is_not_overwritten()
    {
        await using var bed = await Bed.StartAsync(folder =>
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
        Assert.Equal(["app<2 resolved 1.0"], await bed.EntriesAsync());
    }

    [Fact]
    public async Task A_restart_goes_on_where_it_was()
    {
        await using var bed = await Bed.StartAsync(folder =>
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

    private sealed class Bed : IAsyncDisposable
    {
        private readonly TemporaryFolder _output = new();
        private SelectionFollower? _follower;

        internal StandInBed Index { get; private init; } = null!;
        internal FakeDatabase Database { get; private init; } = null!;
        internal RecordedFarm Farm { get; } = new();
        internal RecordedLog Log { get; } = new();
        internal FollowedNames Names { get; set; } = FollowedNames.All;
        internal string Output => _output.Path;

        internal static async Task<Bed> StartAsync(Action<DistributionFolder> fill, Target[]? targets = null)
        {
            var index = await StandInBed.StartAsync(fill);
            var bed = new Bed { Index = index, Database = new FakeDatabase(index.Time) };
            foreach (var target in targets ?? [Cp39, Cp311]) await bed.Database.AddTargetAsync(target);
            return bed;
        }

        internal void Restart() => _follower = null;

        internal Task SelectAsync(params string[] requirements) => Database.SetSelectionAsync([.. requirements
            .Select(text => new SelectionEntry(Requirement.Parse(text).Package, text, true, SelectionState.New, null, ""))]);

        internal Task FollowAsync() => OneThread.RunAsync(() =>
        {
            _follower ??= new SelectionFollower(
                Database,
                new SelectionPages(Index.Simple, Index.Time),
                Index.Projects,
                new ReleaseRequirements(Database, new OwnWheels(Output), Index.Simple, Index.Projects),
                new Registry(Database, Farm),
                Names,
                Index.Time,
                Log.CreateLogger("test"));
            return _follower.FollowAsync(() => true, default);
        });

        internal async Task<List<string>> EntriesAsync() => [.. (await Database.GetSelectionAsync())
            .Select(e => e.Requirement + (e.State switch
            {
                SelectionState.Resolved => $" resolved {e.Version}",
                SelectionState.New => " new",
                _ => $" {e.State.ToString().ToLowerInvariant()}: {e.Message}",
            }) + (e.Requested ? "" : " (dependency)"))
            .Order(StringComparer.Ordinal)];

        internal async Task<List<string>> VersionsAsync(string package) =>
            [.. (await Database.GetProjectDataAsync(PackageName.Parse(package)))!.Versions
                .Select(v => v.Version).Order(StringComparer.Ordinal)];

        /// <summary>Has a wheel built and published, with its metadata beside it.</summary>
        internal async Task BuildAsync(string package, string version, params string[] requires)
        {
            var folder = Directory.CreateDirectory(Path.Combine(Output, "simple", package));
            await File.WriteAllTextAsync(
                Path.Combine(folder.FullName, $"{Wheel(package, version)}.metadata"),
                $"Metadata-Version: 2.1\nName: {package}\n{string.Concat(requires.Select(r => $"Requires-Dist: {r}\n"))}\n");
            await LogBuildAsync(package, version);
        }

        internal Task<long> LogBuildAsync(string package, string version) => Database.LogBuildAsync(new BuildState(
            1, package, version, Cp39.Abi, true, TimeSpan.FromSeconds(1), "", [
                new FileState(
                    Wheel(package, version), 1, new string('0', 64), package.Replace('-', '_'), version, "py3", "none", "any",
                    null, FileState.NoDependencies),
            ],
            Cp39.Platform));

        public async ValueTask DisposeAsync()
        {
            await Index.DisposeAsync();
            _output.Dispose();
        }

        private static string Wheel(string package, string version) =>
            $"{package.Replace('-', '_')}-{version}-py3-none-any.whl";
    }
}
