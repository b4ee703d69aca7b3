using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Piwheels.Web;

/// <summary>What a build printed, as text for a page: no colours, no control characters, no endless lines.</summary>
internal static partial class LogText
{
    /// <summary>Characters of a line that are shown.</summary>
    internal const int LineLengthMax = 2_000;

    private const char Unshown = '\ufffd';
    private const char ControlPictures = '\u2400';
    private const char Delete = '\u007f';

    /// <summary>The lines of a part of a log.</summary>
    internal static List<string> Lines(ReadOnlySpan<byte> part)
    {
        var lines = new List<string>();
        var text = Sequences().Replace(Encoding.UTF8.GetString(part), "");
        foreach (var line in text.AsSpan().EnumerateLines()) lines.Add(Shown(line));
        // What ends with a line's end has no empty line behind it
        if (lines is [.., ""]) lines.RemoveAt(lines.Count - 1);
        return lines;
    }

    /// <summary>What a slave says of itself, shown within a line.</summary>
    internal static string Line(string text) => Shown(text.ReplaceLineEndings(" "));

    private static string Shown(ReadOnlySpan<char> line)
    {
        var length = Math.Min(line.Length, LineLengthMax);
        if (length < line.Length && char.IsHighSurrogate(line[length - 1])) length--;
        var shown = new StringBuilder(length);
        foreach (var character in line[..length]) shown.Append(Shown(character));
        if (length < line.Length)
            shown.Append(CultureInfo.InvariantCulture, $" … ({line.Length - length} more characters in this line)");
        return shown.ToString();
    }

    private static char Shown(char character) => character switch
    {
        '\t' => character,
        < ' ' => (char)(ControlPictures + character),
        Delete => '\u2421',
        _ when char.IsControl(character) => Unshown,
        // They turn the line around, or hide parts of it (Unicode's category Cf)
        _ when CharUnicodeInfo.GetUnicodeCategory(character) == UnicodeCategory.Format => Unshown,
        '\ufffe' or '\uffff' => Unshown,
        _ => character,
    };

    // ECMA-48 section 5.4 (colours and movements), 8.3.89 (titles and links), 5.3 (the rest)
    [GeneratedRegex("\\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\x07\\x1b\\n\\r]*(?:\\x07|\\x1b\\\\)|[ -/]*[0-Z\\\\^-~])")]
    private static partial Regex Sequences();
}
