using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class StatisticsDirect(ClusterFixture fixture) : StatisticsCompliance<Direct>(fixture);

public abstract class StatisticsCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly InstallerState Pip = new(
        "armv7l", "Raspbian", "12", "Linux", "6.1", "CPython", "3.11.2", "pip", "23.0", "66.1");

    private DateTimeOffset _now;

    [Fact]
    public async Task An_empty_farm_has_zeros()
    {
        var s = await Db.GetStatisticsAsync();
        Assert.Equal((0, 0, TimeSpan.Zero, 0, 0), (s.PackagesBuilt, s.FilesCount, s.BuildsTime, s.BuildsSize, s.NewLastHour));
        Assert.Equal((0, 0, 0), (s.DownloadsLastHour, s.DownloadsLastMonth, s.DownloadsAll));
        Assert.Empty(s.BuildsLastHour);
        Assert.Empty(await Db.GetSearchIndexAsync());
    }

    [Fact]
    public async Task Builds_are_counted_and_deleted_ones_are_taken_off()
    {
        var bar1 = new Release(Bar, "1.0");
        await AddTargetsAsync(Cp39, Cp311, Cp311X86);
        await RegisterAsync(Foo1, Foo2, bar1);
        await Db.AddNewPackageVersionAsync(new Release(Bar, "2.0"));
        await Db.LogBuildAsync(Built(Foo1, Cp39, "cp39-cp39-linux_armv7l"));
        await Db.LogBuildAsync(Built(Foo1, Cp311, "cp311-cp311-linux_armv7l") with { Duration = TimeSpan.FromDays(8) });
        await Db.LogBuildAsync(Built(Foo2, Cp311X86, "cp311-cp311-linux_x86_64") with { Duration = TimeSpan.FromDays(3) });
        await Db.LogBuildAsync(Failed(bar1, Cp39) with { Duration = TimeSpan.FromSeconds(-1) });
        await Db.SkipTargetAsync(Cp39, "old");

        var s = await Db.GetStatisticsAsync();
        Assert.Equal((1, 3, 3000, 1), (s.PackagesBuilt, s.FilesCount, s.BuildsSize, s.NewLastHour));
        Assert.Equal(TimeSpan.FromDays(3) + TimeSpan.FromSeconds(60), s.BuildsTime);
        Assert.Equal(new Dictionary<string, long> { ["cp311"] = 2 }, s.BuildsLastHour);

        await Db.DeleteBuildAsync(Foo1);
        s = await Db.GetStatisticsAsync();
        Assert.Equal((1, 1, 1000, TimeSpan.FromDays(3)), (s.PackagesBuilt, s.FilesCount, s.BuildsSize, s.BuildsTime));
        await Db.DeletePackageAsync(Foo);
        s = await Db.GetStatisticsAsync();
        Assert.Equal((0, 0, 0, TimeSpan.Zero), (s.PackagesBuilt, s.FilesCount, s.BuildsSize, s.BuildsTime));
        Assert.Equal(0, (await Db.GetStatisticsAsync()).PackagesBuilt);
    }

    [Fact]
    public async Task An_alias_takes_no_space()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.LogBuildAsync(Built(
            Foo1, Cp39, Wheel(Foo1, "cp39-cp39-linux_armv7l"), Wheel(Foo1, "cp39-cp39-linux_armv6l"),
            Wheel(Foo1, "cp39-none-linux_armv6l", 'b')));
        var s = await Db.GetStatisticsAsync();
        Assert.Equal((3, 2000), (s.FilesCount, s.BuildsSize));
        await Db.DeleteBuildAsync(Foo1);
        s = await Db.GetStatisticsAsync();
        Assert.Equal((0, 0), (s.FilesCount, s.BuildsSize));
    }

    [Fact]
    public async Task Downloads_are_counted_by_hour_month_and_in_all_and_outlive_the_package()
    {
        await LookAtTheClock();
        await RegisterAsync(Foo1, new Release(Bar, "1.0"));
        await Db.LogAccessAsync(
        [
            Download("foo-1.0-py3-none-any.whl", _now), Download("FOO-2.0-py3-none-any.whl", _now.AddMinutes(-30)),
            Download("foo-1.0-py3-none-any.whl", _now.AddDays(-5)),
            Download("foo-1.0-py3-none-any.whl", _now.AddDays(-29)),
            Download("foo-1.0-py3-none-any.whl", _now.AddDays(-31)),
            Download("foo-1.0-py3-none-any.whl", _now.AddYears(-3)),
        ]);
        var s = await Db.GetStatisticsAsync();
        Assert.Equal((2, 4, 6), (s.DownloadsLastHour, s.DownloadsLastMonth, s.DownloadsAll));
        Assert.Equal(
            [("bar", 0, 0), ("foo", 4, 6)],
            (await Db.GetSearchIndexAsync()).Select(e => (e.Package.Value, e.DownloadsRecent, e.DownloadsAll)));

        await Db.DeletePackageAsync(Foo);
        Assert.Equal(6, (await Db.GetStatisticsAsync()).DownloadsAll);
        Assert.Equal([Bar], (await Db.GetSearchIndexAsync()).Select(e => e.Package));
    }

    [Fact]
    public async Task Downloads_leave_the_month_as_days_go_by_and_totals_stay_when_raw_rows_are_dropped()
    {
        await LookAtTheClock();
        await RegisterAsync(Foo1);
        await Store.RunAsync("UPDATE download_window SET last_day = last_day - 10");
        await Db.LogAccessAsync(
            [Download("foo-1.0-py3-none-any.whl", _now.AddDays(-35)), Download("foo-1.0-py3-none-any.whl", _now.AddDays(-3))]);
        await Store.RunAsync("UPDATE package_downloads SET recent = 2");
        await Store.RunAsync("UPDATE download_window SET last_day = last_day - 10");
        await Store.RunAsync("TRUNCATE downloads");
        Assert.Equal((1, 2), (await Db.GetSearchIndexAsync()).Select(e => (e.DownloadsRecent, e.DownloadsAll)).Single());
    }

    [Fact]
    public async Task Accesses_of_all_kinds_are_recorded()
    {
        await LookAtTheClock();
        await Db.LogAccessAsync(
        [
            Download("foo-1.0-py3-none-any.whl", _now),
            new SearchState("foo", "2001:db8::1", _now, Pip),
            new ProjectState("foo", "192.0.2.1", _now, "Mozilla/5.0"),
            new ProjectState("foo", "192.0.2.1", _now, "Googlebot/2.1"),
            new JsonState("foo", "192.0.2.1", _now, "curl"),
            new PageState("home", "192.0.2.1", _now, "Mozilla/5.0"),
        ]);
        Assert.Equal(
            ["foo-1.0-py3-none-any.whl", "192.0.2.1", "armv7l", "Raspbian", "pip", "66.1"],
            (await Store.QueryAsync(
                "SELECT filename, accessed_by, arch, distro_name, installer_name, setuptools_version FROM downloads")).Single());
        Assert.Equal(["2001:db8::1"], await Store.ColumnAsync("SELECT accessed_by FROM searches"));
        Assert.Equal(["f", "t"], await Store.ColumnAsync("SELECT bot FROM project_page_hits ORDER BY 1"));
        Assert.Equal(["curl"], await Store.ColumnAsync("SELECT user_agent FROM project_json_downloads"));
        Assert.Equal(["home"], await Store.ColumnAsync("SELECT page FROM web_page_hits"));
    }

    [Fact]
    public async Task Accesses_asked_again_under_their_number_are_not_recorded_twice()
    {
        await LookAtTheClock();
        AccessState[] accesses =
        [
            Download("foo-1.0-py3-none-any.whl", _now),
            new SearchState("foo", "2001:db8::1", _now, Pip),
            new ProjectState("foo", "192.0.2.1", _now, "Mozilla/5.0"),
            new JsonState("foo", "192.0.2.1", _now, "curl"),
            new PageState("home", "192.0.2.1", _now, "Mozilla/5.0"),
        ];
        var (request, other) = (RequestNumber.Next(TimeProvider.System), RequestNumber.Next(TimeProvider.System));
        await Db.LogAccessAsync(accesses[..3], request);
        await Db.LogAccessAsync(accesses, request);
        await Db.LogAccessAsync(accesses, request);
        Assert.Equal(["1", "1", "1", "1", "1"], await CountsAsync());
        Assert.Equal(1, (await Db.GetStatisticsAsync()).DownloadsAll);
        await Db.LogAccessAsync(accesses, other);
        await Db.LogAccessAsync(accesses);
        Assert.Equal(["3", "3", "3", "3", "3"], await CountsAsync());

        async Task<IReadOnlyList<string?>> CountsAsync() => await Store.ColumnAsync("""
            SELECT count(*) FROM downloads UNION ALL SELECT count(*) FROM searches
            UNION ALL SELECT count(*) FROM project_page_hits UNION ALL SELECT count(*) FROM project_json_downloads
            UNION ALL SELECT count(*) FROM web_page_hits
            """);
    }

    [Fact]
    public async Task Requests_are_forgotten_a_day_later_but_not_before_they_could_be_asked_again()
    {
        await LookAtTheClock();
        await Db.LogAccessAsync([Download("foo-1.0-py3-none-any.whl", _now)], RequestNumber.Next(TimeProvider.System));
        await Store.RunAsync("UPDATE requests_done SET done_at = done_at - interval '30 hours'");
        await Db.GetStatisticsAsync();
        Assert.Equal(["1"], await Store.ColumnAsync("SELECT count(*) FROM requests_done"));

        // The server was away for two days: the first sweep leaves what was recorded just before
        await Store.RunAsync("UPDATE configuration SET requests_swept_at = requests_swept_at - interval '30 hours'");
        await Db.GetStatisticsAsync();
        Assert.Equal(["1"], await Store.ColumnAsync("SELECT count(*) FROM requests_done"));
        await Store.RunAsync("UPDATE configuration SET requests_swept_at = requests_swept_at - interval '2 hours'");
        await Db.GetStatisticsAsync();
        Assert.Equal(["0"], await Store.ColumnAsync("SELECT count(*) FROM requests_done"));
    }

    [Fact]
    public async Task An_access_that_is_refused_does_not_take_the_others_along()
    {
        await LookAtTheClock();
        var good = Download("foo-1.0-py3-none-any.whl", _now);
        await Db.LogAccessAsync(
        [
            good with { Host = "example.org" }, good with { Host = "" }, good with { Filename = "" },
            good with { Filename = new string('x', 300) }, good with { Filename = "a\0b" },
            good with { Timestamp = DateTimeOffset.MinValue }, good with { Timestamp = DateTimeOffset.MaxValue },
            good with { Timestamp = _now.AddDays(3) }, good with { Installer = Pip with { Arch = new string('x', 500) } },
            good with { Installer = InstallerState.Unknown }, new PageState(new string('x', 31), "192.0.2.1", _now, "x"),
            new ProjectState("foo", "192.0.2.1", _now, new string('x', 5000)),
        ]);
        Assert.Equal(["2"], await Store.ColumnAsync("SELECT count(*) FROM downloads"));
        Assert.Equal(["1"], await Store.ColumnAsync("SELECT count(*) FROM project_page_hits"));
        Assert.Equal(["0"], await Store.ColumnAsync("SELECT count(*) FROM web_page_hits"));
        Assert.Equal(2, (await Db.GetStatisticsAsync()).DownloadsAll);
    }

    private static DownloadState Download(string filename, DateTimeOffset at) => new(filename, "192.0.2.1", at, Pip);

    /// <summary>The server's time is what counts for rates.</summary>
    private async Task LookAtTheClock() => _now = DateTimeOffset.Parse((await Store.ColumnAsync("SELECT now()"))[0]!);
}
