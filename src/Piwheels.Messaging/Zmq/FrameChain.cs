using System.Buffers.Binary;

namespace Piwheels.Messaging.Zmq;

/// <summary>What a stretch of a connection's bytes looks like.</summary>
internal enum FrameChain
{
    /// <summary>Frames, each of which says that more of its message follow, and more of them than a message has.</summary>
    Endless,

    /// <summary>Some such frames, as far as it goes; it is too short to tell.</summary>
    Perhaps,

    /// <summary>Anything else.</summary>
    None,
}

/// <summary>
/// Tells a message of ever more small frames by a piece out of its middle. libzmq takes 64 bytes for a frame, also for one
/// of two, so that such a message takes up thirty times as much memory as came.
/// </summary>
/// <remarks>
/// Framing is that of ZMTP 3 (ZeroMQ RFC 23): flags, a length of one byte or of eight, the body. Where in a frame a piece
/// begins is not known, so each beginning is tried. Frames of more than <see cref="BeginningsMax"/> bytes are not found,
/// and not worth it: they take up what they bring. Nor are those within CURVE, which adds 33 bytes to each.
/// </remarks>
internal static class FrameChains
{
    /// <summary>How far into a piece the first whole frame may begin, in bytes.</summary>
    public const int BeginningsMax = 2048;

    private const int More = 1;
    private const int Long = 2;
    private const int Command = 4;

    /// <param name="piece">Bytes that follow one another, from anywhere in a connection.</param>
    /// <param name="enough">How many bytes tell for sure.</param>
    /// <param name="lengthMax">A longer frame is none.</param>
    public static FrameChain Read(ReadOnlySpan<byte> piece, int enough, long lengthMax)
    {
        var most = 0;
        for (var beginning = 0; beginning < piece.Length && beginning <= BeginningsMax; beginning++)
        {
            most = Math.Max(most, Count(piece[beginning..], (ulong)lengthMax));
            if (most > SocketOptions.FramesMax) return FrameChain.Endless;
        }

        return most > 0 && piece.Length < enough ? FrameChain.Perhaps : FrameChain.None;
    }

    /// <summary>Frames with more to follow, one after the other to the end of the bytes; 0 if they are something else.</summary>
    private static int Count(ReadOnlySpan<byte> bytes, ulong lengthMax)
    {
        var count = 0;
        while (bytes.Length > 0)
        {
            var flags = bytes[0];
            // Commands may stand between the frames of a message
            var isCommand = flags is Command or (Command | Long);
            if (!isCommand && flags is not (More or (More | Long))) return 0;
            if (!isCommand) count++;
            var header = (flags & Long) == 0 ? 2 : 9;
            if (bytes.Length < header) break;
            var length = header == 2 ? bytes[1] : BinaryPrimitives.ReadUInt64BigEndian(bytes[1..]);
            if (length > lengthMax) return 0;
            if (length >= (ulong)(bytes.Length - header)) break;
            bytes = bytes[(header + (int)length)..];
        }

        return count;
    }
}
