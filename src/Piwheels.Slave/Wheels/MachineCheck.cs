using System.Globalization;
using System.Text.RegularExpressions;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Python;

namespace Piwheels.Slave.Wheels;

/// <summary>What a wheel's machine code is found to be.</summary>
/// <param name="Problem">Why the wheel is not what its platform tag says, to go on after its name; null when it is.</param>
/// <param name="Remark">What is odd about it without being wrong, to go on after its name; null when nothing is.</param>
public sealed record MachineFindings(string? Problem, string? Remark)
{
    public static readonly MachineFindings None = new(null, null);
}

/// <summary>
/// Holds the machine code of a wheel against its platform tag. What Python would import, and the libraries that were put
/// beside it for that (NAME.libs), must be for that platform. Whatever else is in the wheel may be for any machine:
/// firmware, test data, programs for other systems.
/// </summary>
/// <param name="suffixes">How the interpreter's modules in machine code end.</param>
/// <param name="library">The interpreter's own C library, where that is known.</param>
/// <param name="armFloat">As the interpreter itself passes floating-point numbers.</param>
public sealed partial class MachineCheck(IReadOnlyList<string> suffixes, CLibrary? library, ArmFloat? armFloat)
{
    /// <summary>A check for wheels that an interpreter has built. What it does not tell is not checked.</summary>
    public static MachineCheck For(PythonFacts python)
    {
        CLibrary? library = python.Glibc is not { } glibc ? null : glibc == Glibc.None ? CLibrary.Musl : CLibrary.Glibc;
        return new MachineCheck(python.ExtensionSuffixes, library, FloatOf(python.Executable));
    }

    /// <summary>A check for a wheel whose interpreter is elsewhere: how its modules end is told by their names.</summary>
    public static MachineCheck ForUnknown(WheelContents contents)
    {
        var suffixes = contents.Files.Select(path => InterpretersSuffix().Match(path).Value).Where(suffix => suffix.Length > 0);
        return new MachineCheck([.. suffixes.Distinct(StringComparer.Ordinal), ".abi3.so", ".so"], library: null, armFloat: null);
    }

    public MachineFindings Look(WheelFileName name, WheelContents contents)
    {
        var imported = Imported(contents);
        if (contents.Objects.Count == 0 && imported.Count == 0) return MachineFindings.None;
        var tags = name.PlatformTag.ToLowerInvariant().Split('.');
        var machines = new List<PlatformMachine>();
        if (!tags.Contains(PlatformMachine.Any, StringComparer.Ordinal))
        {
            foreach (var tag in tags)
            {
                // Of another system, or of a machine that nothing is known of
                if (!PlatformMachine.TryParse(tag, out var machine)) return MachineFindings.None;
                machines.Add(machine with { Library = machine.Library ?? library, Float = machine.Float ?? armFloat });
            }
        }

        var problem = imported.Select(each => ProblemWith(each.Path, each.Elf, machines, name.PlatformTag))
            .FirstOrDefault(problem => problem is not null);
        var paths = imported.Select(each => each.Path).ToHashSet(StringComparer.Ordinal);
        var foreign = contents.Objects
            .Where(each => !paths.Contains(each.Path) && machines.All(machine => machine.Kind != each.Elf.Kind)).ToList();
        var which = machines.Count == 0 ? "" : " for other machines";
        return new MachineFindings(problem, RemarkOn(foreign, which, name.PlatformTag));
    }

    private List<(string Path, ElfFile? Elf)> Imported(WheelContents contents)
    {
        var imported = WheelModules.Of(contents, suffixes).Extensions.Select(module => (module.Path, module.Elf)).ToList();
        imported.AddRange(contents.Objects
            .Where(each => each.Path.Split('/', 2) is [var folder, _] && folder.EndsWith(".libs", StringComparison.Ordinal))
            .Select(each => (each.Path, (ElfFile?)each.Elf)));
        return imported;
    }

    private static string? ProblemWith(string path, ElfFile? elf, List<PlatformMachine> machines, string tag)
    {
        var file = Excerpt.Of(path);
        tag = Excerpt.Of(tag);
        if (elf is null) return $"has a module that is no shared object: {file}";
        if (machines.Count == 0) return $"is tagged '{tag}' and has a module for {elf.Kind}: {file}";
        var alike = machines.FindAll(machine => machine.Kind == elf.Kind);
        if (alike.Count == 0)
            return $"is tagged '{tag}', which is {machines[0].Kind}, and has a module for {elf.Kind}: {file}";
        if (PlatformMachine.LibraryOf(elf) is { } needed && alike.All(machine => (machine.Library ?? needed) != needed))
        {
            return $"is tagged '{tag}', where the C library is {Word(alike[0].Library)}, "
                + $"and has a module for {Word(needed)}: {file}";
        }

        return PlatformMachine.FloatOf(elf) is { } passed && alike.All(machine => (machine.Float ?? passed) != passed)
            ? $"is tagged '{tag}', which is Arm's {Word(alike[0].Float)}-float ABI here, "
                + $"and has a module for the {Word(passed)}-float one: {file}"
            : null;
    }

    private static string? RemarkOn(List<WheelObject> foreign, string which, string tag) => foreign.Count == 0
        ? null
        : string.Create(
            CultureInfo.InvariantCulture,
            $"is tagged '{Excerpt.Of(tag)}', and has programs or libraries{which} that Python does not import "
            + $"({foreign.Count}), such as {Excerpt.Of(foreign[0].Path)} for {foreign[0].Elf.Kind}");

    // thing.cpython-311-arm-linux-gnueabihf.so, thing.pypy39-pp73-x86_64-linux-gnu.so (PEP 3149)
    [GeneratedRegex(@"\.(cpython|pypy)[\w-]{1,80}\.so\z")]
    private static partial Regex InterpretersSuffix();

    private static string Word<T>(T value) => $"{value}".ToLowerInvariant();

    private static ArmFloat? FloatOf(string executable)
    {
        try
        {
            using var stream = File.OpenRead(executable); // Follows links, to the interpreter that an environment is made of
            return ElfFile.TryRead(stream, out var elf) ? PlatformMachine.FloatOf(elf) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
