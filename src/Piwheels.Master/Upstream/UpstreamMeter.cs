using System.Diagnostics.Metrics;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Figures of following the index, for whoever listens to the meter <see cref="MeterName"/>; docs/ARCHITECTURE.md,
/// chapter 1, lists them. Safe from any thread.
/// </summary>
public sealed class UpstreamMeter : IDisposable
{
    public const string MeterName = "Piwheels.Master.Upstream";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _durations;
    private readonly Counter<long> _taken;

    public UpstreamMeter()
    {
        _requests = _meter.CreateCounter<long>(
            "piwheels.upstream.requests", "{request}", "Requests to the index, by kind and outcome");
        _durations = _meter.CreateHistogram<double>(
            "piwheels.upstream.request.duration", "s", "From the request to the whole answer, by kind and outcome");
        _taken = _meter.CreateCounter<long>(
            "piwheels.upstream.events.taken", "{event}", "Events of the change log that have taken effect");
    }

    /// <summary>Whose instruments these are: a listener may want those of one master alone.</summary>
    internal Meter Meter => _meter;

    public void Dispose() => _meter.Dispose();

    /// <param name="outcome">The outcome's type, e.g. <see cref="Fetched{T}.Found"/>, in small letters.</param>
    internal void Asked(string kind, string outcome, TimeSpan duration)
    {
        var kindTag = KeyValuePair.Create<string, object?>("kind", kind);
        var outcomeTag = KeyValuePair.Create<string, object?>("outcome", outcome);
        _requests.Add(1, kindTag, outcomeTag);
        _durations.Record(duration.TotalSeconds, kindTag, outcomeTag);
    }

    internal void Taken(int events) => _taken.Add(events);
}
