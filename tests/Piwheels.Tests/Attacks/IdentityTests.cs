using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>Who says to be somebody else, or becomes somebody else.</summary>
public sealed class IdentityTests
{
    [Fact]
    public async Task Who_takes_the_name_of_a_living_connection_is_not_heard_under_it()
    {
        await using var farm = await AttackedFarm.StartAsync();
        var name = new PeerAddress("a slave"u8.ToArray());
        using var slave = Named(farm, name);
        Assert.Equal(2, Assert.IsType<SlaveReply.Ack>(Ask(slave, new SlaveRequest.Hello(Slaves.Hello))).SlaveId);
        Assert.IsType<SlaveReply.Build>(Ask(slave, new SlaveRequest.Idle(Slaves.Stats)));

        using var thief = Named(farm, name);
        TrySay(thief, Slaves.Failed("stolen"));

        Assert.IsType<SlaveReply.Cont>(Ask(slave, new SlaveRequest.Busy(Slaves.Stats)));
        Assert.Empty(farm.Bench.Database.Builds);
        await farm.EndAsync();
    }

    [Fact]
    public async Task A_slave_that_comes_back_for_another_target_is_another_slave()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        farm.Bench.Bed.Time.Advance(TimeSpan.FromSeconds(6));

        var other = Slaves.Hello with { Abi = "cp39", PyVersion = "39", Platform = "linux_aarch64" };
        Assert.Equal(3, attacker.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(other)).SlaveId);
        attacker.AssertReply<SlaveReply.Die>(Slaves.Built(Slaves.File(AttackedFarm.ScipyWheel)));

        Assert.Empty(farm.Bench.Database.Builds);
        Assert.Contains(farm.Bench.Log.Entries, line =>
            line.Message.Contains("scipy 1.0 is not recorded: it said HELLO again", StringComparison.Ordinal));
        await farm.EndAsync();
    }

    public static TheoryData<string, string, string> Targets => new()
    {
        { "no ABI", "", "linux_armv7l" },
        { "every ABI", "none", "linux_armv7l" },
        { "every platform", "cp311", "any" },
        { "a path", "../cp311", "linux_armv7l" },
        { "SQL", "cp311'; DROP TABLE builds; --", "linux_armv7l" },
        { "a long tag", "cp311", new string('x', 101) },
        { "capitals", "CP311", "linux_armv7l" },
    };

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task A_target_that_is_none_gets_no_number(string what, string abi, string platform)
    {
        Assert.NotEmpty(what);
        await using var farm = await AttackedFarm.StartAsync();
        using var stranger = farm.Stranger();

        stranger.AssertReply<SlaveReply.Die>(
            new SlaveRequest.Hello(Slaves.Hello with { Abi = abi, Platform = platform }));

        stranger.Say(new SlaveRequest.Idle(Slaves.Stats));
        using var next = farm.Stranger();
        Assert.Equal(2, next.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello)).SlaveId);
        Assert.False(stranger.HasReply);
        await farm.EndAsync();
    }

    [Fact]
    public async Task Slaves_of_thousands_of_invented_targets_are_told_of_a_hundred_times()
    {
        await using var farm = await AttackedFarm.StartAsync();
        await farm.Bench.SettleAsync();

        for (var number = 0; number < 300; number++)
        {
            using var stranger = farm.Bench.Slave();
            stranger.AssertReply<SlaveReply.Ack>(
                new SlaveRequest.Hello(Slaves.Hello with { Platform = $"linux_invented{number}" }));
            stranger.AssertReply<SlaveReply.Sleep>(new SlaveRequest.Idle(Slaves.Stats));
        }

        Assert.InRange(
            farm.Bench.Log.Entries.Count(line => line.Message.Contains("piw target add", StringComparison.Ordinal)), 1, 100);
        await farm.EndAsync();
    }

    private static ZmqSocket Named(AttackedFarm farm, PeerAddress name)
    {
        var socket = farm.Bench.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer, new SocketOptions { Identity = name });
        socket.Connect(farm.Bench.SlaveAddress);
        return socket;
    }

    private static SlaveReply Ask(ZmqSocket socket, SlaveRequest request)
    {
        Assert.True(TrySay(socket, request));
        Assert.True(socket.WaitReadable(Waiting.Limit));
        Assert.True(socket.TryReceive(out var frames));
        return SlaveReply.Read(frames[^1]);
    }

    private static bool TrySay(ZmqSocket socket, SlaveRequest request)
    {
        var writer = new System.Formats.Cbor.CborWriter();
        request.Write(writer);
        return socket.TrySend(ReadOnlyMemory<byte>.Empty, writer.Encode());
    }
}
