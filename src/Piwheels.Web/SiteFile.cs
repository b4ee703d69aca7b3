using Microsoft.Net.Http.Headers;

namespace Piwheels.Web;

/// <summary>A file of the site, opened. Its tag changes whenever it is replaced.</summary>
internal sealed class SiteFile : IDisposable
{
    private const int LinksMax = 40;

    private SiteFile(FileStream stream, string name)
    {
        Stream = stream;
        Name = name;
        Length = stream.Length;
        Modified = new DateTimeOffset(File.GetLastWriteTimeUtc(stream.SafeFileHandle), TimeSpan.Zero);
    }

    internal FileStream Stream { get; }

    internal string Name { get; }

    internal long Length { get; }

    internal DateTimeOffset Modified { get; }

    /// <summary>The strong tag of the content in one of its encodings.</summary>
    internal EntityTagHeaderValue Tag(string encoding = "") =>
        new($"\"{Modified.UtcTicks:x}-{Length:x}{(encoding.Length == 0 ? "" : "-")}{encoding}\"");

    /// <summary>
    /// Opens a file below the folder. Symbolic links are followed as long as they stay within it and lead to nothing
    /// hidden. Null when there is no such file.
    /// </summary>
    internal static SiteFile? Open(string root, string[] segments)
    {
        try
        {
            if (Resolve(root, segments) is not { } path || !File.Exists(path)) return null;
            var stream = new FileStream(path, new FileStreamOptions
            {
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                Options = FileOptions.Asynchronous,
                BufferSize = 0,
            });
            return new SiteFile(stream, segments[^1]);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether there is a folder below the other one.</summary>
    internal static bool IsFolder(string root, string[] segments)
    {
        try
        {
            return Resolve(root, segments) is { } path && Directory.Exists(path);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The path with all links below the root resolved; null when one of them leads out of it, or to something hidden
    private static string? Resolve(string root, string[] segments)
    {
        var pending = new Stack<string>(segments.Reverse());
        var resolved = new List<string>();
        var links = 0;
        while (pending.TryPop(out var segment))
        {
            if (segment is "." or "") continue;
            if (segment == "..")
            {
                if (resolved.Count == 0) return null;
                resolved.RemoveAt(resolved.Count - 1);
                continue;
            }

            if (segment[0] == '.') return null;
            resolved.Add(segment);
            if (new FileInfo(Join(root, resolved)).LinkTarget is not { } target) continue;
            if (++links > LinksMax || Path.IsPathRooted(target)) return null;
            resolved.RemoveAt(resolved.Count - 1);
            foreach (var part in target.Split('/').Reverse()) pending.Push(part);
        }

        return Join(root, resolved);
    }

    private static string Join(string root, List<string> segments) => Path.Combine([root, .. segments]);

    public void Dispose() => Stream.Dispose();
}
