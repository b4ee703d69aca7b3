using System.Formats.Cbor;
using System.Text;
using System.Text.Unicode;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Messaging.Cbor;

/// <summary>
/// Reads one message (RFC 8949) and says in words what is wrong with it. Every method takes the field's name, for
/// that text, and its limit; whatever the bytes are, the only exception is <see cref="WireException"/>.
/// </summary>
/// <remarks>
/// Nothing here calls itself, so a payload nests no deeper than the message's own fields do: an item too many is
/// refused where it begins.
/// </remarks>
internal sealed class WireReader
{
    private const int UuidBytes = 16;

    private readonly CborReader _reader;
    private readonly bool _nulAllowed;
    private string _context = "";

    private WireReader(ReadOnlyMemory<byte> payload, bool nulAllowed)
    {
        _reader = new CborReader(payload, CborConformanceMode.Strict);
        _nulAllowed = nulAllowed;
    }

    /// <summary>
    /// Reads a whole payload: <c>[name, data]</c>, or the bare text <c>name</c>. <paramref name="read"/> gets the name
    /// and whether data follow, and reads exactly these.
    /// </summary>
    /// <param name="nulAllowed">Whether NUL in texts is somebody else's to refuse.</param>
    public static T ReadMessage<T>(
        ReadOnlyMemory<byte> payload, Func<WireReader, string, bool, T> read, bool nulAllowed = false)
    {
        var reader = new WireReader(payload, nulAllowed);
        try
        {
            return reader.Message(read);
        }
        catch (Exception fault) when (fault is CborContentException or InvalidOperationException)
        {
            var at = payload.Length - reader._reader.BytesRemaining;
            throw new WireException($"{reader._context}no well-formed CBOR at byte {at} of {payload.Length}", fault);
        }
    }

    /// <summary>The exception for a name that is not in the set, or not with (or without) data.</summary>
    public static WireException Unknown(string name, bool hasData) =>
        new($"no message {Quoted(name)} {(hasData ? "with" : "without")} data on this queue");

    /// <summary>Text without NUL, which PostgreSQL cannot hold and no name contains.</summary>
    public string Text(string field, int lengthMax)
    {
        var text = Output(field, lengthMax);
        return _nulAllowed || !text.Contains('\0', StringComparison.Ordinal) ? text : throw Fail(field, "contains NUL");
    }

    /// <summary>Text of a program, whatever it printed.</summary>
    public string Output(string field, int lengthMax)
    {
        if (Peek() is not (CborReaderState.TextString or CborReaderState.StartIndefiniteLengthTextString))
        {
            throw Expected(field, "text");
        }

        var text = _reader.ReadTextString();
        return text.Length <= lengthMax
            ? text
            : throw Fail(field, $"{text.Length} characters, at most {lengthMax} are taken");
    }

    /// <summary>
    /// Text of a program; of one beyond <see cref="WireLimits.LogBytesMax"/> the beginning and the end. What is between is not
    /// decoded: as a string it would take twice its size.
    /// </summary>
    public string Log(string field)
    {
        if (Peek() != CborReaderState.TextString) return Output(field, WireLimits.OutputLengthMax);
        var bytes = _reader.ReadDefiniteLengthTextStringBytes().Span;
        if (bytes.Length > WireLimits.OutputLengthMax)
            throw Fail(field, $"{bytes.Length} bytes, at most {WireLimits.OutputLengthMax} are taken");
        if (!Utf8.IsValid(bytes)) throw Fail(field, "no UTF-8");
        if (bytes.Length <= WireLimits.LogBytesMax) return Encoding.UTF8.GetString(bytes);
        var head = bytes[..CharacterEnd(bytes, WireLimits.LogHeadBytes)];
        var tail = bytes[CharacterEnd(bytes, bytes.Length - (WireLimits.LogBytesMax - WireLimits.LogHeadBytes))..];
        var gap = $"\n\n[... {bytes.Length - head.Length - tail.Length} bytes left out by the master ...]\n\n";
        return string.Concat(Encoding.UTF8.GetString(head), gap, Encoding.UTF8.GetString(tail));
    }

    /// <summary>Where the character ends that an index is within; the index itself where it is between two.</summary>
    private static int CharacterEnd(ReadOnlySpan<byte> text, int index)
    {
        const int ContinuationMask = 0b1100_0000;
        const int Continuation = 0b1000_0000;
        while (index < text.Length && (text[index] & ContinuationMask) == Continuation) index++;
        return index;
    }

