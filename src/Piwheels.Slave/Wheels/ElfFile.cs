using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Piwheels.Slave.Wheels;

/// <summary>What kind of machine an ELF file is for. Files of different kinds cannot be loaded together.</summary>
/// <param name="Bits">32 or 64.</param>
/// <param name="Machine">The processor's number, e.g. 40 for ARM, 62 for x86-64, 183 for AArch64.</param>
public readonly record struct ElfKind(int Bits, bool IsLittleEndian, int Machine)
{
    /// <summary>In words, like <c>32-bit Arm</c>.</summary>
    public override string ToString()
    {
        var processor = Machine switch
        {
            3 => "x86",
            8 => "MIPS",
            20 or 21 => "PowerPC",
            22 => "S/390",
            40 => "Arm",
            62 => "x86-64",
            183 => "AArch64",
            243 => "RISC-V",
            258 => "LoongArch",
            _ => string.Create(CultureInfo.InvariantCulture, $"processor {Machine}"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{Bits}-bit {processor}");
    }
}

/// <summary>
/// What the loader reads of a program or a shared object (System V ABI, chapters "Object Files" and "Dynamic
/// Linking"): what it needs, and where to look for it. Nothing of it is executed.
/// </summary>
public sealed class ElfFile
{
    /// <summary>Most libraries that one file may need.</summary>
    public const int NeededMax = 1_000;

    /// <summary>The longest name of a library, in bytes: what the database holds.</summary>
    public const int NameBytesMax = 255;

    /// <summary>The longest search path, in bytes.</summary>
    public const int SearchPathBytesMax = 4_096;

    /// <summary>Most functions that begin modules of Python in one file.</summary>
    public const int InitNamesMax = 1_000;

    private const int HeaderBytesMax = 64;
    private const int SegmentsMax = 1_000;
    private const int DynamicEntriesMax = 10_000;

    private const int TypeExecutable = 2;
    private const int TypeShared = 3;
    private const uint SegmentLoad = 1;
    private const uint SegmentDynamic = 2;

    private const ulong TagNull = 0;
    private const ulong TagNeeded = 1;
    private const ulong TagStringTable = 5;
    private const ulong TagStringTableBytes = 10;
    private const ulong TagSoname = 14;
    private const ulong TagRpath = 15;
    private const ulong TagRunpath = 29;

    private const int ScanBytes = 64 * 1024;

    private ElfFile(ElfKind kind) => Kind = kind;

    public ElfKind Kind { get; }

    /// <summary>What it needs of the processor beyond that, as each kind of machine has it (e_flags).</summary>
    public uint Flags { get; private init; }

    /// <summary>
    /// The modules of Python that it has the first function of: NAME for PyInit_NAME among the names that the loader reads.
    /// </summary>
    public IReadOnlySet<string> InitNames { get; private set; } = new HashSet<string>();

    /// <summary>The name that others need it by; null where it has none.</summary>
    public string? Soname { get; private set; }

    /// <summary>The libraries that it needs, in their order.</summary>
    public IReadOnlyList<string> Needed { get; private set; } = [];

    /// <summary>
    /// The folders that it has the loader search, <c>$ORIGIN</c> not replaced: those of DT_RUNPATH, which make those of
    /// DT_RPATH count for nothing.
    /// </summary>
    public IReadOnlyList<string> SearchPath { get; private set; } = [];

    /// <summary>Whether a file begins as an ELF file does.</summary>
    public static bool HasMagic(ReadOnlySpan<byte> content) => content.StartsWith("\u007fELF"u8);

    /// <summary>Reads a program or shared object. False for anything else, and for what no loader would take.</summary>
    /// <param name="stream">Must seek.</param>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static bool TryRead(Stream stream, [NotNullWhen(true)] out ElfFile? file)
    {
        try
        {
            file = Read(stream);
        }
        catch (InvalidDataException)
        {
            file = null;
        }

        return file is not null;
    }

    private static ElfFile? Read(Stream stream)
    {
        var header = new byte[HeaderBytesMax];
        stream.Position = 0;
        var length = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (length < 52 || !HasMagic(header) || header[4] is not (1 or 2) || header[5] is not (1 or 2)) return null;
        var is64 = header[4] == 2;
        var isLittle = header[5] == 1;
        if (is64 && length < HeaderBytesMax) return null;

        var fields = new Fields(header, is64, isLittle);
        if (fields.UInt16(16) is not (TypeExecutable or TypeShared)) return null;
        var file = new ElfFile(new ElfKind(is64 ? 64 : 32, isLittle, fields.UInt16(18)))
        {
            Flags = fields.UInt32(is64 ? 48 : 36),
        };
        var table = fields.Word(is64 ? 32 : 28);
        var entryBytes = fields.UInt16(is64 ? 54 : 42);
        var count = fields.UInt16(is64 ? 56 : 44);
        if (count > SegmentsMax || entryBytes < (is64 ? 56 : 32)) return count == 0 ? file : null;

        var segments = new Fields(ReadAt(stream, table, entryBytes * count), is64, isLittle);
        file.ReadDynamic(stream, Segments(segments, entryBytes, count, is64));
        return file;
    }

    private static List<Segment> Segments(Fields table, int entryBytes, int count, bool is64)
    {
        var segments = new List<Segment>();
        for (var i = 0; i < count; i++)
        {
            var at = i * entryBytes;
            segments.Add(is64
                ? new Segment(table.UInt32(at), table.Word(at + 8), table.Word(at + 16), table.Word(at + 32))
                : new Segment(table.UInt32(at), table.Word(at + 4), table.Word(at + 8), table.Word(at + 16)));
        }

        return segments;
    }

    private void ReadDynamic(Stream stream, List<Segment> segments)
    {
        var dynamic = segments.Find(segment => segment.Type == SegmentDynamic);
        if (dynamic is null) return;
        var entryBytes = Kind.Bits == 64 ? 16 : 8;
        var count = (int)Math.Min(dynamic.Length / (ulong)entryBytes, DynamicEntriesMax);
        var fields = new Fields(ReadAt(stream, dynamic.Offset, count * entryBytes), Kind.Bits == 64, Kind.IsLittleEndian);
        var entries = new List<(ulong Tag, ulong Value)>();
        for (var i = 0; i < count; i++)
        {
            var entry = (Tag: fields.Word(i * entryBytes), Value: fields.Word((i * entryBytes) + (entryBytes / 2)));
            if (entry.Tag == TagNull) break;
            entries.Add(entry);
        }

        if (entries.All(entry => entry.Tag != TagStringTable)) return;
        var strings = OffsetOf(segments, entries.First(entry => entry.Tag == TagStringTable).Value);
        var texts = entries.ToLookup(entry => entry.Tag, entry => strings + entry.Value);
        if (texts[TagNeeded].Count() > NeededMax) throw new InvalidDataException("too many libraries");

        Needed = [.. texts[TagNeeded].Select(at => ReadText(stream, at, NameBytesMax))];
        Soname = texts[TagSoname].Select(at => ReadText(stream, at, NameBytesMax)).FirstOrDefault();
        var search = texts[TagRunpath].Concat(texts[TagRpath]).Take(1).Select(at => ReadText(stream, at, SearchPathBytesMax));
        SearchPath = [.. search.SelectMany(text => text.Split(':')).Where(folder => folder.Length > 0)];
        InitNames = FindInitNames(
            stream, strings, entries.FirstOrDefault(entry => entry.Tag == TagStringTableBytes).Value);
    }

    /// <summary>
    /// Looks through the names for those of first functions. A linker may keep a name as the end of a longer one, so it may
    /// begin anywhere.
    /// </summary>
    private static HashSet<string> FindInitNames(Stream stream, ulong start, ulong length)
    {
        var prefix = "PyInit_"u8;
        var names = new HashSet<string>(StringComparer.Ordinal);
        var end = start > (ulong)stream.Length ? start : start + Math.Min(length, (ulong)stream.Length - start);
        for (var at = start; at < end && names.Count < InitNamesMax; at += ScanBytes)
        {
            // What begins near the end of a part is read to its end with it
            var part = ReadAt(stream, at, (int)Math.Min((ulong)(ScanBytes + NameBytesMax), end - at)).AsSpan();
            for (var from = 0; part[from..].IndexOf(prefix) is >= 0 and var found && from + found < ScanBytes;)
            {
                from += found + prefix.Length;
                var name = part[from..];
                if (name.IndexOf((byte)0) is > 0 and < NameBytesMax and var nameEnd)
                    names.Add(Encoding.UTF8.GetString(name[..nameEnd]));
            }
        }

        return names;
    }

    // The dynamic section speaks of addresses; a loaded segment says which part of the file is there
    private static ulong OffsetOf(List<Segment> segments, ulong address)
    {
        var segment = segments.Find(s => s.Type == SegmentLoad && address >= s.Address && address - s.Address < s.Length);
        return segment is null
            ? throw new InvalidDataException("an address outside the file")
            : address - segment.Address + segment.Offset;
    }

    private static string ReadText(Stream stream, ulong at, int bytesMax)
    {
        if (at >= (ulong)stream.Length) throw new InvalidDataException("a text outside the file");
        var bytes = ReadAt(stream, at, (int)Math.Min((ulong)bytesMax + 1, (ulong)stream.Length - at));
        var end = bytes.AsSpan().IndexOf((byte)0);
        if (end <= 0) throw new InvalidDataException("a text without an end");
        var text = Encoding.UTF8.GetString(bytes, 0, end);
        return text.Any(c => char.IsControl(c) || c == '\ufffd') ? throw new InvalidDataException("a strange text") : text;
    }

    private static byte[] ReadAt(Stream stream, ulong start, int length)
    {
        if (start > (ulong)stream.Length || (ulong)length > (ulong)stream.Length - start)
        {
            throw new InvalidDataException("the file is cut short");
        }

        var bytes = new byte[length];
        stream.Position = (long)start;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private sealed record Segment(uint Type, ulong Offset, ulong Address, ulong Length);

    /// <summary>Numbers in the file's own byte order; a word has 32 or 64 bits, as the file.</summary>
    private readonly struct Fields(byte[] bytes, bool is64, bool isLittle)
    {
        public int UInt16(int at) => isLittle
            ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at))
            : BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at));

        public uint UInt32(int at) => isLittle
            ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at))
            : BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));

        public ulong Word(int at)
        {
            if (!is64) return UInt32(at);
            return isLittle
                ? BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at))
                : BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(at));
        }
    }
}
