using System.Text.RegularExpressions;

namespace Piwheels.Slave.Wheels;

/// <summary>A module in machine code that Python would import.</summary>
/// <param name="Name">With the packages that it is in, joined by dots.</param>
/// <param name="Path">Its path in the wheel.</param>
/// <param name="Elf">What it is; null when it is no shared object at all.</param>
public sealed record ExtensionModule(string Name, string Path, ElfFile? Elf)
{
    /// <summary>
    /// Whether it has the function that an import calls. Libraries that are loaded by other ways (ctypes) are often named
    /// like modules, since setuptools builds them as such.
    /// </summary>
    public bool HasInit => Elf is not null && Elf.InitNames.Any(init => init == Name[(Name.LastIndexOf('.') + 1)..]);
}

/// <summary>The modules of a wheel, by the names of its files: nothing is imported to find them.</summary>
public sealed partial class WheelModules
{
    /// <summary>Most modules in machine code that are imported by themselves.</summary>
    public const int ExtensionsMax = 200;

    /// <summary>Most modules and packages at the top that are imported.</summary>
    public const int TopMax = 50;

    private const string Untagged = ".so";

    // What lies at the top by mistake as often as not, and does something when it is imported
    private static readonly HashSet<string> Strays = new(StringComparer.Ordinal)
    {
        "benchmark", "benchmarks", "build", "conftest", "doc", "docs", "example", "examples", "script", "scripts", "setup",
        "test", "tests",
    };

    private readonly List<string> _top;

    private WheelModules(IReadOnlyList<ExtensionModule> extensions, List<string> top)
    {
        Extensions = extensions;
        _top = top;
    }

    /// <summary>All modules in machine code, in the order of the wheel.</summary>
    public IReadOnlyList<ExtensionModule> Extensions { get; }

    /// <summary>
    /// The modules to import, each once: what is at the top, then those in machine code. A library that is only named
    /// like a module is not among them, unless there is nothing else.
    /// </summary>
    public IReadOnlyList<string> ToImport
    {
        get
        {
            var libraries = Extensions.Where(module => !module.HasInit).Select(module => module.Name)
                .ToHashSet(StringComparer.Ordinal);
            string[] all =
            [
                .. _top.Where(name => !libraries.Contains(name)).Take(TopMax),
                .. Extensions.Where(module => module.HasInit).Select(module => module.Name).Take(ExtensionsMax),
            ];
            return all.Length > 0 ? [.. all.Distinct(StringComparer.Ordinal)] : [.. libraries.Take(1)];
        }
    }

    /// <summary>Finds them.</summary>
    /// <param name="suffixes">
    /// How the interpreter's modules in machine code end (importlib.machinery.EXTENSION_SUFFIXES); of two files for one
    /// module that with the earlier suffix is imported.
    /// </param>
    public static WheelModules Of(WheelContents contents, IReadOnlyList<string> suffixes)
    {
        var files = contents.Files.ToHashSet(StringComparer.Ordinal);
        var objects = contents.Objects.ToLookup(each => each.Path, each => each.Elf, StringComparer.Ordinal);
        var extensions = new Dictionary<string, (int Suffix, ExtensionModule Module)>(StringComparer.Ordinal);
        foreach (var path in contents.Files)
        {
            if (!TryName(path, suffixes, out var name, out var suffix)) continue;
            var module = new ExtensionModule(name, path, objects[path].LastOrDefault());
            if (suffixes[suffix] == Untagged && !(module.HasInit && IsInPackage(path, files, suffixes))) continue;
            if (!extensions.TryGetValue(name, out var other) || suffix < other.Suffix) extensions[name] = (suffix, module);
        }

        var modules = extensions.Values.Select(each => each.Module).ToList();
        var importable = modules.Select(module => module.Name.Split('.')[0]).ToHashSet(StringComparer.Ordinal);
        var top = contents.Files.Where(path => path.EndsWith(".py", StringComparison.Ordinal)).Select(TopOf)
            .Concat(importable)
            .Where(name => ModuleName().IsMatch(name) && (importable.Contains(name) || !Strays.Contains(name)))
            .Distinct(StringComparer.Ordinal).ToList();
        return new WheelModules(modules, top);
    }

    // "thing/core.py" is in thing, "thing.py" is thing
    private static string TopOf(string path)
    {
        var first = path.Split('/', 2)[0];
        return first.Length == path.Length ? first[..^".py".Length] : first;
    }

    private static bool TryName(string path, IReadOnlyList<string> suffixes, out string name, out int suffix)
    {
        name = "";
        for (suffix = 0; suffix < suffixes.Count; suffix++)
        {
            if (!path.EndsWith(suffixes[suffix], StringComparison.Ordinal)) continue;
            var parts = path[..^suffixes[suffix].Length].Split('/');
            name = string.Join('.', parts);
            return parts.All(part => ModuleName().IsMatch(part));
        }

        return false;
    }

    // Data for other machines may be called anything.so, too: a module lies at the top, or where all folders are packages
    private static bool IsInPackage(string path, HashSet<string> files, IReadOnlyList<string> suffixes)
    {
        for (var end = path.LastIndexOf('/'); end > 0; end = path.LastIndexOf('/', end - 1))
        {
            var init = $"{path[..end]}/__init__";
            if (!files.Contains(init + ".py") && !suffixes.Any(suffix => files.Contains(init + suffix))) return false;
        }

        return true;
    }

    // Not what Python calls a name: mypyc begins some of its modules by a digit. Also keeps a stranger's words to one
    [GeneratedRegex(@"^\w{1,100}\z")]
    private static partial Regex ModuleName();
}
