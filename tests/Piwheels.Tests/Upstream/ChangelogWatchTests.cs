using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>A change log that is not what it was.</summary>
public sealed class ChangelogWatchTests : IAsyncDisposable
{
    private const string Log = "/pypi";
    private readonly RecordedLog _log = new();
    private readonly List<PypiEvent> _events = [];
    private StandInBed _bed = null!;
    private ChangelogWatch _watch = null!;

    public async ValueTask DisposeAsync() => await _bed.DisposeAsync();

    [Fact]
    public async Task A_log_that_goes_on_is_read_on()
    {
        await StartAsync(1, 100);
        Assert.Equal(100, (await EventsAsync(0, 0)).Count);
        Assert.Empty(await EventsAsync(100, 90));
        Append(101, 110);
        Assert.Equal(10, (await EventsAsync(100, 95)).Count);
        Assert.Equal(110, _watch.LastSerial);
        Assert.DoesNotContain(_log.Entries, l => l.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task Where_the_log_ends_is_asked_at_once_and_every_ten_minutes()
    {
        await StartAsync(1, 100, rowsMax: 10);
        await EventsAsync(0, 0);
        Assert.Equal(100, _watch.LastSerial);
        Assert.Equal(2, _bed.Asked(Log));
        Append(101, 200);
        await EventsAsync(10, 0);
        Assert.Equal(3, _bed.Asked(Log));
        Assert.Equal(100, _watch.LastSerial);
        _bed.Time.Advance(ChangelogWatch.CheckInterval);
        await EventsAsync(20, 0);
        Assert.Equal(5, _bed.Asked(Log));
        Assert.Equal(200, _watch.LastSerial);
    }

    [Fact]
    public async Task A_log_that_went_back_is_told_loudly_once_an_hour_and_read_no_more()
    {
        await StartAsync(1, 100);
        await EventsAsync(0, 0);
        Restore(40);
        // Between two checks it looks like a log without news
        Assert.Empty(await EventsAsync(100, 90));
        _bed.Time.Advance(ChangelogWatch.CheckInterval);
        Assert.Equal("it ends at serial 40, before 100, up to which this farm has read", await UnusableAsync(100, 90));
        Assert.Empty(Errors());
        for (var i = 0; i < 12; i++)
        {
            await UnusableAsync(100, 90);
            Assert.Single(Errors());
            _bed.Time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromSeconds(1));
        }

        _bed.Time.Advance(TimeSpan.FromMinutes(1));
        // Its serials have come past ours again, but they are other events
        Append(41, 200, "other");
        await UnusableAsync(100, 90);
        Assert.Equal(2, Errors().Count());
    }

    [Fact]
    public async Task A_copy_that_was_behind_for_a_moment_is_read_on_when_it_has_caught_up()
    {
        await StartAsync(1, 100);
        await EventsAsync(0, 0);
        var all = _events.ToList();
        Restore(99);
        _bed.Time.Advance(ChangelogWatch.CheckInterval);
        await UnusableAsync(100, 90);
        await UnusableAsync(100, 90);
        _events.Clear();
        _events.AddRange(all);
        Append(101, 105);
        Assert.Equal(5, (await EventsAsync(100, 90)).Count);
        Assert.True(_log.Says("has event 100 again"));
        Assert.Equal(105, _watch.LastSerial);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(95)]
    public async Task A_log_that_went_back_while_the_master_was_down_is_seen(int last)
    {
        await StartAsync(1, last);
        const long Done = 100;
        const long From = 90;
        if (last > From) Assert.Equal(last - From, (await EventsAsync(From, Done)).Count);
        var from = Math.Max(From, last);
        Assert.Equal(
            $"it ends at serial {last}, before 100, up to which this farm has read", await UnusableAsync(from, Done));
        await UnusableAsync(from, Done);
        Assert.Single(Errors());
        // By its serials alone nobody can tell that these are the events of before
        Append(last + 1, 200);
        await UnusableAsync(from, Done);
        _watch = Watch();
        Assert.Equal(110, (await EventsAsync(From, Done)).Count);
    }

    [Fact]
    public async Task A_log_without_the_event_that_was_read_last_is_told_of()
    {
        await StartAsync(1, 200);
        _events.RemoveAll(e => e.Serial == 100);
        Assert.Equal(109, (await EventsAsync(90, 100)).Count);
        Assert.Empty(await EventsAsync(200, 100));
        Assert.Single(Errors());
        Assert.True(_log.Says("has no event 100"));
    }

    [Fact]
    public async Task An_index_that_cannot_say_where_its_log_ends_is_followed_all_the_same()
    {
        await StartAsync(1, 100);
        var asked = 0;
        _bed.Faults.Spoil(Log, context => asked++ % 2 == 0
            ? AnswerAsync(context)
            : IndexFaults.XmlRpcFault(-32601, "no such method")(context));
        Assert.Equal(100, (await EventsAsync(0, 0)).Count);
        _bed.Time.Advance(ChangelogWatch.CheckInterval);
        Assert.Empty(await EventsAsync(100, 0));
        Assert.Equal(100, _watch.LastSerial);
    }

    /// <summary>The follower itself: what went back changes no row and no serial.</summary>
    [Fact]
    public async Task Following_holds_still_while_the_log_is_back()
    {
        await StartAsync(700_001, 700_100, "create");
        var database = new FakeDatabase(_bed.Time);
        var farm = new RecordedFarm();
        ChangelogFollower Follower() => new(
            database, _bed.Changelog, _bed.Simple, _bed.Projects, new Registry(database, farm), FollowedNames.All, _bed.Time,
            _log.CreateLogger("test"));
        var follower = Follower();
        await FollowAsync(follower, 1);
        var serial = await database.GetPypiSerialAsync();
        Assert.InRange(serial, 700_050, 700_100);
        var packages = await database.GetAllPackagesAsync();

        Restore(700_020);
        Append(700_021, 700_030, "remove project");
        for (var i = 0; i < 5; i++) await FollowAsync(follower, 3);
        await FollowAsync(Follower(), 3);
        Append(700_031, 700_300, "remove project");
        for (var i = 0; i < 5; i++) await FollowAsync(follower, 3);
        Assert.Equal(serial, await database.GetPypiSerialAsync());
        Assert.Equal(packages, await database.GetAllPackagesAsync());
        Assert.InRange(Errors().Count(), 2, 5);
        Assert.InRange(_bed.Asked(Log), 10, 100);

        // The operator has it read again from where the index was set back to
        var again = new FakeDatabase(_bed.Time);
        foreach (var package in packages) await again.AddNewPackageAsync(package);
        await again.SetPypiSerialAsync(700_020);
        database = again;
        await FollowAsync(Follower(), 3);
        Assert.NotEqual(packages.Count, (await again.GetAllPackagesAsync()).Count);
    }

    private async Task FollowAsync(ChangelogFollower follower, int times)
    {
        for (var i = 0; i < times; i++)
        {
            _bed.Time.Advance(RetryGate.DelayMax);
            await OneThread.RunAsync(() => follower.FollowAsync(() => true, default));
        }
    }

    private async Task StartAsync(int first, int last, string action = "nothing", int rowsMax = 50_000)
    {
        _bed = await StandInBed.StartAsync(_ => { });
        _rowsMax = rowsMax;
        Append(first, last, action);
        _bed.Faults.Spoil(Log, AnswerAsync);
        _watch = Watch();
    }

    private int _rowsMax;

    private ChangelogWatch Watch() => new(_bed.Changelog, _bed.Time, _log.CreateLogger("test"));

    private void Append(int first, int last, string action = "nothing")
    {
        for (var serial = first; serial <= last; serial++)
        {
            var at = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000L + (serial * 20L));
            _events.Add(new PypiEvent($"package-{serial}", null, at, action, serial));
        }
    }

