using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Slave.Building;
using Piwheels.Slave.Conversation;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>What a slave says to masters of its own kind alone.</summary>
public sealed class RecipeConversationTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Release Tiny = new(PackageName.Parse("tiny"), "1.0");
    private static readonly Uri Index = new("https://pypi.org/simple");

    private readonly SlaveConversation _conversation = new(
        new SlaveHello(TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", "cp311", "linux_armv7l", "pi4", "Debian", "12", "", ""),
        new ConversationTimes(), new Random(1));

    private DateTimeOffset _now = Start;

    [Fact]
    public void A_master_that_asks_nothing_new_is_told_nothing_new()
    {
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri));
        _conversation.FactsChanged();
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Sleep(Paused: false));
        _conversation.FactsChanged();
        _now = Assert.IsType<SlaveStep.Wait>(Next()).Until;
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void A_master_of_piwheels_that_says_ASK_talks_nonsense()
    {
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri));
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Ask(["libxml2-dev"]));
        Expect<SlaveStep.StartOver>();
    }

    [Fact]
    public void What_is_asked_at_the_welcome_is_told_before_anything_else()
    {
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri, ["libxml2-dev"]));
        Assert.Equal(["libxml2-dev"], Assert.IsType<SlaveStep.SayFacts>(Next()).AptAsked);
        Answer(new SlaveReply.Cont());
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void A_master_of_its_kind_without_questions_is_told_nothing()
    {
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri, []));
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void Other_questions_are_answered_in_place_of_the_next_rest()
    {
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri, []));
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Ask(["libxml2-dev", "libxslt1-dev"]));
        Assert.Equal(["libxml2-dev", "libxslt1-dev"], Assert.IsType<SlaveStep.SayFacts>(Next()).AptAsked);
        Answer(new SlaveReply.Cont());
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void What_was_installed_since_is_told_before_the_next_IDLE_and_not_in_a_build()
    {
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri, ["libxml2-dev"]));
        Expect<SlaveStep.SayFacts>();
        Answer(new SlaveReply.Cont());
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Build(Tiny));
        Expect<SlaveStep.StartBuild>();
        _conversation.FactsChanged();
        _now = Assert.IsType<SlaveStep.Wait>(Next()).Until;
        Expect<SlaveStep.SayBusy>();
        Answer(new SlaveReply.Cont());
        _conversation.BuildEnded(new BuildResult(false, TimeSpan.FromSeconds(3), "error", []));
        Expect<SlaveStep.Say>();
        Answer(new SlaveReply.Done());
        Expect<SlaveStep.DropBuild>();
        Expect<SlaveStep.SayFacts>();
        Answer(new SlaveReply.Cont());
        Expect<SlaveStep.SayIdle>();
    }

    [Fact]
    public void A_build_is_started_with_its_recipe()
    {
        var recipe = new Recipe { Timeout = TimeSpan.FromHours(1) };
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri, []));
        Expect<SlaveStep.SayIdle>();
        Answer(new SlaveReply.Build(Tiny, recipe));
        Assert.Equal(new SlaveStep.StartBuild(Tiny, Index, recipe), Next());
    }

    [Fact]
    public void The_next_master_may_be_of_another_kind()
    {
        Greet(new SlaveReply.Ack(7, Index.AbsoluteUri, ["libxml2-dev"]));
        Expect<SlaveStep.SayFacts>();
        Answer(new SlaveReply.Done());
        Expect<SlaveStep.StartOver>();
        _now = Assert.IsType<SlaveStep.Wait>(Next()).Until;
        Greet(new SlaveReply.Ack(1, Index.AbsoluteUri));
        Expect<SlaveStep.SayIdle>();
    }

    private void Greet(SlaveReply.Ack ack)
    {
        Assert.IsType<SlaveRequest.Hello>(Assert.IsType<SlaveStep.Say>(Next()).Request);
        Answer(ack);
    }

    private SlaveStep Next() => _conversation.Next(_now);

    private void Answer(SlaveReply reply) => _conversation.Receive(reply, _now);

    private void Expect<T>()
        where T : SlaveStep => Assert.IsType<T>(Next());
}
