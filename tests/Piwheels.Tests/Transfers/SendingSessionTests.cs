using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Transfers;

public sealed class SendingSessionTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void The_sender_says_hello_at_once_and_then_waits()
    {
        var session = new SendingSession(100, Start);

        Assert.IsType<SendStep.SayHello>(session.Tick(Start));
        Assert.Equal(new SendStep.Wait(TimeSpan.FromSeconds(4)), session.Tick(Start + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void The_sender_says_hello_again_after_five_seconds_of_silence()
    {
        var session = new SendingSession(100, Start);
        session.Tick(Start);
        session.Receive(new FileReply.Fetch(0, 100), Start + TimeSpan.FromSeconds(4));

        Assert.IsType<SendStep.Wait>(session.Tick(Start + TimeSpan.FromSeconds(8.9)));
        Assert.IsType<SendStep.SayHello>(session.Tick(Start + TimeSpan.FromSeconds(9)));
        Assert.IsType<SendStep.Wait>(session.Tick(Start + TimeSpan.FromSeconds(13.9)));
        Assert.IsType<SendStep.SayHello>(session.Tick(Start + TimeSpan.FromSeconds(14)));
    }

    [Theory]
    [InlineData(0, 100)]
    [InlineData(99, 1)]
    [InlineData(50, 10)]
    public void Each_fetch_is_answered_by_exactly_its_range(long offset, int length)
    {
        var session = new SendingSession(100, Start);

        Assert.Equal(
            new SendStep.SendChunk(offset, length), session.Receive(new FileReply.Fetch(offset, length), Start));
    }

    [Theory]
    [InlineData(0, 101)]
    [InlineData(100, 1)]
    [InlineData(0, 0)]
    [InlineData(long.MaxValue, int.MaxValue)]
    [InlineData(long.MaxValue, 1)]
    public void A_fetch_that_is_no_range_of_the_file_is_ignored(long offset, int length)
    {
        var session = new SendingSession(100, Start);

        Assert.IsType<SendStep.Ignore>(session.Receive(new FileReply.Fetch(offset, length), Start));
    }

    [Fact]
    public void A_fetch_of_too_much_at_once_is_ignored()
    {
        var session = new SendingSession(10L * SendingSession.FetchBytesMax, Start);

        Assert.IsType<SendStep.Ignore>(
            session.Receive(new FileReply.Fetch(0, SendingSession.FetchBytesMax + 1), Start));
        Assert.IsType<SendStep.SendChunk>(session.Receive(new FileReply.Fetch(0, SendingSession.FetchBytesMax), Start));
    }

    [Fact]
    public void Done_is_the_end()
    {
        Assert.IsType<SendStep.Finish>(new SendingSession(100, Start).Receive(new FileReply.Done(), Start));
    }

    [Fact]
    public void The_sender_gives_up_after_a_long_silence()
    {
        var session = new SendingSession(100, Start, TimeSpan.FromMinutes(1));

        Assert.IsType<SendStep.SayHello>(session.Tick(Start + TimeSpan.FromSeconds(59)));
        Assert.IsType<SendStep.GiveUp>(session.Tick(Start + TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void The_sender_gives_up_on_a_receiver_that_asks_without_end()
    {
        var session = new SendingSession(SendingSession.FetchBytesMax, Start);
        var fetch = new FileReply.Fetch(0, SendingSession.FetchBytesMax);

        var fetches = 0;
        while (session.Receive(fetch, Start) is SendStep.SendChunk) fetches++;

        Assert.Equal(2 * SendingSession.RepeatsMax, fetches);
    }
}
