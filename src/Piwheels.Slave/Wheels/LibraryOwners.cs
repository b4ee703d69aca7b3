using System.Text;

namespace Piwheels.Slave.Wheels;

/// <summary>
/// Which Debian package owns a library, from the file lists of dpkg (<c>/var/lib/dpkg/info/*.list</c>), read once.
/// </summary>
/// <remarks>
/// On systems with one /usr the lists say <c>/lib/...</c> where the file is found in <c>/usr/lib/...</c>: both are
/// brought to the latter form. A link that no package owns, as those of alternatives, is followed to what is owned.
/// </remarks>
internal sealed class LibraryOwners
{
    private const int ListBytesMax = 64 << 20;

    private readonly SystemRoot _root;
    private readonly Dictionary<string, string> _owners = new(StringComparer.Ordinal);
    private readonly string[] _mergedFolders;

    private LibraryOwners(SystemRoot root, string[] mergedFolders)
    {
        _root = root;
        _mergedFolders = mergedFolders;
    }

    /// <summary>Reads the lists of a system; null where it has none, and so is no Debian.</summary>
    internal static LibraryOwners? Read(SystemRoot root)
    {
        try
        {
            var lists = Directory.GetFiles(root["/var/lib/dpkg/info"], "*.list");
            if (lists.Length == 0) return null;
            string[] folders = ["lib", "lib32", "lib64", "libx32", "libo32", "bin", "sbin"];
            var owners = new LibraryOwners(root, [.. folders.Where(folder => IsMerged(root, folder))]);
            foreach (var list in lists) owners.Add(list);
            return owners;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The package that owns a file, or what it links to; null where none does.</summary>
    /// <param name="path">The path below the system's root, beginning with a slash.</param>
    internal string? OwnerOf(string path)
    {
        foreach (var step in _root.Chain(path))
        {
            if (_owners.TryGetValue(Normalize(step), out var owner)) return owner;
        }

        return null;
    }

    /// <summary>
    /// The package that owns a file below a folder whose path ends so, the first one by name; null where none does.
    /// </summary>
    internal static string? FindOwner(SystemRoot root, string ending, string folder)
    {
        try
        {
            foreach (var list in Directory.GetFiles(root["/var/lib/dpkg/info"], "*.list").Order(StringComparer.Ordinal))
            {
                if (new FileInfo(list).Length > ListBytesMax) continue;
                foreach (var line in File.ReadLines(list, Encoding.UTF8))
                {
                    if (line.EndsWith(ending, StringComparison.Ordinal) && line.StartsWith(folder, StringComparison.Ordinal))
                        return PackageOf(list);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No Debian, or not ours to read
        }

        return null;
    }

    // libc6:armhf.list, where packages of several architectures can be installed
    private static string PackageOf(string list) => Path.GetFileNameWithoutExtension(list).Split(':')[0];

    private void Add(string list)
    {
        var package = PackageOf(list);
        if (new FileInfo(list).Length > ListBytesMax) return;
        foreach (var line in File.ReadLines(list, Encoding.UTF8))
        {
            // The loader and all libraries have it in their names; the other files, by far the most, are not asked for
            if (!line.Contains(".so", StringComparison.Ordinal)) continue;
            _owners[Normalize(line)] = package;
        }
    }

    private string Normalize(string path)
    {
        foreach (var folder in _mergedFolders)
        {
            if (path.Length > folder.Length + 1 && path[0] == '/' && path[folder.Length + 1] == '/'
                && path.AsSpan(1).StartsWith(folder))
            {
                return "/usr" + path;
            }
        }

        return path;
    }

    private static bool IsMerged(SystemRoot root, string folder) =>
        root.LinkTarget($"/{folder}") == $"/usr/{folder}";
}
