using System.Text.Json.Serialization;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>The JSON of get_project_data.</summary>
internal sealed record ProjectDocument(
    string DisplayName,
    string Description,
    string Skip,
    IReadOnlyList<string> Aliases,
    long Revision,
    IReadOnlyList<VersionDocument> Versions)
{
    public ProjectData ToProject(PackageName package) => new(
        package, DisplayName, Description, Skip, Aliases,
        [
            .. Versions.Select(v => new ProjectVersion(
                v.Version, v.Released, v.Yanked, v.Skip, v.Files, [.. v.Targets.Select(t => t.ToTarget())])),
        ],
        Revision);
}

/// <summary>A version in the JSON of get_project_data; a file there has the very names of the record.</summary>
internal sealed record VersionDocument(
    string Version,
    DateTimeOffset Released,
    bool Yanked,
    string Skip,
    IReadOnlyList<ProjectFile> Files,
    IReadOnlyList<TargetDocument> Targets);

/// <summary>How a version stands on a target, in JSON.</summary>
internal sealed record TargetDocument(string Abi, string Platform, string State, long? BuildId)
{
    public ProjectTarget ToTarget() => new(
        new Target(Abi, Platform),
        State switch
        {
            "SUCCESS" => TargetState.Success,
            "FAIL" => TargetState.Fail,
            "SKIP" => TargetState.Skip,
            "PENDING" => TargetState.Pending,
            "ERROR" => TargetState.Error,
            _ => throw new InvalidDataException($"release_states.state '{State}'"),
        },
        BuildId);
}

/// <summary>The JSON of get_selection_status.</summary>
internal sealed record StatusDocument(bool Settled, IReadOnlyList<SelectedDocument> Packages);

/// <summary>A selected package in the JSON of get_selection_status.</summary>
internal sealed record SelectedDocument(
    string Package,
    string Requirement,
    bool Requested,
    string State,
    string? Version,
    string Message,
    IReadOnlyList<TargetDocument> Targets);

/// <summary>Reads what the database answers as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProjectDocument))]
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class DocumentContext : JsonSerializerContext;
