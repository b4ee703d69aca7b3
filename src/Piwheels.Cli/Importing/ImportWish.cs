using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;
using Piwheels.Slave.Wheels;

namespace Piwheels.Cli.Importing;

/// <summary>The wheels that somebody wants imported, and what he says of them that they do not say themselves.</summary>
/// <param name="Package">As he spelled it; null: as the first wheel is named.</param>
/// <param name="Version">Null: as the first wheel's METADATA has it.</param>
/// <param name="Abi">Null: as the wheels are named, if one is.</param>
/// <param name="OutputFile">The file with the build's log; null: there is none.</param>
/// <param name="DependenciesFile">The file with the Debian packages that they need; null: they are looked for here.</param>
internal sealed partial record ImportWish(
    IReadOnlyList<string> Paths, PackageName? Package, string? Version, string? Abi, TimeSpan Duration, string? OutputFile,
    string? DependenciesFile)
{
    /// <summary>The log of a build that has none.</summary>
    public const string NoOutput = "Imported manually via piw-import";

    /// <summary>Bytes of a file with the names of Debian packages.</summary>
    private const int DependenciesBytesMax = 1 << 20;

    // What a wheel needs that runs on any Python is what it needs on each of these
    private static readonly IEnumerable<int> MinorVersions = Enumerable.Range(2, 30);

    /// <summary>Reads the wheels to their ends, as a slave reads those that it has built. Runs nothing of them.</summary>
    /// <exception cref="CommandFault">One is none, or cannot be read, or they do not go together.</exception>
    public ImportPlan Read()
    {
        if (Paths.Count > BuildClaim.FilesMax) throw new CommandFault($"{Paths.Count} files are too many: {BuildClaim.FilesMax} at most");
        var names = Paths.Select(NameOf).ToList();
        var twice = names.GroupBy(name => name.FileName, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null) throw new CommandFault($"{twice.Key} is named twice");
        var asked = new Release(PackageOf(names[0]), Version ?? names[0].VersionTag);
        var abi = Abi ?? AbiOf(names);
        var apt = DependenciesFile is null ? AptDependencies.Read() : null;
        var given = DependenciesFile is null ? null : ReadDependencies(DependenciesFile);
        var output = OutputFile is null ? NoOutput : ReadOutput(OutputFile);
        var read = Paths.Zip(names, (path, name) => Read(path, name, asked, abi, apt)).ToList();
        var release = new Release(asked.Package, Version ?? read[0].Metadata.Version);
        var wheels = Paths.Zip(read, (path, wheel) =>
            new WheelToImport(path, given is null ? wheel.File : WithApt(wheel.File, given))).ToList();
        return BuildClaim.Refusal([.. wheels.Select(wheel => wheel.File)], release, targets: null) is { } refusal
            ? throw new CommandFault(refusal)
            : new ImportPlan(release, abi, Duration, output, wheels);
    }

    private static WheelFileName NameOf(string path) => WheelFileName.TryParse(Path.GetFileName(path), out var name)
        ? name
        : throw new CommandFault($"{Excerpt.Of(path)} is not the name of a wheel");

    private PackageName PackageOf(WheelFileName first) =>
        Package ?? first.Package ?? throw new CommandFault($"{first} is of no package: '{Excerpt.Of(first.PackageTag)}' is not a name");

    /// <summary>What the wheels were built for by their names; null where they run on many.</summary>
    private static string? AbiOf(IEnumerable<WheelFileName> names)
    {
        var abis = names.SelectMany(name => name.Tags).Select(tag => tag.Abi).Where(abi => abi is not ("none" or "abi3"))
            .Distinct().Order(InterpreterTag.Order).ToList();
        return abis.Count <= 1
            ? abis.FirstOrDefault()
            : throw new CommandFault(
                $"the wheels are for several ABIs ({string.Join(", ", abis)}): import those of one at a time, or say --abi",
                CommandFault.WrongUsage);
    }

    private static WheelInspection.Accepted Read(
        string path, WheelFileName name, Release asked, string? abi, AptDependencies? apt)
    {
        if (!File.Exists(path)) throw new CommandFault($"{path}: {(Directory.Exists(path) ? "is a folder" : "there is no such file")}");
        var places = PlacesOf(name, abi);
        switch (Guarded(path, () => WheelFile.Inspect(path, asked, EnvironmentOf(places[^1]), apt)))
        {
            case WheelInspection.Accepted wheel:
                var machine = MachineCheck.ForUnknown(wheel.Contents).Look(name, wheel.Contents);
                if (machine.Problem is { } problem) throw new CommandFault($"{name} {problem}");
                return abi is null ? wheel with { File = WithPip(wheel, places) } : wheel;
            case WheelInspection.Refused(var reason):
                throw new CommandFault($"{name} {reason}");
            case var other:
                throw new InvalidOperationException($"{other} is no inspection");
        }
    }

    /// <summary>Where the wheel is to run: on the ABI, or else on all versions of Python.</summary>
    private static List<Target> PlacesOf(WheelFileName name, string? abi)
    {
        var platform = name.Tags.Select(tag => tag.Platform).FirstOrDefault(tag => tag != "any") ?? $"linux_{OwnMachine}";
        return abi is null ? [.. MinorVersions.Select(minor => new Target($"cp3{minor}", platform))] : [new Target(abi, platform)];
    }

    private static MarkerEnvironment EnvironmentOf(Target place) => MarkerEnvironment.ForTarget(place)
        ?? throw new CommandFault($"'{Excerpt.Of(place.Abi)}' is not the ABI of a Python: name one by --abi");

    private static string OwnMachine => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => "x86_64",
        Architecture.Arm64 => "aarch64",
        Architecture.Arm => "armv7l",
        Architecture.Armv6 => "armv6l",
        Architecture.X86 => "i686",
        var other => $"{other}".ToLowerInvariant(),
    };

    private static FileState WithPip(WheelInspection.Accepted wheel, IEnumerable<Target> places)
    {
        var everywhere = places.Where(place => RequiredPython.Admits(wheel.File.RequiresPython, place))
            .Select(place => wheel.Metadata.MandatoryDependencies(EnvironmentOf(place)).AsEnumerable())
            .Aggregate((IEnumerable<string>?)null, (all, some) => all?.Intersect(some) ?? some) ?? [];
        return With(wheel.File, FileState.PipTool, [.. everywhere]);
    }

    private static FileState WithApt(FileState file, IReadOnlyList<string> packages) =>
        With(With(file, FileState.AptTool, packages), FileState.UnownedTool, []);

    private static FileState With(FileState file, string tool, IReadOnlyList<string> names)
    {
        var all = file.Dependencies.Where(each => each.Key != tool).ToDictionary(StringComparer.Ordinal);
        if (names.Count > 0) all[tool] = names;
        return file with { Dependencies = all };
    }

    private static string ReadOutput(string path) => Guarded(path, () => new FileInfo(path).Length > WireLimits.LogBytesMax
        ? throw new CommandFault($"{path} has more than {WireLimits.LogBytesMax:N0} bytes, which is too long a log")
        : File.ReadAllText(path));

    private static List<string> ReadDependencies(string path)
    {
        if (Guarded(path, () => new FileInfo(path).Length) > DependenciesBytesMax)
            throw new CommandFault($"{path} has more than {DependenciesBytesMax:N0} bytes");
        var names = new SortedSet<string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in Guarded(path, () => File.ReadAllLines(path)))
        {
            number++;
            foreach (var name in line.Split('#', 2)[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            {
                if (!DebianName().IsMatch(name))
                    throw new CommandFault($"{path}:{number}: '{Excerpt.Of(name)}' is not the name of a Debian package");
                names.Add(name);
            }
        }

        return [.. names];
    }

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"{path} cannot be read: {failure.Message}", CommandFault.Failed, failure);
        }
    }

    // Debian Policy, section 5.6.7
    [GeneratedRegex(@"^[a-z0-9][a-z0-9+.-]+\z")]
    private static partial Regex DebianName();
}
