using Piwheels.Core.Packaging;

namespace Piwheels.Web;

/// <summary>
/// A request's path as segments, each a plain name: none empty but the last, which says that a folder is meant; none
/// hidden; nothing that a file system would take for more than a name.
/// </summary>
internal static class SitePath
{
    private const int SegmentLengthMax = 255;

    /// <summary>The segments of a decoded path; null for one that can lead to nothing here.</summary>
    internal static string[]? Split(string? path)
    {
        if (path is not ['/', ..]) return null;
        var segments = path[1..].Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            if (segments[i].Length == 0 ? i < segments.Length - 1 : !IsPlain(segments[i])) return null;
        }

        return segments;
    }

    /// <summary>
    /// Where a path has its home: pages that moved, short forms, and names in their canonical spelling (PEP 503). Null
    /// for a path that is at home.
    /// </summary>
    internal static string? HomeOf(string[] segments) => segments switch
    {
        ["project"] or ["project", ""] or ["p"] or ["p", ""] => "/packages.html",
        ["p", _] or ["p", _, ""] => PackageName.TryParse(segments[1], out var package) ? $"/project/{package}/" : null,
        ["simple", "index.html" or "index.v1_json"] => null,
        ["simple" or "project", not "", ..] => CanonicalOf(segments),
        _ => null,
    };

    private static string? CanonicalOf(string[] segments)
    {
        if (!PackageName.TryParse(segments[1], out var package) || package.Value == segments[1]) return null;
        var rest = segments.Length == 2 ? [""] : segments[2..];
        return $"/{segments[0]}/{package}/{string.Join('/', rest.Select(Uri.EscapeDataString))}";
    }

    // The server leaves %2F as it is when it decodes; no name of ours has a percent sign
    private static bool IsPlain(string segment) =>
        segment[0] != '.' && segment.Length <= SegmentLengthMax &&
        !segment.AsSpan().ContainsAny('\\', '%', ':') && !segment.Any(char.IsControl);
}
