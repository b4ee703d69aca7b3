using System.Text.RegularExpressions;

namespace Piwheels.Logger.Reading;

/// <summary>What a rotation leaves beside a log: <c>access.log.1</c>, <c>access.log-20260102.gz</c>.</summary>
internal static partial class RotatedFiles
{
    /// <summary>Those of a name, the oldest first.</summary>
    public static IReadOnlyList<string> Of(string name)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(name))!;
        var file = Path.GetFileName(name);
        try
        {
            return
            [
                .. new DirectoryInfo(folder).EnumerateFiles(file + "*")
                    .Where(each => Suffix().IsMatch(each.Name.AsSpan(file.Length)))
                    .OrderBy(each => each.LastWriteTimeUtc).ThenByDescending(each => each.Name, StringComparer.Ordinal)
                    .Select(each => each.FullName),
            ];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    [GeneratedRegex(@"^[.\-_][0-9][0-9.\-_T]*(?:\.gz)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Suffix();
}
