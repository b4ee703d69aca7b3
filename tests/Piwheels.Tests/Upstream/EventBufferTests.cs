using FsCheck.Xunit;
using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class EventBufferTests
{
    private static readonly DateTimeOffset Start = new(2023, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void An_event_is_held_back_until_the_newest_is_more_than_five_minutes_past_it()
    {
        var buffer = new EventBuffer(1_000_000);
        Assert.Empty(buffer.Add([At(1_000_001, 0)]));
        Assert.Empty(buffer.Add([At(1_000_002, 300)]));
        Assert.Equal([1_000_001], Serials(buffer.Add([At(1_000_003, 301)])));
        Assert.Equal(1_000_001, buffer.Serial);
        Assert.Equal(2, buffer.Count);
    }

    [Fact]
    public void Events_go_by_timestamp_and_by_serial_where_it_is_the_same()
    {
        var buffer = new EventBuffer(1_000_000);
        var due = buffer.Add([At(1_000_001, 20), At(1_000_002, 10), At(1_000_003, 20), At(1_000_004, 1000)]);
        Assert.Equal([1_000_002, 1_000_001, 1_000_003], Serials(due));
        Assert.Equal(1_000_003, buffer.Serial);
    }

    [Fact]
    public void A_later_start_reads_two_thousand_serials_earlier_and_hands_nothing_on_twice()
    {
        var buffer = new EventBuffer(1_000_002);
        Assert.Equal(998_002, buffer.ReadFrom);
        // 1,000,001 happened after 1,000,002: the earlier run had not handed it on
        var due = buffer.Add(
            [At(1_000_000, 5), At(1_000_001, 15), At(1_000_002, 10), At(1_000_003, 16), At(1_000_004, 900)]);
        Assert.Equal([1_000_001, 1_000_003], Serials(due));
    }

    [Fact]
    public void A_start_before_the_epoch_reads_from_zero_and_hands_on_from_the_wanted_serial()
    {
        var buffer = new EventBuffer(2);
        Assert.Equal(0, buffer.ReadFrom);
        Assert.Empty(buffer.Add([At(1, 100_000), At(2, 50_000), At(3, 60_000)]));
        Assert.Empty(buffer.Add([At(4, 55_000)]));
        var due = buffer.Add([At(EventBuffer.SerialEpoch + 1, 70_000), At(EventBuffer.SerialEpoch + 2, 71_000)]);
        Assert.Equal([4, 3, 1, EventBuffer.SerialEpoch + 1], Serials(due));
    }

    [Fact]
    public void A_log_that_ends_before_the_epoch_is_handed_on_once_its_end_is_reached()
    {
        var buffer = new EventBuffer(0);
        Assert.Empty(buffer.Add([At(1, 10), At(2, 5), At(3, 1000)]));
        Assert.Equal([2, 1], Serials(buffer.Add([])));
    }

    [Fact]
    public void A_start_whose_event_is_gone_from_the_log_goes_by_serials_alone()
    {
        var buffer = new EventBuffer(1_000_002);
        var due = buffer.Add([At(1_000_001, 10), At(1_000_003, 5), At(1_000_004, 900)]);
        Assert.Equal([1_000_003], Serials(due));
    }

    [Fact]
    public void Rows_that_were_read_already_are_passed_over()
    {
        var buffer = new EventBuffer(1_000_000);
        buffer.Add([At(1_000_001, 0), At(1_000_001, 0), At(1_000_002, 1)]);
        var due = buffer.Add([At(1_000_001, 0), At(1_000_002, 1), At(1_000_003, 999)]);
        Assert.Equal([1_000_001, 1_000_002], Serials(due));
    }

    [Fact]
    public void An_event_behind_a_higher_serial_waits_for_the_next_one_or_for_a_quiet_log()
    {
        var buffer = new EventBuffer(1_000_000);
        Assert.Equal([1_000_002], Serials(buffer.Add([At(1_000_001, 20), At(1_000_002, 10), At(1_000_003, 400)])));
        Assert.Equal(1_000_002, buffer.Serial);
        Assert.Empty(buffer.Add([]));
        Assert.Empty(buffer.Add([At(1_000_004, 621)]));
        Assert.Equal([1_000_001], Serials(buffer.Add([])));
        Assert.Equal([1_000_003], Serials(buffer.Add([At(1_000_005, 701)])));
    }

    [Theory]
    [InlineData("5 3 7 6 9 8", 4, 6, 5)]
    [InlineData("5 3 7 6 9 8", 4, 4, 3)]
    [InlineData("5 3 7 6 9 8", 4, 2, 1)]
    [InlineData("3 2 1 7 8", 4, 2, 4)]
    [InlineData("3 2 1", 4, 2, 3)]
    [InlineData("5 6 7", 4, 2, 2)]
    [InlineData("", 4, 2, 0)]
    public void A_slice_ends_where_its_serial_tells_what_came_before(
        string serials, long before, int most, int length) =>
        Assert.Equal(
            length,
            EventBuffer.SliceLength(
                [.. serials.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(s => At(long.Parse(s), 0))],
                before,
                most));

    /// <summary>Stopped after any slice of what was handed on, the next run hands on exactly the rest.</summary>
    [Property(MaxTest = 200)]
    public void A_stop_between_slices_loses_nothing_and_repeats_nothing(int seed)
    {
        var random = new Random(seed);
        var log = new ScriptedLog(random, 200, EventBuffer.SerialEpoch + 1);
        log.Publish(int.MaxValue / 2);
        var done = new List<long>();
        long serial = 0;
        for (var run = 0; run < 8; run++)
        {
            var buffer = new EventBuffer(serial);
            var due = buffer.Add(log.Since(buffer.ReadFrom, 100_000));
            for (var stop = run < 7 ? random.Next(5) : int.MaxValue; stop > 0 && due.Count > 0; stop--)
            {
                var slice = due.Take(EventBuffer.SliceLength(due, serial, 10)).ToList();
                done.AddRange(Serials(slice));
                serial = Math.Max(serial, slice.Max(e => e.Serial));
                due = [.. due.Skip(slice.Count)];
            }

            if (run == 7) done.AddRange(Serials(buffer.Add([])));
        }

        Assert.Equal(log.InOrder, done);
    }

    /// <summary>
    /// Restarts at any point, batches of any size, three minutes of jitter: each event once, in order.
    /// </summary>
    [Property(MaxTest = 300)]
    public void Nothing_is_handed_on_twice_and_nothing_skipped(int seed)
    {
        var random = new Random(seed);
        var log = new ScriptedLog(random, random.Next(1, 400), EventBuffer.SerialEpoch + random.Next(1, 5000));
        Assert.Equal(log.InOrder, Follow(log, random, restartOneIn: 4));
    }

    [Property(MaxTest = 30)]
    public void Nothing_is_lost_in_a_log_longer_than_what_a_restart_reads_again(int seed)
    {
        var random = new Random(seed);
        var log = new ScriptedLog(random, 9_000, EventBuffer.SerialEpoch + 1);
        Assert.Equal(log.InOrder, Follow(log, random, restartOneIn: 10));
    }

    [Property(MaxTest = 100)]
    public void The_wild_timestamps_before_the_epoch_are_handed_on_once_too(int seed)
    {
        var random = new Random(seed);
        var log = new ScriptedLog(random, random.Next(2, 300), EventBuffer.SerialEpoch - 100);
        Assert.Equal(log.InOrder, Follow(log, random, restartOneIn: 5));
    }

    /// <summary>
    /// Where the log falls quiet now and then, the last few can come again after a restart, but in order: what each
    /// project's last event says is the same.
    /// </summary>
    [Property(MaxTest = 200)]
    public void A_quiet_log_has_the_same_effects(int seed)
    {
        var random = new Random(seed);
        var log = new ScriptedLog(random, random.Next(1, 200), EventBuffer.SerialEpoch + 1, gapMax: 400);
        var handedOn = Follow(log, random, restartOneIn: 4, pollAtEnd: true);
        Assert.Equal(LastOfEach(log.InOrder), LastOfEach(handedOn));
        Assert.Equal(log.InOrder.Order(), handedOn.Distinct().Order());
    }

    private static Dictionary<long, long> LastOfEach(IEnumerable<long> serials) =>
        serials.GroupBy(s => s % 7).ToDictionary(g => g.Key, g => g.Last());

    private static List<long> Follow(ScriptedLog log, Random random, int restartOneIn, bool pollAtEnd = false)
    {
        var handedOn = new List<long>();
        var buffer = new EventBuffer(0);
        var quiet = 0;
        while (quiet < 2)
        {
            var batch = log.Since(buffer.ReadFrom, random.Next(1, 600));
            if (batch.Count == 0)
            {
                quiet = log.Complete ? quiet + 1 : quiet;
                if (pollAtEnd || log.Complete) handedOn.AddRange(Serials(buffer.Add(batch)));
                log.Publish(random.Next(1, 600));
            }
            else
            {
                handedOn.AddRange(Serials(buffer.Add(batch)));
            }

            if (quiet == 0 && random.Next(restartOneIn) == 0) buffer = new EventBuffer(buffer.Serial);
        }

        return handedOn;
    }

    private static PypiEvent At(long serial, int seconds) =>
        new("name", null, Start.AddSeconds(seconds), "create", serial);

    private static IEnumerable<long> Serials(IEnumerable<PypiEvent> events) => events.Select(e => e.Serial);

    /// <summary>
    /// A log that grows; its last event is a late one of no account, which lets all before it become due.
    /// </summary>
    private sealed class ScriptedLog
    {
        private readonly List<PypiEvent> _events = [];
        private int _published;

        internal ScriptedLog(Random random, int count, long serial, int gapMax = 3)
        {
            var at = 1_000_000;
            for (var i = 0; i < count; i++, serial += random.Next(1, 3))
            {
                at += random.Next(0, gapMax);
                var wild = serial <= EventBuffer.SerialEpoch ? random.Next(-300_000, 300_000) : random.Next(-89, 90);
                _events.Add(EventBufferTests.At(serial, at + wild));
            }

            InOrder = [.. _events
                .OrderBy(e => e.Serial > EventBuffer.SerialEpoch).ThenBy(e => e.Timestamp).ThenBy(e => e.Serial)
                .Select(e => e.Serial)];
            _events.Add(EventBufferTests.At(Math.Max(serial, EventBuffer.SerialEpoch + 1), at + 1_000_000));
            _published = random.Next(0, _events.Count);
        }

        internal List<long> InOrder { get; }

        internal bool Complete => _published == _events.Count;

        internal List<PypiEvent> Since(long serial, int limit) =>
            [.. _events.Take(_published).Where(e => e.Serial > serial).Take(limit)];

        internal void Publish(int count) => _published = Math.Min(_events.Count, _published + count);
    }
}
