using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Keys;

/// <summary>Slaves with keys at the master: what they may, what they may not, and how they are cut off.</summary>
public sealed class KeyedFarmTests
{
    private static readonly SlaveRequest Hello = new SlaveRequest.Hello(Slaves.Hello);
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);
    private static readonly SlaveRequest Busy = new SlaveRequest.Busy(Slaves.Stats);

    private static async Task<SlavePeer> BuildingAsync(FarmBench farm, CurveClientKeys keys, PeerAddress? name = null, bool dealer = false)
    {
        await farm.PushAsync(Slaves.Numpy);
        var slave = farm.Slave(keys, dealer, name);
        slave.AssertReply<SlaveReply.Ack>(Hello);
        slave.AssertReply<SlaveReply.Build>(Idle);
        return slave;
    }

    private static PeerAddress Name(string text) => new(System.Text.Encoding.ASCII.GetBytes(text));

    private static void Revoke(FarmBench farm, string name)
    {
        Assert.True(farm.Keys.Revoke(name));
        farm.ReadList();
    }

    [Fact]
    public async Task A_slave_of_the_list_builds_and_sends_beside_one_without_a_key()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var keys = farm.NewSlaveKeys("pi-1");
        using var plain = farm.Slave();
        plain.AssertReply<SlaveReply.Ack>(Hello);
        using var slave = await BuildingAsync(farm, keys);
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.SendAsync(2, path, keys);
        slave.AssertReply<SlaveReply.Done>(new SlaveRequest.Sent());
        Assert.True(Assert.Single(farm.Database.Builds).Status);
        Assert.True(farm.Log.Says("slave 2 is pi-1, for cp311 on linux_armv7l, with the key of pi-1")
            || farm.Log.Says("with the key of pi-1"));
        Assert.True(farm.Log.Says("with no key"));
    }

    [Fact]
    public async Task One_that_is_not_on_the_list_gets_no_answer_and_has_no_effect()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var strangers = farm.Strangers(CurveKeyPair.Generate());
        using var stranger = farm.Slave(strangers);
        stranger.Say(Hello);
        await farm.Log.WhenSaidAsync($"its key {strangers.PublicKey} is not on the list");
        using var known = farm.Slave(farm.NewSlaveKeys("pi-1"));
        Assert.Equal(1, Assert.IsType<SlaveReply.Ack>(known.Ask(Hello)).SlaveId);
        Assert.False(stranger.HasReply);
    }

    [Fact]
    public async Task One_that_is_entered_while_the_master_runs_comes_in()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var pair = CurveKeyPair.Generate();
        var options = new SocketOptions { CurveClient = farm.Strangers(pair) };
        Assert.Equal(Handshake.Refused, HandshakeProbe.Try(farm.Bed.Zmq, farm.KeyedSlaveAddress, options, Waiting.Limit));
        Assert.True(PublicKey.TryParse(pair.PublicKey, out var key));
        farm.Keys.Add("late", key);
        farm.ReadList();
        Assert.Equal(Handshake.Succeeded, HandshakeProbe.Try(farm.Bed.Zmq, farm.KeyedSlaveAddress, options, Waiting.Limit));
    }

    [Fact]
    public async Task One_that_is_revoked_is_cut_off_at_once_and_another_gets_its_build()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var (gone, stays) = (farm.NewSlaveKeys("gone"), farm.NewSlaveKeys("stays"));
        using var slave = await BuildingAsync(farm, gone);
        using var other = farm.Slave(stays);
        other.AssertReply<SlaveReply.Ack>(Hello);
        other.AssertReply<SlaveReply.Sleep>(Idle);

        Revoke(farm, "gone");
        // Without a word of its own
        await farm.Log.WhenSaidAsync("slave 1 is gone: its key is off the list");
        await farm.Status.NextAsync(message => message is StatusMessage.Slave { SlaveId: 1, Event: SlaveEvent.Die });
        slave.AssertReply<SlaveReply.Die>(Busy);
        farm.Bed.Time.Advance(PendingBuilds.LostPauseMin);
        other.AssertReply<SlaveReply.Build>(Idle);
        // It may say what it likes: over the connection that it still has, or over a new one
        slave.AssertReply<SlaveReply.Die>(Hello);
        Assert.Empty(farm.Database.Builds);
        var options = new SocketOptions { CurveClient = gone };
        Assert.Equal(Handshake.Refused, HandshakeProbe.Try(farm.Bed.Zmq, farm.KeyedSlaveAddress, options, Waiting.Limit));
        Assert.Equal(Handshake.Refused, HandshakeProbe.Try(farm.Bed.Zmq, farm.KeyedFileAddress, options, Waiting.Limit));
    }

    [Fact]
    public async Task What_a_revoked_slave_has_sent_is_dropped_even_when_it_is_complete()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var keys = farm.NewSlaveKeys("gone");
        using var slave = await BuildingAsync(farm, keys);
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.SendAsync(1, path, keys);
        Assert.Single(farm.OutputFiles());

        Revoke(farm, "gone");
        await farm.Log.WhenSaidAsync("is not recorded: its key is off the list");
        slave.AssertReply<SlaveReply.Die>(new SlaveRequest.Sent());
        await farm.SettleAsync();
        await farm.Files.ForgetAsync(Piwheels.Master.Transfers.TransferOwner.Slave(1));
        Assert.Empty(farm.OutputFiles());
        Assert.Empty(farm.Database.Builds);
    }

    [Fact]
    public async Task A_transfer_under_way_ends_with_the_key()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var keys = farm.NewSlaveKeys("gone");
        using var slave = await BuildingAsync(farm, keys);
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(farm.Wheel().State));
        using var sender = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer, new() { CurveClient = keys });
        sender.Connect(farm.KeyedFileAddress);
        Say(sender, new FileRequest.Hello(1));
        Assert.True(sender.WaitReadable(Waiting.Limit));
        Assert.True(sender.TryReceive(out var frames));
        var fetch = Assert.IsType<FileReply.Fetch>(FileReply.Read(frames));

        Revoke(farm, "gone");
        Say(sender, new FileRequest.Chunk(fetch.Offset, new byte[fetch.Length]));
        await farm.Log.WhenSaidAsync("may not connect any more");
        await farm.Log.WhenSaidAsync("slave 1 is gone: its key is off the list");
        Assert.False(sender.TryReceive(out _));
        await farm.SettleAsync();
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task A_slave_cannot_send_for_another_one_by_its_number()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var (own, others) = (farm.NewSlaveKeys("own"), farm.NewSlaveKeys("others"));
        using var slave = await BuildingAsync(farm, own);
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));

        using var foreign = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer, new() { CurveClient = others });
        foreign.Connect(farm.KeyedFileAddress);
        Say(foreign, new FileRequest.Hello(1));
        await farm.Log.WhenSaidAsync("HELLO of 1, with a key that is not its own");
        using var plain = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        plain.Connect(farm.FileAddress);
        Say(plain, new FileRequest.Hello(1));

        await farm.SendAsync(1, path, own);
        slave.AssertReply<SlaveReply.Done>(new SlaveRequest.Sent());
        Assert.False(foreign.TryReceive(out _));
        Assert.False(plain.TryReceive(out _));
        Assert.Single(farm.Database.Builds);
    }

    [Fact]
    public async Task A_slave_with_a_key_cannot_send_for_one_without_nor_for_an_import()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var keys = farm.NewSlaveKeys("pi-1");
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.Files.ExpectAsync(Piwheels.Master.Transfers.TransferOwner.Import(1), state);
        using var sender = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer, new() { CurveClient = keys });
        sender.Connect(farm.KeyedFileAddress);
        Say(sender, new FileRequest.Hello(1));
        await farm.Log.WhenSaidAsync("HELLO of 1, with a key that is not its own");
        farm.Bed.Time.Advance(TimeSpan.FromSeconds(10));
        Say(sender, new FileRequest.Hello(0));
        await farm.Log.WhenSaidAsync("HELLO of 0, with a key that is not its own");
        Assert.False(sender.TryReceive(out _));
        await farm.SendAsync(1, path);
        slave.AssertReply<SlaveReply.Done>(new SlaveRequest.Sent());
    }

    [Fact]
    public async Task A_slave_cannot_take_over_anothers_session_by_the_name_of_its_connection()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var (own, others) = (farm.NewSlaveKeys("own"), farm.NewSlaveKeys("others"));
        var slave = await BuildingAsync(farm, own, Name("pi"), dealer: true);
        slave.Dispose();
        // The connection is gone, the session is not: the name is free for whoever wants it, as soon as libzmq knows
        await UntilAsync(farm, others, Busy, _ => farm.Log.Says("has not said HELLO to this master"));
        await UntilAsync(farm, own, Busy, peer => peer.HasReply && peer.Hear() is SlaveReply.Cont);
    }

    [Fact]
    public async Task A_peer_without_a_key_at_the_door_for_keys_and_the_other_way_round_get_no_word()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var keys = new SocketOptions { CurveClient = farm.NewSlaveKeys("pi-1") };
        // Which of the two depends on who closes first
        Handshake?[] either = [Handshake.BrokenOff, Handshake.OfAnotherKind];
        Assert.Contains(HandshakeProbe.Try(farm.Bed.Zmq, farm.KeyedSlaveAddress, new(), Waiting.Limit), either);
        Assert.Contains(HandshakeProbe.Try(farm.Bed.Zmq, farm.SlaveAddress, keys, Waiting.Limit), either);
    }

    [Fact]
    public async Task The_masters_secret_is_in_no_line_of_the_log()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        using var slave = farm.Slave(farm.NewSlaveKeys("pi-1"));
        slave.AssertReply<SlaveReply.Ack>(Hello);
        Assert.True(farm.Log.Says(farm.Gate.Keys!.PublicKey));
        Assert.DoesNotContain(
            farm.Log.Entries, line => $"{line}".Contains(farm.Gate.Keys!.SecretKey, StringComparison.Ordinal));
    }

    private static void Say(ZmqSocket socket, FileRequest request) => Assert.True(socket.TrySend([.. request.ToFrames()]));

    /// <summary>Connects by the same name again and again, since libzmq passes over one while it is another's.</summary>
    private static async Task UntilAsync(FarmBench farm, CurveClientKeys keys, SlaveRequest word, Predicate<SlavePeer> done)
    {
        using var limit = new CancellationTokenSource(Waiting.Limit);
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            using var peer = farm.Slave(keys, dealer: true, Name("pi"));
            peer.Say(word);
            // A whole conversation with another slave, and so time for a word of this one
            using var other = farm.Slave(keys);
            other.AssertReply<SlaveReply.Ack>(Hello);
            await farm.SettleAsync();
            if (done(peer)) return;
        }
    }
}
