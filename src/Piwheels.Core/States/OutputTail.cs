namespace Piwheels.Core.States;

/// <summary>A piece of what a build printed.</summary>
/// <param name="Offset">How many bytes were printed before it.</param>
public readonly record struct OutputPiece(long Offset, ReadOnlyMemory<byte> Bytes)
{
    public long End => Offset + Bytes.Length;
}

/// <summary>
/// The last part of what a build has printed so far, by offset: pieces in their order, with gaps where something was left
/// out. For one thread.
/// </summary>
/// <param name="bytesMax">How much is kept; the oldest goes first, a piece at a time.</param>
public sealed class OutputTail(int bytesMax = OutputTail.BytesMax)
{
    /// <summary>How much of a build that is followed is kept, in bytes.</summary>
    public const int BytesMax = 256 * 1024;

    /// <summary>The longest piece, in bytes; shorter ones are joined up to it.</summary>
    public const int PieceBytesMax = 64 * 1024;

    /// <summary>The most pieces, however short they are.</summary>
    public const int PiecesMax = 32;

    private readonly List<OutputPiece> _pieces = [];
    private long _bytes;

    /// <summary>What is kept, the oldest first.</summary>
    public IReadOnlyList<OutputPiece> Pieces => _pieces;

    /// <summary>Where the next piece is expected to begin.</summary>
    public long End { get; private set; }

    /// <summary>Adds a piece, of which what is known already is left out.</summary>
    /// <returns>What of it is new; null when nothing is.</returns>
    public OutputPiece? Add(OutputPiece piece)
    {
        if (piece.End <= End) return null;
        var known = (int)Math.Max(0, End - piece.Offset);
        var added = new OutputPiece(piece.Offset + known, piece.Bytes[known..]);
        End = added.End;
        _bytes += added.Bytes.Length;
        if (_pieces is [.., var last] && last.End == added.Offset && last.Bytes.Length + added.Bytes.Length <= PieceBytesMax)
            _pieces[^1] = last with { Bytes = (byte[])[.. last.Bytes.Span, .. added.Bytes.Span] };
        else
            _pieces.Add(added);
        while (_pieces.Count > 1 && (_bytes > bytesMax || _pieces.Count > PiecesMax))
        {
            _bytes -= _pieces[0].Bytes.Length;
            _pieces.RemoveAt(0);
        }

        return added;
    }

    /// <summary>What is kept from an offset on.</summary>
    public IReadOnlyList<OutputPiece> From(long offset) =>
    [
        .. _pieces.Where(piece => piece.End > offset).Select(piece => piece.Offset >= offset
            ? piece
            : new OutputPiece(offset, piece.Bytes[(int)(offset - piece.Offset)..])),
    ];

    /// <summary>Forgets all, and takes these in its place.</summary>
    public void Replace(IEnumerable<OutputPiece> pieces)
    {
        _pieces.Clear();
        (_bytes, End) = (0, 0);
        foreach (var piece in pieces) Add(piece);
    }
}
