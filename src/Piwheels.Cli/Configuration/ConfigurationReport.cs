using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Cli.Options;

namespace Piwheels.Cli.Configuration;

/// <summary>What `piw config check` found.</summary>
/// <param name="Files">Those that were read; a later one wins.</param>
/// <param name="Problems">A line each.</param>
/// <param name="Settings">Those that somebody said something of.</param>
internal sealed record ConfigurationReport(
    IReadOnlyList<string> Files, IReadOnlyList<string> Problems, IReadOnlyList<SettingInForce> Settings)
{
    public void WriteText(TextWriter output)
    {
        if (Files.Count == 0)
            output.WriteLine($"There is no configuration file ({string.Join(", ", ConfigurationFiles.UsualPaths())}).");
        foreach (var file in Files) output.WriteLine($"Read {file}.");
        SettingInForce.WriteText(Settings, output);
        foreach (var problem in Problems) output.WriteLine($"wrong: {problem}");
        if (Problems.Count == 0) output.WriteLine("Nothing is wrong with it.");
    }

    public void WriteJson(TextWriter output) =>
        output.WriteLine(JsonSerializer.Serialize(this, ReportContext.Default.ConfigurationReport));
}

[JsonSerializable(typeof(ConfigurationReport))]
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class ReportContext : JsonSerializerContext;
