namespace Piwheels.Storage.Schema;

/// <summary>
/// Splits a script in PostgreSQL's SQL into its statements. A semicolon ends one unless it stands in a comment (line,
/// or nested C style), a quoted identifier, a string (plain, or with escapes as <c>E'...'</c>) or a dollar quote
/// (PostgreSQL documentation 4.1). Comments before a statement are left out; parts never change. Standard-conforming
/// strings are taken for granted, and semicolons in SQL-standard function bodies (BEGIN ATOMIC) are not known.
/// </summary>
public static class ScriptStatements
{
    /// <summary>What PostgreSQL's lexer passes over. Other characters that look blank are parts of names.</summary>
    private static readonly char[] Blanks = [' ', '\t', '\n', '\r', '\f', '\v'];

    /// <summary>The statements in order, without their semicolons and the white space around them.</summary>
    /// <exception cref="FormatException">A quote or comment is not closed.</exception>
    public static IEnumerable<string> Parse(string script)
    {
        ArgumentNullException.ThrowIfNull(script);
        var start = SkipBlank(script, 0);
        var at = start;
        while (at < script.Length)
        {
            if (script[at] == ';')
            {
                if (at > start) yield return script[start..at].TrimEnd(Blanks);
                at = start = SkipBlank(script, at + 1);
            }
            else
            {
                at = SkipToken(script, at);
            }
        }

        if (start < script.Length) yield return script[start..].TrimEnd(Blanks);
    }

    /// <summary>The first place from <paramref name="at"/> on that is neither white space nor comment.</summary>
    private static int SkipBlank(string script, int at)
    {
        while (at < script.Length)
        {
            if (IsBlank(script[at])) at++;
            else if (Starts(script, at, "--")) at = SkipLine(script, at);
            else if (Starts(script, at, "/*")) at = SkipComment(script, at);
            else break;
        }

        return at;
    }

    /// <summary>The place behind the token that begins at <paramref name="at"/>: quoted text and words go as a whole.</summary>
    private static int SkipToken(string script, int at)
    {
        switch (script[at])
        {
            case '-' when Starts(script, at, "--"):
                return SkipLine(script, at);
            case '/' when Starts(script, at, "/*"):
                return SkipComment(script, at);
            case '"' or '\'':
                return SkipQuoted(script, at, escapes: false);
            case 'e' or 'E' when Starts(script, at + 1, "'"):
                return SkipQuoted(script, at + 1, escapes: true);
            case '$':
                return SkipDollarQuoted(script, at);
            case var c when char.IsAsciiDigit(c):
                while (at < script.Length && char.IsAsciiDigit(script[at])) at++;
                return at;
            case var c when IsWord(c):
                // A dollar sign inside a word begins no quote, and a word that ends in e no escape string
                while (at < script.Length && (IsWord(script[at]) || script[at] == '$')) at++;
                return at;
            default:
                return at + 1;
        }
    }

    private static int SkipLine(string script, int at)
    {
        var end = script.AsSpan(at).IndexOfAny('\n', '\r') is var length and >= 0 ? at + length : -1;
        return end < 0 ? script.Length : end + 1;
    }

    private static int SkipComment(string script, int start)
    {
        var depth = 0;
        for (var at = start; at < script.Length; at++)
        {
            if (Starts(script, at, "/*"))
            {
                depth++;
                at++;
            }
            else if (Starts(script, at, "*/"))
            {
                at++;
                if (--depth == 0) return at + 1;
            }
        }

        throw Unclosed(script, start, "comment");
    }

    private static int SkipQuoted(string script, int start, bool escapes)
    {
        var quote = script[start];
        for (var at = start + 1; at < script.Length; at++)
        {
            if (escapes && script[at] == '\\') at++;
            else if (script[at] != quote) continue;
            else if (Starts(script, at + 1, quote)) at++;
            else if (escapes && Continuation(script, at + 1) is { } next) at = next;
            else return at + 1;
        }

        throw Unclosed(script, start, "quote");
    }

    /// <summary>
    /// Where the string that ended before <paramref name="at"/> goes on: behind a line's end, with the same rules
    /// (PostgreSQL documentation 4.1.2.1). That matters for escapes alone. Null where it does not.
    /// </summary>
    private static int? Continuation(string script, int at)
    {
        var newLine = false;
        while (at < script.Length)
        {
            if (IsBlank(script[at])) newLine |= script[at++] is '\n' or '\r';
            else if (newLine && Starts(script, at, "--")) at = SkipLine(script, at);
            else break;
        }

        return newLine && Starts(script, at, '\'') ? at : null;
    }

    private static int SkipDollarQuoted(string script, int start)
    {
        var at = start + 1;
        if (at < script.Length && char.IsAsciiDigit(script[at])) return at; // a parameter
        while (at < script.Length && IsWord(script[at])) at++;
        if (at == script.Length || script[at] != '$') return at;
        var delimiter = script[start..(at + 1)];
        var end = script.IndexOf(delimiter, at + 1, StringComparison.Ordinal);
        return end < 0 ? throw Unclosed(script, start, "dollar quote") : end + delimiter.Length;
    }

    private static bool IsBlank(char c) => Array.IndexOf(Blanks, c) >= 0;

    /// <summary>All that is not ASCII may stand in names.</summary>
    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '_' || !char.IsAscii(c);

    private static bool Starts(string script, int at, string text) =>
        string.CompareOrdinal(script, at, text, 0, text.Length) == 0;

    private static bool Starts(string script, int at, char c) => at < script.Length && script[at] == c;

    private static FormatException Unclosed(string script, int at, string what) =>
        new($"the {what} in line {script.AsSpan(0, at).Count('\n') + 1} is not closed");
}
