using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Slave.Building;
using Piwheels.Slave.Conversation;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>Each state that a conversation can be in, and what may happen in any of them.</summary>
public class SlaveStatesTests
{
    private const string Wheel = "tiny-1.0-py3-none-any.whl";

    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Release Tiny = new(PackageName.Parse("tiny"), "1.0");
    private static readonly ConversationTimes Times = new();

    private static readonly SlaveHello Hello = new(
        TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", "cp311", "linux_armv7l", "pi4", "Debian", "12", "", "");

    private static readonly BuildResult Failed = new(false, TimeSpan.FromSeconds(3), "error", []);

    private static readonly BuildResult Good = new(true, TimeSpan.FromSeconds(3), "fine",
        [new FileState(Wheel, 1, "", "tiny", "1.0", "py3", "none", "any", null, FileState.NoDependencies)]);

    /// <summary>What has been heard and done, step by step; the last one names the state.</summary>
    private static readonly string[] Path =
    [
        "new", "hello said", "greeted", "idle said", "told to sleep", "idle said again", "told to build", "building", "busy said",
        "told to go on", "built", "result said", "told to send", "sending", "busy said while sending", "told to go on sending",
        "sent", "sent said", "done", "idle said after a build",
    ];

    private static readonly string[] ShortPath = ["short", "busy said when short", "told to go on when short", "told it is done when short"];

    public static TheoryData<string, FileStateForm> States =>
    [
        .. from state in Path.Concat(ShortPath)
           from form in Enum.GetValues<FileStateForm>()
           select new TheoryDataRow<string, FileStateForm>(state, form),
    ];

    private DateTimeOffset _now = Start;

    private static bool HasBuild(string state) =>
        Array.IndexOf(Path, state) is var at && at >= Array.IndexOf(Path, "told to build") && at < Array.IndexOf(Path, "done");

    private static bool AwaitsAnswer(string state) => state.Contains(" said", StringComparison.Ordinal);

    private static bool IsStranger(string state) => state is "new" or "hello said";

    private SlaveConversation In(string state, FileStateForm form)
    {
        var conversation = new SlaveConversation(Hello, Times, new Random(1), form);
        if (ShortPath.Contains(state)) return InShort(conversation, state);
        foreach (var each in Path)
        {
            Enter(conversation, each, form);
            if (each == state) return conversation;
        }

        throw new ArgumentException(state, nameof(state));
    }

    private SlaveConversation InShort(SlaveConversation conversation, string state)
    {
        foreach (var each in Path[..3]) Enter(conversation, each, FileStateForm.WithLocation);
        conversation.Shortage = "no disk";
        if (state == "short") return conversation;
        Assert.IsType<SlaveStep.SayBusy>(conversation.Next(_now));
        if (state == "busy said when short") return conversation;
        conversation.Receive(state == "told to go on when short" ? new SlaveReply.Cont() : new SlaveReply.Done(), _now);
        return conversation;
    }

    private void Enter(SlaveConversation conversation, string state, FileStateForm form)
    {
        switch (state)
        {
            case "hello said":
                Assert.IsType<SlaveRequest.Hello>(Word(conversation));
                break;
            case "greeted":
                conversation.Receive(new SlaveReply.Ack(7, "https://pypi.org/simple"), _now);
                break;
            case "idle said" or "idle said again" or "idle said after a build":
                Assert.IsType<SlaveStep.SayIdle>(conversation.Next(_now));
                break;
            case "told to sleep":
                conversation.Receive(new SlaveReply.Sleep(false), _now);
                _now = Assert.IsType<SlaveStep.Wait>(conversation.Next(_now)).Until;
                break;
            case "told to build":
                conversation.Receive(new SlaveReply.Build(Tiny), _now);
                break;
            case "building":
                Assert.IsType<SlaveStep.StartBuild>(conversation.Next(_now));
                _now = Assert.IsType<SlaveStep.Wait>(conversation.Next(_now)).Until;
                break;
            case "busy said" or "busy said while sending":
                Assert.IsType<SlaveStep.SayBusy>(conversation.Next(_now));
                break;
            case "told to go on" or "told to go on sending":
                conversation.Receive(new SlaveReply.Cont(), _now);
                break;
            case "built":
                conversation.BuildEnded(Good);
                break;
            case "result said":
                Assert.Equal(form, Assert.IsType<SlaveRequest.Built>(Word(conversation)).Form);
                break;
            case "told to send":
                conversation.Receive(new SlaveReply.Send(Wheel), _now);
                break;
            case "sending":
                Assert.Equal(new SlaveStep.SendFile(7, Wheel), conversation.Next(_now));
                _now = Assert.IsType<SlaveStep.Wait>(conversation.Next(_now)).Until;
                break;
            case "sent":
                conversation.FileSent();
                break;
            case "sent said":
                Assert.IsType<SlaveRequest.Sent>(Word(conversation));
                break;
            case "done":
                conversation.Receive(new SlaveReply.Done(), _now);
                Assert.IsType<SlaveStep.DropBuild>(conversation.Next(_now));
                break;
        }
    }

    private SlaveRequest Word(SlaveConversation conversation) => Assert.IsType<SlaveStep.Say>(conversation.Next(_now)).Request;

    /// <summary>Goes on until a step of this kind, waiting as it wishes; answers all steps on the way, and how long it took.</summary>
    private (List<SlaveStep> Steps, TimeSpan Took) Until<T>(SlaveConversation conversation)
        where T : SlaveStep
    {
        var began = _now;
        var steps = new List<SlaveStep>();
        while (steps.Count < 100)
        {
            var step = conversation.Next(_now);
            if (step is SlaveStep.Wait wait)
            {
                Assert.True(wait.Until > _now);
                _now = wait.Until;
                continue;
            }

            steps.Add(step);
            if (step is T) return (steps, _now - began);
        }

        throw new InvalidOperationException($"no {typeof(T).Name} after {steps.Count} steps");
    }

    [Theory]
    [MemberData(nameof(States))]
    public void SIGTERM_drops_the_build_says_BYE_and_ends(string state, FileStateForm form)
    {
        var conversation = In(state, form);

        conversation.Stop(_now);

        var (steps, took) = Until<SlaveStep.End>(conversation);
        Assert.Equal(new SlaveStep.End(SlaveEnd.Stopped), steps[^1]);
        Assert.Equal(AwaitsAnswer(state) ? Times.ByeTimeout : TimeSpan.Zero, took);
        Assert.Equal(HasBuild(state) ? 1 : 0, steps.Count(step => step is SlaveStep.DropBuild));
        // A request without its answer forbids another; and who never met us need not be told
        var bye = !AwaitsAnswer(state) && !IsStranger(state);
        Assert.Equal(bye ? 1 : 0, steps.Count(step => step is SlaveStep.Say { Request: SlaveRequest.Bye }));
        Assert.DoesNotContain(steps, step => step is SlaveStep.Say { Request: not SlaveRequest.Bye } or SlaveStep.SayIdle or SlaveStep.SayBusy);
        Assert.Equal(new SlaveStep.End(SlaveEnd.Stopped), conversation.Next(_now));
    }

    public static TheoryData<SlaveReply> Replies =>
    [
        new SlaveReply.Ack(7, "https://pypi.org/simple"), new SlaveReply.Sleep(true), new SlaveReply.Build(Tiny),
        new SlaveReply.Cont(), new SlaveReply.Done(), new SlaveReply.Send(Wheel),
    ];

    [Theory]
    [MemberData(nameof(Replies))]
    public void SIGTERM_while_an_answer_is_due_says_BYE_at_any_answer(SlaveReply reply)
    {
        foreach (var state in Path.Concat(ShortPath).Where(AwaitsAnswer).Where(state => !IsStranger(state)))
        {
            var conversation = In(state, FileStateForm.WithLocation);
            conversation.Stop(_now);
            conversation.Receive(reply, _now);

            var (steps, took) = Until<SlaveStep.End>(conversation);
            Assert.Equal(TimeSpan.Zero, took);
            Assert.Single(steps, step => step is SlaveStep.Say { Request: SlaveRequest.Bye });
            Assert.DoesNotContain(steps, step => step is SlaveStep.StartBuild or SlaveStep.SendFile or SlaveStep.StartOver);
        }
    }

    [Theory]
    [MemberData(nameof(States))]
    public void A_master_that_is_gone_is_given_up_and_greeted_anew(string state, FileStateForm form)
    {
        var conversation = In(state, form);
        if (state == "building") conversation.BuildEnded(Failed);

        // From now on nobody answers; what it says meanwhile goes nowhere
        var (steps, took) = Until<SlaveStep.StartOver>(conversation);

        var withBuild = HasBuild(state);
        Assert.InRange(took, TimeSpan.Zero, Times.AnswerTimeout(withBuild) + Times.SendingInterval + ConversationTimes.IntervalMax);
        Assert.Equal(withBuild ? 1 : 0, steps.Count(step => step is SlaveStep.DropBuild));
        Assert.True(steps.Count(step => step is SlaveStep.Say or SlaveStep.SayIdle or SlaveStep.SayBusy) <= 1);
        var (again, _) = Until<SlaveStep.Say>(conversation);
        Assert.IsType<SlaveRequest.Hello>(((SlaveStep.Say)again[^1]).Request);
        // And it works as if nothing had been
        conversation.Receive(new SlaveReply.Ack(8, "https://pypi.org/simple"), _now);
        conversation.Shortage = null;
        Assert.IsType<SlaveStep.SayIdle>(conversation.Next(_now));
        Assert.Equal(8, conversation.SlaveId);
    }

    [Theory]
    [MemberData(nameof(States))]
    public void DIE_drops_the_build_and_ends(string state, FileStateForm form)
    {
        var conversation = In(state, form);
        conversation.Receive(new SlaveReply.Die(), _now);
        if (!AwaitsAnswer(state))
        {
            // Nothing was asked: a late answer of another life
            Assert.IsNotType<SlaveStep.End>(conversation.Next(_now));
            return;
        }

        var (steps, took) = Until<SlaveStep.End>(conversation);
        Assert.Equal((new SlaveStep.End(SlaveEnd.Dismissed), TimeSpan.Zero), (steps[^1], took));
        Assert.Equal(HasBuild(state) ? 1 : 0, steps.Count(step => step is SlaveStep.DropBuild));
        Assert.Equal(state == "hello said" ? 0 : 1, steps.Count(step => step is SlaveStep.Say { Request: SlaveRequest.Bye }));
    }

    [Fact]
    public void A_slave_that_is_short_of_something_stays_known_and_asks_for_nothing_until_it_has_it()
    {
        var conversation = In("greeted", FileStateForm.WithLocation);
        conversation.Shortage = "no disk";
        for (var round = 0; round < 10; round++)
        {
            Assert.IsType<SlaveStep.SayBusy>(conversation.Next(_now));
            conversation.Receive(round % 2 == 0 ? new SlaveReply.Cont() : new SlaveReply.Done(), _now);
            var wait = Assert.IsType<SlaveStep.Wait>(conversation.Next(_now));
            Assert.InRange(wait.Until - _now, ConversationTimes.IntervalMin, ConversationTimes.IntervalMax);
            _now = wait.Until;
        }

        conversation.Shortage = null;
        Assert.IsType<SlaveStep.SayIdle>(conversation.Next(_now));
    }

    [Fact]
    public void A_shortage_during_a_build_is_the_builds_own_affair()
    {
        var conversation = In("building", FileStateForm.WithLocation);
        conversation.Shortage = "no disk";
        Assert.IsType<SlaveStep.SayBusy>(conversation.Next(_now));
        conversation.Receive(new SlaveReply.Cont(), _now);
        conversation.BuildEnded(Failed);
        Assert.IsType<SlaveRequest.Built>(Word(conversation));
        conversation.Receive(new SlaveReply.Done(), _now);
        Assert.IsType<SlaveStep.DropBuild>(conversation.Next(_now));
        Assert.IsType<SlaveStep.SayBusy>(conversation.Next(_now));
    }
}
