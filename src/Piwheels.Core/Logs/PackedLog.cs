using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using System.Text;
using Piwheels.Core.Packaging;

namespace Piwheels.Core.Logs;

/// <summary>
/// The log of a build as it is published: gzip (RFC 1952), whose comment names the package. What a build printed is not to
/// be asked what it was of; the comment is the master's own, and whatever unpacks the file passes it over.
/// </summary>
public static class PackedLog
{
    /// <summary>How much of a file's beginning has to be read to find the package, in bytes.</summary>
    public const int HeadBytesMax = 512;

    private const int HeaderBytes = 10;
    private const int FlagsAt = 3;
    private const byte HasComment = 0x10;

    // A header, an empty block, and sum and length of nothing
    private static ReadOnlySpan<byte> PackedNothing =>
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Writes a log in UTF-8, packed.</summary>
    public static void Write(Stream output, PackageName package, string text)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var commented = new Commented(output, package.Value);
        if (text.Length == 0)
        {
            // The compressor would write nothing at all, which is no gzip
            commented.Write(PackedNothing);
            return;
        }

        using var gzip = new GZipStream(commented, CompressionLevel.Optimal, leaveOpen: true);
        using var writer = new StreamWriter(gzip, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        writer.Write(text);
    }

    /// <summary>The package whose log begins so; false where nobody said.</summary>
    public static bool TryReadPackage(ReadOnlySpan<byte> head, [MaybeNullWhen(false)] out PackageName package)
    {
        package = default;
        // The comment comes first where no other of the fields before it is there
        if (head.Length <= HeaderBytes || !head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) || head[FlagsAt] != HasComment)
            return false;
        var comment = head[HeaderBytes..];
        return comment.IndexOf((byte)0) is > 0 and var end
            && PackageName.TryParse(Encoding.Latin1.GetString(comment[..end]), out package);
    }

    /// <summary>Puts a comment into the header that the compressor writes.</summary>
    private sealed class Commented(Stream output, string comment) : Stream
    {
        private int _passed;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            for (; _passed < HeaderBytes && buffer.Length > 0; buffer = buffer[1..])
            {
                output.WriteByte(_passed == FlagsAt ? (byte)(buffer[0] | HasComment) : buffer[0]);
                if (++_passed < HeaderBytes) continue;
                // A package's name is ASCII
                output.Write(Encoding.Latin1.GetBytes(comment));
                output.WriteByte(0);
            }

            output.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => output.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
