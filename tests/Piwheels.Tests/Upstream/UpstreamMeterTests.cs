using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>What the figures say, as a listener gets them.</summary>
public sealed class UpstreamMeterTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, double> _seen = [];

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task Requests_are_counted_by_kind_and_outcome()
    {
        await using var bed = await StandInBed.StartAsync(folder => folder.AddWheel("foo", "1.0"));
        Listen(bed.Meter);
        var (foo, other) = (PackageName.Parse("foo"), PackageName.Parse("other"));
        var found = (Fetched<IndexPage>.Found)await bed.Simple.GetPageAsync(foo, null, default);
        await bed.Simple.GetPageAsync(foo, found.Value.Validators, default);
        await bed.Simple.GetPageAsync(other, null, default);
        await bed.Simple.GetMetadataAsync(found.Value.Files[0], default);
        await bed.Projects.GetAsync(foo, default);
        await bed.Projects.GetAsync(foo, default);
        bed.Faults.Spoil("/pypi", IndexFaults.Status(503), times: 2);
        await bed.Changelog.LastSerialAsync(default);
        await bed.Changelog.LastSerialAsync(default);
        bed.Faults.Spoil("/pypi", IndexFaults.Body("text/xml", "no"));
        await bed.Changelog.LastSerialAsync(default);
        Assert.Equal(
            ["changelog away 2", "changelog unusable 1", "facts found 1", "facts unchanged 1", "metadata found 1",
                "page found 1", "page missing 1", "page unchanged 1"],
            _seen.Where(s => s.Key.StartsWith("requests ", StringComparison.Ordinal))
                .Select(s => $"{s.Key[9..]} {s.Value}").Order(StringComparer.Ordinal));
        Assert.Equal(8, _seen.Count(s => s.Key.StartsWith("request.duration ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Without_a_log_that_is_followed_there_is_no_lag()
    {
        using var meter = new UpstreamMeter(new FakeTimeProvider(Now));
        Listen(meter);
        _listener.RecordObservableInstruments();
        Assert.Empty(_seen);
    }

    [Fact]
    public void The_lag_is_the_age_of_what_has_not_taken_effect_and_grows_while_nothing_is_heard()
    {
        var time = new FakeTimeProvider(Now);
        using var meter = new UpstreamMeter(time);
        Listen(meter);
        meter.Follow(new FollowState(100, 150, 250, Now.AddDays(-2), 50, Now), taken: 70);
        Assert.Equal(("lag.serials", 150), Observed("lag.serials"));
        Assert.Equal(("lag.time", 172_800), Observed("lag.time"));
        Assert.Equal(("serial", 100), Observed("serial"));
        Assert.Equal(("events.held_back", 50), Observed("events.held_back"));
        meter.Follow(new FollowState(250, 250, 250, null, 0, Now), taken: 150);
        Assert.Equal(("lag.serials", 0), Observed("lag.serials"));
        Assert.Equal(("lag.time", 0), Observed("lag.time"));
        Assert.Equal(220, _seen["events.taken"]);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(("lag.time", 3_600), Observed("lag.time"));
    }

    [Fact]
    public async Task Following_tells_where_it_is()
    {
        await using var bed = await StandInBed.StartAsync(folder =>
        {
            folder.AddSdist("foo", "1.0");
            folder.AddSdist("bar", "1.0");
        });
        Listen(bed.Meter);
        var database = new FakeDatabase(bed.Time);
        var follower = new ChangelogFollower(
            database, bed.Changelog, bed.Simple, bed.Projects, new Registry(database, new RecordedFarm()), FollowedNames.All,
            bed.Time, new RecordedLog().CreateLogger("test"), bed.Meter);
        await OneThread.RunAsync(() => follower.FollowAsync(() => true, default));
        var last = bed.Index.Catalog.LastSerial;
        Assert.Equal(("serial", last - 1), Observed("serial"));
        Assert.Equal(("lag.serials", 1), Observed("lag.serials"));
        Assert.Equal(("events.held_back", 1), Observed("events.held_back"));
        Assert.Equal(last - StandInCatalogFirst, _seen["events.taken"]);
        Assert.True(bed.Meter.State!.AtEnd);
        // The event that only moves the log's clock waits for the next one
        var waiting = bed.Index.Catalog.Since(last - 1, 1)[0].Timestamp;
        Assert.Equal(waiting, bed.Meter.State.Oldest);
    }

    [Fact]
    public void The_log_tells_every_minute_of_coming_nearer_and_every_hour_of_being_there()
    {
        var time = new FakeTimeProvider(Now);
        using var meter = new UpstreamMeter(time);
        using var log = new RecordedLog();
        var report = new FollowReport(meter, time, log.CreateLogger("test"));
        report.Tell();
        Assert.Empty(log.Entries);
        meter.Follow(new FollowState(1_000, 1_500, 9_000, Now.AddDays(-900), 500, Now), 0);
        report.Tell();
        time.Advance(FollowReport.Interval);
        meter.Follow(new FollowState(7_000, 7_500, 9_000, Now.AddHours(-30), 500, Now), 0);
        report.Tell();
        for (var minutes = 0; minutes < 59; minutes++, time.Advance(FollowReport.Interval)) report.Tell();
        Assert.Equal(
            ["at serial 1000 of 9000: 8000 serials or 900 days behind the index; 0 serials a second",
                "at serial 7000 of 9000: 2000 serials or 30 hours behind the index; 100 serials a second"],
            log.Entries.Select(e => e.Message));

        meter.Follow(new FollowState(8_990, 9_000, 9_000, time.GetUtcNow().AddMinutes(-5), 10, time.GetUtcNow()), 0);
        report.Tell();
        time.Advance(FollowReport.Interval);
        report.Tell();
        Assert.Equal(
            "up to date with the index, serial 8990; 10 events are held back, the oldest known is 300 s old",
            Assert.Single(log.Entries.Skip(2)).Message);
        // The index stays away
        for (var minutes = 0; minutes < 120; minutes++, time.Advance(FollowReport.Interval)) report.Tell();
        Assert.Equal(
            ["at serial 8990 of 9000: 10 serials or 1800 s behind the index; 0 serials a second",
                "at serial 8990 of 9000: 10 serials or 5400 s behind the index; 0 serials a second"],
            log.Entries.Skip(3).Select(e => e.Message));
    }

    private static long StandInCatalogFirst => Cli.Demo.StandInCatalog.SerialFirst;

    private (string Name, double Value) Observed(string name)
    {
        _listener.RecordObservableInstruments();
        return (name, _seen[name]);
    }

    /// <summary>Sums what counts, and keeps the last of what is measured.</summary>
    private void Listen(UpstreamMeter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == meter.Meter) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Note(i, value, tags));
        _listener.SetMeasurementEventCallback<int>((i, value, tags, _) => Note(i, value, tags));
        _listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Note(i, value, tags));
        _listener.Start();
    }

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        Assert.StartsWith("piwheels.upstream.", instrument.Name, StringComparison.Ordinal);
        var name = instrument.Name["piwheels.upstream.".Length..];
        foreach (var tag in tags) name += $" {tag.Value}";
        lock (_lock)
            _seen[name] = instrument is Counter<long> ? _seen.GetValueOrDefault(name) + value : value;
    }
}
