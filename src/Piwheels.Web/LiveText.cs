using Piwheels.Core.States;

namespace Piwheels.Web;

/// <summary>What a running build prints, as lines for a page, whole ones as far as possible.</summary>
internal static class LiveText
{
    /// <summary>A line without an end is shown from so many bytes on.</summary>
    internal const int LineBytesMax = 8 * 1024;

    private const int CharacterBytesMax = 4;

    /// <summary>The lines since a position, and the position after them.</summary>
    /// <param name="pieces">What is kept from the position on.</param>
    /// <param name="hasEnded">Whether nothing follows, so that the last line need not be waited for.</param>
    internal static (List<string> Lines, long Next) Read(IReadOnlyList<OutputPiece> pieces, long position, bool hasEnded)
    {
        var lines = new List<string>();
        var run = new MemoryStream();
        var next = position;
        foreach (var piece in pieces)
        {
            if (piece.Offset > next)
            {
                lines.AddRange(LogText.Lines(run.ToArray()));
                lines.Add($"[... {piece.Offset - next} bytes are not shown here ...]");
                run.SetLength(0);
            }

            run.Write(piece.Bytes.Span);
            next = piece.End;
        }

        var last = run.ToArray().AsSpan();
        var whole = hasEnded ? last : WholeLines(last);
        lines.AddRange(LogText.Lines(whole));
        return (lines, next - (last.Length - whole.Length));
    }

    private static Span<byte> WholeLines(Span<byte> run)
    {
        if (run.LastIndexOf((byte)'\n') is >= 0 and var end) return run[..(end + 1)];
        if (run.Length < LineBytesMax) return [];
        // Not within a character
        var cut = run.Length;
        while (cut > run.Length - CharacterBytesMax && (run[cut - 1] & 0xC0) == 0x80) cut--;
        return run[cut - 1] < 0x80 ? run[..cut] : run[..(cut - 1)];
    }
}
