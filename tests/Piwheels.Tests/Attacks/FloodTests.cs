using System.Formats.Cbor;
using System.Net;
using Piwheels.Core.Packaging;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>Too many peers, or too much of one.</summary>
public sealed class FloodTests
{
    /// <summary>An address that nobody else has.</summary>
    private const int Newcomer = 1_000_000;

    [Fact]
    public async Task Ten_thousand_hellos_of_one_address_make_one_slave()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var stranger = farm.Stranger();

        for (var count = 0; count < 10_000; count++) stranger.TrySay(new SlaveRequest.Hello(Slaves.Hello));

        Assert.Equal(2, Assert.IsType<SlaveReply.Ack>(stranger.Hear()).SlaveId);
        await farm.EndAsync();
        using var next = farm.Stranger();
        Assert.Equal(3, next.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello)).SlaveId);
    }

    [Fact]
    public async Task A_flood_of_connections_from_as_many_addresses_keeps_nobody_from_working()
    {
        const int Connections = 1_500;
        await using var farm = await AttackedFarm.StartAsync();
        var hello = new CborWriter();
        new SlaveRequest.Hello(Slaves.Hello).Write(hello);
        var strangers = new List<RawPeer>();
        for (var number = 0; number < Connections; number++)
        {
            strangers.Add(new RawPeer(
                farm.Bench.SlaveAddress, new Dictionary<string, string> { ["Socket-Type"] = "REQ" },
                from: new IPAddress([127, 1, (byte)(number >> 8), (byte)number])));
            strangers[^1].Send([], hello.Encode());
        }

        using (var last = farm.Stranger()) last.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello));
        await farm.EndAsync();
        foreach (var stranger in strangers) stranger.Dispose();
        using var next = farm.Stranger();
        next.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello));
        next.AssertReply<SlaveReply.Build>(new SlaveRequest.Idle(Slaves.Stats));
    }

    [Fact]
    public void Tens_of_thousands_of_addresses_that_only_say_hello_make_room_for_a_slave_within_half_a_minute()
    {
        var roster = new SlaveRoster();
        var now = Slaves.Start;
        var honest = Greet(roster, 0, now)!;
        honest.Replied(honest.Assign(Slaves.Numpy, now), now);

        for (var number = 1; number <= SlaveRoster.SlavesMax * 2; number++) Greet(roster, number, now);

        Assert.Equal(SlaveRoster.SlavesMax, roster.Count);
        Assert.Null(Greet(roster, Newcomer, now));
        now += SlaveRoster.GreetedMax + TimeSpan.FromSeconds(1);
        Assert.NotNull(Greet(roster, Newcomer, now));
        Assert.Equal(SlaveRoster.SlavesMax, roster.Count);
        Assert.True(roster.IsCurrent(honest));
    }

    [Fact]
    public void Slaves_that_asked_once_for_work_and_for_a_time_out_of_a_day_make_room_after_a_minute()
    {
        var roster = new SlaveRoster();
        var now = Slaves.Start;
        var forADay = Slaves.Hello with { BusyTimeout = TimeSpan.FromDays(1) };
        var builder = Greet(roster, 0, now)!;
        builder.Replied(builder.Assign(Slaves.Numpy, now), now);
        for (var number = 1; number < SlaveRoster.SlavesMax; number++)
        {
            var quiet = roster.Greet(Slaves.Address(number), forADay, now, out _)!;
            quiet.Receive(new SlaveRequest.Idle(Slaves.Stats), now);
            quiet.Replied(new SlaveReply.Sleep(Paused: false), now);
        }

        now += SlaveRoster.GreetedMax + TimeSpan.FromSeconds(1);
        Assert.Null(Greet(roster, Newcomer, now));
        now += SlaveRoster.QuietMax;

        Assert.NotNull(Greet(roster, Newcomer, now));
        Assert.True(roster.IsCurrent(builder));
    }

    [Fact]
    public void A_host_that_has_all_the_places_and_never_falls_silent_leaves_room_for_another_host()
    {
        var roster = new SlaveRoster();
        var now = Slaves.Start;
        for (var number = 0; number < SlaveRoster.SlavesMax; number++)
            roster.Greet(From("192.0.2.1", number), Slaves.Hello, now, out _);

        Assert.Null(roster.Greet(From("192.0.2.1", Newcomer), Slaves.Hello, now, out _));
        for (var number = 0; number < 100; number++)
            Assert.NotNull(roster.Greet(From("192.0.2.2", Newcomer + 1 + number), Slaves.Hello, now, out _));
        Assert.Equal(SlaveRoster.SlavesMax, roster.Count);
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("127.0.0.1", "::1", true)]
    public void The_addresses_of_one_customer_are_one_origin(string one, string other, bool isOne) =>
        Assert.Equal(isOne, PeerOrigin.Of(From(one, 1)) == PeerOrigin.Of(From(other, 2)));

    [Fact]
    public async Task Hundreds_of_connections_that_come_and_go_are_told_within_limits()
    {
        await using var farm = await AttackedFarm.StartAsync();

        for (var count = 0; count < SlaveDriver.LinesMax; count++)
        {
            using var guest = farm.Bench.Slave();
            guest.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello));
            guest.Say(new SlaveRequest.Bye());
        }

        await farm.EndAsync();
        Assert.InRange(
            farm.Bench.Log.Entries.Count(line =>
                line.Message.Contains(" is pi-1", StringComparison.Ordinal)
                || line.Message.Contains(" is gone: it said BYE", StringComparison.Ordinal)),
            SlaveDriver.LinesMax / 2, SlaveDriver.LinesMax);
    }

    [Fact]
    public async Task Who_takes_builds_and_goes_away_gets_none_after_a_while()
    {
        await using var farm = await AttackedFarm.StartAsync();
        var releases = Enumerable.Range(1, 50).Select(number => new Release(Slaves.Numpy.Package, $"3.{number}")).ToArray();
        farm.Bench.Push(releases);

        var given = 0;
        for (SlaveReply? reply = null; reply is not SlaveReply.Sleep;)
        {
            using var thief = farm.Stranger();
            thief.Ask(new SlaveRequest.Hello(Slaves.Hello));
            // The push may not be there yet
            for (var asked = 0; (reply = thief.Ask(new SlaveRequest.Idle(Slaves.Stats))) is SlaveReply.Sleep; asked++)
            {
                if (given > 0 || asked == 10_000) break;
            }

            if (reply is not SlaveReply.Build) continue;
            given++;
            thief.AssertReply<SlaveReply.Die>(new SlaveRequest.Sent());
        }

        Assert.InRange(given, 1, LossBook.LossesMax);
        await farm.Bench.Log.WhenSaidAsync("have lost 10 builds and ended none");
        await farm.EndAsync();
        // The honest build ended: its address is trusted again
        using var next = farm.Stranger();
        next.Ask(new SlaveRequest.Hello(Slaves.Hello));
        next.AssertReply<SlaveReply.Build>(new SlaveRequest.Idle(Slaves.Stats));
    }

    [Fact]
    public void The_pause_of_an_origin_that_loses_all_doubles_and_ends_with_a_build()
    {
        var book = new LossBook();
        var now = Slaves.Start;
        foreach (var pause in new[] { 1, 2, 4, 8, 16, 32, 60, 60 })
        {
            for (var loss = 1; loss < LossBook.LossesMax; loss++) Assert.Null(book.Lost("192.0.2.1", now));
            Assert.Equal(now + TimeSpan.FromMinutes(pause), book.Lost("192.0.2.1", now));
            Assert.False(book.MayBuild("192.0.2.1", now));
            Assert.True(book.MayBuild("192.0.2.2", now));
            now += TimeSpan.FromMinutes(pause);
            Assert.True(book.MayBuild("192.0.2.1", now));
        }

        book.Ended("192.0.2.1");
        Assert.Equal(0, book.Count);
        for (var number = 0; number < LossBook.OriginsMax * 2; number++) book.Lost($"{number}", now);
        Assert.Equal(LossBook.OriginsMax, book.Count);
    }

    [Fact]
    public async Task A_peer_that_never_reads_harms_itself_alone()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var deaf = farm.Bench.Bed.Zmq.CreateSocket(
            ZmqSocketType.Dealer, new SocketOptions { ReceiveHighWaterMark = 1, HighWaterMark = 100_000 });
        deaf.Connect(farm.Bench.SlaveAddress);

        // Each of them is answered by DIE
        for (var count = 0; count < 20_000; count++) deaf.TrySend(default, new byte[] { 0xff });

        await farm.EndAsync();
    }

    [Fact]
    public async Task A_deaf_sender_of_a_file_harms_itself_alone()
    {
        await using var farm = await AttackedFarm.StartAsync();
        farm.OfferHonestWheel();
        using var deaf = farm.Bench.Bed.Zmq.CreateSocket(
            ZmqSocketType.Dealer, new SocketOptions { ReceiveHighWaterMark = 1, HighWaterMark = 100_000 });
        deaf.Connect(farm.Bench.FileAddress);

        for (var count = 0; count < 20_000; count++) AttackedFarm.Say(deaf, "HELLO", "1");

        await farm.EndAsync(offered: true);
    }

    private static PeerAddress From(string host, int number) =>
        new(BitConverter.GetBytes(number), key: null, host);

    private static SlaveSession? Greet(SlaveRoster roster, int number, DateTimeOffset now) =>
        roster.Greet(Slaves.Address(number), Slaves.Hello, now, out _);
}
