using System.Buffers.Binary;
using System.Text;

namespace Piwheels.Core.Packaging;

/// <summary>
/// The central directory of a zip file (PKWARE APPNOTE 6.3, sections 4.3.7 and 4.3.12 to 4.3.16). Everything
/// unexpected is an <see cref="InvalidDataException"/> whose message says why in words.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50;
    private const uint Locator64Signature = 0x07064b50;
    private const uint EntrySignature = 0x02014b50;
    private const uint LocalSignature = 0x04034b50;

    private const int EndBytes = 22;
    private const int End64Bytes = 56;
    private const int Locator64Bytes = 20;
    private const int EntryBytes = 46;
    private const int LocalBytes = 30;

    private const int EncryptedFlag = 1;
    private const int StrongEncryptionFlag = 1 << 6;
    private const int DescriptorFlag = 1 << 3;
    private const int Utf8Flag = 1 << 11;
    private const int Stored = 0;
    private const int Deflated = 8;
    private const ushort Zip64Field = 1;
    private const int Unix = 3; // And 19, which is Unix too (section 4.4.2.2)
    private const int Darwin = 19;
    private const int KindMask = 0xF000; // Of stat(2): what kind of file it is
    private const int PlainKind = 0x8000;
    private const int FolderKind = 0x4000;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    internal static List<WheelEntry> Read(Stream stream)
    {
        var (start, length, count) = FindDirectory(stream);
        if (count > WheelArchive.EntriesMax) throw Bad($"it has more than {WheelArchive.EntriesMax} entries");
        if (length > WheelArchive.DirectoryBytesMax) throw Bad("its directory is too large");

        var entries = new List<WheelEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var rest = (ReadOnlyMemory<byte>)ReadAt(stream, start, (int)length);
        var unpacked = 0L;
        for (var i = 0L; i < count; i++)
        {
            var entry = ReadEntry(ref rest);
            CheckName(entry);
            if (!names.Add(entry.Name)) throw Bad($"it has {entry} twice");
            unpacked += entry.Size;
            if (unpacked > WheelArchive.UnpackedBytesMax) throw Bad("it is too large unpacked");
            if (!entry.Name.EndsWith('/')) entries.Add(entry);
        }

        if (!rest.IsEmpty) throw Bad("its directory is longer than it says");
        CheckClashes(names);
        CheckOverlap(entries, start);
        return entries;
    }

    /// <summary>Where an entry's content begins: behind its own header, which must agree with the directory.</summary>
    internal static long ContentStart(Stream stream, WheelEntry entry)
    {
        var header = ReadAt(stream, entry.HeaderStart, LocalBytes);
        if (UInt32(header, 0) != LocalSignature) throw Bad($"{entry} is not where the directory says");
        var nameLength = UInt16(header, 26);
        var extraLength = UInt16(header, 28);
        var name = ReadAt(stream, entry.HeaderStart + LocalBytes, nameLength);
        if (!name.AsSpan().SequenceEqual(entry.RawName.Span)) throw Bad($"{entry} has two names");
        CheckHeader(header, entry);
        var content = entry.HeaderStart + LocalBytes + nameLength + extraLength;
        return content + entry.PackedSize <= entry.End ? content : throw Bad($"{entry} overlaps another entry");
    }

    // Who reads from the front goes by this header, and must find the same
    private static void CheckHeader(byte[] header, WheelEntry entry)
    {
        if (UInt16(header, 8) != (entry.IsDeflated ? Deflated : Stored)) throw Bad($"{entry} is packed in two ways");
        if ((UInt16(header, 6) & EncryptedFlag) != 0) throw Bad($"{entry} is encrypted");
        if ((UInt16(header, 6) & DescriptorFlag) != 0) return; // Checksum and sizes follow the content
        if (UInt32(header, 14) != entry.Crc) throw Bad($"{entry} has two checksums");
        if (IsOther(UInt32(header, 18), entry.PackedSize) || IsOther(UInt32(header, 22), entry.Size))
            throw Bad($"{entry} has two sizes");

        // All ones: it stands in a field of its own
        static bool IsOther(uint size, long expected) => size != uint.MaxValue && size != expected;
    }

    private static (long Start, long Length, long Count) FindDirectory(Stream stream)
    {
        var endStart = stream.Length - EndBytes;
        if (endStart < 0) throw Bad("it is no zip file");
        var end = ReadAt(stream, endStart, EndBytes);
        if (UInt32(end, 0) != EndSignature || UInt16(end, 20) != 0) throw Bad("it does not end as a zip file");
        if (UInt16(end, 4) != 0 || UInt16(end, 6) != 0) throw Bad("it is one part of several");

        var found = (Start: (long)UInt32(end, 16), Length: (long)UInt32(end, 12), Count: (long)UInt16(end, 10));
        if (found.Count == ushort.MaxValue || found.Length == uint.MaxValue || found.Start == uint.MaxValue)
        {
            (endStart, found) = FindDirectory64(stream, endStart);
        }

        // Anything before the directory belongs to entries, and nothing is between it and the end
        if (found.Start < 0 || found.Length < 0 || found.Start + found.Length != endStart)
        {
            throw Bad("its directory is not where it says");
        }

        return found;
    }

    private static (long EndStart, (long Start, long Length, long Count) Directory) FindDirectory64(
        Stream stream, long endStart)
    {
        var locator = ReadAt(stream, endStart - Locator64Bytes, Locator64Bytes);
        if (UInt32(locator, 0) != Locator64Signature) throw Bad("its directory is not where it says");
        var start = (long)UInt64(locator, 8);
        if (start != endStart - Locator64Bytes - End64Bytes) throw Bad("its directory is not where it says");
        var end = ReadAt(stream, start, End64Bytes);
        if (UInt32(end, 0) != End64Signature) throw Bad("its directory is not where it says");
        return (start, ((long)UInt64(end, 48), (long)UInt64(end, 40), (long)UInt64(end, 32)));
    }

    private static WheelEntry ReadEntry(ref ReadOnlyMemory<byte> rest)
    {
        var span = rest.Span;
        if (span.Length < EntryBytes || UInt32(span, 0) != EntrySignature) throw Bad("its directory is broken");
        var nameLength = UInt16(span, 28);
        var extraLength = UInt16(span, 30);
        var whole = EntryBytes + nameLength + extraLength + UInt16(span, 32);
        if (span.Length < whole) throw Bad("its directory is broken");

        var rawName = rest.Slice(EntryBytes, nameLength);
        var flags = UInt16(span, 8);
        var name = DecodeName(rawName.Span, flags);
        if ((flags & (EncryptedFlag | StrongEncryptionFlag)) != 0) throw Bad($"{Excerpt.Of(name)} is encrypted");
        var method = UInt16(span, 10);
        if (method is not (Stored or Deflated)) throw Bad($"{Excerpt.Of(name)} is packed in an unknown way");

        var extra = span.Slice(EntryBytes + nameLength, extraLength);
        var (size, packed, start) = Sizes64(extra, UInt32(span, 24), UInt32(span, 20), UInt32(span, 42));
        if (size < 0 || packed < 0 || start < 0) throw Bad($"{Excerpt.Of(name)} has an impossible size");
        if (method == Stored && size != packed) throw Bad($"{Excerpt.Of(name)} has two sizes");
        CheckKind(name, span[5], UInt32(span, 38) >> 16);
        rest = rest[whole..];
        return new WheelEntry(name, size, packed)
        {
            IsDeflated = method == Deflated,
            Crc = UInt32(span, 16),
            HeaderStart = start,
            RawName = rawName,
        };
    }

    // What does not fit into 32 bits stands in a field of its own (section 4.5.3), only what does not fit, in this order
    private static (long Size, long Packed, long Start) Sizes64(
        ReadOnlySpan<byte> extra, uint size, uint packed, uint start)
    {
        var field = FindField(extra, Zip64Field);
        var result = (Size: (long)size, Packed: (long)packed, Start: (long)start);
        if (size == uint.MaxValue) result.Size = Take(ref field);
        if (packed == uint.MaxValue) result.Packed = Take(ref field);
        if (start == uint.MaxValue) result.Start = Take(ref field);
        return result;

        static long Take(ref ReadOnlySpan<byte> field)
        {
            if (field.Length < sizeof(ulong)) throw Bad("its directory is broken");
            var value = (long)UInt64(field, 0);
            field = field[sizeof(ulong)..];
            return value;
        }
    }

    private static ReadOnlySpan<byte> FindField(ReadOnlySpan<byte> extra, ushort wanted)
    {
        while (extra.Length >= 4)
        {
            var length = UInt16(extra, 2);
            if (extra.Length < 4 + length) break;
            if (UInt16(extra, 0) == wanted) return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }

        return [];
    }

    private static string DecodeName(ReadOnlySpan<byte> name, int flags)
    {
        // Without the flag the code page is that of old DOS; wheels are written with ASCII then
        if ((flags & Utf8Flag) == 0 && name.ContainsAnyExceptInRange((byte)0, (byte)0x7f))
        {
            return Encoding.Latin1.GetString(name);
        }

        try
        {
            return Utf8.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            throw Bad("it has a name that is no UTF-8");
        }
    }

    // What some unpackers make a link or a device of, and others a file
    private static void CheckKind(string name, int madeBy, uint mode)
    {
        if (madeBy is not (Unix or Darwin)) return;
        var expected = name.EndsWith('/') ? FolderKind : PlainKind;
        if ((mode & KindMask) is not 0 and var kind && kind != expected) throw Bad($"{Excerpt.Of(name)} is no plain file");
    }

    // One name for a file and a folder, and another spelling of what installers look for: who reads which is chance
    private static void CheckClashes(HashSet<string> names)
    {
        var spellings = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in names)
        {
            for (var slash = name.IndexOf('/'); slash >= 0 && slash < name.Length - 1; slash = name.IndexOf('/', slash + 1))
            {
                if (names.Contains(name[..slash])) throw Bad($"{Excerpt.Of(name[..slash])} is a file and a folder");
            }

            if (name.Contains(".dist-info/", StringComparison.OrdinalIgnoreCase)
                && !spellings.Add(name))
            {
                throw Bad($"{Excerpt.Of(name)} is there in two spellings");
            }
        }
    }

    private static void CheckName(WheelEntry entry)
    {
        const int SegmentCharactersMax = 255;
        var name = entry.Name;
        if (name.Any(c => char.IsControl(c) || c == '\\')) throw Bad($"{entry} has a strange name");
        if (name.Length > 1 && name[1] == ':') throw Bad($"{entry} leads out of the wheel");
        var path = name.EndsWith('/') ? name.AsSpan(0, name.Length - 1) : name;
        foreach (var part in path.Split('/'))
        {
            var segment = path[part];
            if (segment.IsEmpty || segment is "." or "..") throw Bad($"{entry} leads out of the wheel");
            if (segment.Length > SegmentCharactersMax) throw Bad($"{entry} has a name too long");
        }
    }

    private static void CheckOverlap(List<WheelEntry> entries, long directoryStart)
    {
        var end = 0L;
        WheelEntry? before = null;
        foreach (var entry in entries.OrderBy(entry => entry.HeaderStart))
        {
            if (entry.HeaderStart < end) throw Bad($"{entry} overlaps another entry");
            before?.End = entry.HeaderStart;
            before = entry;
            entry.End = directoryStart;
            if (entry.PackedSize > directoryStart - entry.HeaderStart) throw Bad($"{entry} is not where the directory says");
            end = entry.HeaderStart + LocalBytes + entry.RawName.Length + entry.PackedSize;
        }

        if (end > directoryStart) throw Bad("its last entry overlaps the directory");
    }

    private static byte[] ReadAt(Stream stream, long start, int length)
    {
        if (start < 0 || start > stream.Length - length) throw Bad("the file is cut short");
        var bytes = new byte[length];
        stream.Position = start;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong UInt64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static InvalidDataException Bad(string problem) => new(problem);
}
