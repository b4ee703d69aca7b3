using System.Text;

namespace Piwheels.Core.Packaging;

/// <summary>Reads files of requirements that include each other; each file is read once.</summary>
internal sealed class RequirementsFileReader(Func<string, string> readText)
{
    private static readonly string[] RequirementOptions = ["--requirement", "-r"];
    private static readonly string[] ConstraintOptions = ["--constraint", "-c"];
    private static readonly string[] HashOptions = ["--hash"];

    private readonly HashSet<(string Path, bool IsConstraint)> _seen = [];
    private readonly List<RequirementLine> _requirements = [];
    private readonly List<RequirementLine> _constraints = [];

    public IReadOnlyList<RequirementLine> Requirements => _requirements;

    public IReadOnlyList<RequirementLine> Constraints => _constraints;

    /// <summary>What is wrong, with its place; null while nothing is.</summary>
    public string? Problem { get; private set; }

    /// <summary>Reads one file and what it includes; false, and a <see cref="Problem"/>, where that fails.</summary>
    /// <param name="name">The file as messages call it.</param>
    public bool Read(string path, string name, bool isConstraint, int depth)
    {
        if (!_seen.Add((path, isConstraint))) return true;
        if (_seen.Count > RequirementsFile.FilesMax) return Fail(name, $"more than {RequirementsFile.FilesMax} files");
        if (depth > RequirementsFile.DepthMax) return Fail(name, "included too deep");

        string text;
        try
        {
            text = readText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Fail(name, $"cannot be read: {e.Message}");
        }

        foreach (var (number, line) in LogicalLines(text))
        {
            var place = $"{name}:{number}";
            var read = line.StartsWith('-')
                ? ReadOption(line, place, path, isConstraint, depth)
                : ReadRequirement(line, place, name, number, isConstraint);
            if (!read) return false;
        }

        return true;
    }

    private bool ReadRequirement(string line, string place, string name, int number, bool isConstraint)
    {
        var (text, options) = SplitOptions(line);
        if (UnknownOption(options) is { } unknown) return Fail(place, $"the option {Excerpt.Of(unknown)} is not understood");
        if (!Requirement.TryParse(text, out var requirement, out var problem))
        {
            return Fail(place, $"'{Excerpt.Of(text)}' is not a requirement: {problem}");
        }

        (isConstraint ? _constraints : _requirements).Add(new RequirementLine(requirement, name, number));
        return true;
    }

    private bool ReadOption(string line, string place, string path, bool isConstraint, int depth)
    {
        var constraints = ArgumentOf(line, ConstraintOptions);
        if ((ArgumentOf(line, RequirementOptions) ?? constraints) is not { } argument)
        {
            return Fail(place, $"the option {Excerpt.Of(line.Split(' ', '=')[0])} is not understood");
        }

        if (argument.Length == 0 || argument.Contains('\0')) return Fail(place, "an option without a file");
        if (argument.Contains("://", StringComparison.Ordinal)) return Fail(place, "only files can be included, no URLs");
        var included = Path.GetFullPath(argument, Path.GetDirectoryName(path)!);
        return Read(included, argument, isConstraint || constraints is not null, depth + 1);
    }

    private bool Fail(string place, string problem)
    {
        Problem ??= $"{place}: {problem}";
        return false;
    }

    // "-r file", "-rfile", "--requirement file", "--requirement=file"
    private static string? ArgumentOf(string line, string[] spellings)
    {
        foreach (var spelling in spellings)
        {
            if (!line.StartsWith(spelling, StringComparison.Ordinal)) continue;
            var rest = line[spelling.Length..];
            var isLong = spelling.StartsWith("--", StringComparison.Ordinal);
            if (isLong && rest.Length > 0 && rest[0] is not ('=' or ' ' or '\t')) continue;
            return (isLong && rest.StartsWith('=') ? rest[1..] : rest).Trim().Trim('"', '\'');
        }

        return null;
    }

    private static (string Text, string Options) SplitOptions(string line)
    {
        var at = 0;
        while ((at = line.IndexOf('-', at)) >= 0)
        {
            if (at > 0 && char.IsWhiteSpace(line[at - 1])) return (line[..at].TrimEnd(), line[at..]);
            at++;
        }

        return (line, "");
    }

    private static string? UnknownOption(string options)
    {
        var words = options.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < words.Length; i++)
        {
            if (HashOptions.Contains(words[i]))
            {
                i++;
            }
            else if (!words[i].StartsWith("--hash=", StringComparison.Ordinal))
            {
                return words[i].Split('=')[0];
            }
        }

        return null;
    }

    /// <summary>Lines without comments, continued ones joined, empty ones left out; numbers count from 1.</summary>
    private static IEnumerable<(int Number, string Line)> LogicalLines(string text)
    {
        var start = 0;
        var joined = new StringBuilder();
        var lines = text.TrimStart('\ufeff').Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            start = start == 0 ? i + 1 : start;
            var line = lines[i].TrimEnd('\r');

            // A comment ends a continued line, whatever it ends with
            var isComment = line.TrimStart().StartsWith('#');
            if (!isComment && line.EndsWith('\\') && i + 1 < lines.Length)
            {
                joined.Append(line.AsSpan(0, line.Length - 1));
                continue;
            }

            joined.Append(isComment ? "" : line);
            var whole = WithoutComment(joined.ToString()).Trim();
            joined.Clear();
            if (whole.Length > 0) yield return (start, whole);
            start = 0;
        }
    }

    // A hash sign begins a comment at the start of a line, or after white space: URLs have it too
    private static string WithoutComment(string line)
    {
        for (var at = line.IndexOf('#'); at >= 0; at = line.IndexOf('#', at + 1))
        {
            if (at == 0 || char.IsWhiteSpace(line[at - 1])) return line[..at];
        }

        return line;
    }
}
