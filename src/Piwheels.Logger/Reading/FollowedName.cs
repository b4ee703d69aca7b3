using Microsoft.Extensions.Logging;

namespace Piwheels.Logger.Reading;

/// <summary>
/// A log that is followed by its name. A rotation may rename the file and make a new one, to which the web server goes over
/// when it likes to; or copy it and make it empty. What the old one still holds is read too.
/// </summary>
internal sealed partial class FollowedName : IDisposable
{
    /// <summary>How long a file is read on that has lost its name, after the last line came: workers of a web server go
    /// over to the new one when they have done with their last client.</summary>
    public static readonly TimeSpan LeavingSilence = TimeSpan.FromMinutes(5);

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly List<LogFile> _leaving = [];
    private LogFile? _current;
    private bool _saidMissing;

    public FollowedName(string name, TimeProvider time, ILogger logger)
    {
        Name = Path.GetFullPath(name);
        (_time, _logger) = (time, logger);
    }

    public string Name { get; }

    /// <summary>All that is read, the oldest first.</summary>
    public IEnumerable<LogFile> Files => _current is null ? _leaving : [.. _leaving, _current];

    /// <summary>Goes on where it stood, with what has come since.</summary>
    /// <param name="known">What was being read, the oldest first.</param>
    public void Resume(IReadOnlyList<LogPlace> known)
    {
        var rotated = RotatedFiles.Of(Name);
        var newest = -1;
        foreach (var at in known)
        {
            if (at.Head.IsOf(Name))
            {
                _current = TryOpen(at, Name, at.Told);
                continue;
            }

            var place = rotated.ToList().FindIndex(at.Head.IsOf);
            newest = Math.Max(newest, place);
            if (place < 0) Gone(_logger, Name, at.Told);
            else if (TryOpen(at, rotated[place], at.Told) is { } leaving) _leaving.Add(leaving);
        }

        // Whatever was rotated away since then was never seen
        if (_current is null && newest >= 0)
        {
            foreach (var path in rotated.Skip(newest + 1).Where(path => !known.Any(at => at.Head.IsOf(path))))
            {
                if (TryOpen(path, 0) is { } missed) _leaving.Add(missed);
            }
        }

        _current ??= TryOpen(Name, 0);
    }

    /// <summary>Begins at the end of what is there.</summary>
    public void BeginAtEnd()
    {
        try
        {
            _current = LogFile.Open(Name, Name, new FileInfo(Name).Length);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Missing(fault);
        }
    }

    /// <summary>Reads some of what has come.</summary>
    /// <returns>False when there is nothing.</returns>
    public bool ReadSome(ILineSink sink)
    {
        foreach (var file in _leaving.ToList())
        {
            if (TryRead(file, sink)) return true;
        }

        if (_current is null) return TryOpenCurrent();
        if (_current.IsReplaced())
        {
            ReplaceCurrent(sink);
            return true;
        }

        return TryRead(_current, sink) || LetLeave(sink);
    }

    /// <summary>Lets files go that are read to their end and whose lines have been told of.</summary>
    /// <param name="follows">Whether more may come; else this is the end of all.</param>
    public void LetGo(ILineSink sink, bool follows)
    {
        foreach (var file in _leaving.ToList())
        {
            if (follows && _time.GetUtcNow() - file.LastGrowth < LeavingSilence) continue;
            file.TakeRest(sink);
            if (file.At.Told < file.Place) continue;
            _leaving.Remove(file);
            file.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var file in Files) file.Dispose();
    }

    private bool TryRead(LogFile file, ILineSink sink)
    {
        try
        {
            if (!file.ReadSome(sink)) return false;
            file.LastGrowth = _time.GetUtcNow();
            return true;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException)
        {
            Damaged(_logger, file.Path, fault.Message);
            _leaving.Remove(file);
            if (file == _current) _current = null;
            file.Dispose();
            return false;
        }
    }

    private bool TryOpenCurrent()
    {
        _current = TryOpen(Name, 0);
        return _current is not null;
    }

    /// <summary>The name leads to another file by now.</summary>
    private bool LetLeave(ILineSink sink)
    {
        if (FileNumber.Of(Name) is not { } there || there == _current!.Number || _current.Number is null) return false;
        if (TryOpen(Name, 0) is not { } next) return false;
        // Whatever came between the last look and this one
        while (TryRead(_current, sink))
        {
        }

        Rotated(_logger, Name);
        _leaving.Add(_current);
        _current = next;
        return true;
    }

    /// <summary>The file was made empty: what was not read of it is in its copy, if there is one.</summary>
    private void ReplaceCurrent(ILineSink sink)
    {
        var old = _current!;
        Rotated(_logger, Name);
        var copy = old.At.Head.Length > 0 ? RotatedFiles.Of(Name).LastOrDefault(old.At.Head.IsOf) : null;
        if (copy is not null && TryOpen(old.At, copy, old.Place) is { } rest) _leaving.Add(rest);
        else old.TakeRest(sink);
        old.Dispose();
        _current = TryOpen(Name, 0);
    }

    private LogFile? TryOpen(string path, long place) => TryOpen(() => LogFile.Open(Name, path, place));

    private LogFile? TryOpen(LogPlace at, string path, long place) => TryOpen(() => LogFile.Open(at, path, place));

    private LogFile? TryOpen(Func<LogFile> open)
    {
        try
        {
            var file = open();
            file.LastGrowth = _time.GetUtcNow();
            _saidMissing = false;
            return file;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Missing(fault);
            return null;
        }
    }

    private void Missing(Exception fault)
    {
        if (!_saidMissing) CannotRead(_logger, fault.Message);
        _saidMissing = true;
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Warning, Message = "{Reason}; looking for it again and again")]
    private static partial void CannotRead(ILogger logger, string reason);

    [LoggerMessage(EventId = 21, Level = LogLevel.Warning, Message = "{Path} is damaged, and read no further: {Reason}")]
    private static partial void Damaged(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 22, Level = LogLevel.Warning,
        Message = "what stood in {Name} from byte {Place} on was rotated away, and is nowhere beside it")]
    private static partial void Gone(ILogger logger, string name, long place);

    [LoggerMessage(EventId = 23, Level = LogLevel.Information, Message = "{Name} was rotated")]
    private static partial void Rotated(ILogger logger, string name);
}
