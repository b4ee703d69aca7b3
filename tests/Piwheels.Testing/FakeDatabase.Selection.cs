using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Upstream;

namespace Piwheels.Testing;

/// <summary>What a farm follows that does not follow the whole index.</summary>
public sealed partial class FakeDatabase
{
    private readonly SortedDictionary<PackageName, SelectionEntry> _selection = [];
    private List<SelectionRequest> _requests = [];
    private List<SelectionConstraint> _constraints = [];
    private long _selectionRevision;
    private NameLists _names = new([], []);

    public Task<bool> SetRequestsAsync(SelectionOrigin origin, SelectionWish wish) => Call(() => Replace(
        origin,
        wish,
        [.. _requests.Where(r => r.Origin == origin).Select(r => r.Package)],
        [.. _constraints.Where(c => c.Origin == origin).Select(c => c.Package)]));

    public Task<bool> AddRequestsAsync(SelectionOrigin origin, SelectionWish wish) => Call(() => Replace(
        origin,
        wish,
        [.. wish.Requirements.Select(r => r.Package)],
        [.. wish.Constraints.Select(c => c.Package)]));

    public Task RemoveRequestsAsync(IReadOnlyCollection<PackageName> packages) => Call(() =>
    {
        if (_requests.RemoveAll(r => packages.Contains(r.Package)) > 0) SelectionChanged(packages);
    });

    public Task RemoveConstraintsAsync(IReadOnlyCollection<PackageName> packages) => Call(() =>
    {
        if (_constraints.RemoveAll(c => packages.Contains(c.Package)) > 0) SelectionChanged(packages);
    });

    public Task<Selection> GetSelectionAsync() => Call(() => new Selection(
        _selectionRevision,
        [.. _requests.OrderBy(r => r.Package).ThenBy(r => $"{r.Origin}", StringComparer.Ordinal)
            .ThenBy(r => r.Requirement, StringComparer.Ordinal)],
        [.. _constraints.OrderBy(c => c.Package).ThenBy(c => $"{c.Origin}", StringComparer.Ordinal)
            .ThenBy(c => c.Requirement, StringComparer.Ordinal)],
        [.. _selection.Values]));

    public Task<long> GetSelectionRevisionAsync() => Call(() => _selectionRevision);

    public Task<bool> UpdateSelectionAsync(long revision, SelectionEntry entry) => Call(() =>
    {
        if (revision != _selectionRevision) return false;
        if (entry is { State: SelectionState.Resolved, Versions: [] }) throw Refused("resolved without a version");
        if (!_selection.TryGetValue(entry.Package, out var before)) return true;
        foreach (var version in before.Versions.Where(v => entry.Versions.All(e => e.Version != v.Version)))
            Unfollow(new Release(entry.Package, version.Version));
        _selection[entry.Package] = entry with
        {
            Versions = [.. entry.Versions.OrderBy(v => v.Version, StringComparer.Ordinal)],
            Needs = [.. entry.Needs.Distinct().OrderBy(n => n.Package)
                .ThenBy(n => n.Requirement, StringComparer.Ordinal)],
        };
        foreach (var version in entry.Versions) Follow(new Release(entry.Package, version.Version), version.Urgent);
        foreach (var need in entry.Needs) _selection.TryAdd(need.Package, SelectionEntry.NewOf(need.Package));
        if (before.Needs.Except(entry.Needs).Any()) TrimSelection();
        return true;
    });

    public Task<IReadOnlyList<UnexaminedFile>> GetUnexaminedFilesAsync() => Call(Unexamined);

    public Task SetExaminedAsync(long buildId) => Call(() =>
    {
        foreach (var build in AllBuilds().Where(build => build.State.BuildId == buildId)) build.Examined = true;
    });

    /// <summary>
    /// Settled when nothing is left to do. A farm without an active target is not: what is asked for is not built.
    /// </summary>
    public Task<SelectionStatus> GetSelectionStatusAsync() => Call(() => new SelectionStatus(
        _selection.Values.All(entry => entry.State != SelectionState.New) &&
        Unexamined().Count == 0 &&
        _targets.Exists(row => row.Skip.Length == 0) &&
        Queue().All(queue => queue.Value.All(release => _held.ContainsKey((release, queue.Key)))) &&
        _upstreamOwed.Count == 0 &&
        _rewrites.Count == 0,
        [
            .. _selection.Values.Select(entry => new SelectionProgress(
                entry.Package,
                entry.State,
                entry.Message,
                [.. ReleasesOf(entry).Select(release => new ReleaseProgress(release.Version, StandingOf(release)))])),
        ]));

    public Task<NameLists> GetFollowedNamesAsync() => Call(() => _names);

    public Task SetFollowedNamesAsync(NameLists lists) => Call(() =>
    {
        if (lists.Only.Concat(lists.Never).Any(p => p.Length > PackageName.LengthMax)) throw Refused("too long");
        _names = new NameLists(Ordered(lists.Only), Ordered(lists.Never));
        static string[] Ordered(IEnumerable<string> patterns) => [.. patterns.Distinct().Order(StringComparer.Ordinal)];
    });

