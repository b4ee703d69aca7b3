using FsCheck;
using FsCheck.Xunit;
using Piwheels.Core.Ranges;
using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class TransferStateTests
{
    private const long Chunk = TransferState.ChunkBytes;

    [Fact]
    public void An_empty_file_is_done_at_once()
    {
        var transfer = new TransferState(0);
        Assert.True(transfer.Done);
        Assert.Empty(transfer.Fetch());
        Assert.Equal(new ChunkOutcome.Ignored(ChunkRefusal.Complete), transfer.Receive(0, 0));
    }

    [Fact]
    public void Ten_ranges_are_asked_for_and_then_one_for_each_that_comes()
    {
        var transfer = new TransferState(20 * Chunk);
        var first = transfer.Fetch();

        Assert.Equal(TransferState.PipelineChunksMax, first.Count);
        Assert.Equal(new ByteRange(0, Chunk), first[0]);
        Assert.Empty(transfer.Fetch());
        Assert.IsType<ChunkOutcome.Accepted>(transfer.Receive(3 * Chunk, Chunk));
        Assert.Equal([new ByteRange(10 * Chunk, 11 * Chunk)], transfer.Fetch());
    }

    [Fact]
    public void The_last_chunk_is_as_long_as_what_is_left()
    {
        var transfer = new TransferState(Chunk + 7);
        Assert.Equal([new ByteRange(0, Chunk), new ByteRange(Chunk, Chunk + 7)], transfer.Fetch());
        Assert.IsType<ChunkOutcome.Accepted>(transfer.Receive(Chunk, 7));
        Assert.False(transfer.Done);
        Assert.IsType<ChunkOutcome.Completed>(transfer.Receive(0, Chunk));
        Assert.True(transfer.Done);
    }

    [Theory]
    [InlineData(-1, 1, ChunkRefusal.OutsideFile)]
    [InlineData(0, 0, ChunkRefusal.OutsideFile)]
    [InlineData(0, -5, ChunkRefusal.OutsideFile)]
    [InlineData(30 * Chunk, 1, ChunkRefusal.OutsideFile)]
    [InlineData(long.MaxValue, long.MaxValue, ChunkRefusal.OutsideFile)]
    [InlineData(0, Chunk - 1, ChunkRefusal.NotAskedFor)]
    [InlineData(0, Chunk + 1, ChunkRefusal.NotAskedFor)]
    [InlineData(1, Chunk, ChunkRefusal.NotAskedFor)]
    [InlineData(15 * Chunk, Chunk, ChunkRefusal.NotAskedFor)]
    public void A_chunk_that_was_not_asked_for_is_ignored(long offset, long length, ChunkRefusal reason)
    {
        var transfer = new TransferState(20 * Chunk);
        transfer.Fetch();
        Assert.Equal(new ChunkOutcome.Ignored(reason), transfer.Receive(offset, length));
        Assert.Equal(0, transfer.Received);
    }

    [Fact]
    public void A_chunk_is_taken_once()
    {
        var transfer = new TransferState(2 * Chunk);
        transfer.Fetch();
        Assert.IsType<ChunkOutcome.Accepted>(transfer.Receive(0, Chunk));
        Assert.Equal(new ChunkOutcome.Ignored(ChunkRefusal.NotAskedFor), transfer.Receive(0, Chunk));
        Assert.Equal(Chunk, transfer.Received);
    }

    [Fact]
    public void A_chunk_before_anything_was_asked_for_is_ignored() =>
        Assert.IsType<ChunkOutcome.Ignored>(new TransferState(5).Receive(0, 5));

    [Fact]
    public void A_repeated_hello_asks_again_for_what_has_not_come()
    {
        var transfer = new TransferState(12 * Chunk);
        transfer.Fetch();
        transfer.Receive(Chunk, Chunk);

        var again = transfer.Restart();

        Assert.Equal(1, transfer.Restarts);
        Assert.Equal(TransferState.PipelineChunksMax, again.Count);
        Assert.Equal(new ByteRange(0, Chunk), again[0]);
        Assert.Equal(new ByteRange(2 * Chunk, 3 * Chunk), again[1]);
        Assert.DoesNotContain(new ByteRange(Chunk, 2 * Chunk), again);
    }

    [Fact]
    public void A_negative_size_is_our_own_mistake() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TransferState(-1));

    [Property]
    public bool Whatever_is_lost_or_repeated_the_file_ends_complete(PositiveInt size, byte[] turns)
    {
        var length = size.Get * 40_000L;
        var transfer = new TransferState(length);
        var received = new List<ByteRange>();
        var sent = new Queue<ByteRange>(transfer.Fetch());
        foreach (var turn in turns.Concat(Enumerable.Repeat((byte)0, (int)(length / Chunk) + 20)))
        {
            if (transfer.Done) break;
            if (sent.Count == 0 || turn % 7 == 1)
            {
                foreach (var range in transfer.Restart()) sent.Enqueue(range);
            }

            var chunk = sent.Dequeue();
            if (turn % 7 == 2) continue;
            if (turn % 7 == 3) sent.Enqueue(chunk);
            if (transfer.Receive(chunk.Start, chunk.Length) is ChunkOutcome.Ignored) continue;
            received.Add(chunk);
            foreach (var range in transfer.Fetch()) sent.Enqueue(range);
        }

        while (!transfer.Done)
        {
            foreach (var range in transfer.Restart())
            {
                if (transfer.Receive(range.Start, range.Length) is not ChunkOutcome.Ignored) received.Add(range);
            }
        }

        return received.Sum(range => range.Length) == length
            && ByteRanges.Consolidate(received.OrderBy(range => range.Start)).SequenceEqual([new ByteRange(0, length)]);
    }
}
