using System.Buffers.Text;
using System.Text.Json;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Reads JSON as it comes in, value by value, so that a page takes no more memory than what is kept of it. Indexes
/// differ in what they leave out or write as null, so a value of another kind than the one asked for is passed over, as
/// if it was not there; only what is no JSON is a fault.
/// </summary>
/// <remarks>
/// One is always at a value: at the whole one first, then at the one that <see cref="PropertyAsync"/> or
/// <see cref="ElementAsync"/> moved to. Each must be entered, read or skipped before the next move.
/// </remarks>
internal sealed class JsonFlow
{
    /// <summary>The longest text or number, in bytes: long descriptions have some MB.</summary>
    internal const int TokenBytesMax = 16 << 20;

    private const int DepthMax = 64;
    private const int BufferBytesFirst = 64 << 10;

    private readonly Stream _stream;
    private readonly CancellationToken _ct;
    private byte[] _buffer = new byte[BufferBytesFirst];
    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = DepthMax });
    private JsonTokenType _type;
    private int _start;
    private int _end;
    private bool _complete;
    private int _textAt;
    private int _textLength;

    private JsonFlow(Stream stream, CancellationToken ct) => (_stream, _ct) = (stream, ct);

    /// <summary>Begins to read; one is at the whole value.</summary>
    internal static async Task<JsonFlow> OpenAsync(Stream stream, CancellationToken ct)
    {
        var flow = new JsonFlow(stream, ct);
        await flow.FillAsync().ConfigureAwait(false);
        // Some servers begin with a byte order mark, which is no JSON (RFC 8259 section 8.1)
        if (flow._buffer.AsSpan(0, flow._end).StartsWith("\uFEFF"u8)) flow._start = 3;
        await flow.MoveAsync().ConfigureAwait(false);
        return flow;
    }

    /// <summary>What it takes of memory now.</summary>
    internal int BufferBytes => _buffer.Length;

    /// <summary>Whether one is at <c>true</c>.</summary>
    internal bool IsTrue => _type == JsonTokenType.True;

    /// <summary>Enters the object that one is at; passes over anything else, and answers false.</summary>
    internal ValueTask<bool> EntersObjectAsync() => EntersAsync(JsonTokenType.StartObject);

    /// <summary>Enters the array that one is at; passes over anything else, and answers false.</summary>
    internal ValueTask<bool> EntersArrayAsync() => EntersAsync(JsonTokenType.StartArray);

    /// <summary>Moves to the next property's value, and answers its name; null at the object's end.</summary>
    internal async ValueTask<string?> PropertyAsync()
    {
        await MoveAsync().ConfigureAwait(false);
        if (_type == JsonTokenType.EndObject) return null;
        var name = Text() ?? "";
        await MoveAsync().ConfigureAwait(false);
        return name;
    }

    /// <summary>Moves to the next element; false at the array's end.</summary>
    internal async ValueTask<bool> ElementAsync()
    {
        await MoveAsync().ConfigureAwait(false);
        return _type != JsonTokenType.EndArray;
    }

    /// <summary>The text that one is at; null for what is none, or holds half a surrogate pair.</summary>
    internal async ValueTask<string?> TextAsync()
    {
        if (_type == JsonTokenType.String) return Text();
        await SkipAsync().ConfigureAwait(false);
        return null;
    }

    /// <summary>The whole number that one is at; null for what is none.</summary>
    internal async ValueTask<long?> NumberAsync()
    {
        if (_type == JsonTokenType.Number) return Number();
        await SkipAsync().ConfigureAwait(false);
        return null;
    }

    /// <summary>Passes over the value that one is at.</summary>
    internal async ValueTask SkipAsync()
    {
        for (var depth = 0; ;)
        {
            if (_type is JsonTokenType.StartObject or JsonTokenType.StartArray) depth++;
            if (_type is JsonTokenType.EndObject or JsonTokenType.EndArray) depth--;
            if (depth == 0) return;
            await MoveAsync().ConfigureAwait(false);
        }
    }

    /// <summary>To be called after the whole value: nothing may follow it.</summary>
    /// <exception cref="JsonException">Something does.</exception>
    internal async Task EndAsync()
    {
        while (!TryMove())
        {
            if (_complete) return;
            await FillAsync().ConfigureAwait(false);
        }

        throw new JsonException("it goes on after its end");
    }

    private async ValueTask<bool> EntersAsync(JsonTokenType start)
    {
        if (_type == start) return true;
        await SkipAsync().ConfigureAwait(false);
        return false;
    }

    private async ValueTask MoveAsync()
    {
        while (!TryMove())
        {
            if (_complete) throw new JsonException("it ends too early");
            await FillAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Moves to the next token; false when more of the stream is needed for it.</summary>
    private bool TryMove()
    {
        var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _complete, _state);
        if (!reader.Read())
        {
            (_state, _start) = (reader.CurrentState, _start + (int)reader.BytesConsumed);
            return false;
        }

        _type = reader.TokenType;
        if (_type is JsonTokenType.String or JsonTokenType.PropertyName)
            (_textAt, _textLength) = (_start + (int)reader.TokenStartIndex, reader.ValueSpan.Length + 2);
        if (_type == JsonTokenType.Number)
            (_textAt, _textLength) = (_start + (int)reader.TokenStartIndex, reader.ValueSpan.Length);
        (_state, _start) = (reader.CurrentState, _start + (int)reader.BytesConsumed);
        return true;
    }

    /// <summary>The text or name that was just moved to, from its bytes with their quotes.</summary>
    private string? Text()
    {
        var reader = new Utf8JsonReader(_buffer.AsSpan(_textAt, _textLength));
        reader.Read();
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The number that was just moved to, from its bytes.</summary>
    private long? Number()
    {
        var text = _buffer.AsSpan(_textAt, _textLength);
        return Utf8Parser.TryParse(text, out long number, out var used) && used == text.Length ? number : null;
    }

    /// <summary>
    /// Reads on, what is not used up yet staying. Each time to a full buffer, so that a long text is looked at a few
    /// times, not once for each piece that comes in.
    /// </summary>
    private async Task FillAsync()
    {
        var left = _end - _start;
        if (left > TokenBytesMax) throw new JsonException($"it has a text of more than {TokenBytesMax:N0} bytes");
        var room = left < _buffer.Length / 2 ? _buffer : new byte[_buffer.Length * 2];
        Buffer.BlockCopy(_buffer, _start, room, 0, left);
        (_buffer, _start, _end) = (room, 0, left);
        while (_end < _buffer.Length && !_complete)
        {
            var read = await _stream.ReadAsync(_buffer.AsMemory(_end), _ct).ConfigureAwait(false);
            _complete = read == 0;
            _end += read;
        }
    }
}
