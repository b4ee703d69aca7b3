using System.Text.Json;

namespace Piwheels.Master.Upstream;

/// <summary>Reads what the JSON API answers for a project or a release (docs.pypi.org/api/json).</summary>
internal static class ProjectPageJson
{
    /// <summary>The most releases whose dates are kept: the largest projects on PyPI have some 10,000.</summary>
    private const int ReleasesMax = 100_000;

    private const int RequirementsMax = 10_000;

    /// <summary>Null when it says nothing of the project.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    internal static async Task<ProjectFacts?> ReadAsync(IndexResponse response, CancellationToken ct)
    {
        var json = await JsonFlow.OpenAsync(response.Body, ct).ConfigureAwait(false);
        if (!await json.EntersObjectAsync().ConfigureAwait(false)) return null;
        Info? info = null;
        var shown = Uploads.None;
        var released = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        while (await json.PropertyAsync().ConfigureAwait(false) is { } name)
        {
            switch (name)
            {
                case "info": info = await ReadInfoAsync(json).ConfigureAwait(false); break;
                case "releases": await ReadReleasesAsync(json, released).ConfigureAwait(false); break;
                case "urls": shown = await ReadUploadsAsync(json).ConfigureAwait(false); break;
                default: await json.SkipAsync().ConfigureAwait(false); break;
            }
        }

        await json.EndAsync().ConfigureAwait(false);
        if (info is null) return null;
        if (info.Version is { } version) NoteFirst(released, version, shown.First);
        return new ProjectFacts(
            info.Name, ProjectClient.DescriptionOf(info.Summary), info.Version, info.RequiresDist, released)
        {
            Yanked = shown is { Any: true, AllYanked: true },
            BinaryOnly = shown is { Any: true, AnySource: false },
        };
    }

    private static async Task<Info?> ReadInfoAsync(JsonFlow json)
    {
        if (!await json.EntersObjectAsync().ConfigureAwait(false)) return null;
        string? name = null, version = null, summary = null;
        List<string>? requiresDist = null;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } property)
        {
            switch (property)
            {
                case "name": name = await json.TextAsync().ConfigureAwait(false); break;
                case "version": version = await json.TextAsync().ConfigureAwait(false); break;
                case "summary": summary = await json.TextAsync().ConfigureAwait(false); break;
                case "requires_dist":
                    requiresDist = await SimplePageJson.ReadTextsAsync(json, RequirementsMax).ConfigureAwait(false);
                    break;
                default: await json.SkipAsync().ConfigureAwait(false); break;
            }
        }

        return new Info(name, version, summary, requiresDist);
    }

    private static async Task ReadReleasesAsync(JsonFlow json, Dictionary<string, DateTimeOffset> released)
    {
        if (!await json.EntersObjectAsync().ConfigureAwait(false)) return;
        while (await json.PropertyAsync().ConfigureAwait(false) is { } version)
            NoteFirst(released, version, (await ReadUploadsAsync(json).ConfigureAwait(false)).First);
    }

    /// <summary>What an array of files tells of all of them.</summary>
    private static async Task<Uploads> ReadUploadsAsync(JsonFlow json)
    {
        var all = Uploads.None;
        if (!await json.EntersArrayAsync().ConfigureAwait(false)) return all;
        while (await json.ElementAsync().ConfigureAwait(false))
        {
            if (!await json.EntersObjectAsync().ConfigureAwait(false)) continue;
            var (yanked, source) = (false, true);
            while (await json.PropertyAsync().ConfigureAwait(false) is { } property)
            {
                switch (property)
                {
                    case "upload_time_iso_8601":
                        if (IndexAddress.TimeOf(await json.TextAsync().ConfigureAwait(false)) is { } time)
                            all = all with { First = all.First < time ? all.First : time };
                        break;
                    case "yanked":
                        yanked = json.IsTrue;
                        await json.SkipAsync().ConfigureAwait(false);
                        break;
                    case "packagetype":
                        source = await json.TextAsync().ConfigureAwait(false) is null or "sdist";
                        break;
                    default: await json.SkipAsync().ConfigureAwait(false); break;
                }
            }

            all = all with { Any = true, AllYanked = all.AllYanked && yanked, AnySource = all.AnySource || source };
        }

        return all;
    }

    private static void NoteFirst(Dictionary<string, DateTimeOffset> released, string version, DateTimeOffset? at)
    {
        if (at is not { } time) return;
        if (released.TryGetValue(version, out var first) ? first <= time : released.Count == ReleasesMax) return;
        released[version] = time;
    }

    /// <param name="First">When the first was uploaded; null where none tells.</param>
    private sealed record Uploads(DateTimeOffset? First, bool Any, bool AllYanked, bool AnySource)
    {
        public static readonly Uploads None = new(null, false, AllYanked: true, AnySource: false);
    }

    private sealed record Info(string? Name, string? Version, string? Summary, IReadOnlyList<string>? RequiresDist);
}
