using System.Buffers.Binary;
using System.Text;

namespace Piwheels.Slave.Wheels;

/// <summary>
/// The paths of libraries by name in <c>/etc/ld.so.cache</c>, in glibc's formats 1.1 and 1.7 with 1.1 behind it
/// (glibc, <c>dl-cache.h</c>). Several kinds of machines may be in it; a file that cannot be read is an empty one.
/// </summary>
internal static class LoaderCache
{
    private const int FileBytesMax = 64 << 20;
    private const int EntriesMax = 500_000;
    private const int HeaderBytes = 48;
    private const int EntryBytes = 24;
    private const int OldHeaderBytes = 16;
    private const int OldEntryBytes = 12;

    internal static ILookup<string, string> Read(string path)
    {
        var found = new List<(string Name, string Path)>();
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: <= FileBytesMax }) Read(File.ReadAllBytes(path), found);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            // Cut short or strange: what has been found counts
        }

        return found.ToLookup(entry => entry.Name, entry => entry.Path, StringComparer.Ordinal);
    }

    // Offsets of texts count from the beginning of the 1.1 format
    private static void Read(ReadOnlySpan<byte> cache, List<(string Name, string Path)> found)
    {
        var start = cache.StartsWith("ld.so-1.7.0\0"u8)
            ? Align(OldHeaderBytes + ((int)UInt32(cache, 12) * OldEntryBytes))
            : 0;
        cache = cache[start..];
        if (!cache.StartsWith("glibc-ld.so.cache1.1"u8)) return;
        var count = Math.Min(UInt32(cache, 20), EntriesMax);
        for (var i = 0; i < count; i++)
        {
            var entry = cache.Slice(HeaderBytes + (i * EntryBytes), EntryBytes);
            found.Add((TextAt(cache, UInt32(entry, 4)), TextAt(cache, UInt32(entry, 8))));
        }
    }

    private static int Align(int offset) => (offset + 7) & ~7;

    private static string TextAt(ReadOnlySpan<byte> cache, uint at)
    {
        var rest = cache[checked((int)Math.Min(at, int.MaxValue))..];
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    // The cache is the machine's own, in its byte order
    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BitConverter.IsLittleEndian
        ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..])
        : BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
}
