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
            (await Db.GetSearchIndexAsync()).Select(e => (e.Package.Value, e.DownloadsRecent, e.DownloadsAll)).Order());

        await Db.DeletePackageAsync(Foo);
        Assert.Equal(6, (await Db.GetStatisticsAsync()).DownloadsAll);
        Assert.Equal([Bar], (await Db.GetSearchIndexAsync()).Select(e => e.Package));
    }

    [Fact]
    public async Task The_history_has_builds_by_day_and_downloads_by_month_python_and_machine()
    {
        Assert.Empty(await Db.GetHistoryAsync());
        await LookAtTheClock();
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, Foo2);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "cp39-cp39-linux_armv7l"));
        await Db.LogBuildAsync(Failed(Foo2, Cp39));
        await Db.LogBuildAsync(Failed(Foo2, Cp39));
        await Db.LogAccessAsync(
        [
            Download("foo-1.0-py3-none-any.whl", _now),
            Download("foo-1.0-py3-none-any.whl", _now) with { Installer = Pip with { PyVersion = "3.9.2+", Arch = "aarch64" } },
            Download("foo-1.0-py3-none-any.whl", _now) with { Installer = Pip with { PyVersion = "3.110", Arch = "ARMV7L" } },
            Download("foo-1.0-py3-none-any.whl", _now) with { Installer = InstallerState.Unknown },
            Download("foo-1.0-py3-none-any.whl", _now.AddDays(-40)),
            Download("foo-1.0-py3-none-any.whl", _now.AddYears(-3)),
        ]);

        var history = await Db.GetHistoryAsync();
        var today = DateOnly.FromDateTime(_now.UtcDateTime);
        Assert.Equal([("failed", today, 2), ("good", today, 1)], Of(HistorySeries.Builds));
        Assert.Equal([("3.11", today, 1), ("3.9", today, 1), ("other", today, 2)], Of(HistorySeries.Pythons));
        Assert.Equal([("aarch64", today, 1), ("armv7l", today, 1), ("other", today, 2)], Of(HistorySeries.Machines));
        Assert.Equal(5, Of(HistorySeries.Downloads).Sum(figure => figure.Amount));
        Assert.Equal(("", new DateOnly(today.Year, today.Month, 1)), Of(HistorySeries.Downloads).Select(f => (f.Label, f.Day)).Last());

        // What was done that day stays done
        await Db.DeletePackageAsync(Foo);
        Assert.Equal(history, await Db.GetHistoryAsync());

        List<(string Label, DateOnly Day, long Amount)> Of(HistorySeries series) =>
            [.. history.Where(figure => figure.Series == series).Select(figure => (figure.Label, figure.Day, figure.Amount))];
    }

    [Fact]
    public async Task New_builds_are_the_good_ones_newest_first()
    {
        Assert.Empty(await Db.GetNewBuildsAsync(2));
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(Foo1, Foo2);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "cp39-cp39-linux_armv7l"));
        var second = await Db.LogBuildAsync(Built(Foo1, Cp311, "cp311-cp311-linux_armv7l"));
        await Db.LogBuildAsync(Failed(Foo2, Cp311));
        var last = await Db.LogBuildAsync(Built(Foo2, Cp39, "cp39-cp39-linux_armv7l"));
        var builds = await Db.GetNewBuildsAsync(2);
        Assert.Equal([(last, Foo2, Cp39), (second, Foo1, Cp311)], builds.Select(build => (build.BuildId, build.Release, build.Target)));
        Assert.All(builds, build => Assert.Equal(TimeSpan.FromSeconds(60), build.Duration));
        Assert.All(builds, build => Assert.NotEqual(default, build.BuiltAt));
    }

    private static DownloadState Download(string filename, DateTimeOffset at) => new(filename, "192.0.2.1", at, Pip);

    /// <summary>The server's time is what counts for rates.</summary>
    private async Task LookAtTheClock() => _now = DateTimeOffset.Parse((await Store.ColumnAsync("SELECT now()"))[0]!);
}
