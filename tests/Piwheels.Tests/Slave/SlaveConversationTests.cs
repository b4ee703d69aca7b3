using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Slave.Building;
using Piwheels.Slave.Conversation;
using Xunit;

namespace Piwheels.Tests.Slave;

public class SlaveConversationTests
{
    private const string Wheel = "tiny-1.0-py3-none-any.whl";

    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Release Tiny = new(PackageName.Parse("tiny"), "1.0");
    private static readonly Uri Index = new("https://pypi.org/simple");
    private static readonly BuildResult Failed = new(false, TimeSpan.FromSeconds(3), "error", []);
    private static readonly BuildResult Good = new(true, TimeSpan.FromSeconds(3), "fine", [File(Wheel)]);

    private static readonly SlaveHello Hello = new(
        TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", "cp311", "linux_armv7l", "pi4", "Debian", "12", "", "");

    private readonly SlaveConversation _conversation = new(Hello, new ConversationTimes(), new Random(1));
    private DateTimeOffset _now = Start;

    private static FileState File(string name) => new(
        name, 1, "", "tiny", "1.0", "py3", "none", "any", null, FileState.NoDependencies);

    private SlaveStep Next() => _conversation.Next(_now);

    private void Answer(SlaveReply reply) => _conversation.Receive(reply, _now);

    private void Pass(TimeSpan time) => _now += time;

    private void Expect<T>()
        where T : SlaveStep => Assert.IsType<T>(Next());

    private T ExpectWord<T>()
        where T : SlaveRequest => Assert.IsType<T>(Assert.IsType<SlaveStep.Say>(Next()).Request);

    /// <summary>Waits as long as the conversation wishes.</summary>
    private TimeSpan Rest()
    {
        var wait = Assert.IsType<SlaveStep.Wait>(Next()).Until - _now;
        Assert.True(wait > TimeSpan.Zero);
        Pass(wait);
        return wait;
    }

    private void Introduce()
    {
        Assert.Same(Hello, ExpectWord<SlaveRequest.Hello>().Slave);
        Answer(new SlaveReply.Ack(7, Index.AbsoluteUri));
        Assert.Equal(7, _conversation.SlaveId);
    }

    private void BeginBuild()
    {
        Introduce();
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Build(Tiny));
        Assert.Equal(new SlaveStep.StartBuild(Tiny, Index), Next());
    }

    private void Report(BuildResult result)
    {
        BeginBuild();
        _conversation.BuildEnded(result);
        ExpectWord<SlaveRequest.Built>();
    }

    private void BeginSending()
    {
        Report(Good);
        Answer(new SlaveReply.Send(Wheel));
        Assert.Equal(new SlaveStep.SendFile(7, Wheel), Next());
    }

