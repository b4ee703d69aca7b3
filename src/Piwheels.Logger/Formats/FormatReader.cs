using System.Text;

namespace Piwheels.Logger.Formats;

/// <summary>
/// Reads a LogFormat (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats): text, in which a backslash
/// stands before a quote, a backslash, n or t; and directives, with modifiers (<c>%>s</c>, <c>%!200,304{Referer}i</c>) and
/// an argument in braces.
/// </summary>
internal sealed class FormatReader
{
    /// <summary>The longest format, in characters.</summary>
    private const int LengthMax = 4096;

    private readonly string _text;
    private readonly List<FormatStep> _steps = [];
    private readonly List<byte> _literal = [];
    private int _at;
    private int? _address;
    private bool _addressIsSure;

    private FormatReader(string text) => _text = text;

    /// <exception cref="FormatException">The text says what of it is not known.</exception>
    public static List<FormatStep> Read(string text)
    {
        if (text.Length > LengthMax) throw new FormatException($"a format has at most {LengthMax} characters");
        var reader = new FormatReader(text);
        reader.Read();
        return reader._steps;
    }

    private void Read()
    {
        while (_at < _text.Length)
        {
            var c = _text[_at++];
            if (c == '%' && _at < _text.Length && _text[_at] == '%')
            {
                _at++;
                _literal.Add((byte)'%');
            }
            else if (c == '%')
            {
                ReadDirective();
            }
            else if (c == '\\' && _at < _text.Length)
            {
                ReadEscape(_text[_at++]);
            }
            else
            {
                _literal.AddRange(Encoding.UTF8.GetBytes([c]));
            }
        }

        EndLiteral();
    }

    private void ReadEscape(char c)
    {
        switch (c)
        {
            case 'n': _literal.Add((byte)'\n'); break;
            case 't': _literal.Add((byte)'\t'); break;
            case '"' or '\\': _literal.Add((byte)c); break;
            default: _literal.AddRange(Encoding.UTF8.GetBytes(['\\', c])); break;
        }
    }

    private void ReadDirective()
    {
        var begin = _at - 1;
        string? argument = null;
        while (true)
        {
            if (_at == _text.Length) throw new FormatException($"'{_text[begin..]}' is the beginning of a directive");
            var c = _text[_at++];
            if (c is '<' or '>' or '!' or ',' or (>= '0' and <= '9')) continue;
            if (c == '{')
            {
                var end = _text.IndexOf('}', _at);
                if (end < 0) throw new FormatException($"'{_text[begin..]}' has no closing brace");
                argument = _text[_at..end];
                _at = end + 1;
                continue;
            }

            if (c == '^') c = ReadTrailer(begin);
            Add(c, argument, _text[begin.._at]);
            return;
        }
    }

    // %^FB, %{name}^ti and %{name}^to
    private char ReadTrailer(int begin)
    {
        const int Letters = 2;
        if (_at + Letters > _text.Length || _text.Substring(_at, Letters) is not ("ti" or "to" or "FB"))
            throw new FormatException($"'{_text[begin..Math.Min(_text.Length, _at + Letters)]}' is no directive that is known here");
        _at += Letters;
        return 'n';
    }

    private void Add(char directive, string? argument, string text)
    {
        switch (directive)
        {
            case 't':
                AddStep(new FormatStep.Time(TimeFormat.Parse(argument ?? "")), text);
                break;
            case 'a' or 'h' when argument is null:
                AddAddress(directive, text);
                break;
            // Whoever holds the connection, which may be a proxy
            case 'a' when argument is "c":
                AddStep(new FormatStep.Value(LogField.Skipped), text);
                break;
            case 'i' when string.Equals(argument, "User-Agent", StringComparison.OrdinalIgnoreCase):
                AddStep(new FormatStep.Value(LogField.Agent), text);
                break;
            case 'C' or 'e' or 'i' or 'n' or 'o' or 'x' when argument is null && !text.Contains('^', StringComparison.Ordinal):
                throw new FormatException($"'{text}' says nothing without a name in braces, as in %{{User-Agent}}i");
            case 'r' or 'm' or 'U' or 's':
                AddStep(new FormatStep.Value(FieldOf(directive)), text);
                break;
            // %U%q is one field: a query is told from a path by its question mark
            case 'q' when _literal.Count == 0 && _steps is [.., FormatStep.Value { Field: LogField.Path }]:
                break;
            case 'A' or 'b' or 'B' or 'C' or 'D' or 'e' or 'f' or 'H' or 'i' or 'I' or 'k' or 'l' or 'L' or 'n' or 'o' or 'O'
                or 'p' or 'P' or 'q' or 'R' or 'S' or 'T' or 'u' or 'v' or 'V' or 'x' or 'X':
                AddStep(new FormatStep.Value(LogField.Skipped), text);
                break;
            default:
                throw new FormatException($"'{text}' is no directive that is known here");
        }
    }

    /// <summary>%a is an address always; %h may be a name, so it counts only where there is no %a.</summary>
    private void AddAddress(char directive, string text)
    {
        var counts = _address is null || (directive == 'a' && !_addressIsSure);
        if (counts && _address is { } other) _steps[other] = new FormatStep.Value(LogField.Skipped);
        AddStep(new FormatStep.Value(counts ? LogField.Host : LogField.Skipped), text);
        if (counts) (_address, _addressIsSure) = (_steps.Count - 1, directive == 'a');
    }

    private static LogField FieldOf(char directive) => directive switch
    {
        'r' => LogField.Request,
        'm' => LogField.Method,
        'U' => LogField.Path,
        _ => LogField.Status,
    };

    private void AddStep(FormatStep step, string text)
    {
        EndLiteral();
        // Of times each piece says itself where it ends
        if (_steps is [.., FormatStep.Value])
            throw new FormatException($"nothing stands between '{text}' and the field before it, so nobody can tell where that ends");
        _steps.Add(step);
    }

    private void EndLiteral()
    {
        if (_literal.Count == 0) return;
        _steps.Add(new FormatStep.Literal([.. _literal]));
        _literal.Clear();
    }
}
