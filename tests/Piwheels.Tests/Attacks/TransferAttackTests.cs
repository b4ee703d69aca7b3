using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>On the file queue: bytes that nobody asked for, bytes for somebody else, and bytes that never come.</summary>
public sealed class TransferAttackTests
{
    private const int Chunk = TransferState.ChunkBytes;
    private static readonly SlaveRequest Sent = new SlaveRequest.Sent();

    [Fact]
    public async Task Who_says_the_number_of_another_slave_can_neither_write_into_its_file_nor_end_it()
    {
        await using var farm = await AttackedFarm.StartAsync();
        farm.OfferHonestWheel();
        using var stranger = farm.Sender();
        AttackedFarm.Say(stranger, "HELLO", "1");
        var size = (int)farm.Wheel.State.FileSize;

        for (var received = 0; received < size;)
        {
            var fetch = Assert.IsType<FileReply.Fetch>(AttackedFarm.Hear(stranger));
            SendChunk(stranger, fetch.Offset, new byte[fetch.Length]);
            received += fetch.Length;
        }

        Assert.IsType<FileReply.Done>(AttackedFarm.Hear(stranger));
        Assert.Equal(0, await Count(farm, static table => table.SendersCount));
        await farm.EndAsync(offered: true);
    }

    [Fact]
    public async Task Strangers_that_take_all_places_of_a_file_and_creep_give_way_to_its_owner()
    {
        await using var farm = await AttackedFarm.StartAsync();
        farm.OfferHonestWheel();
        var strangers = Enumerable.Range(0, TransferTable.SendersPerFileMax).Select(_ => farm.Sender()).ToList();
        foreach (var stranger in strangers)
        {
            AttackedFarm.Say(stranger, "HELLO", "1");
            Assert.Equal(0, Assert.IsType<FileReply.Fetch>(AttackedFarm.Hear(stranger)).Offset);
        }

        farm.Bench.Bed.Time.Advance(TransferTable.GiveWayAfter + TimeSpan.FromSeconds(1));
        foreach (var stranger in strangers) SendChunk(stranger, 0, new byte[Chunk]);

        await farm.EndAsync(offered: true);
        foreach (var stranger in strangers) stranger.Dispose();
    }

    [Fact]
    public void Strangers_from_elsewhere_never_take_the_last_place_of_a_file_from_its_owner()
    {
        var table = new TransferTable(static _ => { });
        var now = Slaves.Start;
        PeerAddress From(string host, int number) => new(BitConverter.GetBytes(number), key: null, host);
        table.Expect(TransferOwner.Slave(3), Slaves.File(Slaves.NumpyWheel, Chunk * 100), now, "192.0.2.1");
        for (var number = 0; number < 100; number++)
            table.Receive(From($"198.51.100.{number}", number), new FileRequest.Hello(3), now);
        Assert.Equal(TransferTable.StrangersPerFileMax, table.SendersCount);

        var owner = From("192.0.2.1", 1_000);
        Assert.IsType<TransferStep.Fetch>(table.Receive(owner, new FileRequest.Hello(3), now));
        now += TimeSpan.FromHours(1);
        for (var number = 0; number < 100; number++)
            table.Receive(From($"198.51.100.{number}", 2_000 + number), new FileRequest.Hello(3), now);

        Assert.IsType<TransferStep.Store>(table.Receive(owner, new FileRequest.Chunk(0, new byte[Chunk]), now));
    }

    public static TheoryData<string, string> Offsets => new()
    {
        { "before what was asked for", "-1" },
        { "in the middle of what was asked for", "1" },
        { "past what was asked for", "655360" },
        { "past the file", "99999999" },
        { "past every file", "9223372036854775807" },
        { "beyond 64 bits", "18446744073709551617" },
    };

