using Microsoft.Net.Http.Headers;
using Microsoft.Win32.SafeHandles;

namespace Piwheels.Web;

/// <summary>A file of the site, opened: what is renamed over it meanwhile is another file.</summary>
internal sealed class SiteFile : IDisposable
{
    private const int LinksMax = 40;

    private readonly FileFacts _facts;
    private FileStream? _stream;

    private SiteFile(SafeFileHandle handle, FileFacts facts, string[] segments)
    {
        Handle = handle;
        Path = string.Join('/', segments);
        Name = segments[^1];
        _facts = facts;
    }

    internal SafeFileHandle Handle { get; }

    /// <summary>The handle as a stream, from the beginning.</summary>
    internal FileStream Stream => _stream ??= new FileStream(Handle, FileAccess.Read, bufferSize: 0);

    /// <summary>What it was asked for by, below the folder.</summary>
    internal string Path { get; }

    internal string Name { get; }

    internal long Length => _facts.Length;

    internal DateTimeOffset Modified => _facts.Modified;

    /// <summary>
    /// The strong tag of the content in one of its encodings. A file that replaces another differs in its number, also
    /// within a tick of the file system's clock.
    /// </summary>
    internal EntityTagHeaderValue Tag(string encoding = "") =>
        new($"\"{_facts.Inode:x}-{Modified.UtcTicks:x}-{Length:x}{(encoding.Length == 0 ? "" : "-")}{encoding}\"");

    /// <summary>
    /// Opens a file below the folder. Symbolic links are followed as long as they stay within it and lead to nothing
    /// hidden. Null when there is no such file.
    /// </summary>
    internal static SiteFile? Open(string root, string[] segments)
    {
        try
        {
            if (FileBelow.Open(root, segments, out var facts, out var linked) is { } plain)
                return new SiteFile(plain, facts, segments);
            // The links are read here, and what they lead to is opened as a path without any
            if (!linked || Resolve(root, segments) is not { } resolved) return null;
            return FileBelow.Open(root, resolved, out facts, out _) is { } file
                ? new SiteFile(file, facts, segments)
                : null;
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
            return Resolve(root, segments) is { } path && Directory.Exists(System.IO.Path.Combine([root, .. path]));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The path with all links below the root resolved; null when one of them leads out of it, or to something hidden
    private static List<string>? Resolve(string root, string[] segments)
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
            if (new FileInfo(System.IO.Path.Combine([root, .. resolved])).LinkTarget is not { } target) continue;
            if (++links > LinksMax || System.IO.Path.IsPathRooted(target)) return null;
            resolved.RemoveAt(resolved.Count - 1);
            foreach (var part in target.Split('/').Reverse()) pending.Push(part);
        }

        return resolved;
    }

    public void Dispose()
    {
        _stream?.Dispose();
        Handle.Dispose();
    }
}
