using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>What is told to those who follow builds, and how much is kept for them.</summary>
public sealed class LiveDeskTests
{
    private static readonly LiveTopic Numpy = new(Slaves.Numpy, Slaves.Hello.Target);
    private static readonly SlaveRequest Busy = new SlaveRequest.Busy(Slaves.Stats);

    private readonly List<(string Topic, LiveMessage Message)> _told = [];
    private readonly LiveDesk _desk;
    private DateTimeOffset _now = Slaves.Start;
    private int _slaves;

    public LiveDeskTests() => _desk = new LiveDesk((topic, message) => _told.Add((Encoding.ASCII.GetString(topic.Span), message)));

    [Fact]
    public void What_nobody_follows_is_neither_asked_for_nor_told()
    {
        var slave = Build(Slaves.Numpy);
        _desk.Tick(_now);
        Assert.IsType<SlaveReply.Cont>(Say(slave));
        _desk.Ended(slave, Slaves.Numpy, 1, status: true);
        Assert.Empty(_told);
    }

    [Fact]
    public void Who_comes_hears_what_runs_then_what_is_kept_then_what_is_new()
    {
        var slave = Build(Slaves.Numpy);
        Follow(Numpy);
        Assert.Equal(new LiveMessage.Running("pi-1", Slaves.Start, LiveReach.Followed), Told());
        _desk.Tick(_now);
        Assert.Empty(Assert.IsType<LiveMessage.Kept>(_told[^1].Message).Pieces);
        Print(slave, 0, "abc");
        Assert.Equal("0 abc", TextOf(Assert.IsType<LiveMessage.Printed>(Told()).Piece));

        Follow(Numpy);
        Assert.IsType<LiveMessage.Running>(Told());
        _desk.Tick(_now);
        Assert.Equal(["0 abc"], Assert.IsType<LiveMessage.Kept>(Told()).Pieces.Select(TextOf));
        Assert.Equal(1, _desk.FollowedCount);
    }

    [Fact]
    public void What_is_kept_is_told_once_a_tick_however_many_come()
    {
        Build(Slaves.Numpy);
        for (var n = 0; n < 100; n++) Follow(Numpy);
        _desk.Tick(_now);
        _now += LiveDesk.TickInterval;
        _desk.Tick(_now);
        Assert.Single(_told, told => told.Message is LiveMessage.Kept);
    }

    [Fact]
    public void It_is_said_now_and_then_that_a_build_goes_on()
    {
        Build(Slaves.Numpy);
        Follow(Numpy);
        _desk.Tick(_now);
        _told.Clear();
        for (var passed = TimeSpan.Zero; passed < LiveDesk.BeatInterval; passed += LiveDesk.TickInterval)
        {
            Assert.Empty(_told);
            _desk.Tick(_now += LiveDesk.TickInterval);
        }

        Assert.IsType<LiveMessage.Running>(Told());
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(4711L, true)]
    public void The_end_is_told_with_the_number_of_the_record(long? buildId, bool status)
    {
        var slave = Build(Slaves.Numpy);
        Follow(Numpy);
        _desk.Ended(slave, Slaves.Numpy, buildId, status);
        Assert.Equal(new LiveMessage.Ended(buildId, status), Told());
        Assert.Null(slave.Live);
        _told.Clear();
        _desk.Ended(slave, Slaves.Numpy);
        Assert.Empty(_told);
        Assert.Equal(0, _desk.FollowedCount);
    }

    [Fact]
    public void A_build_is_another_slaves_when_that_has_begun_it()
    {
        var gone = Build(Slaves.Numpy);
        var slave = Build(Slaves.Numpy);
        Follow(Numpy);
        _desk.Ended(gone, Slaves.Numpy);
        Assert.DoesNotContain(_told, told => told.Message is LiveMessage.Ended);
        Assert.NotNull(slave.Live);
    }

    [Fact]
    public void What_does_not_run_has_ended()
    {
        Follow(Numpy);
        Assert.Equal(new LiveMessage.Ended(null, Status: false), Told());
    }

    [Fact]
    public void When_the_last_has_gone_the_slave_is_asked_no_more()
    {
        var slave = Build(Slaves.Numpy);
        Follow(Numpy);
        Assert.IsType<SlaveReply.Tail>(Say(slave));
        _desk.Unsubscribed(Numpy.ToBytes());
        _desk.Printed(slave, new OutputPiece(0, "late"u8.ToArray()));
        _now += LiveLog.AskInterval;
        Assert.IsType<SlaveReply.Cont>(Say(slave));
        Assert.Single(_told);
    }

    [Fact]
    public void A_mute_slave_is_told_as_such()
    {
        var slave = Build(Slaves.Numpy, sends: false);
        Follow(Numpy);
        Assert.Equal(LiveReach.Mute, Assert.IsType<LiveMessage.Running>(Told()).Reach);
        Assert.IsType<SlaveReply.Cont>(Say(slave));
        _desk.Ended(slave, Slaves.Numpy);
        Assert.IsType<LiveMessage.Ended>(Told());
    }

