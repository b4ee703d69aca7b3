using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Cli.Importing;

/// <summary>A wheel that was read, and is to be sent.</summary>
internal sealed record WheelToImport(string Path, FileState File);

/// <summary>What is to be imported as one build.</summary>
/// <param name="Abi">What it was built for; null: the master chooses.</param>
/// <param name="Output">The build's log.</param>
internal sealed record ImportPlan(
    Release Release, string? Abi, TimeSpan Duration, string Output, IReadOnlyList<WheelToImport> Wheels)
{
    public BuildState Build => new(
        0, Release.Package.Value, Release.Version, Abi, Status: true, Duration, Output, [.. Wheels.Select(wheel => wheel.File)]);

    /// <summary><c>2 wheels of foo 1.0</c>.</summary>
    public string Subject => $"{(Wheels.Count == 1 ? "1 wheel" : $"{Wheels.Count} wheels")} of {Release}";

    public string Question => $"Import {Subject}, built for {Abi ?? "the master's lowest ABI that runs it"}?";

    /// <summary>The wheels, a line for each, and one for what it needs.</summary>
    public IEnumerable<string> Lines => Wheels.SelectMany(wheel => LinesOf(wheel.File));

    /// <param name="deleted">The paths that are gone.</param>
    public void WriteJson(TextWriter output, IReadOnlyCollection<string> deleted) => output.WriteLine(JsonSerializer.Serialize(
        new ImportDocument(
            Release.Package.Value,
            Release.Version,
            Abi,
            [
                .. Wheels.Select(wheel => new ImportedDocument(
                    wheel.File.Filename, wheel.File.FileSize, wheel.File.FileHash, wheel.File.RequiresPython,
                    NamesOf(wheel.File, FileState.PipTool), NamesOf(wheel.File, FileState.AptTool),
                    NamesOf(wheel.File, FileState.UnownedTool), deleted.Contains(wheel.Path))),
            ]),
        ImportContext.Default.ImportDocument));

    private static IEnumerable<string> LinesOf(FileState file)
    {
        var python = file.RequiresPython is { } requires ? $", Python {requires}" : "";
        yield return $"  {file.Filename}, {SizeOf(file.FileSize)}{python}";
        var needs = new[]
        {
            ("packages", NamesOf(file, FileState.PipTool)), ("apt", NamesOf(file, FileState.AptTool)),
            ("libraries of no package", NamesOf(file, FileState.UnownedTool)),
        };
        var line = string.Join("; ", needs.Where(each => each.Item2.Count > 0).Select(each => $"{each.Item1}: {List(each.Item2)}"));
        if (line.Length > 0) yield return $"    needs {line}";
    }

    private static IReadOnlyList<string> NamesOf(FileState file, string tool) => file.Dependencies.GetValueOrDefault(tool) ?? [];

    // What a wheel needs was written by a stranger
    private static string List(IEnumerable<string> names) => string.Join(", ", names.Select(Excerpt.Of));

    private static string SizeOf(long bytes) => bytes < 1_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, bytes / 1000)} kB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB");
}

/// <summary>What `piw import --json` writes.</summary>
/// <param name="Abi">Null where it was left to the master.</param>
internal sealed record ImportDocument(string Package, string Version, string? Abi, IReadOnlyList<ImportedDocument> Files);

internal sealed record ImportedDocument(
    string Filename,
    long Size,
    string Sha256,
    string? RequiresPython,
    IReadOnlyList<string> Requires,
    IReadOnlyList<string> Apt,
    IReadOnlyList<string> Libraries,
    bool Deleted);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ImportDocument))]
internal sealed partial class ImportContext : JsonSerializerContext;
