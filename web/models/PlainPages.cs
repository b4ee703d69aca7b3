using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Pages;

/// <summary>The first page, and the one of statistics.</summary>
/// <param name="Statistics">Null until the database has told them.</param>
/// <param name="At">When they were taken.</param>
public sealed record StatisticsPage(Site Site, FarmStatistics? Statistics, DateTimeOffset At)
{
    /// <summary>The days that builds are shown of.</summary>
    public const int BuildDays = 60;

    /// <summary>The months that downloads are shown of.</summary>
    public const int DownloadMonths = 24;

    private const string Other = "other";

    /// <summary>How builds and downloads went.</summary>
    public IReadOnlyList<HistoryFigure> History { get; init; } = [];

    /// <summary>How many releases wait for each target.</summary>
    public IReadOnlyDictionary<Target, long> Queue { get; init; } = new Dictionary<Target, long>();

    private DateOnly Today => DateOnly.FromDateTime(At.UtcDateTime);

    /// <summary>Builds of each day, good ones and failed ones.</summary>
    public ColumnPlot BuildsByDay
    {
        get
        {
            var figures = Of(HistorySeries.Builds).ToDictionary(figure => (figure.Day, figure.Label), figure => figure.Amount);
            var days = Enumerable.Range(1 - BuildDays, BuildDays).Select(Today.AddDays);
            return new ColumnPlot(
                "builds-a-day", "Builds a day", "Day", ["Built", "Failed"],
                [
                    .. days.Select(day => new PlotColumn(
                        Figures.Day(day),
                        [figures.GetValueOrDefault((day, "good")), figures.GetValueOrDefault((day, "failed"))])),
                ]);
        }
    }

    /// <summary>Downloads of each month since the first that is known.</summary>
    public ColumnPlot DownloadsByMonth
    {
        get
        {
            var figures = Of(HistorySeries.Downloads).ToDictionary(figure => figure.Day, figure => figure.Amount);
            var month = new DateOnly(Today.Year, Today.Month, 1);
            var months = Enumerable.Range(1 - DownloadMonths, DownloadMonths).Select(month.AddMonths)
                .SkipWhile(each => !figures.ContainsKey(each));
            return new ColumnPlot(
                "downloads-a-month", "Downloads a month", "Month", ["Downloads"],
                [.. months.Select(each => new PlotColumn(Figures.Month(each), [figures.GetValueOrDefault(each)]))]);
        }
    }

    public BarTable BuildsLastHour => new(
        "Built for",
        "Builds",
        [
            .. (Statistics?.BuildsLastHour ?? new Dictionary<string, long>()).OrderBy(pair => pair.Key, Site.AbiOrder)
                .Select(pair => new BarRow(Site.AbiName(pair.Key), "", pair.Value)),
        ]);

    public BarTable Waiting => new(
        "For",
        "Waiting",
        [
            .. Queue.OrderBy(pair => pair.Key.Platform, StringComparer.Ordinal).ThenBy(pair => pair.Key.Abi, Site.AbiOrder)
                .Select(pair => new BarRow(Site.AbiName(pair.Key.Abi), pair.Key.Platform, pair.Value)),
        ]);

    public BarTable Pythons => new(
        "Python",
        "Downloads",
        [
            .. Of(HistorySeries.Pythons).OrderBy(figure => figure.Label == Other).ThenBy(figure => figure.Label, Site.AbiOrder)
                .Select(figure => new BarRow(figure.Label, "", figure.Amount)),
        ]);

    public BarTable Machines => new(
        "Machine",
        "Downloads",
        [
            .. Of(HistorySeries.Machines).OrderBy(figure => figure.Label == Other).ThenByDescending(figure => figure.Amount)
                .Select(figure => new BarRow(figure.Label, "", figure.Amount)),
        ]);

    private IEnumerable<HistoryFigure> Of(HistorySeries series) => History.Where(figure => figure.Series == series);
}

/// <summary>A figure and what it counts.</summary>
public sealed record LabelledFigure(string Label, string Value);
