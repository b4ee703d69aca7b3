namespace Piwheels.Slave.Wheels;

/// <summary>
/// The files of a system below a folder, <c>/</c> or, in tests, another one. Paths begin with a slash and count from
/// there, the targets of links too.
/// </summary>
internal sealed class SystemRoot(string folder)
{
    // As the kernel has it (path_resolution(7))
    private const int LinksMax = 40;

    private readonly string _prefix = folder.TrimEnd('/');

    /// <summary>The path by which the process reaches a path of the system.</summary>
    internal string this[string path] => _prefix + path;

    /// <summary>What a path links to, as a path of the system; null where it is no link, or not there.</summary>
    internal string? LinkTarget(string path) =>
        new FileInfo(this[path]).LinkTarget is { } target
            ? Path.GetFullPath(target, Path.GetDirectoryName(path) ?? "/")
            : null;

    /// <summary>
    /// The path itself, the same with all links among its folders followed, and likewise what each links to in turn.
    /// </summary>
    internal IEnumerable<string> Chain(string path)
    {
        for (var links = 0; links < LinksMax; links++)
        {
            yield return path;
            var real = InRealFolder(path);
            if (real != path) yield return real;
            if (LinkTarget(real) is not { } target) yield break;
            path = target;
        }
    }

    /// <summary>Opens a plain file with a content, or what the path links to; null where there is none.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    internal FileStream? OpenPlain(string path)
    {
        // A pipe or a device has no length; opening one might wait for ever
        var file = new FileInfo(this[Chain(path).Last()]);
        return file is { Exists: true, LinkTarget: null, Length: > 0 }
            ? file.Open(FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
            : null;
    }

    private string InRealFolder(string path)
    {
        var rest = new Stack<string>(Parts(path).Reverse());
        var done = "/";
        var links = 0;
        while (rest.TryPop(out var part))
        {
            var next = Path.Join(done, part);
            if (rest.Count > 0 && links < LinksMax && LinkTarget(next) is { } target)
            {
                links++;
                done = "/";
                foreach (var step in Parts(target).Reverse()) rest.Push(step);
            }
            else
            {
                done = next;
            }
        }

        return done;
    }

    private static string[] Parts(string path) =>
        Path.GetFullPath(path, "/").Split('/', StringSplitOptions.RemoveEmptyEntries);
}
