using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Finds out what a release requires: from wheels of it that the farm has built, else from the metadata of a wheel at
/// the index (PEP 658), else from the JSON API. An sdist alone tells nothing for sure before it has been built.
/// </summary>
internal sealed class ReleaseRequirements(
    IDatabase database, OwnWheels own, SimpleClient simple, ProjectClient projects)
{
    /// <summary>How many answers are kept.</summary>
    private const int KnownMax = 2_000;

    private readonly Dictionary<Release, IReadOnlyList<string>> _known = [];

    /// <summary>The requirements as they stand there (PEP 508 texts); empty where nothing is known of any.</summary>
    /// <param name="facts">The project's facts; asked for only when nothing else tells.</param>
    /// <exception cref="UpstreamAwayException">The index could not be asked.</exception>
    internal async Task<IReadOnlyList<string>> GetAsync(
        Release release, IndexRelease listed, Func<Task<ProjectFacts?>> facts, CancellationToken ct)
    {
        if (_known.TryGetValue(release, out var known)) return known;
        var texts = await FromOwnWheelsAsync(release, ct)
            ?? await FromMetadataAsync(listed, ct)
            ?? await FromJsonAsync(release, facts, ct)
            ?? [];
        Keep(release, texts);
        return texts;
    }

    /// <summary>
    /// What the farm's own wheels of a release say, read anew since there may be more of them; null where none can be
    /// read.
    /// </summary>
    internal async Task<IReadOnlyList<string>?> ExamineAsync(Release release, CancellationToken ct)
    {
        var texts = await FromOwnWheelsAsync(release, ct);
        if (texts is not null) Keep(release, texts);
        return texts;
    }

    private async Task<IReadOnlyList<string>?> FromOwnWheelsAsync(Release release, CancellationToken ct)
    {
        List<string>? all = null;
        foreach (var filename in await database.GetVersionFilesAsync(release))
        {
            if (await own.ReadAsync(release.Package, filename, ct) is not { } metadata) continue;
            all = [.. (all ?? []).Union(metadata.RequiresDist, StringComparer.Ordinal)];
        }

        return all;
    }

    private async Task<IReadOnlyList<string>?> FromMetadataAsync(IndexRelease listed, CancellationToken ct)
    {
        if (listed.Wheels.FirstOrDefault(w => w.Metadata) is not { } wheel) return null;
        return await simple.GetMetadataAsync(wheel, ct) switch
        {
            Fetched<string>.Found found => CoreMetadata.Parse(found.Value).RequiresDist,
            Fetched<string>.Away away => throw UpstreamAwayException.Of($"the metadata of {wheel.Filename}", away),
            _ => null,
        };
    }

    private async Task<IReadOnlyList<string>?> FromJsonAsync(
        Release release, Func<Task<ProjectFacts?>> facts, CancellationToken ct)
    {
        if (await facts() is not { } project) return null;
        if (project.Version is { } shown && PackageVersion.SameVersion(shown, release.Version))
            return project.RequiresDist;
        return await projects.GetAsync(release, ct) switch
        {
            Fetched<ProjectFacts>.Found found => found.Value.RequiresDist,
            Fetched<ProjectFacts>.Away away => throw UpstreamAwayException.Of($"the facts of {release}", away),
            _ => null,
        };
    }

    private void Keep(Release release, IReadOnlyList<string> texts)
    {
        if (_known.Count >= KnownMax) _known.Clear();
        _known[release] = texts;
    }
}