    private void Restore(int last) => _events.RemoveAll(e => e.Serial > last);

    private IEnumerable<LogLine> Errors() => _log.Entries.Where(l => l.Level == LogLevel.Error);

    private async Task<IReadOnlyList<PypiEvent>> EventsAsync(long after, long done) =>
        Assert.IsType<Fetched<ChangelogBatch>.Found>(await _watch.SinceAsync(after, done, default)).Value.Events;

    private async Task<string> UnusableAsync(long after, long done) =>
        Assert.IsType<Fetched<ChangelogBatch>.Unusable>(await _watch.SinceAsync(after, done, default)).Reason;

    private async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var call = await reader.ReadToEndAsync();
        var value = call.Contains("changelog_last_serial", StringComparison.Ordinal)
            ? $"<int>{_events[^1].Serial}</int>"
            : RowsAfter(long.Parse(call.Split("<int>")[1].Split('<')[0], CultureInfo.InvariantCulture));
        var answer = $"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>";
        await IndexFaults.Body("text/xml", answer)(context);
    }

    private string RowsAfter(long serial) =>
        "<array><data>" + string.Concat(_events.Where(e => e.Serial > serial).Take(_rowsMax).Select(e =>
            $"<value><array><data><value><string>{e.Name}</string></value><value><nil/></value>" +
            $"<value><int>{e.Timestamp.ToUnixTimeSeconds()}</int></value><value><string>{e.Action}</string></value>" +
            $"<value><int>{e.Serial}</int></value></data></array></value>")) + "</data></array>";
}
