using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Piwheels.Cli.Auditing;

/// <summary>What a package's two index pages list.</summary>
internal static partial class ListedFiles
{
    private const long PageBytesMax = 256L << 20;

    /// <summary>Reads the page of PEP 691: by file name the SHA-256, and whether the file is ours.</summary>
    /// <exception cref="FormatException">It is no such page.</exception>
    public static Dictionary<string, (string Hash, bool Ours)> OfJson(string path)
    {
        try
        {
            using var page = JsonDocument.Parse(Read(path));
            var files = new Dictionary<string, (string, bool)>(StringComparer.Ordinal);
            foreach (var file in page.RootElement.GetProperty("files").EnumerateArray())
            {
                var hash = file.GetProperty("hashes").TryGetProperty("sha256", out var sha256) ? sha256.GetString() : null;
                var ours = !(file.GetProperty("url").GetString() ?? "").Contains("://", StringComparison.Ordinal);
                files[file.GetProperty("filename").GetString() ?? ""] = (hash ?? "", ours);
            }

            return files;
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException("it is no index as PEP 691 has it", fault);
        }
    }

    /// <summary>Reads the page of PEP 503: the file names.</summary>
    /// <exception cref="FormatException">It is too large.</exception>
    public static HashSet<string> OfHtml(string path) =>
        [.. Anchor().Matches(System.Text.Encoding.UTF8.GetString(Read(path))).Select(static match => WebUtility.HtmlDecode(match.Groups[1].Value))];

    private static byte[] Read(string path) =>
        new FileInfo(path).Length <= PageBytesMax ? File.ReadAllBytes(path) : throw new FormatException("it is too large");

    [GeneratedRegex("<a [^>]*>([^<]*)</a>")]
    private static partial Regex Anchor();
}
