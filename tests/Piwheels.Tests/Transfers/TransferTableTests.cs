using Piwheels.Core.States;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Transfers;

public sealed class TransferTableTests
{
    private const int Size = 100_000;
    private static readonly TransferOwner Slave3 = TransferOwner.Slave(3);
    private static readonly TransferOwner Slave4 = TransferOwner.Slave(4);
    private static readonly FileState File = Slaves.File(Slaves.NumpyWheel, Size);
    private static readonly PeerAddress Alice = Slaves.Address(1);
    private static readonly PeerAddress Mallory = Slaves.Address(2);

    private readonly List<IncomingFile> _dropped = [];
    private readonly TransferTable _table;
    private DateTimeOffset _now = Slaves.Start;

    public TransferTableTests() => _table = new TransferTable(_dropped.Add);

    [Fact]
    public void A_hello_of_an_expected_slave_is_answered_by_fetches()
    {
        Expect(Slave3);

        var fetch = Assert.IsType<TransferStep.Fetch>(Hello(Alice, 3));

        Assert.Equal([(0L, 65_536L), (65_536L, 34_464L)], fetch.Ranges.Select(range => (range.Start, range.Length)));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(0)]
    [InlineData(int.MaxValue)]
    public void A_hello_of_a_slave_of_whom_nothing_is_expected_is_ignored(int id)
    {
        Expect(Slave3);

        AssertIgnored(Hello(Alice, id));
        Assert.Equal(0, _table.SendersCount);
    }

    [Fact]
    public void Chunks_that_were_asked_for_are_stored_until_the_file_is_complete()
    {
        Expect(Slave3);
        Hello(Alice, 3);

        var second = Assert.IsType<TransferStep.Store>(Chunk(Alice, 65_536, 34_464));
        Assert.False(second.Incoming.State.Done);
        var first = Assert.IsType<TransferStep.Store>(Chunk(Alice, 0, 65_536));
        Assert.True(first.Incoming.State.Done);
        Assert.Same(first.Incoming, second.Incoming);
    }

    [Theory]
    [InlineData(0, 65_535)]
    [InlineData(0, 65_537)]
    [InlineData(1, 65_536)]
    [InlineData(65_536, 65_536)]
    [InlineData(100_000, 1)]
    [InlineData(long.MaxValue, 65_536)]
    [InlineData(0, 0)]
    public void Chunks_that_were_not_asked_for_are_ignored(long offset, int length)
    {
        Expect(Slave3);
        Hello(Alice, 3);

        AssertIgnored(Chunk(Alice, offset, length));
    }

    [Fact]
    public void A_chunk_is_taken_once()
    {
        Expect(Slave3);
        Hello(Alice, 3);
        Chunk(Alice, 0, 65_536);

        AssertIgnored(Chunk(Alice, 0, 65_536));
    }

    [Fact]
    public void A_chunk_as_first_message_is_the_leftover_of_an_earlier_transfer()
    {
        Expect(Slave3);

        AssertIgnored(Chunk(Alice, 0, 65_536));
        Assert.IsType<TransferStep.Fetch>(Hello(Alice, 3));
    }

    [Fact]
    public void A_repeated_hello_asks_again_for_what_is_missing_and_not_too_often()
    {
        Expect(Slave3);
        Hello(Alice, 3);
        Chunk(Alice, 0, 65_536);

        AssertIgnored(Hello(Alice, 3));
        _now += TimeSpan.FromSeconds(5);
        var fetch = Assert.IsType<TransferStep.Fetch>(Hello(Alice, 3));

        Assert.Equal([(65_536L, 34_464L)], fetch.Ranges.Select(range => (range.Start, range.Length)));
    }

    [Fact]
    public void A_repeated_hello_after_the_last_chunk_is_answered_by_done()
    {
        Expect(Slave3);
        SendAll(Alice, 3);

        Assert.IsType<TransferStep.Complete>(Hello(Alice, 3));
    }

    [Fact]
    public void A_stranger_gets_a_transfer_of_its_own_and_the_slave_keeps_its()
    {
        Expect(Slave3);
        Hello(Mallory, 3);
        Hello(Alice, 3);

        var hers = Assert.IsType<TransferStep.Store>(Chunk(Alice, 0, 65_536)).Incoming;
        var his = Assert.IsType<TransferStep.Store>(Chunk(Mallory, 0, 65_536)).Incoming;

        Assert.NotSame(hers, his);
        Assert.Equal(65_536, hers.State.Received);
        Assert.Empty(_dropped);
    }

