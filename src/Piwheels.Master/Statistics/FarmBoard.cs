using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Statistics;

/// <summary>The farm's figures as they were told last, and what monitors were told of them.</summary>
public sealed class FarmBoard
{
    /// <summary>Reports that a new monitor gets to hear: its plots begin with them.</summary>
    public const int HistoryMax = 100;

    private readonly Queue<MasterStats> _history = new();
    private IReadOnlyDictionary<string, long> _pending = new Dictionary<string, long>();
    private FarmStatistics? _figures;
    private volatile MasterStats? _latest;
    private long _diskSize;
    private long _diskFree;

    /// <summary>The last reports, the oldest first.</summary>
    public IReadOnlyCollection<MasterStats> History => _history;

    /// <summary>The last report; null while there is none. From any thread.</summary>
    public MasterStats? Latest => _latest;

    /// <summary>Takes in what another task tells.</summary>
    public void Receive(StatsMessage message)
    {
        switch (message)
        {
            case StatsMessage.Disk disk:
                (_diskSize, _diskFree) = (disk.Size, disk.Free);
                break;
            case StatsMessage.BuildQueue queue:
                // Monitors know ABIs only; what waits for one on several platforms is one figure to them
                _pending = queue.Lengths
                    .GroupBy(each => each.Key.Abi, each => each.Value, StringComparer.Ordinal)
                    .ToDictionary(abi => abi.Key, abi => abi.Sum(), StringComparer.Ordinal);
                break;
        }
    }

    /// <summary>Takes in what the database counts.</summary>
    /// <returns>Whether anything is different, so that pages that show it are out of date.</returns>
    public bool Receive(FarmStatistics figures)
    {
        var changed = _figures is null || !SameFigures(_figures, figures);
        _figures = figures;
        return changed;
    }

    /// <summary>The next report, kept for later monitors; null as long as the database has told nothing.</summary>
    /// <param name="machine">The master's machine; its disk is not that of the pages, and left out.</param>
    public MasterStats? Report(SlaveStats machine)
    {
        if (_figures is not { } figures) return null;
        var report = new MasterStats(
            machine.Timestamp,
            figures.PackagesBuilt,
            figures.BuildsLastHour,
            figures.BuildsTime,
            figures.BuildsSize,
            _pending,
            figures.NewLastHour,
            figures.FilesCount,
            figures.DownloadsLastHour,
            figures.DownloadsLastMonth,
            figures.DownloadsAll,
            _diskSize,
            _diskFree,
            machine.MemSize,
            machine.MemFree,
            machine.SwapSize,
            machine.SwapFree,
            machine.LoadAverage,
            machine.CpuTemp);
        if (_history.Count == HistoryMax) _history.Dequeue();
        _history.Enqueue(report);
        _latest = report;
        return report;
    }

    private static bool SameFigures(FarmStatistics one, FarmStatistics other) =>
        one with { BuildsLastHour = other.BuildsLastHour } == other
        && one.BuildsLastHour.Count == other.BuildsLastHour.Count
        && one.BuildsLastHour.All(each => other.BuildsLastHour.GetValueOrDefault(each.Key, -1) == each.Value);
}
