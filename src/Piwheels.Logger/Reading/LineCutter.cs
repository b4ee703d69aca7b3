using Piwheels.Logger.Formats;

namespace Piwheels.Logger.Reading;

/// <summary>
/// Cuts what comes from a stream into lines. A line that is too long is passed over to its end, however far that is.
/// </summary>
internal sealed class LineCutter
{
    /// <summary>So much is read at a time, at most.</summary>
    private const int BufferBytes = 2 * LineParser.LineBytesMax;

    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _begin;
    private int _end;
    private bool _passesOver;

    /// <param name="place">Where the stream stands, in bytes from its beginning.</param>
    public LineCutter(long place = 0) => Place = place;

    /// <summary>Where the last line that was cut ends, in bytes from the beginning of the stream.</summary>
    public long Place { get; private set; }

    /// <summary>Bytes that were read after that: the beginning of a line.</summary>
    public int Rest => _end - _begin;

    /// <summary>Reads what there is; 0 at the end.</summary>
    public int Fill(Stream stream)
    {
        if (_begin > 0)
        {
            _buffer.AsSpan(_begin.._end).CopyTo(_buffer);
            (_begin, _end) = (0, _end - _begin);
        }

        var read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        return read;
    }

    /// <summary>The next line; false when it is not there as a whole.</summary>
    /// <param name="line">Without its line break; empty for one that is too long.</param>
    public bool TryCut(out ReadOnlySpan<byte> line, out bool tooLong)
    {
        tooLong = false;
        var rest = _buffer.AsSpan(_begin.._end);
        var length = rest.IndexOf((byte)'\n');
        if (length < 0)
        {
            if (_passesOver || rest.Length > LineParser.LineBytesMax) PassOver(rest.Length);
            line = default;
            return false;
        }

        line = rest[..length];
        Take(length + 1);
        tooLong = _passesOver || length > LineParser.LineBytesMax;
        if (tooLong) line = default;
        _passesOver = false;
        return true;
    }

    /// <summary>What is left, as a line of its own: nobody will end it.</summary>
    public bool TryCutRest(out ReadOnlySpan<byte> line, out bool tooLong)
    {
        tooLong = _passesOver;
        line = _passesOver ? default : _buffer.AsSpan(_begin.._end);
        if (Rest == 0 && !_passesOver) return false;
        Take(Rest);
        _passesOver = false;
        return true;
    }

    private void PassOver(int bytes)
    {
        _passesOver = true;
        Take(bytes);
    }

    private void Take(int bytes)
    {
        _begin += bytes;
        Place += bytes;
    }
}
