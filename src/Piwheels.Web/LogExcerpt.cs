using System.Buffers;
using System.IO.Compression;

namespace Piwheels.Web;

/// <summary>
/// The beginning and the end of a log, whatever its length: it is unpacked in passing, up to a limit, and never held as a
/// whole.
/// </summary>
internal sealed class LogExcerpt
{
    /// <summary>Bytes of the beginning that are kept, before something is left out.</summary>
    internal const int HeadBytesMax = 128 * 1024;

    /// <summary>Bytes of the end that are kept.</summary>
    internal const int TailBytesMax = 384 * 1024;

    /// <summary>Bytes that are unpacked; what comes after them is not looked at.</summary>
    internal const long UnpackedBytesMax = 128 * 1024 * 1024;

    private const int PieceBytes = 64 * 1024;

    private readonly byte[] _head = new byte[HeadBytesMax];
    private readonly byte[] _ring = new byte[TailBytesMax];
    private long _length;

    private LogExcerpt()
    {
    }

    /// <summary>Whether it could not be unpacked to its end.</summary>
    internal bool IsDamaged { get; private set; }

    /// <summary>Whether there is more than is unpacked; the end is not that of the log then.</summary>
    internal bool IsEndless { get; private set; }

    /// <summary>Bytes between beginning and end that are not kept.</summary>
    internal long LeftOut => Math.Max(0, _length - HeadBytesMax - TailBytesMax);

    internal static async Task<LogExcerpt> ReadAsync(Stream packed, CancellationToken ct)
    {
        var excerpt = new LogExcerpt();
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            await using var log = new GZipStream(packed, CompressionMode.Decompress, leaveOpen: true);
            while (excerpt._length < UnpackedBytesMax && await log.ReadAsync(piece, ct) is var read and > 0)
                excerpt.Add(piece.AsSpan(0, read));
            excerpt.IsEndless = excerpt._length >= UnpackedBytesMax && await log.ReadAsync(piece, ct) > 0;
        }
        catch (InvalidDataException)
        {
            excerpt.IsDamaged = true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        return excerpt;
    }

    /// <summary>The beginning; all of it where nothing is left out. Ends with a whole line, where there is one.</summary>
    internal ReadOnlySpan<byte> Beginning()
    {
        if (LeftOut == 0) return Whole();
        var head = _head.AsSpan();
        return head.LastIndexOf((byte)'\n') is >= 0 and var end ? head[..(end + 1)] : head;
    }

    /// <summary>The end, after what is left out; empty where nothing is. Begins with a whole line if it can.</summary>
    internal ReadOnlySpan<byte> End()
    {
        if (LeftOut == 0) return [];
        var tail = Tail().AsSpan();
        return tail.IndexOf((byte)'\n') is >= 0 and var end && end < tail.Length - 1 ? tail[(end + 1)..] : tail;
    }

    private byte[] Whole() => [.. _head.AsSpan(0, (int)Math.Min(_length, HeadBytesMax)), .. Tail()];

    // The ring is written from its start at multiples of its size
    private byte[] Tail()
    {
        var tail = _length - HeadBytesMax;
        if (tail <= 0) return [];
        if (tail <= TailBytesMax) return _ring[..(int)tail];
        var start = (int)(tail % TailBytesMax);
        return [.. _ring.AsSpan(start), .. _ring.AsSpan(0, start)];
    }

    private void Add(ReadOnlySpan<byte> piece)
    {
        if (_length < HeadBytesMax)
        {
            var head = piece[..(int)Math.Min(piece.Length, HeadBytesMax - _length)];
            head.CopyTo(_head.AsSpan((int)_length));
            _length += head.Length;
            piece = piece[head.Length..];
        }

        while (piece.Length > 0)
        {
            var at = (int)((_length - HeadBytesMax) % TailBytesMax);
            var part = piece[..Math.Min(piece.Length, TailBytesMax - at)];
            part.CopyTo(_ring.AsSpan(at));
            _length += part.Length;
            piece = piece[part.Length..];
        }
    }
}
