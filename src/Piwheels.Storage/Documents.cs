using System.Text.Json.Serialization;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>How a version stands on a target, in JSON.</summary>
internal sealed record TargetDocument(string Abi, string Platform, string State, int? BuildId)
{
    public ProjectTarget ToTarget() => ProjectColumns.TargetOf(Abi, Platform, State, BuildId);
}

/// <summary>Reads what the database answers as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(SelectionDocument))]
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class DocumentContext : JsonSerializerContext;
