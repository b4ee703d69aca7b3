using System.Text;
using Piwheels.Core.AccessLog;
using Piwheels.Core.States;

namespace Piwheels.Logger.Formats;

/// <summary>What became of a line.</summary>
public enum LineOutcome
{
    /// <summary>It counts, as the access that comes with it.</summary>
    Counts,

    /// <summary>It is a line of the log, of something that is not counted.</summary>
    Nothing,

    /// <summary>It is not of the format.</summary>
    Unreadable,

    /// <summary>It would count, but its client has no address.</summary>
    NoAddress,

    /// <summary>It would count, but nothing can have been at its time.</summary>
    NoDate,

    /// <summary>It is longer than any line is read.</summary>
    TooLong,
}

/// <summary>
/// Reads lines of a web server's log, whatever they hold: a line is an access, or it is told why not, and nothing of it
/// ends the program.
/// </summary>
public sealed class LineParser
{
    /// <summary>The longest line that is read, in bytes: Apache's 8 KB for each of what a client says, escaped fourfold.</summary>
    public const int LineBytesMax = 128 * 1024;

    private readonly LogFormat _format;
    private readonly TimeProvider _time;
    private readonly AgentBook _agents = new();
    private readonly Range[] _places = new Range[FoundFields.Count];
    private readonly byte[] _buffer = new byte[LineBytesMax];

    /// <param name="time">Whose clock says which dates can be, and whose zone is the web server's.</param>
    public LineParser(LogFormat format, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        (_format, _time) = (format, time);
    }

    /// <param name="line">Without its line break.</param>
    /// <param name="access">What it counts as; null unless that is the outcome.</param>
    public LineOutcome Parse(ReadOnlySpan<byte> line, out AccessState? access)
    {
        access = null;
        if (line.Length > LineBytesMax) return LineOutcome.TooLong;
        if (line.EndsWith((byte)'\r')) line = line[..^1];
        if (line.IsEmpty) return LineOutcome.Nothing;
        Array.Clear(_places);
        var found = new FoundFields { Places = _places };
        if (!_format.TryMatch(line, ref found)) return LineOutcome.Unreadable;
        if (!Field(line, LogField.Status).SequenceEqual("200"u8) || !TryTarget(line, out var target)) return LineOutcome.Nothing;
        var header = Field(line, LogField.Agent);
        // A dash stands for a header that was not sent
        if (header.IsEmpty || header.SequenceEqual("-"u8)) return LineOutcome.Nothing;
        var agent = _agents.Of(EscapedText.Read(header, _buffer));
        if (!agent.IsNamed) return LineOutcome.Nothing;
        return Classify(line, target, agent, found.Time, out access);
    }

    private LineOutcome Classify(
        ReadOnlySpan<byte> line, string target, WebAgent agent, in TimeParts parts, out AccessState? access)
    {
        var at = parts.ToMoment(_time.LocalTimeZone);
        var host = Encoding.UTF8.GetString(Field(line, LogField.Host));
        var isAddress = HostAddress.TryParse(host, out _);
        // What would not count anyway is no fault of its line
        access = AccessClassifier.Classify(
            new WebRequest("GET", target, 200, null, isAddress ? host : "::", at ?? DateTimeOffset.UnixEpoch), agent);
        if (access is null) return LineOutcome.Nothing;
        if (isAddress && at is { } moment && AccessTime.IsPlausible(moment, _time.GetUtcNow())) return LineOutcome.Counts;
        access = null;
        return isAddress ? LineOutcome.NoDate : LineOutcome.NoAddress;
    }

    /// <summary>What a GET asked for; false for any other request.</summary>
    private bool TryTarget(ReadOnlySpan<byte> line, out string target)
    {
        target = "";
        var request = Field(line, LogField.Request);
        if (!request.IsEmpty)
        {
            if (!request.StartsWith("GET "u8)) return false;
            request = request["GET "u8.Length..];
            var protocol = request.LastIndexOf(" HTTP/"u8);
            target = EscapedText.ToText(protocol < 0 ? request : request[..protocol], _buffer);
            return true;
        }

        var path = Field(line, LogField.Path);
        if (path.IsEmpty || !Field(line, LogField.Method).SequenceEqual("GET"u8)) return false;
        // It was decoded once already
        target = EscapedText.ToText(path, _buffer).Replace("%", "%25", StringComparison.Ordinal);
        return true;
    }

    private ReadOnlySpan<byte> Field(ReadOnlySpan<byte> line, LogField field) => line[_places[(int)field]];
}
