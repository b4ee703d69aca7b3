using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>What a farm follows that does not follow the whole index.</summary>
public sealed partial class FakeDatabase
{
    private readonly SortedDictionary<PackageName, SelectionEntry> _selection = [];

    public Task SetSelectionAsync(IReadOnlyList<SelectionEntry> requested) => Call(() =>
    {
        var wanted = requested.ToDictionary(entry => entry.Package, entry => entry.Requirement);
        var before = _selection.Values.Where(entry => entry.Requested)
            .ToDictionary(entry => entry.Package, entry => entry.Requirement);
        if (wanted.Count == before.Count && wanted.All(each => before.GetValueOrDefault(each.Key) == each.Value))
        {
            return;
        }

        foreach (var package in before.Keys.Except(wanted.Keys))
        {
            _selection[package] = _selection[package] with { Requested = false };
        }

        foreach (var (package, requirement) in wanted)
        {
            var known = _selection.GetValueOrDefault(package);
            _selection[package] = known?.Requirement == requirement
                ? known with { Requested = true }
                : new SelectionEntry(package, requirement, Requested: true, SelectionState.New, null, "");
        }

        foreach (var package in _selection.Keys.Except(SelectionNeeded()).ToList()) _selection.Remove(package);
        foreach (var build in _selection.Values.SelectMany(ChosenBuilds)) build.Examined = false;
    });

    public Task<IReadOnlyList<SelectionEntry>> GetSelectionAsync() =>
        Call<IReadOnlyList<SelectionEntry>>(() => [.. _selection.Values]);

    public Task UpdateSelectionAsync(SelectionEntry entry) => Call(() =>
    {
        if (entry is { State: SelectionState.Resolved, Version: null }) throw Refused("resolved without a version");
        _selection[entry.Package] = entry;
        if (entry.Version is { } chosen && Find(new Release(entry.Package, chosen)) is { } version &&
            Queue().Values.Any(queue => queue.Contains(version.Release)))
        {
            version.Priority = FakePriority.Requested;
        }
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
        Queue().Values.All(queue => queue.Count == 0) &&
        _upstreamOwed.Count == 0 &&
        _rewrites.Count == 0,
        [.. _selection.Values.Select(entry => new SelectionProgress(entry, TargetsOf(entry)))]));

    private IReadOnlyList<UnexaminedFile> Unexamined() =>
    [
        .. _selection.Values
            .SelectMany(entry => ChosenBuilds(entry)
                .Where(build => build.State.Status && !build.Examined)
                .SelectMany(build => build.Files.Keys
                    .Select(name => new UnexaminedFile(build.State.BuildId!.Value, entry.Package, name))))
            .OrderBy(file => file.BuildId),
    ];

    private IReadOnlyList<ProjectTarget> TargetsOf(SelectionEntry entry) =>
        entry.Version is { } chosen && Find(new Release(entry.Package, chosen)) is { } version
            ? TargetsOf(version)
            : [];

    private IReadOnlyList<FakeBuild> ChosenBuilds(SelectionEntry entry) =>
        entry.Version is { } version ? Find(new Release(entry.Package, version))?.Builds ?? [] : [];

    /// <summary>What is asked for, and what the chosen versions' wheels depend on.</summary>
    private HashSet<PackageName> SelectionNeeded()
    {
        var needed = new HashSet<PackageName>();
        var open = new Queue<PackageName>(
            _selection.Values.Where(entry => entry.Requested).Select(entry => entry.Package));
        while (open.TryDequeue(out var package))
        {
            if (!_selection.TryGetValue(package, out var entry) || !needed.Add(package)) continue;
            foreach (var file in ChosenBuilds(entry).SelectMany(build => build.Files.Values))
            {
                foreach (var name in file.Dependencies.GetValueOrDefault(FileState.PipTool) ?? [])
                {
                    if (PackageName.TryParse(name, out var dependency)) open.Enqueue(dependency);
                }
            }
        }

        return needed;
    }
}
