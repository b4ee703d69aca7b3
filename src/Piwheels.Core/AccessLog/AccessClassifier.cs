using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Core.AccessLog;

/// <summary>
/// Tells which of a web server's requests count, and as what: downloads, searches and hits. Only answered (200) GETs
/// with a user agent do.
/// </summary>
public static class AccessClassifier
{
    /// <summary>The longest request target that is looked at, in characters.</summary>
    public const int TargetLengthMax = 2048;

    /// <summary>The longest name of a page or wheel that the database holds, in characters.</summary>
    public const int PageLengthMax = 30;

    public const int FilenameLengthMax = 255;

    /// <summary>The name that the site's first page is counted under.</summary>
    public const string HomePage = "home";

    private const string PageSuffix = ".html";

    /// <summary>What the request counts as; null when it counts as nothing.</summary>
    public static AccessState? Classify(in WebRequest request) => Classify(request, new WebAgent(request.UserAgent));

    /// <inheritdoc cref="Classify(in WebRequest)"/>
    /// <param name="agent">What its User-Agent header says, if that was read before.</param>
    public static AccessState? Classify(in WebRequest request, WebAgent agent)
    {
        ArgumentNullException.ThrowIfNull(agent);
        if (request.Method != "GET" || request.Status != 200 || !agent.IsNamed) return null;
        if (!HostAddress.TryParse(request.Host, out _) || Split(request.Target) is not { } segments) return null;
        return segments switch
        {
            ["simple", _, var file] when IsWheel(file) =>
                new DownloadState(file, request.Host, request.Timestamp, agent.Installer),
            ["simple", var name, ""] when agent.IsInstaller => Search(request, agent, name),
            ["project", var name, "json", _, ..] => Json(request, agent, name),
            ["project", not "", _, ..] => Project(request, agent, segments[1]),
            [""] => Page(request, agent, HomePage),
            [var file] when file.EndsWith(PageSuffix, StringComparison.Ordinal) =>
                Page(request, agent, file is "index.html" ? HomePage : file[..^PageSuffix.Length]),
            _ => null,
        };
    }

    private static SearchState? Search(in WebRequest request, WebAgent agent, string name) =>
        PackageName.TryParse(name, out var package)
            ? new SearchState(package.Value, request.Host, request.Timestamp, agent.Installer)
            : null;

    private static ProjectState? Project(in WebRequest request, WebAgent agent, string name) =>
        PackageName.TryParse(name, out var package)
            ? new ProjectState(package.Value, request.Host, request.Timestamp, agent.Family)
            : null;

    private static JsonState? Json(in WebRequest request, WebAgent agent, string name) =>
        PackageName.TryParse(name, out var package)
            ? new JsonState(package.Value, request.Host, request.Timestamp, agent.Family)
            : null;

    private static PageState? Page(in WebRequest request, WebAgent agent, string page) =>
        page.Length is > 0 and <= PageLengthMax
            ? new PageState(page, request.Host, request.Timestamp, agent.Family)
            : null;

    private static bool IsWheel(string file) =>
        file.EndsWith(".whl", StringComparison.Ordinal) && file.Length is > 4 and <= FilenameLengthMax;

    /// <summary>The decoded segments of an absolute path; null for anything else, or with control characters.</summary>
    private static string[]? Split(string target)
    {
        if (target.Length is 0 or > TargetLengthMax || target[0] != '/') return null;
        var path = target.AsSpan(0, target.AsSpan().IndexOfAny('?', '#') is var end and >= 0 ? end : target.Length);
        var segments = path[1..].ToString().Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            segments[i] = Uri.UnescapeDataString(segments[i]);
            if (segments[i].Any(c => char.IsControl(c) || c is '/' or '\\')) return null;
        }

        return segments;
    }
}
