using System.Diagnostics.Metrics;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Figures of following the index, for whoever listens to the meter <see cref="MeterName"/>; docs/ARCHITECTURE.md,
/// chapter 1, lists them. Safe from any thread.
/// </summary>
public sealed class UpstreamMeter : IDisposable
{
    public const string MeterName = "Piwheels.Master.Upstream";

    private readonly TimeProvider _time;
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _durations;
    private readonly Counter<long> _taken;
    private volatile FollowState? _state;

    public UpstreamMeter(TimeProvider time)
    {
        _time = time;
        _requests = Meter.CreateCounter<long>(
            "piwheels.upstream.requests", "{request}", "Requests to the index, by kind and outcome");
        _durations = Meter.CreateHistogram<double>(
            "piwheels.upstream.request.duration", "s", "From the request to the whole answer, by kind and outcome");
        _taken = Meter.CreateCounter<long>(
            "piwheels.upstream.events.taken", "{event}", "Events of the change log that have taken effect");
        Observe("events.held_back", "{event}", "Events that were read and have not taken effect", s => s.HeldBack);
        Observe("serial", "{serial}", "The serial up to which everything has taken effect", s => s.Serial);
        Observe("lag.serials", "{serial}", "Serials between that and the index's newest", s => s.LagSerials);
        Observe("lag.time", "s", "Age of the oldest event of the index that has not taken effect",
            s => s.LagAt(_time.GetUtcNow()).TotalSeconds);
    }

    /// <summary>Whose instruments these are: a listener may want those of one master alone.</summary>
    public Meter Meter { get; } = new(MeterName);

    /// <summary>Where following the change log stands; null while nothing has been read.</summary>
    internal FollowState? State => _state;

    public void Dispose() => Meter.Dispose();

    /// <param name="outcome">The outcome's type, e.g. <see cref="Fetched{T}.Found"/>, in small letters.</param>
    internal void Asked(string kind, string outcome, TimeSpan duration)
    {
        var kindTag = KeyValuePair.Create<string, object?>("kind", kind);
        var outcomeTag = KeyValuePair.Create<string, object?>("outcome", outcome);
        _requests.Add(1, kindTag, outcomeTag);
        _durations.Record(duration.TotalSeconds, kindTag, outcomeTag);
    }

    /// <param name="taken">How many events have taken effect since the last call.</param>
    internal void Follow(FollowState state, int taken)
    {
        _state = state;
        if (taken > 0) _taken.Add(taken);
    }

    /// <summary>Without a change log that is followed there is nothing to tell.</summary>
    private void Observe<T>(string name, string unit, string description, Func<FollowState, T> value)
        where T : struct => Meter.CreateObservableGauge(
            "piwheels.upstream." + name,
            () => _state is { } state ? [new Measurement<T>(value(state))] : Array.Empty<Measurement<T>>(),
            unit,
            description);
}
