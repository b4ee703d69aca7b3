using System.Text.Json;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>Reads the list of all projects of a simple index in JSON (PEP 691).</summary>
internal static class SimpleRootJson
{
    /// <summary>The most projects: PyPI has some 700,000.</summary>
    private const int ProjectsMax = 10_000_000;

    /// <exception cref="JsonException">It is no JSON.</exception>
    internal static async Task<Fetched<IReadOnlyList<PackageName>>> ReadAsync(
        IndexResponse response, CancellationToken ct)
    {
        var json = await JsonFlow.OpenAsync(response.Body, ct).ConfigureAwait(false);
        if (!await json.EntersObjectAsync().ConfigureAwait(false)) return None("it is no list of projects");
        string? apiVersion = null;
        List<PackageName>? names = null;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } property)
        {
            switch (property)
            {
                case "meta": apiVersion = await SimplePageJson.ReadVersionAsync(json).ConfigureAwait(false); break;
                case "projects": names = await ReadNamesAsync(json).ConfigureAwait(false); break;
                default: await json.SkipAsync().ConfigureAwait(false); break;
            }
        }

        await json.EndAsync().ConfigureAwait(false);
        if (SimpleClient.UnknownVersion(apiVersion) is { } unknown) return None(unknown.Reason);
        return names is null
            ? None("it lists no projects")
            : new Fetched<IReadOnlyList<PackageName>>.Found(names);
    }

    private static Fetched<IReadOnlyList<PackageName>>.Unusable None(string reason) => new(reason);

    private static async Task<List<PackageName>?> ReadNamesAsync(JsonFlow json)
    {
        if (!await json.EntersArrayAsync().ConfigureAwait(false)) return null;
        var names = new List<PackageName>();
        while (await json.ElementAsync().ConfigureAwait(false))
        {
            if (!await json.EntersObjectAsync().ConfigureAwait(false)) continue;
            if (!PackageName.TryParse(await ReadNameAsync(json).ConfigureAwait(false), out var name)) continue;
            if (names.Count == ProjectsMax) throw new JsonException($"it lists more than {ProjectsMax:N0} projects");
            names.Add(name);
        }

        return names;
    }

    private static async Task<string?> ReadNameAsync(JsonFlow json)
    {
        string? name = null;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } property)
        {
            if (property == "name") name = await json.TextAsync().ConfigureAwait(false);
            else await json.SkipAsync().ConfigureAwait(false);
        }

        return name;
    }
}
