using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Core.States;
using Piwheels.Core.Units;

namespace Piwheels.Cli.Administration;

/// <summary>How a farm is, on one page for people or as JSON, with what is wrong with it.</summary>
internal sealed class StatusReport
{
    private readonly FarmState _farm;
    private readonly DateTimeOffset _now;

    /// <param name="lagMax">The age of an event of the index, from which on the farm is told to be behind.</param>
    public StatusReport(FarmState farm, DateTimeOffset now, TimeSpan lagMax)
    {
        (_farm, _now) = (farm, now);
        Problems = [.. ProblemsOf(farm, lagMax)];
    }

    /// <summary>A line each; none where all is well.</summary>
    public IReadOnlyList<string> Problems { get; }

    public void WriteText(TextWriter output)
    {
        Line(output, "master", $"up for {DurationText.Show(_now - _farm.Started)}{(_farm.Paused ? ", paused" : "")}");
        Line(output, "slaves", Slaves());
        var name = "queue";
        foreach (var waiting in _farm.Queue)
        {
            Line(output, name, Text($"{waiting.Count:N0} for {waiting.Target}"));
            name = "";
        }

        if (_farm.Queue.Count == 0 && _farm.DatabaseTrouble.Length == 0) Line(output, name, "nothing is built for");
        if (_farm.Stats is { } stats) WriteFigures(output, stats);
        if (_farm.Upstream is { } upstream)
        {
            Line(output, "index", Text(
                $"serial {upstream.Serial}, {upstream.LagSerials:N0} behind, {DurationText.Show(upstream.Lag)} ago"));
        }

        foreach (var problem in Problems) Line(output, "wrong", problem);
        if (Problems.Count == 0) Line(output, "health", "nothing is wrong");
    }

    public void WriteJson(TextWriter output) => output.WriteLine(JsonSerializer.Serialize(
        new StatusDocument(
            Problems.Count == 0,
            Problems,
            _farm.Started,
            (_now - _farm.Started).TotalSeconds,
            _farm.Paused,
            [.. _farm.Queue.Select(static each => new WaitingDocument(each.Target.Abi, each.Target.Platform, each.Count))],
            new SortedDictionary<string, long>(_farm.Slaves.ToDictionary(), StringComparer.Ordinal),
            _farm.Upstream is { } upstream
                ? new UpstreamDocument(upstream.Serial, upstream.LagSerials, upstream.Lag.TotalSeconds)
                : null,
            _farm.Stats is { } stats ? FiguresDocument.Of(stats) : null),
        StatusContext.Default.StatusDocument));

    private static IEnumerable<string> ProblemsOf(FarmState farm, TimeSpan lagMax)
    {
        if (farm.DatabaseTrouble.Length > 0) yield return $"the database does not answer: {farm.DatabaseTrouble}";
        if (farm.DiskLow) yield return "no builds are given out: too little is free on the disk that is published from";
        if (farm.Slaves.Values.Sum() == 0 && farm.Queue.Any(static each => each.Count > 0)) yield return "builds wait, and there is no slave";
        if (farm.Upstream is { } upstream && upstream.Lag > lagMax)
            yield return $"the index is not followed: {DurationText.Show(upstream.Lag)} behind";
    }

    private static void WriteFigures(TextWriter output, MasterStats stats)
    {
        var lastHour = string.Join(", ", stats.BuildsLastHour.OrderBy(static each => each.Key, StringComparer.Ordinal)
            .Select(static each => Text($"{each.Value:N0} for {each.Key}")));
        Line(output, "builds", lastHour.Length > 0 ? $"in the last hour {lastHour}" : "none in the last hour");
        Line(output, "wheels", Text($"{stats.FilesCount:N0} of {stats.PackagesBuilt:N0} packages, {Gigabytes(stats.BuildsSize)}"));
        Line(output, "downloads", Text(
            $"{stats.DownloadsLastHour:N0} in the last hour, {stats.DownloadsLastMonth:N0} in 30 days, {stats.DownloadsAll:N0} in all"));
        Line(output, "disk", $"{Gigabytes(stats.DiskFree)} free of {Gigabytes(stats.DiskSize)}");
        Line(output, "memory", Text(
            $"{Gigabytes(stats.MemFree)} free of {Gigabytes(stats.MemSize)}; load {stats.LoadAverage:0.00}"));
    }

    private string Slaves()
    {
        var all = _farm.Slaves.Values.Sum();
        return all == 0 ? "none" : Text($"{all:N0}: ") + string.Join(", ", _farm.Slaves
            .OrderByDescending(static each => each.Value).ThenBy(static each => each.Key, StringComparer.Ordinal)
            .Select(static each => Text($"{each.Value:N0} {each.Key}")));
    }

    private static string Gigabytes(long bytes) => Text($"{bytes / 1e9:0.0} GB");

    private static void Line(TextWriter output, string name, string text) => output.WriteLine($"{name,-10} {text}".TrimEnd());

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What `piw status --json` writes. Times in seconds, sizes in bytes.</summary>
internal sealed record StatusDocument(
    bool Healthy,
    IReadOnlyList<string> Problems,
    DateTimeOffset Started,
    double UptimeSeconds,
    bool Paused,
    IReadOnlyList<WaitingDocument> Queue,
    IReadOnlyDictionary<string, long> Slaves,
    UpstreamDocument? Upstream,
    FiguresDocument? Figures);

internal sealed record WaitingDocument(string Abi, string Platform, long Waiting);

internal sealed record UpstreamDocument(long Serial, long LagSerials, double LagSeconds);

internal sealed record FiguresDocument(
    DateTimeOffset Timestamp, long PackagesBuilt, long FilesCount, long BuildsSize, IReadOnlyDictionary<string, long> BuildsLastHour,
    long NewLastHour, long DownloadsLastHour, long DownloadsLastMonth, long DownloadsAll, long DiskSize, long DiskFree,
    long MemSize, long MemFree, double LoadAverage)
{
    public static FiguresDocument Of(MasterStats stats) => new(
        stats.Timestamp, stats.PackagesBuilt, stats.FilesCount, stats.BuildsSize, stats.BuildsLastHour, stats.NewLastHour,
        stats.DownloadsLastHour, stats.DownloadsLastMonth, stats.DownloadsAll, stats.DiskSize, stats.DiskFree, stats.MemSize,
        stats.MemFree, stats.LoadAverage);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class StatusContext : JsonSerializerContext;
