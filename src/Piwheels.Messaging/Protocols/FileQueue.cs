using System.Buffers;
using System.Globalization;
using System.Text;

namespace Piwheels.Messaging.Protocols;

/// <summary>
/// What the sender of a file says: plain frames without CBOR, so that a chunk is not copied. Numbers are ASCII
/// digits.
/// </summary>
public abstract record FileRequest
{
    private FileRequest()
    {
    }

    private static ReadOnlySpan<byte> HelloName => "HELLO"u8;

    private static ReadOnlySpan<byte> ChunkName => "CHUNK"u8;

    /// <summary>Reads one message, without the address that the ROUTER put before it.</summary>
    /// <exception cref="WireException">It is not exactly one of these messages.</exception>
    public static FileRequest Read(ReadOnlySpan<ReadOnlyMemory<byte>> frames)
    {
        if (frames.Length > 0)
        {
            var name = frames[0].Span;
            if (name.SequenceEqual(HelloName) && frames.Length == 2)
            {
                return new Hello((int)FileFrames.Number(frames[1].Span, "slave id", int.MaxValue));
            }

            if (name.SequenceEqual(ChunkName) && frames.Length == 3)
            {
                return new Chunk(FileFrames.Number(frames[1].Span, "offset", long.MaxValue), frames[2]);
            }
        }

        throw new WireException($"no message of {frames.Length} frames that begins so on the file queue");
    }

    /// <summary>The frames to send.</summary>
    public abstract ReadOnlyMemory<byte>[] ToFrames();

    /// <summary>Ready to be asked; said again whenever the master is silent for long. An importer is slave 0.</summary>
    public sealed record Hello(int SlaveId) : FileRequest
    {
        private static readonly byte[] Name = HelloName.ToArray();

        public override ReadOnlyMemory<byte>[] ToFrames() => [Name, FileFrames.Digits(SlaveId)];
    }

    /// <summary>A range of the file, as it was asked for.</summary>
    /// <param name="Data">Belongs to the received message, as long as that lives.</param>
    public sealed record Chunk(long Offset, ReadOnlyMemory<byte> Data) : FileRequest
    {
        private static readonly byte[] Name = ChunkName.ToArray();

        public override ReadOnlyMemory<byte>[] ToFrames() => [Name, FileFrames.Digits(Offset), Data];
    }
}

/// <summary>What the master says to the sender of a file.</summary>
public abstract record FileReply
{
    private FileReply()
    {
    }

    private static ReadOnlySpan<byte> FetchName => "FETCH"u8;

    private static ReadOnlySpan<byte> DoneName => "DONE"u8;

    /// <summary>Reads one message.</summary>
    /// <exception cref="WireException">It is not exactly one of these messages.</exception>
    public static FileReply Read(ReadOnlySpan<ReadOnlyMemory<byte>> frames)
    {
        if (frames.Length > 0)
        {
            var name = frames[0].Span;
            if (name.SequenceEqual(DoneName) && frames.Length == 1) return new Done();
            if (name.SequenceEqual(FetchName) && frames.Length == 3)
            {
                return new Fetch(
                    FileFrames.Number(frames[1].Span, "offset", long.MaxValue),
                    (int)FileFrames.Number(frames[2].Span, "length", int.MaxValue));
            }
        }

        throw new WireException($"no message of {frames.Length} frames that begins so on the file queue");
    }

    /// <summary>The frames to send.</summary>
    public abstract ReadOnlyMemory<byte>[] ToFrames();

    /// <summary>Send this range.</summary>
    public sealed record Fetch(long Offset, int Length) : FileReply
    {
        private static readonly byte[] Name = FetchName.ToArray();

        public override ReadOnlyMemory<byte>[] ToFrames() =>
            [Name, FileFrames.Digits(Offset), FileFrames.Digits(Length)];
    }

    /// <summary>Every byte is there.</summary>
    public sealed record Done : FileReply
    {
        private static readonly byte[] Name = DoneName.ToArray();

        public override ReadOnlyMemory<byte>[] ToFrames() => [Name];
    }
}

/// <summary>Numbers in the frames of the file queue.</summary>
internal static class FileFrames
{
    private const int DigitsMax = 19;
    private static readonly SearchValues<byte> AsciiDigits = SearchValues.Create("0123456789"u8);

    public static byte[] Digits(long number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    public static long Number(ReadOnlySpan<byte> frame, string field, long max)
    {
        if (frame.Length is < 1 or > DigitsMax || frame.ContainsAnyExcept(AsciiDigits))
        {
            throw new WireException($"{field}: not 1 to {DigitsMax} digits");
        }

        return long.TryParse(frame, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max
            ? number
            : throw new WireException($"{field}: above {max}");
    }
}
