using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Testing;

/// <content>The index's change log, taken up in bulk.</content>
public sealed partial class FakeDatabase
{
    private const string BinaryOnly = "binary only";

    private readonly SortedSet<PackageName> _undescribed = [];

    /// <summary>Whether what is changed now happened long ago.</summary>
    private bool _isBacklog;

    public Task<IReadOnlySet<PackageName>> GetDescriptionsOwedAsync(int limit) => Call<IReadOnlySet<PackageName>>(() =>
        _undescribed.Where(_packages.ContainsKey)
            .OrderByDescending(p => VersionsOf(p).Any(v => v.Builds.Any(b => b.State.Status)))
            .Take(limit).ToHashSet());

    public Task<KnownRemovals> MarkRemovedAsync(
        IReadOnlyList<PackageName> packages, IReadOnlyList<Release> releases) => Call(() =>
    {
        var known = new KnownRemovals(
            [.. packages.Where(p => Find(p) is not null)], [.. releases.Where(r => Find(r) is not null)]);
        foreach (var package in known.Packages) Find(package)!.Skip = Deleted;
        foreach (var release in known.Releases) Find(release)!.Skip = Deleted;
        return known;
    });

    public Task<long> ApplyIndexChangesAsync(IndexChanges changes) => Call(() =>
    {
        if (_serial != changes.From) return _serial;
        _isBacklog = true;
        try
        {
            return Apply(changes);
        }
        finally
        {
            _isBacklog = false;
        }
    });

    private long Apply(IndexChanges changes)
    {
        foreach (var release in changes.Releases) Check(release.Release.Version, Release.VersionLengthMax);
        foreach (var package in changes.Gone) Remove(package);
        foreach (var name in changes.Names.Where(n => n.UnlessKnown is null || Find(new Release(n.Package, n.UnlessKnown)) is null))
            See(name);
        foreach (var change in changes.Releases) Apply(change);
        OweUpstream(changes.Names.Select(n => n.Package).Concat(changes.Releases.Select(r => r.Release.Package))
            .Where(p => PolicyOf(p) != UpstreamPolicy.Rebuild).Distinct());
        return _serial = changes.To;
    }

    private void See(SeenName name)
    {
        if (PackageName.Canonicalize(name.Name) != name.Package.Value) throw Refused("a name is no spelling of its package");
        if (Add(new NewPackage(name.Package))) _undescribed.Add(name.Package);
        var package = Known(name.Package);
        if (package.Skip == Deleted) package.Skip = "";
        if (!package.Names.TryGetValue(name.Name, out var last) || name.Seen > last) package.Names[name.Name] = name.Seen;
        Owe(name.Package, RewriteCommand.Project);
    }

    private void Apply(ReleaseChange change)
    {
        if (change.Gone) Remove(change.Release);
        var looks = PolicyOf(change.Release.Package) != UpstreamPolicy.Rebuild;
        var skip = !change.Source ? BinaryOnly : looks ? "upstream not read yet" : "";
        if (Find(change.Release) is { } known)
        {
            if (change.Released is not null && (known.Skip == Deleted || (known.Skip == BinaryOnly && change.Source)))
                known.Skip = skip;
            if (change.YankedKnown is { } yanked) SetYanked(change.Release, yanked);
        }
        else if (change.Released is not null)
        {
            Add(new NewVersion(change.Release, change.Released, skip));
            SetYanked(change.Release, change.YankedNew);
        }
    }
}