    [Fact]
    public void A_stranger_that_says_the_number_of_another_slave_leaves_its_own_transfer_and_nobody_elses()
    {
        Expect(Slave3);
        Expect(Slave4);
        Hello(Alice, 3);
        Hello(Mallory, 4);

        Hello(Mallory, 3);

        Assert.Equal([Mallory], _dropped.Select(incoming => incoming.Sender));
        Assert.IsType<TransferStep.Store>(Chunk(Alice, 0, 65_536));
    }

    [Fact]
    public void A_flood_of_strangers_is_limited_and_the_idle_one_gives_way()
    {
        Expect(Slave3);
        for (var i = 0; i < 1000; i++) Hello(Slaves.Address(100 + i), 3);
        Assert.Equal(TransferTable.SendersPerFileMax, _table.SendersCount);
        AssertIgnored(Hello(Alice, 3));

        _now += TransferTable.GiveWayAfter + TimeSpan.FromSeconds(1);

        Assert.IsType<TransferStep.Fetch>(Hello(Alice, 3));
        Assert.Equal(TransferTable.SendersPerFileMax, _table.SendersCount);
    }

    [Fact]
    public void A_sender_that_keeps_its_connection_sends_the_next_file_over_it()
    {
        Expect(Slave3);
        SendAll(Alice, 3);
        _table.End(_table.Find(Slave3)!);
        Expect(Slave3);

        Assert.Equal(2, Assert.IsType<TransferStep.Fetch>(Hello(Alice, 3)).Ranges.Count);
    }

    [Fact]
    public void A_new_expectation_drops_what_came_for_the_old_one()
    {
        Expect(Slave3);
        Hello(Alice, 3);
        Expect(Slave3);

        Assert.Single(_dropped);
        AssertIgnored(Chunk(Alice, 0, 65_536));
    }

    [Fact]
    public void Nothing_changes_a_file_that_is_being_verified()
    {
        Expect(Slave3);
        SendAll(Alice, 3);
        var expected = _table.Find(Slave3)!;
        expected.Verifying = true;

        AssertIgnored(Hello(Mallory, 3));
        AssertIgnored(Chunk(Alice, 0, 65_536));
        _now += TimeSpan.FromDays(2);
        _table.Expire(_now);
        _table.Forget(Slave3);
        Assert.Empty(_dropped);

        _table.End(expected);
        Assert.Single(_dropped);
        Assert.Equal((0, 0), (_table.SendersCount, _table.ExpectedCount));
    }

    [Fact]
    public void The_end_of_a_verification_leaves_what_has_been_expected_since()
    {
        Expect(Slave3);
        var first = _table.Find(Slave3)!;
        first.Verifying = true;
        Expect(Slave3);

        _table.End(first);

        Assert.NotNull(_table.Find(Slave3));
        Assert.False(_table.IsCurrent(first));
    }

    [Fact]
    public void An_idle_transfer_is_dropped_and_its_file_still_expected()
    {
        Expect(Slave3);
        Hello(Alice, 3);
        _now += TransferTable.SenderIdleMax + TimeSpan.FromSeconds(1);
        _table.Expire(_now);

        Assert.Single(_dropped);
        Assert.IsType<TransferStep.Fetch>(Hello(Alice, 3));
    }

    [Fact]
    public void Hellos_alone_keep_no_transfer_open()
    {
        Expect(Slave3);
        Hello(Alice, 3);
        for (var i = 0; i < 70; i++)
        {
            _now += TimeSpan.FromSeconds(5);
            Hello(Alice, 3);
        }

        _table.Expire(_now);
        Assert.Single(_dropped);
    }

    [Fact]
    public void A_transfer_that_creeps_is_ended_in_the_end()
    {
        var file = File with { FileSize = 65_536L * 10_000 };
        Assert.Null(_table.Expect(Slave3, file, _now));
        Hello(Alice, 3);
        for (var i = 0; _dropped.Count == 0; i++)
        {
            Assert.InRange(i, 0, 200);
            _now += TimeSpan.FromMinutes(4);
            var stored = Assert.IsType<TransferStep.Store>(Chunk(Alice, i * 65_536L, 65_536));
            stored.Incoming.State.Fetch();
            _table.Expire(_now);
        }
    }

