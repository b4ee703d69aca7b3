using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>Who is asked what its build prints, and when it may say so.</summary>
public sealed class FollowedSessionTests
{
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);
    private static readonly SlaveRequest Busy = new SlaveRequest.Busy(Slaves.Stats);
    private static readonly SlaveRequest Nothing = Printed(0, "");

    private readonly SlaveSession _slave = new(7, Slaves.Address(1), Slaves.Hello.Marked, Slaves.Start);
    private DateTimeOffset _now = Slaves.Start;

    [Fact]
    public void A_slave_can_be_asked_when_it_was_asked_whether_it_can()
    {
        Assert.True(_slave.Welcome("https://pypi.org/simple", [], tail: true).AsksTail);
        Receive(new SlaveRequest.Facts([], TellsTail: true));
        Assert.True(_slave.SendsOutput);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Any_other_slave_cannot(bool asked, bool told)
    {
        _slave.Welcome("https://pypi.org/simple", [], asked);
        Receive(new SlaveRequest.Facts([], told));
        Assert.False(_slave.SendsOutput);
    }

    [Fact]
    public void A_slave_of_piwheels_is_asked_nothing()
    {
        var python = new SlaveSession(8, Slaves.Address(2), Slaves.Hello, Slaves.Start);
        Assert.Equal(new SlaveReply.Ack(8, "https://pypi.org/simple"), python.Welcome("https://pypi.org/simple", [], tail: true));
    }

    [Fact]
    public void Nobody_is_asked_what_nobody_follows()
    {
        Build();
        Assert.Equal(new SlaveReply.Cont(), Answer(Busy));
    }

    [Fact]
    public void A_mute_slave_is_asked_nothing_however_many_follow_it()
    {
        Build(sends: false);
        Assert.Equal(new SlaveReply.Cont(), Answer(Busy));
    }

    [Fact]
    public void A_followed_build_is_asked_for_what_is_not_known_yet()
    {
        Build(sends: true);
        Ask(0);
        Pass(Printed(0, "abc"));
        Later();
        Ask(3);
        // More was printed since than a piece holds
        Pass(Printed(1000, "xyz"));
        Later();
        Ask(1003);
    }

    [Fact]
    public void A_slave_that_speaks_too_often_is_not_asked_so_often()
    {
        Build(sends: true);
        Ask(0);
        Pass(Nothing);
        Assert.Equal(new SlaveReply.Cont(), Answer(Busy));
        Later();
        Ask(0);
    }

    [Fact]
    public void What_is_asked_need_not_be_told()
    {
        Build(sends: true);
        Ask(0);
        Later();
        Ask(0);
        Assert.IsType<SlaveStep.RecordFailure>(Receive(Slaves.Failed()));
    }

    [Theory]
    [InlineData(SlavePhase.Greeted)]
    [InlineData(SlavePhase.Sleeping)]
    [InlineData(SlavePhase.Done)]
    [InlineData(SlavePhase.Dying)]
    public void Printed_without_a_build_is_answered_by_die(SlavePhase phase)
    {
        if (phase == SlavePhase.Sleeping) Reply(new SlaveReply.Sleep(Paused: false));
        if (phase == SlavePhase.Done) Reply(new SlaveReply.Done());
        if (phase == SlavePhase.Dying) Reply(new SlaveReply.Die());
        Assert.Equal(phase, _slave.Phase);
        Assert.Equal(new SlaveReply.Die(), Assert.IsType<SlaveStep.Answer>(Receive(Nothing)).Reply);
    }

    [Theory]
    [InlineData("never asked")]
    [InlineData("asked before the last word")]
    [InlineData("told already")]
    [InlineData("while files are sent")]
    public void Printed_that_was_not_asked_for_loses_the_build(string when)
    {
        Build(sends: true);
        if (when != "never asked") Ask(0);
        if (when == "told already") Pass(Nothing);
        if (when == "asked before the last word") Assert.Equal(new SlaveReply.Cont(), Answer(Busy));
        if (when == "while files are sent")
        {
            Receive(Slaves.Built(Slaves.File(Slaves.NumpyWheel)));
            Reply(new SlaveReply.Send(Slaves.NumpyWheel));
        }

        AssertLost(Receive(Nothing));
    }

    [Fact]
    public void Printed_from_before_what_was_asked_for_loses_the_build()
    {
        Build(sends: true);
        Ask(0);
        Pass(Printed(0, "abc"));
        Later();
        Ask(3);
        AssertLost(Receive(Printed(2, "c")));
    }

    [Fact]
    public void A_build_that_is_taken_back_is_dropped_at_what_it_prints()
    {
        Build(sends: true);
        Ask(0);
        _slave.TakeBack("skipped");
        Assert.Equal(new SlaveReply.Done(), Assert.IsType<SlaveStep.Drop>(Receive(Printed(0, "abc"))).Reply);
    }

    [Fact]
    public void Being_asked_is_no_last_reply()
    {
        Build(sends: true);
        Ask(0);
        Assert.IsType<SlaveReply.Build>(_slave.LastReply);
        Assert.Equal(SlavePhase.Building, _slave.Phase);
        AssertLost(Receive(Idle));
    }

    private static SlaveRequest.Printed Printed(long offset, string text) =>
        new(new OutputPiece(offset, System.Text.Encoding.UTF8.GetBytes(text)));

    private void Build(bool? sends = null)
    {
        Receive(Idle);
        Reply(_slave.Assign(Slaves.Numpy, _now));
        if (sends is { } can) _slave.Live = new LiveLog(can);
    }

    private void Later() => _now += LiveLog.AskInterval;

    private SlaveStep Receive(SlaveRequest request) => _slave.Receive(request, _now);

    private void Reply(SlaveReply reply) => _slave.Replied(reply, _now);

    /// <summary>Says BUSY; it is answered, and the answer sent.</summary>
    private SlaveReply Answer(SlaveRequest request)
    {
        var reply = Assert.IsType<SlaveStep.Answer>(Receive(request)).Reply;
        Reply(reply);
        return reply;
    }

    private void Ask(long offset) => Assert.Equal(new SlaveReply.Tail(offset, LiveLog.AskInterval), Answer(Busy));

    private void Pass(SlaveRequest printed)
    {
        _slave.Live!.Add(Assert.IsType<SlaveStep.PassOn>(Receive(printed)).Piece);
        Reply(new SlaveReply.Cont());
    }

    private static void AssertLost(SlaveStep step) =>
        Assert.IsType<SlaveReply.Die>(Assert.IsType<SlaveStep.Drop>(step).Reply);
}
