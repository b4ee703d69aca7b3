using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What the index tells of a project, as far as the farm wants it.</summary>
/// <param name="Name">The name as its people spell it; null where not told.</param>
/// <param name="Description">One line, ready for the database.</param>
/// <param name="Version">The release that the other facts are those of.</param>
/// <param name="RequiresDist">Its requirements (PEP 508 texts); null where the index does not know them.</param>
/// <param name="Released">When the first file of each release was uploaded, by the index's spelling.</param>
public sealed record ProjectFacts(
    string? Name,
    string Description,
    string? Version,
    IReadOnlyList<string>? RequiresDist,
    IReadOnlyDictionary<string, DateTimeOffset> Released);

/// <summary>Asks the index for facts of projects (the JSON API, docs.pypi.org/api/json).</summary>
public sealed class ProjectClient(IndexConnection connection, Uri root)
{
    /// <summary>The longest description that the database holds, in characters (Unicode scalars).</summary>
    public const int DescriptionMax = 200;

    /// <summary>The facts of a project and its newest release.</summary>
    public Task<Fetched<ProjectFacts>> GetAsync(PackageName package, CancellationToken ct) =>
        GetAsync(IndexAddress.Below(root, package.Value, "json"), ct);

    /// <summary>The facts of one release.</summary>
    public Task<Fetched<ProjectFacts>> GetAsync(Release release, CancellationToken ct) =>
        GetAsync(IndexAddress.Below(root, release.Package.Value, release.Version, "json"), ct);

    /// <summary>
    /// A summary as the database takes it: one line without control characters, at most
    /// <see cref="DescriptionMax"/> long, the last of them an ellipsis where it was cut.
    /// </summary>
    public static string DescriptionOf(string? summary)
    {
        if (string.IsNullOrWhiteSpace(summary)) return "";
        var clean = new StringBuilder(summary.Length);
        foreach (var rune in summary.EnumerateRunes())
            clean.Append(Rune.IsControl(rune) ? " " : rune.ToString());
        var line = string.Join(' ', clean.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        var runes = line.EnumerateRunes().Take(DescriptionMax + 1).ToList();
        return runes.Count <= DescriptionMax ? line : string.Concat(runes.Take(DescriptionMax - 1)) + '…';
    }

    private async Task<Fetched<ProjectFacts>> GetAsync(Uri uri, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.Accept.ParseAdd("application/json");
        return await connection.SendAsync<ProjectFacts>(
            request,
            connection.Limits.PageBytesMax,
            connection.Limits.PageTimeout,
            async (response, token) =>
            {
                var json = await JsonSerializer
                    .DeserializeAsync(response.Body, UpstreamJson.Default.ProjectJson, token).ConfigureAwait(false);
                return json?.Info is null
                    ? new Fetched<ProjectFacts>.Unusable("it says nothing of the project")
                    : new Fetched<ProjectFacts>.Found(FactsOf(json.Info, json));
            },
            ct).ConfigureAwait(false);
    }

    private static ProjectFacts FactsOf(ProjectInfoJson info, ProjectJson json)
    {
        var released = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        foreach (var (version, files) in json.Releases ?? [])
            NoteFirst(released, version, files);
        if (info.Version is { } shown) NoteFirst(released, shown, json.Urls);
        return new ProjectFacts(info.Name, DescriptionOf(info.Summary), info.Version, info.RequiresDist, released);
    }

    private static void NoteFirst(
        Dictionary<string, DateTimeOffset> released, string version, IReadOnlyList<UploadJson?>? files)
    {
        foreach (var file in files ?? [])
        {
            if (IndexAddress.TimeOf(file?.UploadTime) is not { } time) continue;
            if (!released.TryGetValue(version, out var first) || time < first) released[version] = time;
        }
    }
}

internal sealed record ProjectJson(
    [property: JsonPropertyName("info")] ProjectInfoJson? Info,
    [property: JsonPropertyName("releases")] Dictionary<string, List<UploadJson?>?>? Releases,
    [property: JsonPropertyName("urls")] List<UploadJson?>? Urls);

internal sealed record ProjectInfoJson(
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("version")] string? Version,
    [property: JsonPropertyName("summary")] string? Summary,
    [property: JsonPropertyName("requires_dist")] List<string>? RequiresDist);

internal sealed record UploadJson([property: JsonPropertyName("upload_time_iso_8601")] string? UploadTime);

/// <summary>A project's page of the simple index in JSON (PEP 691, 700, 714).</summary>
internal sealed record SimplePageJson(
    [property: JsonPropertyName("meta")] SimpleMetaJson? Meta,
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("versions")] List<string>? Versions,
    [property: JsonPropertyName("files")] List<SimpleFileJson?>? Files);

internal sealed record SimpleMetaJson([property: JsonPropertyName("api-version")] string? ApiVersion);

/// <summary>One file; what may be of several types is left as it is.</summary>
internal sealed record SimpleFileJson(
    [property: JsonPropertyName("filename")] string? Filename,
    [property: JsonPropertyName("url")] string? Url,
    [property: JsonPropertyName("hashes")] Dictionary<string, string>? Hashes,
    [property: JsonPropertyName("requires-python")] string? RequiresPython,
    [property: JsonPropertyName("yanked")] JsonElement Yanked,
    [property: JsonPropertyName("core-metadata")] JsonElement CoreMetadata,
    [property: JsonPropertyName("dist-info-metadata")] JsonElement DistInfoMetadata,
    [property: JsonPropertyName("size")] long? Size,
    [property: JsonPropertyName("upload-time")] string? UploadTime);

[JsonSourceGenerationOptions(MaxDepth = 32)]
[JsonSerializable(typeof(ProjectJson))]
[JsonSerializable(typeof(SimplePageJson))]
internal sealed partial class UpstreamJson : JsonSerializerContext;