    [Theory]
    [MemberData(nameof(Offsets))]
    public async Task A_chunk_that_was_not_asked_for_is_written_nowhere(string where, string offset)
    {
        Assert.NotEmpty(where);
        await using var farm = await AttackedFarm.StartAsync();
        var (attacker, sender) = Offer(farm, Chunk * 20);
        AttackedFarm.Say(sender, "HELLO", "2");
        AttackedFarm.Hear(sender);

        sender.TrySend("CHUNK"u8.ToArray(), Encoding.ASCII.GetBytes(offset), new byte[Chunk]);

        attacker.AssertReply<SlaveReply.Send>(Sent);
        Assert.Equal(0, TransferBytes(farm));
        await farm.EndAsync();
        attacker.Dispose();
        sender.Dispose();
    }

    [Fact]
    public async Task A_chunk_that_is_longer_than_was_asked_for_is_written_nowhere()
    {
        await using var farm = await AttackedFarm.StartAsync();
        var (attacker, sender) = Offer(farm, 10);
        AttackedFarm.Say(sender, "HELLO", "2");
        AttackedFarm.Hear(sender);

        SendChunk(sender, 0, new byte[200_000]);

        attacker.AssertReply<SlaveReply.Send>(Sent);
        Assert.Equal(0, TransferBytes(farm));
        await farm.EndAsync();
        attacker.Dispose();
        sender.Dispose();
    }

    [Fact]
    public async Task Sent_without_a_file_is_asked_for_again_and_then_fails_its_own_build()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        var (_, state) = farm.Bench.Wheel(new WheelMaker("scipy", "1.0", "cp311-cp311-linux_armv7l"));
        attacker.AssertReply<SlaveReply.Send>(Slaves.Built(state));

        for (var attempt = 1; attempt < SlaveSession.TransferAttemptsMax; attempt++)
            attacker.AssertReply<SlaveReply.Send>(Sent);
        attacker.AssertReply<SlaveReply.Done>(Sent);

