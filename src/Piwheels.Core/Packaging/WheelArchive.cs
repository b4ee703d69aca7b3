using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;

namespace Piwheels.Core.Packaging;

/// <summary>
/// The zip file of a wheel, read under limits and without any leniency: whoever reads it must find the same files.
/// Refused are entries that are there twice, overlap, name places outside the folder that they are unpacked in, are
/// encrypted or packed in an unusual way, and files with anything before, between or behind the parts of the zip.
/// </summary>
public sealed class WheelArchive
{
    /// <summary>Most entries.</summary>
    public const int EntriesMax = 100_000;

    /// <summary>Most bytes of the directory of entries.</summary>
    public const int DirectoryBytesMax = 32 << 20;

    /// <summary>Most bytes of all entries together, unpacked.</summary>
    public const long UnpackedBytesMax = 16L << 30;

    private readonly Stream _stream;

    private WheelArchive(Stream stream, IReadOnlyList<WheelEntry> entries)
    {
        _stream = stream;
        Entries = entries;
    }

    /// <summary>Everything in it but folders, in the order of its directory.</summary>
    public IReadOnlyList<WheelEntry> Entries { get; }

    /// <summary>Reads the directory of a wheel. The stream must seek, and stays the caller's.</summary>
    /// <param name="problem">Why it is refused, in words.</param>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static bool TryOpen(
        Stream stream, [NotNullWhen(true)] out WheelArchive? archive, [NotNullWhen(false)] out string? problem)
    {
        try
        {
            archive = new WheelArchive(stream, ZipDirectory.Read(stream));
            problem = null;
            return true;
        }
        catch (InvalidDataException e)
        {
            (archive, problem) = (null, e.Message);
            return false;
        }
    }

    /// <summary>
    /// An entry's content as a stream that ends exactly where the directory says, and has the checksum it says.
    /// One at a time may be read.
    /// </summary>
    /// <exception cref="InvalidDataException">The content is not what the directory says; also while reading.</exception>
    public Stream Open(WheelEntry entry)
    {
        var packed = new SubStream(_stream, ZipDirectory.ContentStart(_stream, entry), entry.PackedSize);
        Stream content = entry.IsDeflated ? new DeflateStream(packed, CompressionMode.Decompress) : packed;
        return new CheckedStream(content, entry);
    }

    /// <summary>A small entry's whole content.</summary>
    /// <exception cref="InvalidDataException">It is larger than allowed, or not what the directory says.</exception>
    public byte[] ReadAll(WheelEntry entry, int bytesMax)
    {
        if (entry.Size > bytesMax) throw new InvalidDataException($"{entry} is larger than {bytesMax} bytes");
        using var content = Open(entry);
        var bytes = new byte[entry.Size];
        content.ReadExactly(bytes);
        if (content.ReadByte() >= 0) throw new InvalidDataException($"{entry} is longer than it says");
        return bytes;
    }

    /// <summary>A part of another stream.</summary>
    private sealed class SubStream(Stream stream, long start, long length) : ReadOnlyStream
    {
        private long _at;

        public override int Read(Span<byte> buffer)
        {
            var wanted = (int)Math.Min(buffer.Length, length - _at);
            if (wanted == 0) return 0;
            stream.Position = start + _at;
            var read = stream.Read(buffer[..wanted]);
            if (read == 0) throw new InvalidDataException("the file ends within an entry");
            _at += read;
            return read;
        }
    }

    /// <summary>Holds a content to its announced size and checksum.</summary>
    private sealed class CheckedStream(Stream content, WheelEntry entry) : ReadOnlyStream
    {
        private Crc32 _crc;
        private long _at;

        public override int Read(Span<byte> buffer)
        {
            if (buffer.IsEmpty) return 0;
            var read = content.Read(buffer);
            _at += read;
            _crc.Add(buffer[..read]);
            if (_at > entry.Size || (read == 0 && _at < entry.Size))
            {
                throw new InvalidDataException($"{entry} has another size than it says");
            }

            if (read == 0 && _crc.Value != entry.Crc) throw new InvalidDataException($"{entry} has a wrong checksum");
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) content.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>One file in a wheel.</summary>
/// <param name="Name">Its path in the wheel, with slashes, below the wheel's root.</param>
/// <param name="Size">Its size unpacked, in bytes.</param>
/// <param name="PackedSize">Its size in the wheel, in bytes.</param>
public sealed record WheelEntry(string Name, long Size, long PackedSize)
{
    internal bool IsDeflated { get; init; }

    internal uint Crc { get; init; }

    internal long HeaderStart { get; init; }

    /// <summary>Where the next entry begins, or the directory: its content ends before.</summary>
    internal long End { get; set; }

    internal ReadOnlyMemory<byte> RawName { get; init; }

    /// <summary>The name fit for messages.</summary>
    public override string ToString() => Excerpt.Of(Name);
}