    public string? NullableText(string field, int lengthMax) => TryNull() ? null : Text(field, lengthMax);

    /// <summary>A block of bytes; a view of the payload, and valid as long as that is.</summary>
    public ReadOnlyMemory<byte> Bytes(string field) => Peek() == CborReaderState.ByteString
        ? _reader.ReadDefiniteLengthByteString()
        : throw Expected(field, "bytes");

    public bool Boolean(string field) =>
        Peek() == CborReaderState.Boolean ? _reader.ReadBoolean() : throw Expected(field, "a boolean");

    public long Integer(string field, long min, long max)
    {
        if (Peek() is not (CborReaderState.UnsignedInteger or CborReaderState.NegativeInteger))
        {
            throw Expected(field, "an integer");
        }

        try
        {
            var value = _reader.ReadInt64();
            if (value >= min && value <= max) return value;
        }
        catch (OverflowException)
        {
            // Beyond 64 bits is beyond every range
        }

        throw Fail(field, $"not between {min} and {max}");
    }

    /// <summary>A count or a size in bytes.</summary>
    public long Size(string field) => Integer(field, 0, long.MaxValue);

    public int SlaveId(string field = "slave id") => (int)Integer(field, 0, int.MaxValue);

    /// <summary>A finite number, written in any width, or as an integer.</summary>
    public double Float(string field)
    {
        var value = Peek() switch
        {
            CborReaderState.HalfPrecisionFloat or CborReaderState.SinglePrecisionFloat
                or CborReaderState.DoublePrecisionFloat => _reader.ReadDouble(),
            CborReaderState.UnsignedInteger => _reader.ReadUInt64(),
            CborReaderState.NegativeInteger => -1.0 - _reader.ReadCborNegativeIntegerRepresentation(),
            _ => throw Expected(field, "a number"),
        };
        return double.IsFinite(value) ? value : throw Fail(field, "not a finite number");
    }

    /// <summary>A point in time in UTC: tag 0 with RFC 3339 text, or tag 1 with seconds since 1970.</summary>
    public DateTimeOffset Timestamp(string field)
    {
        if (Peek() != CborReaderState.Tag) throw Expected(field, "a timestamp");
        var parsed = _reader.ReadTag() switch
        {
            CborTag.DateTimeString => WireTime.TryParse(Text(field, WireTime.TextLengthMax), out var time)
                ? time
                : (DateTimeOffset?)null,
            CborTag.UnixTimeSeconds => WireTime.FromUnixSeconds(Float(field)),
            var tag => throw Fail(field, $"tag {(ulong)tag} instead of a timestamp"),
        };
        return parsed ?? throw Fail(field, "no time of the years 1 to 9999 with an offset and at most 6 digits");
    }

    /// <summary>Tag 2001 around <c>[days, seconds, microseconds]</c>.</summary>
    public TimeSpan Duration(string field)
    {
        if (Peek() != CborReaderState.Tag || _reader.ReadTag() != WireTag.Duration) throw Expected(field, "a duration");
        StartRecord(field);
        var days = Integer(field, WireTime.DaysMin, WireTime.DaysMax);
        var seconds = Integer(field, 0, WireTime.SecondsPerDay - 1);
        var microseconds = Integer(field, 0, WireTime.MicrosecondsPerSecond - 1);
        EndRecord(field);
        return WireTime.TryCombine(days, seconds, microseconds, out var duration)
            ? duration
            : throw Fail(field, "a duration beyond range");
    }

    /// <summary>Tag 37 around sixteen bytes, or null.</summary>
    public Guid? NullableUuid(string field)
    {
        if (TryNull()) return null;
        if (Peek() != CborReaderState.Tag || _reader.ReadTag() != WireTag.Uuid) throw Expected(field, "a UUID");
        if (Peek() != CborReaderState.ByteString) throw Expected(field, "a UUID's bytes");
        var bytes = _reader.ReadByteString();
        return bytes.Length == UuidBytes
            ? new Guid(bytes, bigEndian: true)
            : throw Fail(field, $"{bytes.Length} bytes, a UUID has {UuidBytes}");
    }