    [Fact]
    public void Only_so_many_are_followed_at_a_time()
    {
        var slaves = Enumerable.Range(0, LiveDesk.FollowedMax + 1).Select(n => Build(Version(n))).ToList();
        for (var n = 0; n < LiveDesk.FollowedMax; n++) Follow(new LiveTopic(Version(n), Slaves.Hello.Target));
        Follow(new LiveTopic(Version(LiveDesk.FollowedMax), Slaves.Hello.Target));
        Assert.Equal(LiveReach.Full, Assert.IsType<LiveMessage.Running>(Told()).Reach);
        Assert.Null(slaves[^1].Live);
        Assert.Equal(LiveDesk.FollowedMax, _desk.FollowedCount);
    }

    [Fact]
    public void Told_is_what_is_new_whatever_offset_a_slave_claims()
    {
        var slave = Build(Slaves.Numpy);
        Follow(Numpy);
        Print(slave, 0, "abc");
        _told.Clear();
        Print(slave, 0, "abc");
        Print(slave, 1, "b");
        Assert.Empty(_told);
        Print(slave, 1L << 49, "x");
        Assert.Equal($"{1L << 49} x", TextOf(Assert.IsType<LiveMessage.Printed>(Told()).Piece));
    }

    [Fact]
    public void Subscriptions_of_nonsense_are_answered_by_nothing_and_kept_nowhere()
    {
        Build(Slaves.Numpy);
        foreach (var text in (string[])["", "b", "builds", "numpy 2.1.0 cp311 linux_armv7l", "\n", "\0\0", "numpy\n"])
        {
            _desk.Subscribed(Encoding.UTF8.GetBytes(text));
            _desk.Unsubscribed(Encoding.UTF8.GetBytes(text));
        }

        _desk.Subscribed(new byte[] { 0xff, 0xfe });
        _desk.Subscribed(new byte[10_000]);
        _desk.Tick(_now);
        Assert.Empty(_told);
        for (var n = 0; n < 5_000; n++) Follow(new LiveTopic(Version(n), Slaves.Hello.Target));
        Assert.Equal(0, _desk.FollowedCount);
        Assert.All(_told, told => Assert.IsType<LiveMessage.Ended>(told.Message));
    }

    [Fact]
    public void The_list_is_told_to_who_comes_and_when_it_has_changed()
    {
        var slave = Build(Slaves.Numpy, sends: false);
        _now += TimeSpan.FromSeconds(5);
        Build(Version(1));
        _desk.Subscribed(LiveTopic.All);
        _desk.Tick(_now);
        var builds = Assert.IsType<LiveMessage.Builds>(Told());
        Assert.Equal(2, builds.Count);
        Assert.Equal([Version(1), Slaves.Numpy], builds.First.Select(build => build.Topic.Release));
        Assert.Equal([LiveReach.Followed, LiveReach.Mute], builds.First.Select(build => build.Reach));

        _desk.Tick(_now);
        Assert.Single(_told);
        _desk.Ended(slave, Slaves.Numpy, 1, status: true);
        _desk.Tick(_now);
        Assert.Equal(1, Assert.IsType<LiveMessage.Builds>(Told()).Count);
        _desk.Unsubscribed(LiveTopic.All);
        Build(Version(2));
        _desk.Tick(_now);
        Assert.Equal(2, _told.Count);
    }

    [Fact]
    public void A_long_list_names_the_newest()
    {
        for (var n = 0; n <= LiveMessage.BuildsMax; n++)
        {
            _now += TimeSpan.FromSeconds(1);
            Build(Version(n));
        }

        _desk.Subscribed(LiveTopic.All);
        _desk.Tick(_now);
        var builds = Assert.IsType<LiveMessage.Builds>(Told());
        Assert.Equal(LiveMessage.BuildsMax + 1, builds.Count);
        Assert.Equal(LiveMessage.BuildsMax, builds.First.Count);
        Assert.Equal(Version(LiveMessage.BuildsMax), builds.First[0].Topic.Release);
    }

    private static Release Version(int number) => new(PackageName.Parse("many"), $"1.{number}");

    private SlaveSession Build(Release release, bool sends = true)
    {
        var slave = new SlaveSession(++_slaves, Slaves.Address(_slaves), Slaves.Hello.Marked, _now);
        slave.Replied(slave.Welcome("https://pypi.org/simple", [], tail: true), _now);
        slave.Receive(new SlaveRequest.Facts([], sends), _now);
        slave.Replied(slave.Assign(release, _now), _now);
        _desk.Began(slave);
        return slave;
    }

    private void Follow(LiveTopic topic) => _desk.Subscribed(topic.ToBytes());

    private SlaveReply Say(SlaveSession slave)
    {
        var reply = Assert.IsType<SlaveStep.Answer>(slave.Receive(Busy, _now)).Reply;
        slave.Replied(reply, _now);
        return reply;
    }

    private void Print(SlaveSession slave, long offset, string text) =>
        _desk.Printed(slave, new OutputPiece(offset, Encoding.UTF8.GetBytes(text)));

    private LiveMessage Told() => _told[^1].Message;

    private static string TextOf(OutputPiece piece) => $"{piece.Offset} {Encoding.UTF8.GetString(piece.Bytes.Span)}";
}
