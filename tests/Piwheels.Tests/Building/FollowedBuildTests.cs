using System.Diagnostics;
using System.Text;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>Following a build over real queues: who is asked, who hears it, and what those do who keep to no rule.</summary>
public sealed class FollowedBuildTests
{
    private static readonly SlaveRequest Own = new SlaveRequest.Hello(Slaves.Hello.Marked);
    private static readonly SlaveRequest Python = new SlaveRequest.Hello(Slaves.Hello);
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);
    private static readonly SlaveRequest Busy = new SlaveRequest.Busy(Slaves.Stats);
    private static readonly byte[] Numpy = new LiveTopic(Slaves.Numpy, Slaves.Hello.Target).ToBytes();

    [Fact]
    public async Task What_a_build_prints_is_heard_by_all_who_follow_it_and_its_end_with_its_number()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using var follower = Follower.Of(farm, Numpy);
        Assert.Equal(LiveReach.Followed, follower.Hear<LiveMessage.Running>().Reach);

        Assert.Equal(0, slave.AssertReply<SlaveReply.Tail>(Busy).Offset);
        slave.AssertReply<SlaveReply.Cont>(Printed(0, "building wheel\n"));
        Assert.Equal("building wheel\n", TextOf(follower.Hear<LiveMessage.Printed>().Piece));

        using var other = Follower.Of(farm, Numpy);
        other.Hear<LiveMessage.Running>();
        await farm.AdvanceAsync(LiveDesk.TickInterval);
        Assert.Equal("building wheel\n", TextOf(Assert.Single(other.Hear<LiveMessage.Kept>().Pieces)));

        Assert.Equal(15, slave.AssertReply<SlaveReply.Tail>(Busy).Offset);
        slave.AssertReply<SlaveReply.Cont>(Printed(15, "done\n"));
        Assert.Equal("done\n", TextOf(follower.Hear<LiveMessage.Printed>().Piece));
        Assert.Equal("done\n", TextOf(other.Hear<LiveMessage.Printed>().Piece));
        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());
        Assert.Equal(new LiveMessage.Ended(1, Status: false), follower.Hear<LiveMessage.Ended>());
        Assert.Equal(new LiveMessage.Ended(1, Status: false), other.Hear<LiveMessage.Ended>());
    }

    [Fact]
    public async Task A_slave_of_piwheels_sees_nothing_new_and_is_told_to_be_mute()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        await farm.PushAsync(Slaves.Numpy);
        using var slave = farm.Slave();
        Assert.Equal(new SlaveReply.Ack(1, "https://pypi.org/simple"), slave.Ask(Python));
        slave.AssertReply<SlaveReply.Build>(Idle);
        using var follower = Follower.Of(farm, Numpy);
        Assert.Equal(LiveReach.Mute, follower.Hear<LiveMessage.Running>().Reach);
        slave.AssertReply<SlaveReply.Cont>(Busy);
        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());
        follower.Hear<LiveMessage.Ended>();
    }

    [Fact]
    public async Task Without_a_queue_for_it_no_slave_is_asked()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = farm.Slave();
        var ack = slave.AssertReply<SlaveReply.Ack>(Own);
        Assert.False(ack.AsksTail);
        Assert.Equal([], ack.Apt);
    }

    [Fact]
    public async Task What_was_not_asked_for_loses_the_build()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using var follower = Follower.Of(farm, Numpy);
        follower.Hear<LiveMessage.Running>();
        slave.AssertReply<SlaveReply.Die>(Printed(0, "look at me\n"));
        Assert.Null(follower.Hear<LiveMessage.Ended>().BuildId);
    }

    [Fact]
    public async Task A_piece_that_is_too_large_loses_the_build()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using var follower = Follower.Of(farm, Numpy);
        follower.Hear<LiveMessage.Running>();
        slave.AssertReply<SlaveReply.Tail>(Busy);
        slave.AssertReply<SlaveReply.Die>(
            new SlaveRequest.Printed(new OutputPiece(0, new byte[OutputTail.PieceBytesMax + 1])));
        Assert.Null(follower.Hear<LiveMessage.Ended>().BuildId);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_passed_on_as_they_are()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using var follower = Follower.Of(farm, Numpy);
        follower.Hear<LiveMessage.Running>();
        byte[] noise = [0xff, 0, 0xc3, 0x1b, .. "[31m"u8, 0xed, 0xa0, 0x80];
        slave.AssertReply<SlaveReply.Tail>(Busy);
        slave.AssertReply<SlaveReply.Cont>(new SlaveRequest.Printed(new OutputPiece(0, noise)));
        Assert.Equal(noise, follower.Hear<LiveMessage.Printed>().Piece.Bytes.ToArray());
    }

    [Fact]
    public async Task Who_goes_without_a_word_has_unsubscribed()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using (var follower = Follower.Of(farm, Numpy)) follower.Hear<LiveMessage.Running>();
        // Its connection's end is noticed some time soon
        var began = Stopwatch.GetTimestamp();
        do
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Waiting.Limit, "it is followed still");
            await farm.SettleAsync();
        }
        while (farm.Driver.FollowedCount > 0);
        slave.AssertReply<SlaveReply.Cont>(Busy);
    }

    [Fact]
    public async Task A_follower_that_never_reads_is_in_nobodys_way()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using var deaf = Follower.Of(farm, Numpy, received: 1);
        deaf.Hear<LiveMessage.Running>();
        using var follower = Follower.Of(farm, Numpy);
        follower.Hear<LiveMessage.Running>();
        var piece = new byte[OutputTail.PieceBytesMax];
        for (var n = 0; n < 400; n++)
        {
            farm.Bed.Time.Advance(LiveLog.AskInterval);
            var offset = slave.AssertReply<SlaveReply.Tail>(Busy).Offset;
            slave.AssertReply<SlaveReply.Cont>(new SlaveRequest.Printed(new OutputPiece(offset, piece)));
            Assert.Equal(offset, follower.Hear<LiveMessage.Printed>().Piece.Offset);
        }
    }

    [Fact]
    public async Task Thousands_of_subscriptions_and_nonsense_leave_an_honest_follower_alone()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using var flood = Follower.Of(farm);
        for (var n = 0; n < 5_000; n++)
        {
            flood.Subscribe(Encoding.ASCII.GetBytes($"many 1.{n} cp311 linux_armv7l\n"));
            flood.Subscribe(Encoding.ASCII.GetBytes($"nonsense {n}"));
        }

        flood.Subscribe([0xff, 0xfe, 0]);
        // Longer than any may be: its connection ends, and with it all that it followed
        using var endless = Follower.Of(farm);
        endless.Subscribe(new byte[100_000]);
        using var follower = Follower.Of(farm, Numpy);
        follower.Hear<LiveMessage.Running>();
        slave.AssertReply<SlaveReply.Tail>(Busy);
        slave.AssertReply<SlaveReply.Cont>(Printed(0, "on it goes\n"));
        Assert.Equal("on it goes\n", TextOf(follower.Hear<LiveMessage.Printed>().Piece));
    }

    [Fact]
    public async Task The_list_names_what_runs()
    {
        await using var farm = await FarmBench.StartAsync(live: true);
        using var slave = await BuildingAsync(farm);
        using var follower = Follower.Of(farm, LiveTopic.All.ToArray());
        // The subscription is answered at the next tick after it came
        var began = Stopwatch.GetTimestamp();
        while (!follower.HasMessage)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Waiting.Limit, "the list is not told");
            await farm.AdvanceAsync(LiveDesk.TickInterval);
        }

        var build = Assert.Single(follower.Hear<LiveMessage.Builds>().First);
        Assert.Equal((Slaves.Numpy, "pi-1"), (build.Topic.Release, build.Label));
    }

    private static async Task<SlavePeer> BuildingAsync(FarmBench farm)
    {
        await farm.PushAsync(Slaves.Numpy);
        var slave = farm.Slave();
        Assert.True(slave.AssertReply<SlaveReply.Ack>(Own).AsksTail);
        slave.AssertReply<SlaveReply.Cont>(new SlaveRequest.Facts([], TellsTail: true));
        slave.AssertReply<SlaveReply.Build>(Idle);
        return slave;
    }

    private static SlaveRequest.Printed Printed(long offset, string text) =>
        new(new OutputPiece(offset, Encoding.UTF8.GetBytes(text)));

    private static string TextOf(OutputPiece piece) => Encoding.UTF8.GetString(piece.Bytes.Span);

    /// <summary>Somebody who follows what it likes.</summary>
    private sealed class Follower : IDisposable
    {
        private readonly ZmqSocket _socket;

        private Follower(ZmqSocket socket) => _socket = socket;

        public bool HasMessage => _socket.WaitReadable(TimeSpan.Zero);

        public static Follower Of(FarmBench farm, byte[]? topic = null, int? received = null)
        {
            var socket = farm.Bed.Zmq.CreateSocket(
                ZmqSocketType.Sub, new SocketOptions { Subscribe = [], ReceiveHighWaterMark = received });
            socket.Connect(farm.Configuration.LiveQueue);
            if (topic is not null) socket.Subscribe(topic);
            return new Follower(socket);
        }

        public void Subscribe(byte[] topic) => _socket.Subscribe(topic);

        /// <summary>The next message of a kind; others are passed over.</summary>
        public T Hear<T>()
            where T : LiveMessage
        {
            while (true)
            {
                Assert.True(_socket.WaitReadable(Waiting.Limit), $"nothing is told, where {typeof(T).Name} was due");
                Assert.True(_socket.TryReceive(out var frames));
                if (LiveMessage.Read(frames[1]) is T heard) return heard;
            }
        }

        public void Dispose() => _socket.Dispose();
    }
}
