using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Piwheels.Core.States;

namespace Piwheels.Slave.Building;

/// <summary>
/// What a build wrote: the first and the last part of it, since the one says what was built with what, and the other
/// why it failed.
/// </summary>
internal sealed class CappedOutput(int headBytes = CappedOutput.HeadBytesMax, int tailBytes = CappedOutput.TailBytesMax)
{
    public const int HeadBytesMax = 256 * 1024;
    public const int TailBytesMax = 768 * 1024;

    private const int ReadBytes = 16 * 1024;

    private readonly Lock _gate = new(); // What cannot be ended in time may still be writing while the text is taken
    private readonly List<byte> _head = [];
    private readonly byte[] _tail = new byte[tailBytes]; // A ring, once it is full
    private long _tailCount;

    /// <summary>All bytes written, kept or not.</summary>
    public long Count => _head.Count + _tailCount;

    /// <summary>The newest of what was written after the first bytes of it, and no more than a limit.</summary>
    /// <param name="from">How many bytes are not wanted, since they are known.</param>
    public OutputPiece Newest(long from, int bytesMax)
    {
        lock (_gate)
        {
            if (from >= Count) return new OutputPiece(from, default);
            var start = Math.Max(from, Count - bytesMax);
            if (_tailCount > tailBytes) start = Math.Max(start, Count - tailBytes);
            var piece = new byte[Count - start];
            var fromHead = (int)Math.Max(0, Math.Min(_head.Count - start, piece.Length));
            if (fromHead > 0) CollectionsMarshal.AsSpan(_head).Slice((int)start, fromHead).CopyTo(piece);
            var rest = piece.AsSpan(fromHead);
            var at = (int)((start + fromHead - _head.Count) % tailBytes);
            var first = Math.Min(rest.Length, tailBytes - at);
            _tail.AsSpan(at, first).CopyTo(rest);
            _tail.AsSpan(0, rest.Length - first).CopyTo(rest[first..]);
            return new OutputPiece(start, piece);
        }
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate) AppendInside(bytes);
    }

    private void AppendInside(ReadOnlySpan<byte> bytes)
    {
        var toHead = Math.Min(bytes.Length, headBytes - _head.Count);
        _head.AddRange(bytes[..toHead]);
        bytes = bytes[toHead..];
        var skipped = Math.Max(0, bytes.Length - tailBytes);
        _tailCount += skipped;
        bytes = bytes[skipped..];
        while (bytes.Length > 0)
        {
            var at = (int)(_tailCount % tailBytes);
            var part = Math.Min(bytes.Length, tailBytes - at);
            bytes[..part].CopyTo(_tail.AsSpan(at));
            _tailCount += part;
            bytes = bytes[part..];
        }
    }

    /// <summary>Takes everything that a stream still has.</summary>
    public async Task ReadToEndAsync(Stream stream)
    {
        var buffer = new byte[ReadBytes];
        while (await stream.ReadAsync(buffer) is > 0 and var count) Append(buffer.AsSpan(0, count));
    }

    /// <summary>
    /// The text, read as UTF-8. What is not UTF-8 becomes U+FFFD; so does NUL, which no PostgreSQL text may hold. What is
    /// missing in the middle is said in a line of its own.
    /// </summary>
    public string ToText()
    {
        lock (_gate) return ToTextInside();
    }

    private string ToTextInside()
    {
        ReadOnlySpan<byte> head = CollectionsMarshal.AsSpan(_head);
        if (_tailCount <= tailBytes) return Decode([.. head, .. _tail.AsSpan(0, (int)_tailCount)]);

        var at = (int)(_tailCount % tailBytes);
        byte[] tail = [.. _tail.AsSpan(at), .. _tail.AsSpan(0, at)];
        head = head[..(head.LastIndexOf((byte)'\n') + 1 is > 0 and var end ? end : CharacterStart(head, head.Length - 1))];
        var from = tail.AsSpan().IndexOf((byte)'\n') + 1;
        if (from == 0 || from == tail.Length) from = CharacterAfter(tail);
        var cut = Count - head.Length - (tail.Length - from);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Decode(head)}{LineEnd(head)}[... {cut} bytes of output are left out here ...]\n{Decode(tail.AsSpan(from))}");
    }

    private static string LineEnd(ReadOnlySpan<byte> head) => head.Length == 0 || head[^1] == '\n' ? "" : "\n";

    private static string Decode(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes).Replace('\0', '\uFFFD');

    private static int CharacterStart(ReadOnlySpan<byte> bytes, int at)
    {
        while (at > 0 && IsContinuation(bytes[at])) at--;
        return Math.Max(at, 0);
    }

    private static int CharacterAfter(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length && IsContinuation(bytes[at])) at++;
        return at;
    }

    private static bool IsContinuation(byte value) => (value & 0xC0) == 0x80;
}