    public Task<IReadOnlySet<PackageName>> GetPackagesSkippedAsync(string reason) => Call<IReadOnlySet<PackageName>>(
        () => _packages.Where(p => p.Value.Skip == reason && reason.Length > 0).Select(p => p.Key).ToHashSet());

    public async Task ChangePackageSkipsAsync(IReadOnlyCollection<PackageName> packages, string from, string to)
    {
        var changed = await Call(() => packages.Where(p => Find(p)?.Skip == from).Distinct().ToList());
        foreach (var package in changed) await SkipPackageAsync(package, to);
    }

    public Task FollowAllVersionsAsync() => Call(() =>
    {
        var left = _packages.Values.SelectMany(p => p.Versions.Values)
            .Where(v => v.Skip == SkipReasons.NotFollowed).ToList();
        foreach (var version in left)
        {
            version.Skip = "";
            Owe(version.Release.Package, RewriteCommand.Project);
        }
    });

    /// <summary>Whether a version is one that the selection waits for.</summary>
    private bool IsUrgent(Release release) =>
        _selection.TryGetValue(release.Package, out var entry)
        && entry.Versions.Any(v => v.Urgent && v.Version == release.Version);

    private bool Replace(
        SelectionOrigin origin, SelectionWish wish, HashSet<PackageName> replaced, HashSet<PackageName> unlimited)
    {
        bool IsOld(SelectionRequest r) => r.Origin == origin && replaced.Contains(r.Package);
        bool IsOldLimit(SelectionConstraint c) => c.Origin == origin && unlimited.Contains(c.Package);
        var requests = wish.Requirements
            .Select(r => new SelectionRequest(origin, r.Package, Checked(r), wish.AllVersions)).ToHashSet();
        var limits = wish.Constraints.Select(c => new SelectionConstraint(origin, c.Package, Checked(c))).ToHashSet();
        var changed = requests.Except(_requests).Concat(_requests.Where(IsOld).Except(requests)).Select(r => r.Package)
            .Concat(limits.Except(_constraints).Concat(_constraints.Where(IsOldLimit).Except(limits))
                .Select(c => c.Package))
            .ToHashSet();
        if (changed.Count == 0) return false;
        _requests = [.. _requests.Where(r => !IsOld(r)), .. requests];
        _constraints = [.. _constraints.Where(c => !IsOldLimit(c)), .. limits];
        SelectionChanged(changed);
        return true;
    }

    private static string Checked(Requirement requirement) =>
        requirement.ToString() is { Length: <= SelectionRequest.TextBytesMax } text ? text : throw Refused("too long");

    private void SelectionChanged(IReadOnlyCollection<PackageName> packages)
    {
        _selectionRevision++;
        foreach (var request in _requests)
            _selection.TryAdd(request.Package, SelectionEntry.NewOf(request.Package));
        foreach (var package in packages.Where(_selection.ContainsKey))
            _selection[package] = _selection[package] with { State = SelectionState.New, Message = "" };
        TrimSelection();
    }

    private void TrimSelection()
    {
        foreach (var package in _selection.Keys.Except(SelectionNeeded()).ToList())
        {
            foreach (var release in ReleasesOf(_selection[package])) Unfollow(release);
            _selection.Remove(package);
        }
    }

    private void Unfollow(Release release)
    {
        if (Find(release) is not { Skip: "" } version || !IsQueued(release)) return;
        version.Skip = SkipReasons.NotFollowed;
        Owe(release.Package, RewriteCommand.Project);
    }

    private void Follow(Release release, bool urgent)
    {
        if (Find(release) is not { } version) return;
        if (version.Skip == SkipReasons.NotFollowed)
        {
            version.Skip = "";
            Owe(release.Package, RewriteCommand.Project);
        }

        if (urgent && IsQueued(release)) version.Priority = FakePriority.Requested;
    }

    private bool IsQueued(Release release) => Queue().Values.Any(queue => queue.Contains(release));

    private static IEnumerable<Release> ReleasesOf(SelectionEntry entry) =>
        entry.Versions.Select(version => new Release(entry.Package, version.Version));

    private IReadOnlyList<UnexaminedFile> Unexamined() =>
    [
        .. _selection.Values.SelectMany(ReleasesOf)
            .SelectMany(release => (Find(release)?.Builds ?? [])
                .Where(build => build.State.Status && !build.Examined)
                .SelectMany(build => build.Files.Keys
                    .Select(name => new UnexaminedFile(build.State.BuildId!.Value, release, name))))
            .OrderBy(file => file.BuildId),
    ];

    private IReadOnlyList<ProjectTarget> StandingOf(Release release) =>
        Find(release) is { } version ? TargetsOf(version) : [];

    /// <summary>What is asked for, and what that needs, and so on.</summary>
    private HashSet<PackageName> SelectionNeeded()
    {
        var needed = new HashSet<PackageName>();
        var open = new Queue<PackageName>(_requests.Select(request => request.Package));
        while (open.TryDequeue(out var package))
        {
            if (!_selection.TryGetValue(package, out var entry) || !needed.Add(package)) continue;
            foreach (var need in entry.Needs) open.Enqueue(need.Package);
        }

        return needed;
    }
}
