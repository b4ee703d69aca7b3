using System.Text;

namespace Piwheels.Logger.Formats;

/// <summary>
/// How a web server writes its log: a LogFormat of Apache's mod_log_config, compiled to steps. nginx' combined format is
/// the same as Apache's.
/// </summary>
public sealed class LogFormat
{
    /// <summary>Ends of fields that are tried for one line.</summary>
    private const int TriesMax = 1_000;

    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["common"] = "%h %l %u %t \"%r\" %>s %b",
        ["common_vhost"] = "%v %h %l %u %t \"%r\" %>s %b",
        ["combined"] = "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"",
        ["combined_vhost"] = "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"",
    };

    private readonly FormatStep[] _steps;

    internal LogFormat(string text, IReadOnlyList<FormatStep> steps)
    {
        Text = text;
        _steps = [.. steps];
        Lacks =
        [
            .. Missing("the client's address (%h or %a)", LogField.Host),
            .. Missing("the request (%r, or %m and %U)", LogField.Request, LogField.Path),
            .. Missing("the status (%>s)", LogField.Status),
            .. Missing("the user agent (%{User-Agent}i)", LogField.Agent),
            .. _steps.Any(static step => step is FormatStep.Time) ? Array.Empty<string>() : ["the time (%t)"],
        ];
    }

    /// <summary>The formats that have a name.</summary>
    public static IEnumerable<string> KnownNames => Names.Keys;

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>The format as it was given, by its name or as a LogFormat.</summary>
    public string Text { get; }

    /// <summary>What its lines do not tell; without each of these nothing can be counted.</summary>
    public IReadOnlyList<string> Lacks { get; }

    /// <summary>Reads a name or a LogFormat.</summary>
    /// <exception cref="FormatException">It has a directive that is not known, or two fields with nothing between.</exception>
    public static LogFormat Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Names.TryGetValue(text, out var named)) return new LogFormat(text, FormatReader.Read(named));
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            throw new FormatException(
                $"'{text}' is none of {string.Join(", ", Names.Keys)}, and no LogFormat, which has directives such as %h");
        }

        return new LogFormat(text, FormatReader.Read(text));
    }

    /// <summary>Finds the fields of a line, which has no line break.</summary>
    /// <returns>False when it is not of this format.</returns>
    internal bool TryMatch(ReadOnlySpan<byte> line, ref FoundFields found)
    {
        found.TriesLeft = TriesMax;
        return TryMatch(0, line, 0, ref found);
    }

    private bool TryMatch(int step, ReadOnlySpan<byte> line, int at, ref FoundFields found)
    {
        for (; step < _steps.Length; step++)
        {
            switch (_steps[step])
            {
                case FormatStep.Literal literal:
                    if (!line[at..].StartsWith(literal.Text)) return false;
                    at += literal.Text.Length;
                    break;
                case FormatStep.Time time:
                    var rest = line[at..];
                    if (!time.Format.TryRead(ref rest, ref found.Time)) return false;
                    at = line.Length - rest.Length;
                    break;
                case FormatStep.Value value when step == _steps.Length - 1:
                    found.Places[(int)value.Field] = at..line.Length;
                    return true;
                case FormatStep.Value value:
                    return TryEnds(step, value, line, at, ref found);
            }
        }

        return at == line.Length;
    }

    /// <summary>
    /// A field ends where the text after it begins for the first time, unless what follows does not fit then: a user's
    /// name may have blanks, and some servers do not escape quotes.
    /// </summary>
    private bool TryEnds(int step, FormatStep.Value value, ReadOnlySpan<byte> line, int begin, ref FoundFields found)
    {
        var next = ((FormatStep.Literal)_steps[step + 1]).Text;
        for (var end = begin; found.TriesLeft-- > 0; end++)
        {
            var distance = line[end..].IndexOf(next);
            if (distance < 0) return false;
            end += distance;
            if (next[0] == '"' && IsEscaped(line[begin..end])) continue;
            if (TryMatch(step + 1, line, end, ref found))
            {
                found.Places[(int)value.Field] = begin..end;
                return true;
            }
        }

        return false;
    }

    private static bool IsEscaped(ReadOnlySpan<byte> before) =>
        (before.Length - 1 - before.LastIndexOfAnyExcept((byte)'\\')) % 2 == 1;

    private IEnumerable<string> Missing(string what, params LogField[] oneOf) =>
        _steps.Any(step => step is FormatStep.Value value && oneOf.Contains(value.Field)) ? [] : [what];
}
