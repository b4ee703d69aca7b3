using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Slave.Building;
using Piwheels.Slave.Conversation;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>When a slave tells what its build prints: to a master of this program that asks, and else never.</summary>
public sealed class FollowedConversationTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Release Tiny = new(PackageName.Parse("tiny"), "1.0");
    private static readonly SlaveReply.Ack Own = new(7, "https://pypi.org/simple", [], AsksTail: true);
    private static readonly SlaveReply.Tail Tail = new(5, TimeSpan.FromSeconds(1));

    private readonly SlaveConversation _conversation = new(
        new SlaveHello(TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", "cp311", "linux_armv7l", "pi4", "Debian", "12", "", ""),
        new ConversationTimes(), new Random(1));

    private DateTimeOffset _now = Start;

    [Fact]
    public void A_master_that_asks_whether_it_may_is_told_so()
    {
        Greet(Own);
        Assert.True(Assert.IsType<SlaveStep.SayFacts>(Next()).Tail);
        Answer(new SlaveReply.Cont());
        Assert.IsType<SlaveStep.SayIdle>(Next());
    }

    [Fact]
    public void What_is_asked_is_told_at_once_and_the_next_word_comes_soon()
    {
        Build();
        Answer(Tail);
        Assert.Equal(new SlaveStep.SayPrinted(5), Next());
        Assert.IsType<SlaveStep.Wait>(Next());
        Answer(new SlaveReply.Cont());
        Assert.Equal(_now + TimeSpan.FromSeconds(1), Assert.IsType<SlaveStep.Wait>(Next()).Until);
    }

    [Fact]
    public void When_nobody_asks_any_more_it_speaks_as_seldom_as_before()
    {
        Build();
        Answer(Tail);
        Next();
        Answer(new SlaveReply.Cont());
        _now += TimeSpan.FromSeconds(1);
        Assert.IsType<SlaveStep.SayBusy>(Next());
        Answer(new SlaveReply.Cont());
        Assert.InRange(
            Assert.IsType<SlaveStep.Wait>(Next()).Until - _now, ConversationTimes.IntervalMin, ConversationTimes.IntervalMax);
    }

    [Theory]
    [InlineData(0, 0.2)]
    [InlineData(-5, 0.2)]
    [InlineData(0.5, 0.5)]
    public void However_soon_a_master_wants_it_there_are_moments_between(double wanted, double waited)
    {
        Build();
        Answer(new SlaveReply.Tail(0, TimeSpan.FromSeconds(wanted)));
        Next();
        Answer(new SlaveReply.Cont());
        Assert.Equal(_now + TimeSpan.FromSeconds(waited), Assert.IsType<SlaveStep.Wait>(Next()).Until);
    }

    [Fact]
    public void However_late_a_master_wants_it_the_slave_stays_known()
    {
        Build();
        Answer(new SlaveReply.Tail(0, TimeSpan.FromDays(9)));
        Next();
        Answer(new SlaveReply.Cont());
        Assert.True(Assert.IsType<SlaveStep.Wait>(Next()).Until <= _now + ConversationTimes.IntervalMax);
    }

    [Fact]
    public void A_build_that_ends_meanwhile_is_told_after_that()
    {
        Build();
        Answer(Tail);
        _conversation.BuildEnded(new BuildResult(false, TimeSpan.FromSeconds(3), "error", []));
        Assert.IsType<SlaveStep.SayPrinted>(Next());
        Answer(new SlaveReply.Cont());
        Assert.IsType<SlaveRequest.Built>(Assert.IsType<SlaveStep.Say>(Next()).Request);
    }

    [Fact]
    public void A_build_may_be_dropped_as_it_tells()
    {
        Build();
        Answer(Tail);
        Next();
        Answer(new SlaveReply.Done());
        Assert.IsType<SlaveStep.DropBuild>(Next());
        Assert.IsType<SlaveStep.SayIdle>(Next());
    }

    [Fact]
    public void A_slave_that_is_stopped_tells_nothing_any_more()
    {
        Build();
        _conversation.Stop(_now);
        Answer(Tail);
        Assert.IsType<SlaveStep.DropBuild>(Next());
        Assert.IsType<SlaveRequest.Bye>(Assert.IsType<SlaveStep.Say>(Next()).Request);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(null)]
    public void A_master_that_did_not_say_so_before_is_told_nothing(bool? own)
    {
        Greet(own is null ? new SlaveReply.Ack(7, "https://pypi.org/simple") : Own with { AsksTail = false });
        Assert.IsType<SlaveStep.SayIdle>(Next());
        Begin();
        Answer(Tail);
        Assert.IsType<SlaveStep.DropBuild>(Next());
        Assert.IsType<SlaveStep.StartOver>(Next());
    }

    [Fact]
    public void After_a_new_start_it_is_a_stranger_again()
    {
        Build();
        Answer(Tail);
        Next();
        Answer(new SlaveReply.Sleep(Paused: false));
        Assert.IsType<SlaveStep.DropBuild>(Next());
        Assert.IsType<SlaveStep.StartOver>(Next());
        _now = Assert.IsType<SlaveStep.Wait>(Next()).Until;
        Greet(new SlaveReply.Ack(1, "https://pypi.org/simple"));
        Assert.IsType<SlaveStep.SayIdle>(Next());
    }

    private void Greet(SlaveReply.Ack ack)
    {
        Assert.IsType<SlaveRequest.Hello>(Assert.IsType<SlaveStep.Say>(Next()).Request);
        Answer(ack);
    }

    /// <summary>Up to the first BUSY, to a master that may ask.</summary>
    private void Build()
    {
        Greet(Own);
        Next();
        Answer(new SlaveReply.Cont());
        Next();
        Begin();
    }

    private void Begin()
    {
        Answer(new SlaveReply.Build(Tiny));
        Assert.IsType<SlaveStep.StartBuild>(Next());
        _now = Assert.IsType<SlaveStep.Wait>(Next()).Until;
        Assert.IsType<SlaveStep.SayBusy>(Next());
    }

    private SlaveStep Next() => _conversation.Next(_now);

    private void Answer(SlaveReply reply) => _conversation.Receive(reply, _now);
}
