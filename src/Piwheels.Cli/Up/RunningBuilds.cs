using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Cli.Up;

/// <summary>One build under way: what, where, since when, and whether its wheels are being sent already.</summary>
internal sealed record RunningBuild(int SlaveId, string Label, Release Release, DateTimeOffset Since, bool Sending);

/// <summary>What the slaves are building, and how long what they built took. Safe for several threads.</summary>
internal sealed class RunningBuilds
{
    /// <summary>Finished builds whose duration is remembered; the oldest go first.</summary>
    private const int FinishedMax = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, string> _labels = [];
    private readonly Dictionary<int, RunningBuild> _running = [];
    private readonly Dictionary<Release, TimeSpan> _finished = [];
    private readonly Queue<Release> _finishedOrder = new();

    /// <summary>Told when a slave begins a build.</summary>
    public Action<RunningBuild>? Began { get; set; }

    public IReadOnlyList<RunningBuild> Snapshot()
    {
        lock (_lock) return [.. _running.Values.OrderBy(build => build.SlaveId)];
    }

    /// <summary>How long a build took, from being given out to being recorded; null when that was not seen.</summary>
    public TimeSpan? DurationOf(Release release)
    {
        lock (_lock) return _finished.TryGetValue(release, out var duration) ? duration : null;
    }

    public void Hear(StatusMessage.Slave message)
    {
        RunningBuild? began = null;
        lock (_lock)
        {
            switch (message.Event)
            {
                case SlaveEvent.Hello hello:
                    _labels[message.SlaveId] = hello.Slave.Label;
                    break;
                case SlaveEvent.Build build:
                    var label = _labels.GetValueOrDefault(message.SlaveId, $"{message.SlaveId}");
                    began = new RunningBuild(message.SlaveId, label, build.Release, message.Timestamp, Sending: false);
                    _running[message.SlaveId] = began;
                    break;
                case SlaveEvent.Send when _running.TryGetValue(message.SlaveId, out var sending):
                    _running[message.SlaveId] = sending with { Sending = true };
                    break;
                case SlaveEvent.Done or SlaveEvent.Die or SlaveEvent.Sleep:
                    End(message);
                    break;
            }
        }

        if (began is not null) Began?.Invoke(began);
    }

    private void End(StatusMessage.Slave message)
    {
        if (!_running.Remove(message.SlaveId, out var ended)) return;
        if (_finished.TryAdd(ended.Release, message.Timestamp - ended.Since)) _finishedOrder.Enqueue(ended.Release);
        if (_finishedOrder.Count > FinishedMax) _finished.Remove(_finishedOrder.Dequeue());
    }
}
