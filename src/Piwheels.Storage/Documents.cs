using System.Text.Json.Serialization;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>How a version stands on a target, in JSON.</summary>
internal sealed record TargetDocument(string Abi, string Platform, string State, int? BuildId)
{
    public ProjectTarget ToTarget() => ProjectColumns.TargetOf(Abi, Platform, State, BuildId);
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
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class DocumentContext : JsonSerializerContext;