        Assert.False(Assert.Single(farm.Bench.Database.Builds).Status);
        await farm.EndAsync();
        Assert.Equal(0, await Count(farm, static table => table.ExpectedCount));
    }

    [Fact]
    public async Task A_hash_that_never_matches_fails_its_own_build_and_keeps_no_byte()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        var (path, state) = farm.Bench.Wheel(new WheelMaker("scipy", "1.0", "cp311-cp311-linux_armv7l"));
        attacker.AssertReply<SlaveReply.Send>(Slaves.Built(state with { FileHash = new string('0', 64) }));

        for (var attempt = 1; attempt <= SlaveSession.TransferAttemptsMax; attempt++)
        {
            await farm.Bench.SendAsync(2, path);
            Assert.Equal(0, TransferBytes(farm));
            var last = attempt == SlaveSession.TransferAttemptsMax;
            Assert.Equal(last ? typeof(SlaveReply.Done) : typeof(SlaveReply.Send), attacker.Ask(Sent).GetType());
        }

        var build = Assert.Single(farm.Bench.Database.Builds);
        Assert.Contains("SHA-256", build.Failure!.Evidence, StringComparison.Ordinal);
        await farm.EndAsync();
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(Chunk)]
    public async Task A_size_that_lies_fails_its_own_build(int more)
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        var (path, state) = farm.Bench.Wheel(new WheelMaker("scipy", "1.0", "cp311-cp311-linux_armv7l"));
        var content = await File.ReadAllBytesAsync(path);
        attacker.AssertReply<SlaveReply.Send>(Slaves.Built(state with { FileSize = state.FileSize + more }));

        for (var attempt = 1; attempt <= SlaveSession.TransferAttemptsMax; attempt++)
        {
            using var sender = farm.Sender();
            AttackedFarm.Say(sender, "HELLO", "2");
            AttackedFarm.Hear(sender);
            SendChunk(sender, 0, content);
            // The hash is that of the file, and the size that of another
            attacker.Ask(Sent);
        }

        Assert.False(Assert.Single(farm.Bench.Database.Builds).Status);
        await farm.EndAsync();
    }

    [Fact]
    public async Task The_end_of_a_file_before_its_beginning_costs_no_more_than_in_order()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var slave = farm.Builder();
        var maker = new WheelMaker("scipy", "1.0", "cp311-cp311-linux_armv7l")
            .With("scipy/data.bin", RandomNumberGenerator.GetBytes(Chunk * 9));
        var (path, state) = farm.Bench.Wheel(maker);
        var content = await File.ReadAllBytesAsync(path);
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        using var sender = farm.Sender();
        AttackedFarm.Say(sender, "HELLO", "2");
        var asked = Enumerable.Range(0, 10).Select(_ => Assert.IsType<FileReply.Fetch>(AttackedFarm.Hear(sender))).ToList();

        foreach (var fetch in asked.AsEnumerable().Reverse())
            SendChunk(sender, fetch.Offset, content.AsMemory((int)fetch.Offset, fetch.Length));

        Assert.IsType<FileReply.Done>(AttackedFarm.Hear(sender));
        slave.AssertReply<SlaveReply.Done>(Sent);
        await farm.EndAsync(others: [$"simple/scipy/{state.Filename}", $"simple/scipy/{state.Filename}.metadata"]);
    }

    [Fact]
    public async Task Promises_of_more_than_the_disk_has_keep_nobody_elses_file_out()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        const long Promise = (2L << 30) - 1;
        farm.Bench.DiskFree = Promise + FileJuggler.DiskReserveBytes + 1_000;

        attacker.AssertReply<SlaveReply.Send>(Slaves.Built(Slaves.File(AttackedFarm.ScipyWheel, Promise)));

        await farm.EndAsync();
    }

    [Fact]
    public void Thousands_of_half_transfers_are_within_limits_and_go_away()
    {
        var dropped = 0;
        var table = new TransferTable(_ => dropped++);
        var now = Slaves.Start;
        var file = Slaves.File(Slaves.NumpyWheel, Chunk * 100);
        for (var id = 1; id <= TransferTable.ExpectedMax; id++)
            Assert.Null(table.Expect(TransferOwner.Slave(id), file, now));
        Assert.NotNull(table.Expect(TransferOwner.Slave(TransferTable.ExpectedMax + 1), file, now));

        for (var number = 0; number < 50_000; number++)
        {
            var address = Slaves.Address(number);
            table.Receive(address, new FileRequest.Hello((number % 5_000) + 1), now);
            table.Receive(address, new FileRequest.Chunk(0, new byte[Chunk]), now);
        }

        Assert.Equal(TransferTable.SendersMax, table.SendersCount);
        now += TransferTable.GiveWayAfter + TimeSpan.FromSeconds(1);
        var owner = Slaves.Address(60_000);
        Assert.IsType<TransferStep.Fetch>(table.Receive(owner, new FileRequest.Hello(9_000), now));
        Assert.Equal(TransferTable.SendersMax, table.SendersCount);
        now += TransferTable.SenderIdleMax + TimeSpan.FromSeconds(1);
        table.Expire(now);
        Assert.Equal(0, table.SendersCount);
        now += TransferTable.ExpectedIdleMax;
        table.Expire(now);
        Assert.Equal(0, table.ExpectedCount);
    }

    /// <summary>An attacker who was asked for a wheel of so many bytes, and its sender.</summary>
    private static (SlavePeer Attacker, ZmqSocket Sender) Offer(AttackedFarm farm, int size)
    {
        var attacker = farm.Builder();
        attacker.AssertReply<SlaveReply.Send>(Slaves.Built(Slaves.File(AttackedFarm.ScipyWheel, size)));
        return (attacker, farm.Sender());
    }

    private static void SendChunk(ZmqSocket sender, long offset, ReadOnlyMemory<byte> bytes) =>
        Assert.True(sender.TrySend(
            "CHUNK"u8.ToArray(), Encoding.ASCII.GetBytes(offset.ToString(CultureInfo.InvariantCulture)), bytes));

    private static long TransferBytes(AttackedFarm farm) =>
        new DirectoryInfo(farm.Bench.Output(OutputFolder.TransfersName))
            .EnumerateFiles("*", SearchOption.AllDirectories).Sum(static file => file.Length);

    private static async Task<int> Count(AttackedFarm farm, Func<TransferTable, int> count)
    {
        var counted = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        farm.Bench.Juggler.Post(() => counted.SetResult(count(farm.Bench.Juggler.Transfers)));
        return await counted.Task.Within();
    }
}
