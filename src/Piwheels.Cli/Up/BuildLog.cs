using System.Globalization;
using System.IO.Compression;
using System.Text;
using Piwheels.Core.Failures;

namespace Piwheels.Cli.Up;

/// <summary>A build's log among the published files: <c>/logs/AAAA/BBBB/CCCC.txt.gz</c>.</summary>
internal static class BuildLog
{
    private const int LineLengthMax = 200;
    private const int LinesMax = 200_000;

    /// <summary>Its path below the site's root.</summary>
    public static string PathOf(long buildId)
    {
        var digits = buildId.ToString("000000000000", CultureInfo.InvariantCulture);
        return $"logs/{digits[..4]}/{digits[4..8]}/{digits[8..]}.txt.gz";
    }

    /// <summary>The line that tells most of why a build failed; empty when there is no log.</summary>
    public static string Reason(string output, long buildId)
    {
        var lines = Lines(output, buildId);
        var end = string.Join('\n', lines.TakeLast(BuildFailure.LinesMax));
        var telling = BuildFailure.TryReadEnd(end, out var failure) && failure.Class != FailureClass.Unknown
            ? failure.ToString()
            : lines.FirstOrDefault(IsCompilerError)
            ?? lines.LastOrDefault(line => line.Contains("error:", StringComparison.OrdinalIgnoreCase) && !IsSummary(line))
            ?? lines.LastOrDefault(line => line.Length > 0)
            ?? "";
        return telling.Length <= LineLengthMax ? telling : string.Concat(telling.AsSpan(0, LineLengthMax - 1), "…");
    }

    /// <summary>The last lines of a log.</summary>
    public static IReadOnlyList<string> Tail(string output, long buildId, int count) =>
        [.. Lines(output, buildId).TakeLast(count)];

    // What pip says after any failure, whatever its cause
    private static bool IsSummary(string line) =>
        Summaries.Any(summary => line.Contains(summary, StringComparison.OrdinalIgnoreCase));

    private static readonly string[] Summaries =
        ["subprocess-exited-with-error", "failed building wheel", "failed to build", "metadata-generation-failed"];

    private static bool IsCompilerError(string line) =>
        line.Contains(": error:", StringComparison.Ordinal) || line.Contains(": fatal error:", StringComparison.Ordinal);

    private static List<string> Lines(string output, long buildId)
    {
        try
        {
            using var file = File.OpenRead(Path.Combine(output, PathOf(buildId)));
            using var text = new StreamReader(new GZipStream(file, CompressionMode.Decompress), Encoding.UTF8);
            var lines = new List<string>();
            while (lines.Count < LinesMax && text.ReadLine() is { } line) lines.Add(Printable(line.Trim()));
            return lines;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // A log is other people's text: it must not steer the terminal
    private static string Printable(string line) =>
        line.Any(char.IsControl) ? string.Concat(line.Where(c => !char.IsControl(c))) : line;
}
