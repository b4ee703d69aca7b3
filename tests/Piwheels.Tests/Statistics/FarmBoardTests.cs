using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Statistics;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Statistics;

public sealed class FarmBoardTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly FarmBoard _board = new();

    [Fact]
    public void Nothing_is_reported_before_the_database_has_told_its_counts()
    {
        _board.Receive(new StatsMessage.Disk(1000, 400));
        Assert.Null(_board.Report(Machine(Start)));
        Assert.Empty(_board.History);
    }

    [Fact]
    public void A_report_has_the_figures_of_all_who_told_some()
    {
        _board.Receive(new StatsMessage.Disk(1000, 400));
        _board.Receive(new StatsMessage.BuildQueue(new Dictionary<Target, long>
        {
            [new("cp311", "linux_armv7l")] = 3,
            [new("cp311", "linux_aarch64")] = 4,
            [new("cp39", "linux_armv7l")] = 0,
        }));
        _board.Receive(Figures(builds: 7));

        var report = _board.Report(Machine(Start))!;

        Assert.Equal(Start, report.Timestamp);
        Assert.Equal((1000, 400), (report.DiskSize, report.DiskFree));
        Assert.Equal(new Dictionary<string, long> { ["cp311"] = 7, ["cp39"] = 0 }, report.BuildsPending);
        Assert.Equal(new Dictionary<string, long> { ["cp311"] = 7 }, report.BuildsLastHour);
        Assert.Equal((1, 2, TimeSpan.FromHours(3), 4), (
            report.PackagesBuilt, report.FilesCount, report.BuildsTime, report.BuildsSize));
        Assert.Equal((5, 6, 7, 8), (
            report.NewLastHour, report.DownloadsLastHour, report.DownloadsLastMonth, report.DownloadsAll));
        Assert.Equal((21, 20, 11, 10), (report.MemSize, report.MemFree, report.SwapSize, report.SwapFree));
        Assert.Equal((0.5, 50.0), (report.LoadAverage, report.CpuTemp));
    }

    [Fact]
    public void Figures_have_changed_when_any_of_them_is_different()
    {
        Assert.True(_board.Receive(Figures(builds: 7)));
        Assert.False(_board.Receive(Figures(builds: 7)));
        Assert.True(_board.Receive(Figures(builds: 8)));
        Assert.True(_board.Receive(Figures(builds: 8) with { FilesCount = 3 }));
        Assert.True(_board.Receive(Figures(builds: 8) with
        {
            FilesCount = 3,
            BuildsLastHour = new Dictionary<string, long> { ["cp39"] = 8 },
        }));
    }

    [Fact]
    public void The_last_hundred_reports_are_kept()
    {
        _board.Receive(Figures(builds: 1));
        for (var minute = 0; minute < 150; minute++) _board.Report(Machine(Start.AddMinutes(minute)));
        Assert.Equal(100, _board.History.Count);
        Assert.Equal(Start.AddMinutes(50), _board.History.First().Timestamp);
        Assert.Equal(Start.AddMinutes(149), _board.History.Last().Timestamp);
    }

    private static SlaveStats Machine(DateTimeOffset now) => new(now, 99, 98, 21, 20, 11, 10, 0.5, 50);

    private static FarmStatistics Figures(long builds) => new(
        PackagesBuilt: 1,
        FilesCount: 2,
        BuildsTime: TimeSpan.FromHours(3),
        BuildsSize: 4,
        NewLastHour: 5,
        DownloadsLastHour: 6,
        DownloadsLastMonth: 7,
        DownloadsAll: 8,
        BuildsLastHour: new Dictionary<string, long> { ["cp311"] = builds });
}