    [Fact]
    public void A_file_that_nobody_sends_is_forgotten()
    {
        Expect(Slave3);
        _table.Expire(_now + TransferTable.ExpectedIdleMax + TimeSpan.FromSeconds(1));

        Assert.Equal(0, _table.ExpectedCount);
    }

    [Theory]
    [InlineData("../numpy-2.1.0-py3-none-any.whl", 1000)]
    [InlineData("numpy-2.1.0-py3-none-any.whl/..", 1000)]
    [InlineData("numpy.txt", 1000)]
    [InlineData(Slaves.NumpyWheel, 0)]
    [InlineData(Slaves.NumpyWheel, -1)]
    public void What_can_be_no_wheel_is_not_expected(string filename, long size)
    {
        Assert.NotNull(_table.Expect(Slave3, File with { Filename = filename, FileSize = size }, _now));
        Assert.Equal(0, _table.ExpectedCount);
    }

    [Fact]
    public void The_files_expected_are_limited_in_number()
    {
        for (var i = 1; i <= TransferTable.ExpectedMax; i++)
        {
            Assert.Null(_table.Expect(TransferOwner.Slave(i), File, _now));
        }

        Assert.NotNull(_table.Expect(TransferOwner.Import(1), File, _now));
        Assert.Null(_table.Expect(TransferOwner.Slave(1), File, _now));
    }

    [Fact]
    public void The_bytes_due_are_those_that_have_not_come()
    {
        Expect(Slave3);
        Expect(Slave4);
        Assert.Equal(2 * Size, _table.BytesDue);

        Hello(Alice, 3);
        Chunk(Alice, 0, 65_536);
        Hello(Mallory, 3);

        Assert.Equal(Size - 65_536 + Size + Size, _table.BytesDue);
    }

    [Fact]
    public void Importers_are_all_slave_zero_and_each_gets_the_import_that_is_due()
    {
        Expect(TransferOwner.Import(1));
        Assert.True(_table.ImportIsDue(_now));
        var first = Sender(Hello(Alice, 0), Alice);
        Assert.False(_table.ImportIsDue(_now));
        Expect(TransferOwner.Import(2));
        var second = Sender(Hello(Mallory, 0), Mallory);

        Assert.Equal(TransferOwner.Import(1), first.Expected.Owner);
        Assert.Equal(TransferOwner.Import(2), second.Expected.Owner);
    }

    [Fact]
    public void An_importer_that_never_comes_does_not_take_the_place_of_the_next()
    {
        Expect(TransferOwner.Import(1));
        _now += TransferTable.ImportComesWithin;
        Assert.False(_table.ImportIsDue(_now));
        Expect(TransferOwner.Import(2));

        Assert.Equal(TransferOwner.Import(2), Sender(Hello(Alice, 0), Alice).Expected.Owner);
    }

    [Fact]
    public void A_late_importer_still_gets_its_import()
    {
        Expect(TransferOwner.Import(1));
        _now += TimeSpan.FromMinutes(1);

        Assert.Equal(TransferOwner.Import(1), Sender(Hello(Alice, 0), Alice).Expected.Owner);
    }

    [Fact]
    public void An_importer_that_lost_its_connection_comes_back_for_its_import()
    {
        Expect(TransferOwner.Import(1));
        Hello(Alice, 0);
        AssertIgnored(Hello(Mallory, 0));
        _now += TransferTable.GiveWayAfter + TimeSpan.FromSeconds(1);

        Assert.Equal(TransferOwner.Import(1), Sender(Hello(Mallory, 0), Mallory).Expected.Owner);
    }

    private void Expect(TransferOwner owner) => Assert.Null(_table.Expect(owner, File, _now));

    private TransferStep Hello(PeerAddress sender, int id) =>
        _table.Receive(sender, new FileRequest.Hello(id), _now);

    private TransferStep Chunk(PeerAddress sender, long offset, int length) =>
        _table.Receive(sender, new FileRequest.Chunk(offset, new byte[length]), _now);

    private void SendAll(PeerAddress sender, int id)
    {
        Hello(sender, id);
        Chunk(sender, 0, 65_536);
        Chunk(sender, 65_536, 34_464);
    }

    private IncomingFile Sender(TransferStep hello, PeerAddress sender)
    {
        Assert.IsType<TransferStep.Fetch>(hello);
        return Assert.IsType<TransferStep.Store>(Chunk(sender, 0, 65_536)).Incoming;
    }

    private static void AssertIgnored(TransferStep step) => Assert.IsType<TransferStep.Ignore>(step);
}
