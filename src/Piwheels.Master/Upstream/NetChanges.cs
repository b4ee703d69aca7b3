using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Works out what a run of events comes to, as <see cref="Registry"/> would carry them over one by one, but without
/// asking the database what it knows: that is looked up when it takes effect. Packages have nothing to do with each
/// other, so only the order of one package's events counts.
/// </summary>
internal sealed class NetChanges
{
    private readonly Dictionary<PackageName, PackageStory> _stories = [];

    /// <summary>Packages that were removed, whatever became of them later.</summary>
    internal IReadOnlyList<PackageName> GonePackages =>
        [.. _stories.Where(s => s.Value.Gone).Select(s => s.Key)];

    /// <summary>Releases that were removed, but those of packages that were.</summary>
    internal IReadOnlyList<Release> GoneReleases =>
    [
        .. _stories.Where(s => !s.Value.Gone).SelectMany(s => s.Value.Releases
            .Where(r => r.Value.Gone).Select(r => new Release(s.Key, r.Key))),
    ];

    /// <summary>Takes in the next event's effect.</summary>
    internal void Add(UpstreamEffect effect)
    {
        switch (effect)
        {
            case UpstreamEffect.Created c:
                Of(c.Package).See(c.Spelling, c.At);
                break;
            case UpstreamEffect.FileAdded f:
                AddFile(Of(f.Release.Package), f);
                break;
            case UpstreamEffect.PackageRemoved r:
                _stories[r.Package] = new PackageStory { Gone = true };
                break;
            case UpstreamEffect.VersionRemoved r:
                Of(r.Release.Package).Of(r.Release.Version).Remove();
                break;
            case UpstreamEffect.YankChanged y:
                Of(y.Release.Package).Of(y.Release.Version).SetYanked(y.Yanked);
                break;
        }
    }

    /// <param name="from">The serial of the last event before the run.</param>
    /// <param name="to">The highest serial of the run.</param>
    internal IndexChanges ToChanges(long from, long to)
    {
        var names = new List<SeenName>();
        var releases = new List<ReleaseChange>();
        // Whoever writes rows in the order of their keys has them side by side
        foreach (var (package, story) in _stories.OrderBy(s => s.Key))
        {
            names.AddRange(story.Names.Select(n => new SeenName(package, n.Key, n.Value)));
            foreach (var (version, release) in story.Releases)
            {
                if (release.FirstName is { } name) names.Add(new SeenName(package, name, release.FirstSeen, version));
                if (release.ToChange(new Release(package, version)) is { } change) releases.Add(change);
            }
        }

        return new IndexChanges(from, to, GonePackages, names, releases);
    }

    private PackageStory Of(PackageName package)
    {
        if (!_stories.TryGetValue(package, out var story)) _stories.Add(package, story = new PackageStory());
        return story;
    }

    /// <summary>
    /// The first file of a release brings the release with it, its package, and the spelling. Whether it is the first
    /// is known only once the release was removed.
    /// </summary>
    private static void AddFile(PackageStory package, UpstreamEffect.FileAdded file)
    {
        var release = package.Of(file.Release.Version);
        var isFirst = release.Released is null;
        release.AddFile(file.Source, file.At);
        if (!isFirst) return;
        if (release.Gone) package.See(file.Spelling, file.At);
        else (release.FirstName, release.FirstSeen) = (file.Spelling, file.At);
    }

    /// <summary>What became of a package, since its last removal where there was one.</summary>
    private sealed class PackageStory
    {
        internal bool Gone { get; init; }

        /// <summary>Spellings that count anyway, and when they were last seen.</summary>
        internal Dictionary<string, DateTimeOffset> Names { get; } = new(StringComparer.Ordinal);

        internal Dictionary<string, ReleaseStory> Releases { get; } = new(StringComparer.Ordinal);

        internal void See(string name, DateTimeOffset at)
        {
            if (!Names.TryGetValue(name, out var last) || at > last) Names[name] = at;
        }

        internal ReleaseStory Of(string version)
        {
            if (!Releases.TryGetValue(version, out var release)) Releases.Add(version, release = new ReleaseStory());
            return release;
        }
    }

    /// <summary>What became of a release, since its last removal where there was one.</summary>
    private sealed class ReleaseStory
    {
        private bool _source;
        private bool _yankedNew;
        private bool? _yankedKnown;

        internal bool Gone { get; private set; }

        internal DateTimeOffset? Released { get; private set; }

        /// <summary>The spelling that its first file came with before any removal; null without one.</summary>
        internal string? FirstName { get; set; }

        internal DateTimeOffset FirstSeen { get; set; }

        internal void AddFile(bool source, DateTimeOffset at)
        {
            Released ??= at;
            _source |= source;
        }

        internal void SetYanked(bool yanked)
        {
            _yankedKnown = yanked;
            _yankedNew = yanked && Released is not null;
        }

        internal void Remove()
        {
            Gone = true;
            (Released, _source, _yankedNew, _yankedKnown) = (null, false, false, null);
        }

        /// <summary>Null where nothing is to be done, whether it is known or not.</summary>
        internal ReleaseChange? ToChange(Release release) => Gone || Released is not null || _yankedKnown is not null
            ? new ReleaseChange(release, Gone, Released, _source, _yankedNew, _yankedKnown)
            : null;
    }
}
