using System.Buffers.Binary;
using System.Formats.Cbor;
using System.Runtime.InteropServices;
using Piwheels.Core.Database;

namespace Piwheels.Messaging.Cbor;

/// <summary>
/// The search index on the master's own queues: names parted by blanks, and figures of 64 bits, lowest byte first. At
/// PyPI's size that is 25 MB, and takes some milliseconds to write or read.
/// </summary>
internal static class SearchRows
{
    public static SearchIndex ReadIndex(WireReader reader)
    {
        reader.StartRecord("search index");
        // Its own: the index may live much longer than the message
        var names = reader.Bytes("names").ToArray();
        var recent = ReadFigures(reader, "downloads recently");
        var all = ReadFigures(reader, "downloads");
        reader.EndRecord("search index");
        try
        {
            return new SearchIndex(names, recent, all);
        }
        catch (FormatException fault)
        {
            throw reader.Fail("search index", fault.Message);
        }
    }

    public static void Write(this CborWriter writer, SearchIndex index)
    {
        writer.WriteStartArray(3);
        writer.WriteByteString(index.Names.Span);
        WriteFigures(writer, index.Recent);
        WriteFigures(writer, index.All);
        writer.WriteEndArray();
    }

    public static SearchChanges ReadChanges(WireReader reader)
    {
        reader.StartRecord("search changes");
        var changes = new SearchChanges(
            reader.Text("mark", WireLimits.TextLengthMax),
            reader.Boolean("complete"),
            ReadIndex(reader),
            reader.List("gone", WireLimits.RowsMax, BuildStates.ReadPackage));
        reader.EndRecord("search changes");
        return changes;
    }

    public static void Write(this CborWriter writer, SearchChanges changes)
    {
        writer.WriteStartArray(4);
        writer.WriteTextString(changes.Mark);
        writer.WriteBoolean(changes.Complete);
        writer.Write(changes.Entries);
        writer.WriteList(changes.Gone, static (w, package) => w.WriteTextString(package.Value));
        writer.WriteEndArray();
    }

    private static long[] ReadFigures(WireReader reader, string field)
    {
        var bytes = reader.Bytes(field).Span;
        if (bytes.Length % sizeof(long) != 0) throw reader.Fail(field, $"{bytes.Length} bytes are no numbers of 64 bits");
        var figures = MemoryMarshal.Cast<byte, long>(bytes).ToArray();
        if (!BitConverter.IsLittleEndian) BinaryPrimitives.ReverseEndianness(figures, figures);
        return figures;
    }

    private static void WriteFigures(CborWriter writer, ReadOnlySpan<long> figures)
    {
        if (BitConverter.IsLittleEndian)
        {
            writer.WriteByteString(MemoryMarshal.AsBytes(figures));
            return;
        }

        var reversed = new long[figures.Length];
        BinaryPrimitives.ReverseEndianness(figures, reversed);
        writer.WriteByteString(MemoryMarshal.AsBytes(reversed.AsSpan()));
    }
}
