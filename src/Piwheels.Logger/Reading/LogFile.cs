namespace Piwheels.Logger.Reading;

/// <summary>Takes lines as they are read.</summary>
internal interface ILineSink
{
    /// <param name="line">Without its line break; empty when it is too long.</param>
    /// <param name="file">Where it stands; null for what is no file.</param>
    void Take(ReadOnlySpan<byte> line, bool tooLong, LogFile? file);
}

/// <summary>Which log it is, by what it begins with, and up to where the master has been told of it.</summary>
internal sealed class LogPlace(string name, FileHead head, long told)
{
    /// <summary>The name that it was followed by.</summary>
    public string Name => name;

    public FileHead Head { get; set; } = head;

    public long Told { get; set; } = told;
}

/// <summary>One log file that is read, wherever its name went meanwhile.</summary>
internal sealed class LogFile : IDisposable
{
    private readonly Stream _stream;
    private readonly LineCutter _cutter;

    private LogFile(LogPlace at, string path, Stream stream, long place)
    {
        (At, Path) = (at, path);
        (_stream, _cutter) = (stream, new LineCutter(place));
        Number = stream is FileStream file ? FileNumber.Of(file.SafeFileHandle) : null;
    }

    public LogPlace At { get; }

    /// <summary>Where it was when it was opened.</summary>
    public string Path { get; }

    public FileNumber? Number { get; }

    /// <summary>Where the last line that was read ends.</summary>
    public long Place => _cutter.Place;

    /// <summary>When something came of it last.</summary>
    public DateTimeOffset LastGrowth { get; set; }

    /// <summary>Opens a file at a place.</summary>
    /// <exception cref="IOException">It cannot be read, or is shorter.</exception>
    public static LogFile Open(string name, string path, long place) =>
        Open(new LogPlace(name, FileHead.Of(path), place), path, place);

    /// <summary>Opens a file that is known.</summary>
    /// <exception cref="IOException">It cannot be read, or is shorter.</exception>
    public static LogFile Open(LogPlace at, string path, long place)
    {
        var stream = FileHead.Open(path);
        if (FileHead.TrySkip(stream, place)) return new LogFile(at, path, stream, place);
        stream.Dispose();
        throw new IOException($"{path} is shorter than {place} bytes");
    }

    /// <summary>Reads some, and has the lines taken.</summary>
    /// <param name="limit">Where to stop, if not at the end.</param>
    /// <returns>False when there is nothing more now.</returns>
    /// <exception cref="InvalidDataException">It is packed, and damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public bool ReadSome(ILineSink sink, long limit = long.MaxValue)
    {
        var before = Place;
        var read = _cutter.Fill(_stream);
        while (Place < limit && _cutter.TryCut(out var line, out var tooLong)) sink.Take(line, tooLong, this);
        if (At.Head.Length < FileHead.LengthMax && Place > At.Head.Length && _stream is FileStream) GrowHead();
        return read > 0 || Place > before;
    }

    /// <summary>Takes the beginning of a line that nobody will end.</summary>
    public void TakeRest(ILineSink sink)
    {
        if (_cutter.TryCutRest(out var line, out var tooLong)) sink.Take(line, tooLong, this);
    }

    /// <summary>Whether it was made shorter, or is another one's content by now.</summary>
    public bool IsReplaced()
    {
        if (_stream is not FileStream file) return false;
        if (file.Length < Place + _cutter.Rest) return true;
        if (file.Length == Place + _cutter.Rest && file.Length >= FileHead.LengthMax) return false;
        return ReadHead(file, At.Head.Length) != At.Head;
    }

    public void Dispose() => _stream.Dispose();

    private void GrowHead() => At.Head = ReadHead((FileStream)_stream, (int)Math.Min(FileHead.LengthMax, Place));

    private static FileHead ReadHead(FileStream file, int length)
    {
        var place = file.Position;
        file.Position = 0;
        var head = FileHead.Of(file, length);
        file.Position = place;
        return head;
    }
}
