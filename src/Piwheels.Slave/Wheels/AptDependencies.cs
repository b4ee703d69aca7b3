namespace Piwheels.Slave.Wheels;

/// <summary>One program or shared object in a wheel.</summary>
/// <param name="Path">Its path in the wheel.</param>
public sealed record WheelObject(string Path, ElfFile Elf);

/// <summary>What the objects of a wheel need of the system.</summary>
/// <param name="Packages">Debian packages, in order.</param>
/// <param name="Unowned">Libraries that are not in the wheel, and that no package owns, in order.</param>
public sealed record SystemNeeds(IReadOnlyList<string> Packages, IReadOnlyList<string> Unowned)
{
    public static readonly SystemNeeds None = new([], []);

    /// <summary>The libraries that the packages have, by the names that the wheel needs them by.</summary>
    public IReadOnlySet<string> Owned { get; init; } = new HashSet<string>();
}

/// <summary>
/// Finds the Debian packages that a wheel's programs and shared objects need: their libraries are looked for as the
/// loader would, and the packages that own them in dpkg's lists. Nothing is executed, which ldd(1) would do. On other
/// systems than Debian there are no answers.
/// </summary>
/// <remarks>Reads the system once, about 50 ms, and knows nothing of packages installed later. Not thread safe.</remarks>
public sealed class AptDependencies
{
    private readonly LibraryOwners? _owners;
    private readonly LibrarySearch? _search;

    private AptDependencies(LibraryOwners? owners, LibrarySearch? search)
    {
        _owners = owners;
        _search = search;
    }

    /// <summary>Reads the lists of the system below a root.</summary>
    public static AptDependencies Read(string root = "/")
    {
        var system = new SystemRoot(root);
        var owners = LibraryOwners.Read(system);
        return new AptDependencies(owners, owners is null ? null : new LibrarySearch(system));
    }

    /// <summary>What a wheel's objects need. Objects for other kinds of machines are passed over.</summary>
    public SystemNeeds Of(IReadOnlyCollection<WheelObject> objects)
    {
        if (_owners is null || _search?.Kind is not { } kind) return SystemNeeds.None;
        var native = objects.Where(part => part.Elf.Kind == kind).ToList();
        var paths = native.Select(part => part.Path).ToHashSet(StringComparer.Ordinal);
        var names = native.SelectMany(part => new[] { part.Elf.Soname, FileName(part.Path) })
            .ToHashSet(StringComparer.Ordinal);

        var packages = new SortedSet<string>(StringComparer.Ordinal);
        var unowned = new SortedSet<string>(StringComparer.Ordinal);
        var owned = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in native)
        {
            foreach (var library in part.Elf.Needed)
            {
                if (!TryFind(part, library, paths, out var path)) continue;
                if (path is not null && _owners.OwnerOf(path) is { } owner)
                {
                    packages.Add(owner);
                    owned.Add(library);
                }

                // A library of the wheel that is not on its search path may have been loaded by another before
                else if (path is not null || !names.Contains(library)) unowned.Add(library);
            }
        }

        return new SystemNeeds([.. packages], [.. unowned]) { Owned = owned };
    }

    // False: the wheel has it itself. A null path: it is nowhere
    private bool TryFind(WheelObject part, string library, HashSet<string> paths, out string? path)
    {
        path = null;
        foreach (var entry in part.Elf.SearchPath)
        {
            if (WheelFolder(part.Path, entry) is { } inside)
            {
                if (paths.Contains(inside.Length == 0 ? library : $"{inside}/{library}")) return false;
            }
            else if (entry.StartsWith('/') && _search!.FindIn(entry, library, part.Elf.Kind) is { } found)
            {
                path = found;
                return true;
            }
        }

        path = _search!.Find(library, part.Elf.Kind);
        return true;
    }

    // "$ORIGIN/../thing.libs" of "thing/core.so" is "thing.libs"; null for what is not in the wheel
    private static string? WheelFolder(string path, string entry)
    {
        foreach (var origin in (ReadOnlySpan<string>)["$ORIGIN", "${ORIGIN}"])
        {
            if (!entry.StartsWith(origin, StringComparison.Ordinal)) continue;
            var folders = new List<string>(path.Split('/')[..^1]);
            foreach (var step in entry[origin.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                if (step == ".") continue;
                if (step != "..") folders.Add(step);
                else if (folders.Count > 0) folders.RemoveAt(folders.Count - 1);
                else return null;
            }

            return string.Join('/', folders);
        }

        return null;
    }

    private static string FileName(string path) => path[(path.LastIndexOf('/') + 1)..];
}
