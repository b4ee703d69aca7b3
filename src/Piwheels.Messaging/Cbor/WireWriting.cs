using System.Buffers.Binary;
using System.Formats.Cbor;

namespace Piwheels.Messaging.Cbor;

/// <summary>Writes what <see cref="WireReader"/> reads, byte for byte as the Python programs do.</summary>
internal static class WireWriting
{
    private const byte DoublePrecision = 0xfb;

    /// <summary>Begins <c>[name, data]</c>; the data and <see cref="CborWriter.WriteEndArray"/> follow.</summary>
    public static void WriteStartMessage(this CborWriter writer, string name)
    {
        writer.WriteStartArray(2);
        writer.WriteTextString(name);
    }

    public static void WriteNullableText(this CborWriter writer, string? text)
    {
        if (text is null) writer.WriteNull();
        else writer.WriteTextString(text);
    }

    public static void WriteNullableInteger(this CborWriter writer, long? value)
    {
        if (value is { } number) writer.WriteInt64(number);
        else writer.WriteNull();
    }

    /// <summary>Always 64 bits wide: CborWriter's own method narrows, which Python's library does not.</summary>
    public static void WriteFloat(this CborWriter writer, double value)
    {
        Span<byte> encoded = stackalloc byte[9];
        encoded[0] = DoublePrecision;
        BinaryPrimitives.WriteDoubleBigEndian(encoded[1..], value);
        writer.WriteEncodedValue(encoded);
    }

    public static void WriteTimestamp(this CborWriter writer, DateTimeOffset time)
    {
        writer.WriteTag(CborTag.DateTimeString);
        writer.WriteTextString(WireTime.Format(time));
    }

    public static void WriteNullableTimestamp(this CborWriter writer, DateTimeOffset? time)
    {
        if (time is { } known) writer.WriteTimestamp(known);
        else writer.WriteNull();
    }

    public static void WriteDuration(this CborWriter writer, TimeSpan duration)
    {
        var (days, seconds, microseconds) = WireTime.Split(duration);
        writer.WriteTag(WireTag.Duration);
        writer.WriteStartArray(3);
        writer.WriteInt64(days);
        writer.WriteInt32(seconds);
        writer.WriteInt32(microseconds);
        writer.WriteEndArray();
    }

    /// <summary>Tag 37 around its bytes, in the order of the text.</summary>
    public static void WriteNullableUuid(this CborWriter writer, Guid? value)
    {
        if (value is not { } uuid)
        {
            writer.WriteNull();
            return;
        }

        writer.WriteTag(WireTag.Uuid);
        writer.WriteByteString(uuid.ToByteArray(bigEndian: true));
    }

    /// <summary>Null as the data of a message inside another one.</summary>
    public static void WriteNoData(this CborWriter writer)
    {
        writer.WriteTag(WireTag.NoData);
        writer.WriteNull();
    }

    public static void WriteList<T>(this CborWriter writer, IReadOnlyCollection<T> items, Action<CborWriter, T> item)
    {
        writer.WriteStartArray(items.Count);
        foreach (var one in items) item(writer, one);
        writer.WriteEndArray();
    }

    public static void WriteTexts(this CborWriter writer, IReadOnlyCollection<string> texts) =>
        writer.WriteList(texts, static (w, text) => w.WriteTextString(text));

    public static void WriteMap<T>(
        this CborWriter writer, IReadOnlyDictionary<string, T> map, Action<CborWriter, T> value)
    {
        writer.WriteStartMap(map.Count);
        foreach (var (key, one) in map)
        {
            writer.WriteTextString(key);
            value(writer, one);
        }

        writer.WriteEndMap();
    }
}