    [Fact]
    public void A_good_build_goes_from_hello_to_the_next_idle()
    {
        BeginBuild();
        _conversation.BuildEnded(Good);
        var built = ExpectWord<SlaveRequest.Built>();
        Assert.True(built.Status);
        Assert.Equal((Good.Duration, Good.Output, Good.Files), (built.Duration, built.Output, built.Files));
        Answer(new SlaveReply.Send(Wheel));
        Assert.Equal(new SlaveStep.SendFile(7, Wheel), Next());
        Expect<SlaveStep.Wait>();
        _conversation.FileSent();
        ExpectWord<SlaveRequest.Sent>();
        Answer(new SlaveReply.Done());
        Expect<SlaveStep.DropBuild>();
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void A_failed_build_is_reported_and_dropped()
    {
        Report(Failed);
        Answer(new SlaveReply.Done());
        Expect<SlaveStep.DropBuild>();
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void A_file_may_be_asked_for_again()
    {
        BeginSending();
        _conversation.FileSent();
        ExpectWord<SlaveRequest.Sent>();
        Answer(new SlaveReply.Send(Wheel));
        Assert.Equal(new SlaveStep.SendFile(7, Wheel), Next());
        Expect<SlaveStep.Wait>();
        _conversation.FileSent();
        ExpectWord<SlaveRequest.Sent>();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_work_the_slave_rests_five_to_ten_seconds_and_asks_again(bool paused)
    {
        Introduce();
        for (var round = 0; round < 20; round++)
        {
            Expect<SlaveStep.SayIdle>();
            Answer(new SlaveReply.Sleep(paused));
            Assert.InRange(Rest(), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
        }
    }

    [Fact]
    public void The_rest_can_be_configured()
    {
        var conversation = new SlaveConversation(
            Hello, new ConversationTimes { IdleInterval = TimeSpan.FromSeconds(1) }, new Random(1));
        conversation.Next(Start);
        conversation.Receive(new SlaveReply.Ack(1, Index.AbsoluteUri), Start);
        Assert.IsType<SlaveStep.SayIdle>(conversation.Next(Start));
        conversation.Receive(new SlaveReply.Sleep(false), Start);
        Assert.Equal(new SlaveStep.Wait(Start.AddSeconds(1)), conversation.Next(Start));
    }

    [Fact]
    public void While_a_build_runs_the_slave_says_so_every_five_to_ten_seconds()
    {
        BeginBuild();
        for (var round = 0; round < 20; round++)
        {
            Assert.InRange(Rest(), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
            Expect<SlaveStep.SayBusy>();
            Answer(new SlaveReply.Cont());
        }

        _conversation.BuildEnded(Failed);
        ExpectWord<SlaveRequest.Built>();
    }

    [Fact]
    public void A_build_that_ends_while_an_answer_is_due_is_reported_after_it()
    {
        BeginBuild();
        Rest();
        Expect<SlaveStep.SayBusy>();
        _conversation.BuildEnded(Failed);
        Expect<SlaveStep.Wait>();
        Answer(new SlaveReply.Cont());
        ExpectWord<SlaveRequest.Built>();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void DONE_at_BUSY_drops_the_build_finished_or_not(bool finished)
    {
        BeginBuild();
        Rest();
        Expect<SlaveStep.SayBusy>();
        if (finished) _conversation.BuildEnded(Good);
        Answer(new SlaveReply.Done());
        Expect<SlaveStep.DropBuild>();
        Expect<SlaveStep.SayIdle>();
        _conversation.BuildEnded(Good); // Too late: nobody wants it any more
        Answer(new SlaveReply.Sleep(false));
        Expect<SlaveStep.Wait>();
    }

    [Fact]
    public void While_a_file_is_sent_the_master_hears_now_and_then_that_the_slave_lives()
    {
        BeginSending();
        Assert.Equal(Hello.BusyTimeout / 4, Rest());
        Expect<SlaveStep.SayBusy>();
        _conversation.FileSent();
        Answer(new SlaveReply.Cont());
        ExpectWord<SlaveRequest.Sent>();
    }

    [Fact]
    public void A_master_that_is_silent_for_the_busy_timeout_loses_the_build()
    {
        BeginBuild();
        Rest();
        Expect<SlaveStep.SayBusy>();
        Assert.Equal(Hello.BusyTimeout, Rest());
        Expect<SlaveStep.DropBuild>();
        Assert.Contains("BUSY", Assert.IsType<SlaveStep.StartOver>(Next()).Reason, StringComparison.Ordinal);
        ExpectWord<SlaveRequest.Hello>();
    }

    [Fact]
    public void An_answer_in_the_last_moment_keeps_the_build()
    {
        BeginBuild();
        Rest();
        Expect<SlaveStep.SayBusy>();
        Pass(Hello.BusyTimeout - TimeSpan.FromMilliseconds(1));
        Expect<SlaveStep.Wait>();
        Answer(new SlaveReply.Cont());
        Assert.InRange(Rest(), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
        Expect<SlaveStep.SayBusy>();
    }

    [Fact]
    public void Without_a_build_a_silent_master_is_given_up_sooner()
    {
        Introduce();
        Expect<SlaveStep.SayIdle>();
        Assert.Equal(TimeSpan.FromMinutes(1), Rest());
        Expect<SlaveStep.StartOver>();
        ExpectWord<SlaveRequest.Hello>();
        Assert.Equal(TimeSpan.FromMinutes(1), Rest());
        Expect<SlaveStep.StartOver>();
    }

    [Fact]
    public void A_file_that_cannot_be_sent_means_a_new_start_after_a_rest()
    {
        BeginSending();
        _conversation.FileNotSent("the master fell silent", _now);
        Expect<SlaveStep.DropBuild>();
        Assert.Equal(new SlaveStep.StartOver("the master fell silent"), Next());
        Rest();
        ExpectWord<SlaveRequest.Hello>();
    }

    public static TheoryData<SlaveReply> WrongAnswersToIdle =>
    [
        new SlaveReply.Ack(1, "https://pypi.org/simple"), new SlaveReply.Cont(), new SlaveReply.Done(),
        new SlaveReply.Send(Wheel),
    ];

    [Theory]
    [MemberData(nameof(WrongAnswersToIdle))]
    public void An_answer_out_of_order_means_a_new_start_after_a_rest(SlaveReply reply)
    {
        Introduce();
        Expect<SlaveStep.SayIdle>();
        Answer(reply);
        Assert.Contains("answered IDLE with " + reply.Name, Assert.IsType<SlaveStep.StartOver>(Next()).Reason, StringComparison.Ordinal);
        Assert.InRange(Rest(), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
        ExpectWord<SlaveRequest.Hello>();
    }

    [Theory]
    [InlineData("")]
    [InlineData("simple")]
    [InlineData("--trusted-host=example.org")]
    [InlineData("ftp://example.org/simple")]
    public void An_index_that_is_no_URL_means_a_new_start_after_a_rest(string url)
    {
        ExpectWord<SlaveRequest.Hello>();
        Answer(new SlaveReply.Ack(1, url));
        Expect<SlaveStep.StartOver>();
        Expect<SlaveStep.Wait>();
    }

    [Theory]
    [InlineData("other-1.0-py3-none-any.whl")]
    [InlineData("../tiny-1.0-py3-none-any.whl")]
    [InlineData("/etc/passwd")]
    public void A_file_that_was_never_made_is_not_sent(string filename)
    {
        Report(Good);
        Answer(new SlaveReply.Send(filename));
        Expect<SlaveStep.DropBuild>();
        Expect<SlaveStep.StartOver>();
    }

    [Fact]
    public void An_answer_that_nobody_waits_for_is_passed_over()
    {
        Introduce();
        Answer(new SlaveReply.Build(Tiny));
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void DIE_ends_the_slave_with_BYE()
    {
        Introduce();
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Die());
        ExpectWord<SlaveRequest.Bye>();
        Assert.Equal(new SlaveStep.End(SlaveEnd.Dismissed), Next());
        Assert.Equal(new SlaveStep.End(SlaveEnd.Dismissed), Next());
    }

    [Fact]
    public void DIE_as_the_first_answer_ends_the_slave_without_BYE()
    {
        ExpectWord<SlaveRequest.Hello>();
        Answer(new SlaveReply.Die());
        Expect<SlaveStep.End>();
    }

    [Fact]
    public void DIE_drops_the_build()
    {
        Report(Good);
        Answer(new SlaveReply.Die());
        Expect<SlaveStep.DropBuild>();
        ExpectWord<SlaveRequest.Bye>();
        Expect<SlaveStep.End>();
    }

    [Fact]
    public void A_stop_before_the_first_word_ends_at_once()
    {
        _conversation.Stop(_now);
        Assert.Equal(new SlaveStep.End(SlaveEnd.Stopped), Next());
    }

    [Fact]
    public void A_stop_while_resting_says_BYE_at_once()
    {
        Introduce();
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Sleep(true));
        _conversation.Stop(_now);
        ExpectWord<SlaveRequest.Bye>();
        Assert.Equal(new SlaveStep.End(SlaveEnd.Stopped), Next());
    }

    [Fact]
    public void A_stop_while_building_drops_the_build_and_says_BYE()
    {
        BeginBuild();
        _conversation.Stop(_now);
        Expect<SlaveStep.DropBuild>();
        ExpectWord<SlaveRequest.Bye>();
        Expect<SlaveStep.End>();
    }

    [Fact]
    public void A_stop_while_an_answer_is_due_waits_for_it_and_says_BYE()
    {
        BeginSending();
        _conversation.FileSent();
        ExpectWord<SlaveRequest.Sent>();
        _conversation.Stop(_now);
        Expect<SlaveStep.DropBuild>();
        Expect<SlaveStep.Wait>();
        Answer(new SlaveReply.Done());
        ExpectWord<SlaveRequest.Bye>();
        Assert.Equal(new SlaveStep.End(SlaveEnd.Stopped), Next());
    }

    [Fact]
    public void A_stop_does_not_wait_long_for_a_silent_master()
    {
        Introduce();
        Expect<SlaveStep.SayIdle>();
        _conversation.Stop(_now);
        Assert.Equal(TimeSpan.FromSeconds(2), Rest());
        Expect<SlaveStep.End>();
    }

    [Fact]
    public void Work_that_comes_after_the_stop_is_not_begun()
    {
        Introduce();
        Expect<SlaveStep.SayIdle>();
        _conversation.Stop(_now);
        Answer(new SlaveReply.Build(Tiny));
        ExpectWord<SlaveRequest.Bye>();
        Expect<SlaveStep.End>();
    }

    [Fact]
    public void An_old_master_gets_file_states_without_location()
    {
        var conversation = new SlaveConversation(Hello, new ConversationTimes(), new Random(1), FileStateForm.WithoutLocation);
        conversation.Next(Start);
        conversation.Receive(new SlaveReply.Ack(1, Index.AbsoluteUri), Start);
        conversation.Next(Start);
        conversation.Receive(new SlaveReply.Build(Tiny), Start);
        conversation.Next(Start);
        conversation.BuildEnded(Good);

        var built = Assert.IsType<SlaveRequest.Built>(Assert.IsType<SlaveStep.Say>(conversation.Next(Start)).Request);
        Assert.Equal(FileStateForm.WithoutLocation, built.Form);
    }
}