    /// <summary>Reads null, or tag 2002 around it, if that is what comes.</summary>
    public bool TryNull()
    {
        if (Peek() == CborReaderState.Null)
        {
            _reader.ReadNull();
            return true;
        }

        // Whatever else the tag is around stays where it is, so that its own reader refuses the tag
        if (Peek() != CborReaderState.Tag || _reader.PeekTag() != WireTag.NoData) return false;
        _reader.ReadTag();
        if (Peek() != CborReaderState.Null) throw Fail("no data", "its tag is not around null");
        _reader.ReadNull();
        return true;
    }

    /// <summary>Reads null and nothing else.</summary>
    public void Null(string field)
    {
        if (Peek() != CborReaderState.Null) throw Expected(field, "null");
        _reader.ReadNull();
    }

    /// <summary>True at the end of the list that is being read.</summary>
    public bool AtEnd() => Peek() == CborReaderState.EndArray;

    /// <summary>Begins a list of fields; its length is checked by <see cref="EndRecord"/>.</summary>
    public void StartRecord(string field)
    {
        if (Peek() != CborReaderState.StartArray) throw Expected(field, "a list");
        _reader.ReadStartArray();
    }

    public void EndRecord(string field)
    {
        if (Peek() != CborReaderState.EndArray) throw Fail(field, "more fields than it has");
        _reader.ReadEndArray();
    }

    /// <summary>A list, or a set (tag 258).</summary>
    public List<T> List<T>(string field, int countMax, Func<WireReader, T> item)
    {
        if (Peek() == CborReaderState.Tag && _reader.PeekTag() == WireTag.Set) _reader.ReadTag();
        StartRecord(field);
        var items = new List<T>();
        while (!AtEnd())
        {
            if (items.Count == countMax) throw Fail(field, $"more than {countMax} items");
            items.Add(item(this));
        }

        EndRecord(field);
        return items;
    }

    /// <summary>A map with text as its keys; a key that comes twice is an error.</summary>
    public Dictionary<string, T> Map<T>(string field, int countMax, Func<WireReader, T> value)
    {
        if (Peek() != CborReaderState.StartMap) throw Expected(field, "a map");
        _reader.ReadStartMap();
        var map = new Dictionary<string, T>(StringComparer.Ordinal);
        while (Peek() != CborReaderState.EndMap)
        {
            if (map.Count == countMax) throw Fail(field, $"more than {countMax} entries");
            var key = Text(field, WireLimits.TextLengthMax);
            if (!map.TryAdd(key, value(this))) throw Fail(field, $"{Quoted(key)} comes twice");
        }

        _reader.ReadEndMap();
        return map;
    }

    /// <summary>
    /// A map whose keys need not all be known: <paramref name="read"/> reads the value of a key that it knows, and answers
    /// false for any other, whose value is passed over. A key that comes twice is an error.
    /// </summary>
    public void Extension(string field, Func<WireReader, string, bool> read)
    {
        if (Peek() != CborReaderState.StartMap) throw Expected(field, "a map");
        _reader.ReadStartMap();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        while (Peek() != CborReaderState.EndMap)
        {
            if (keys.Count == WireLimits.ExtensionKeysMax) throw Fail(field, $"more than {keys.Count} entries");
            var key = Text(field, WireLimits.TextLengthMax);
            if (!keys.Add(key)) throw Fail(field, $"{Quoted(key)} comes twice");
            if (!read(this, key)) _reader.SkipValue();
        }

        _reader.ReadEndMap();
    }

    /// <summary>The exception for a field whose value is wrong.</summary>
    public WireException Fail(string field, string problem) => new($"{_context}{field}: {problem}");

    private WireException Expected(string field, string kind) =>
        Fail(field, $"expected {kind}, found {Peek().ToString()}");

    private CborReaderState Peek() => _reader.PeekState();

    private T Message<T>(Func<WireReader, string, bool, T> read)
    {
        var hasData = Peek() == CborReaderState.StartArray;
        if (hasData) _reader.ReadStartArray();
        var name = Text("name", WireLimits.NameLengthMax);
        _context = $"{Quoted(name)}: ";
        var message = read(this, name, hasData);
        if (hasData) EndRecord("message");
        return _reader.BytesRemaining == 0
            ? message
            : throw new WireException($"{_context}{_reader.BytesRemaining} bytes after its end");
    }

    private static string Quoted(string text) => $"'{Excerpt.Of(text)}'";
}
