namespace Piwheels.Slave.Wheels;

/// <summary>
/// Finds libraries on the system as the loader does (ld.so(8)): by its cache, then in the standard folders; and only
/// files of the right kind of machine. Paths are below the system's root.
/// </summary>
internal sealed class LibrarySearch
{
    private const string Libraries = "/usr/lib";

    private readonly SystemRoot _root;
    private readonly ILookup<string, string> _cache;
    private readonly List<string> _folders;
    private readonly Dictionary<string, ElfKind?> _kinds = new(StringComparer.Ordinal);

    internal LibrarySearch(SystemRoot root)
    {
        _root = root;
        _cache = LoaderCache.Read(root["/etc/ld.so.cache"]);
        _folders = StandardFolders(root);
        Kind = KindOf("/bin/sh");
    }

    /// <summary>The kind of the system's own programs; null where it cannot be told.</summary>
    internal ElfKind? Kind { get; }

    /// <summary>The path of a library; null where there is none of that kind.</summary>
    internal string? Find(string name, ElfKind kind)
    {
        // A name with a slash is a path: the loader does not search for it
        if (name.Contains('/', StringComparison.Ordinal)) return name[0] == '/' && KindOf(name) == kind ? name : null;
        return _cache[name].Concat(_folders.Select(folder => $"{folder}/{name}"))
            .FirstOrDefault(path => KindOf(path) == kind);
    }

    /// <summary>The path of a library in a folder that a file names itself; null where there is none of that kind.</summary>
    internal string? FindIn(string folder, string name, ElfKind kind)
    {
        if (name.Contains('/', StringComparison.Ordinal)) return null;
        var path = Path.Join(folder, name);
        return KindOf(path) == kind ? path : null;
    }

    private ElfKind? KindOf(string path)
    {
        if (_kinds.TryGetValue(path, out var known)) return known;
        ElfKind? kind = null;
        try
        {
            using var stream = _root.OpenPlain(path);
            if (stream is not null && ElfFile.TryRead(stream, out var elf)) kind = elf.Kind;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Cannot be read, so the loader could not load it either
        }

        return _kinds[path] = kind;
    }

    private static List<string> StandardFolders(SystemRoot root)
    {
        var folders = new List<string>();
        try
        {
            // The folders of multiarch: /usr/lib/arm-linux-gnueabihf
            folders.AddRange(Directory.GetDirectories(root[Libraries], "*-linux-*")
                .Select(folder => $"{Libraries}/{Path.GetFileName(folder)}").Order(StringComparer.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // None: a system without multiarch
        }

        folders.AddRange(["/lib", Libraries, "/lib64", "/usr/lib64"]);
        return folders;
    }
}
