using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Slave.Conversation;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>What a slave makes of connections that come to nothing.</summary>
public sealed class HandshakeTroubleTests
{
    private static readonly DateTimeOffset Now = Slaves.Start;

    [Fact]
    public void A_connection_that_breaks_off_once_or_twice_means_nothing()
    {
        var trouble = new HandshakeTrouble("tcp://master:5557", "KEY");
        Assert.Null(trouble.After(Handshake.BrokenOff));
        Assert.Null(trouble.After(Handshake.BrokenOff));
        Assert.Contains("--master-key", trouble.After(Handshake.BrokenOff), StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_was_good_before_is_a_master_that_starts_over()
    {
        var trouble = new HandshakeTrouble("tcp://master:5557", "KEY");
        Assert.Null(trouble.After(Handshake.Succeeded));
        for (var count = 0; count < 10; count++) Assert.Null(trouble.After(Handshake.BrokenOff));
        Assert.Contains("slave-key add NAME 'KEY'", trouble.After(Handshake.Refused), StringComparison.Ordinal);
    }

    [Fact]
    public void A_slave_that_is_turned_away_knocks_again_after_a_while_and_not_before()
    {
        var times = new ConversationTimes();
        var conversation = new SlaveConversation(Slaves.Hello, times, new Random(1));
        Assert.IsType<SlaveStep.Say>(conversation.Next(Now));
        conversation.TurnedAway("it is unknown", Now);
        Assert.Equal(new SlaveStep.StartOver("it is unknown"), conversation.Next(Now));
        Assert.Equal(new SlaveStep.Wait(Now + times.TurnedAwayPause), conversation.Next(Now));
        Assert.IsType<SlaveRequest.Hello>(Assert.IsType<SlaveStep.Say>(conversation.Next(Now + times.TurnedAwayPause)).Request);
    }

    [Fact]
    public void One_that_is_turned_away_in_the_middle_of_a_build_drops_it()
    {
        var conversation = new SlaveConversation(Slaves.Hello, new ConversationTimes(), new Random(1));
        conversation.Next(Now);
        conversation.Receive(new SlaveReply.Ack(1, "https://pypi.org/simple"), Now);
        conversation.Next(Now);
        conversation.Receive(new SlaveReply.Build(Slaves.Numpy), Now);
        Assert.IsType<SlaveStep.StartBuild>(conversation.Next(Now));
        conversation.TurnedAway("its key is revoked", Now);
        Assert.IsType<SlaveStep.DropBuild>(conversation.Next(Now));
        Assert.IsType<SlaveStep.StartOver>(conversation.Next(Now));
    }

    [Fact]
    public void One_that_is_leaving_does_not_start_over()
    {
        var conversation = new SlaveConversation(Slaves.Hello, new ConversationTimes(), new Random(1));
        conversation.Stop(Now);
        conversation.TurnedAway("it is unknown", Now);
        Assert.IsType<SlaveStep.End>(conversation.Next(Now));
        conversation.TurnedAway("it is unknown", Now);
        Assert.IsType<SlaveStep.End>(conversation.Next(Now));
    }
}
