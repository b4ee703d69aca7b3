using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What was told of a release.</summary>
/// <param name="RequiresDist">Its requirements as they stand there (PEP 508 texts); empty where none are known.</param>
/// <param name="Name">The project's name as its people spell it; null where nothing but requirements was told.</param>
/// <param name="Summary">Its one line; null where there is none, or no name.</param>
internal sealed record ReleaseTold(IReadOnlyList<string> RequiresDist, string? Name = null, string? Summary = null);

/// <summary>
/// Finds out what a release requires: from wheels of it that the farm has built, else from the metadata of a wheel at
/// the index (PEP 658), else from the JSON API. An sdist alone tells nothing for sure before it has been built.
/// </summary>
internal sealed class ReleaseRequirements(
    IDatabase database, OwnWheels own, SimpleClient simple, ProjectClient projects)
{
    /// <summary>How many answers are kept.</summary>
    private const int KnownMax = 2_000;

    private readonly Dictionary<Release, ReleaseTold> _known = [];

    /// <summary>The requirements, and what else was told with them.</summary>
    /// <param name="facts">The project's facts; asked for only when nothing else tells.</param>
    /// <exception cref="UpstreamAwayException">The index could not be asked.</exception>
    internal async Task<ReleaseTold> GetAsync(
        Release release, IndexRelease listed, Func<Task<ProjectFacts?>> facts, CancellationToken ct)
    {
        if (_known.TryGetValue(release, out var known)) return known;
        var told = Requiring(await FromOwnWheelsAsync(release, ct))
            ?? await FromMetadataAsync(listed, ct)
            ?? Requiring(await FromJsonAsync(release, facts, ct))
            ?? new ReleaseTold([]);
        Keep(release, told);
        return told;
    }

    /// <summary>
    /// What the farm's own wheels of a release say, read anew since there may be more of them; null where none can be
    /// read.
    /// </summary>
    internal async Task<IReadOnlyList<string>?> ExamineAsync(Release release, CancellationToken ct)
    {
        var texts = await FromOwnWheelsAsync(release, ct);
        if (texts is not null) Keep(release, new ReleaseTold(texts));
        return texts;
    }

    private static ReleaseTold? Requiring(IReadOnlyList<string>? texts) => texts is null ? null : new ReleaseTold(texts);

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

    private async Task<ReleaseTold?> FromMetadataAsync(IndexRelease listed, CancellationToken ct)
    {
        if (listed.Wheels.FirstOrDefault(w => w.Metadata) is not { } wheel) return null;
        return await simple.GetMetadataAsync(wheel, ct) switch
        {
            Fetched<string>.Found found when CoreMetadata.Parse(found.Value) is var metadata =>
                new ReleaseTold(metadata.RequiresDist, metadata.Name, metadata.Summary),
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

    private void Keep(Release release, ReleaseTold told)
    {
        if (_known.Count >= KnownMax) _known.Clear();
        _known[release] = told;
    }
}
