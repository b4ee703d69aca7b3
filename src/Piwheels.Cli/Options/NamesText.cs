using Piwheels.Master.Upstream;

namespace Piwheels.Cli.Options;

/// <summary>
/// Lists of package names in settings: names and patterns, separated by commas or blanks. An entry with a slash is a file
/// of more of them, with comments from <c>#</c> to the end of a line; no name has a slash.
/// </summary>
internal static class NamesText
{
    /// <summary>The largest file, in bytes: what it says is handed on as one argument, of which Linux takes 128 KiB.</summary>
    public const int FileBytesMax = 64 << 10;

    private static readonly char[] Separators = [',', ' ', '\t', '\r', '\n'];

    /// <exception cref="FormatException">An entry is none, or a file cannot be read; the text says which.</exception>
    public static IReadOnlyList<string> Parse(string text)
    {
        var entries = new List<string>();
        foreach (var entry in EntriesIn(text))
        {
            if (entry.Contains('/', StringComparison.Ordinal)) entries.AddRange(ReadFile(entry));
            else entries.Add(Checked(entry, ""));
        }

        return entries;
    }

    /// <summary>As text that is read to the same list.</summary>
    public static string Show(IReadOnlyList<string> entries) => string.Join(',', entries);

    private static IEnumerable<string> ReadFile(string path)
    {
        try
        {
            if (new FileInfo(path).Length > FileBytesMax)
                throw new FormatException($"{path} is larger than {FileBytesMax} bytes");
            return
            [
                .. File.ReadLines(path).SelectMany((line, number) =>
                    EntriesIn(line.Split('#')[0]).Select(entry => Checked(entry, $"{path}:{number + 1}: "))),
            ];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"{path}: {fault.Message}", fault);
        }
    }

    private static string Checked(string entry, string where)
    {
        try
        {
            _ = new FollowedNames([entry], []);
            return entry;
        }
        catch (FormatException fault)
        {
            throw new FormatException(where + fault.Message, fault);
        }
    }

    private static string[] EntriesIn(string text) => text.Split(Separators, StringSplitOptions.RemoveEmptyEntries);
}
