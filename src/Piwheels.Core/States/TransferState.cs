using Piwheels.Core.Ranges;

namespace Piwheels.Core.States;

/// <summary>
/// What one incoming file still lacks, and what of it has been asked for: the receiving side of the credit based file
/// protocol, without its sockets and its disk. Belongs to one task; not thread safe.
/// </summary>
/// <remarks>
/// A range is missing, then asked for (by <see cref="Fetch"/>), then received. Only what has been asked for and is
/// outstanding is taken, so that a sender can neither write past the announced size nor twice to the same place.
/// </remarks>
public sealed class TransferState
{
    /// <summary>Most ranges asked for at a time.</summary>
    public const int PipelineChunksMax = 10;

    /// <summary>Bytes of a range, the last of a file excepted.</summary>
    public const int ChunkBytes = 65_536;

    private readonly HashSet<ByteRange> _outstanding = [];
    private IReadOnlyList<ByteRange> _missing;

    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public TransferState(long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        Size = size;
        _missing = size == 0 ? [] : [new ByteRange(0, size)];
    }

    /// <summary>The announced size, in bytes.</summary>
    public long Size { get; }

    /// <summary>Bytes received.</summary>
    public long Received { get; private set; }

    /// <summary>How often the sender has started over; the receiver sets the limit.</summary>
    public int Restarts { get; private set; }

    /// <summary>True once every byte is there; at once for an empty file.</summary>
    public bool Done => Received == Size;

    /// <summary>What nobody has asked for yet, in ascending order.</summary>
    public IReadOnlyList<ByteRange> Missing => _missing;

    /// <summary>What has been asked for and has not come, in ascending order.</summary>
    public IReadOnlyList<ByteRange> Outstanding => [.. _outstanding.OrderBy(range => range.Start)];

    /// <summary>
    /// The ranges to ask for now, as many as <see cref="PipelineChunksMax"/> leaves room for. They count as asked for.
    /// </summary>
    public IReadOnlyList<ByteRange> Fetch()
    {
        var fetched = new List<ByteRange>();
        while (_outstanding.Count < PipelineChunksMax && _missing.Count > 0)
        {
            var first = _missing[0];
            var range = first with { End = Math.Min(first.End, first.Start + ChunkBytes) };
            _missing = ByteRanges.Exclude(_missing, range);
            _outstanding.Add(range);
            fetched.Add(range);
        }

        return fetched;
    }

    /// <summary>A chunk came. The caller writes it to its place when it was accepted, and then fetches on.</summary>
    public ChunkOutcome Receive(long offset, long length)
    {
        if (Done) return new ChunkOutcome.Ignored(ChunkRefusal.Complete);
        if (offset < 0 || length <= 0 || offset > Size || length > Size - offset)
        {
            return new ChunkOutcome.Ignored(ChunkRefusal.OutsideFile);
        }

        var range = new ByteRange(offset, offset + length);
        if (!_outstanding.Remove(range)) return new ChunkOutcome.Ignored(ChunkRefusal.NotAskedFor);
        Received += length;
        return Done ? new ChunkOutcome.Completed(range) : new ChunkOutcome.Accepted(range);
    }

    /// <summary>
    /// The sender says hello again: what was asked for and has not come counts as lost. Answers what to ask for now.
    /// </summary>
    public IReadOnlyList<ByteRange> Restart()
    {
        Restarts++;
        _missing = ByteRanges.Consolidate(_missing.Concat(_outstanding).OrderBy(range => range.Start));
        _outstanding.Clear();
        return Fetch();
    }
}

/// <summary>What became of a chunk.</summary>
public abstract record ChunkOutcome
{
    private ChunkOutcome()
    {
    }

    /// <summary>It belongs to its place in the file; more is to come.</summary>
    public sealed record Accepted(ByteRange Range) : ChunkOutcome;

    /// <summary>It belongs to its place in the file, and was the last one.</summary>
    public sealed record Completed(ByteRange Range) : ChunkOutcome;

    /// <summary>It is not needed, or not allowed.</summary>
    public sealed record Ignored(ChunkRefusal Reason) : ChunkOutcome;
}

/// <summary>Why a chunk is ignored.</summary>
public enum ChunkRefusal
{
    /// <summary>Every byte of the file is there.</summary>
    Complete,

    /// <summary>It is empty, or reaches out of the announced size.</summary>
    OutsideFile,

    /// <summary>No outstanding request is for exactly this range: a late answer, or none of ours.</summary>
    NotAskedFor,
}
