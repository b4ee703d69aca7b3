using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>Targets, the build queue, and builds.</summary>
public sealed partial class FakeDatabase
{
    private readonly List<TargetRow> _targets = [];
    private readonly List<(DateTimeOffset At, bool Good)> _buildsMade = [];
    private readonly Dictionary<(Release Release, Target Target), HeldBuild> _held = [];
    private readonly Dictionary<Guid, long> _buildsByRequest = [];
    private long _lastBuildId;

    /// <summary>All builds recorded and still there, with their numbers, as they were logged.</summary>
    public IReadOnlyList<BuildState> Builds
    {
        get
        {
            lock (_lock) return [.. AllBuilds().Select(build => build.State)];
        }
    }

    public Task<IReadOnlySet<string>> GetBuildAbisAsync(bool excludeSkipped = false) =>
        Call<IReadOnlySet<string>>(() => _targets
            .Where(row => !excludeSkipped || row.Skip.Length == 0)
            .Select(row => row.Target.Abi).ToHashSet(StringComparer.Ordinal));

    public Task<IReadOnlyList<TargetRow>> GetTargetsAsync() =>
        Call<IReadOnlyList<TargetRow>>(() => [.. SortedTargets()]);

    public Task<bool> AddTargetAsync(Target target, Glibc? glibc = null) => Call(() =>
    {
        if (target.Abi is "" or "none" || target.Platform is "" or "any") throw Refused($"{target} is no target");
        if (_targets.FindIndex(row => row.Target == target) is >= 0 and var known)
        {
            if (glibc is not null && AllVersions().All(version => version.Upstream.Count == 0))
                _targets[known] = _targets[known] with { Glibc = glibc };
            return false;
        }

        _targets.Add(new TargetRow(target, "", glibc));
        return true;
    });

    public Task SkipTargetAsync(Target target, string reason) => Call(() =>
    {
        var at = _targets.FindIndex(row => row.Target == target);
        if (at < 0) return;
        Check(reason, FakeLimits.SkipLengthMax);
        _targets[at] = _targets[at] with { Skip = reason };
    });

    public Task RemoveTargetAsync(Target target) => Call(() =>
    {
        _targets.RemoveAll(row => row.Target == target);
        foreach (var version in AllVersions()) version.Deferred.Remove(target);
    });

    public Task<IReadOnlyDictionary<Target, IReadOnlyList<Release>>> GetBuildQueueAsync(int limit = 1000) =>
        Call<IReadOnlyDictionary<Target, IReadOnlyList<Release>>>(() => Queue().ToDictionary(
            each => each.Key,
            each => (IReadOnlyList<Release>)
                [.. each.Value.Where(release => !_held.ContainsKey((release, each.Key))).Take(limit)]));

    public Task HoldBuildsAsync(IReadOnlyList<HeldBuild> changes) => Call(() =>
    {
        var before = HeldNow();
        foreach (var change in changes) _held[(change.Release, change.Target)] = change;
        var after = HeldNow();
        _held.Clear();
        foreach (var held in after) _held.Add((held.Release, held.Target), held);
        foreach (var changed in before.Except(after).Concat(after.Except(before)))
            Owe(changed.Release.Package, RewriteCommand.Project);
    });

    public Task<IReadOnlyList<HeldBuild>> GetHeldBuildsAsync(PackageName? package = null) => Call<IReadOnlyList<HeldBuild>>(
        () => [.. HeldNow().Where(held => package is null || held.Release.Package == package)]);

    public Task<IReadOnlyDictionary<Target, long>> GetBuildQueueLengthsAsync() =>
        Call<IReadOnlyDictionary<Target, long>>(() => Queue()
            .ToDictionary(each => each.Key, each => (long)each.Value.Count));

    public Task<long> RaisePriorityAsync(PackageName package, string? version = null) => Call(() =>
    {
        var known = Known(package);
        if (version is not null && !known.Versions.ContainsKey(version))
        {
            throw Refused($"no such release: {package} {version}");
        }

        var raised = 0L;
        foreach (var each in known.Versions.Values.Where(each => version is null || each.Release.Version == version))
        {
            var retried = RetryDeferred(each);
            var rows = Queue().Values.Count(releases => releases.Contains(each.Release));
            if (rows == 0 || (each.Priority == FakePriority.Requested && !retried)) continue;
            each.Priority = FakePriority.Requested;
            raised += rows;
        }

        return raised;
    });

    public Task<long> LogBuildAsync(BuildState build, Guid? request = null) => Call(() =>
    {
        if (IsRecorded(request, out var before)) return before;
        Check(build);
        return Log(build, request);
    });

    public Task<IReadOnlyList<long>> GetAllBuildIdsAsync() =>
        Call<IReadOnlyList<long>>(() => [.. AllBuilds().Select(build => build.State.BuildId!.Value).Order()]);

    /// <summary>
    /// The one tried on; without an ABI the lowest active one, without a platform the one that a wheel was made for.
    /// </summary>
    private Target TargetOf(BuildState build) => _targets
        .Where(row => build.AbiTag is null || row.Target.Abi == build.AbiTag)
        .Where(row => build.PlatformTag is null || row.Target.Platform == build.PlatformTag)
        .OrderBy(row => row.Skip.Length > 0)
        .ThenBy(row => !build.Files.Any(file => file.PlatformTag == row.Target.Platform))
        .ThenBy(row => WheelCoverage.PythonOf(row.Target.Abi))
        .ThenBy(row => row.Target.Abi, StringComparer.Ordinal)
        .ThenBy(row => row.Target.Platform, StringComparer.Ordinal)
        .Select(row => (Target?)row.Target)
        .FirstOrDefault()
        ?? throw Refused($"nothing is built for {build.AbiTag ?? "any ABI"} on {build.PlatformTag ?? "any platform"}");

    private bool IsRecorded(Guid? request, out long number)
    {
        number = 0;
        return request is { } asked && _buildsByRequest.TryGetValue(asked, out number);
    }

    private void Check(BuildState build)
    {
        if (build.Status && build.Files.Count == 0)
        {
            throw Refused($"a successful build of {build.Package} {build.Version} without files");
        }

        var release = BuiltVersion(build).Release;
        TargetOf(build);
        if (!build.Status) return;
        if (!build.Files.All(FakeLimits.Fits)) throw Refused($"a file of this build of {release} cannot be recorded");
        if (build.Files.DistinctBy(file => file.Filename, StringComparer.Ordinal).Count() < build.Files.Count)
        {
            throw Refused($"a file of this build of {release} comes twice");
        }

        if (HoldersOf(build.Files).Exists(other => other.Release.Package != release.Package))
        {
            throw Refused($"a file of this build of {release} is another package's");
        }
    }

    private long Log(BuildState build, Guid? request)
    {
        var version = BuiltVersion(build);
        if (build.Status) TakeFilesOver(build.Files);
        var duration = build.Duration > TimeSpan.Zero ? build.Duration : TimeSpan.Zero;
        var state = build with { BuildId = ++_lastBuildId, Duration = duration };
        var logged = new FakeBuild(state, TargetOf(build), time.GetUtcNow());
        foreach (var file in build.Status ? build.Files : []) logged.Files.Add(file.Filename, file);
        version.Builds.Add(logged);
        _buildsMade.Add((logged.At, build.Status));
        ForgetDeferred(version);
        if (!Queue().Values.Any(queue => queue.Contains(version.Release))) version.Priority = FakePriority.Backlog;
        Owe(version.Release.Package, build.Status ? RewriteCommand.Both : RewriteCommand.Project);
        if (request is { } number) _buildsByRequest.Add(number, _lastBuildId);
        return _lastBuildId;
    }

    private FakeVersion BuiltVersion(BuildState build) =>
        (PackageName.TryParse(build.Package, out var package) ? Find(new Release(package, build.Version)) : null)
        ?? throw Refused($"no such release: {build.Package} {build.Version}");

    private List<FakeVersion> HoldersOf(IReadOnlyList<FileState> files)
    {
        var names = files.Select(file => file.Filename).ToHashSet(StringComparer.Ordinal);
        return [.. AllVersions().Where(other => other.Builds.Exists(build => build.Files.Keys.Any(names.Contains)))];
    }

    private void TakeFilesOver(IReadOnlyList<FileState> files)
    {
        foreach (var build in HoldersOf(files).SelectMany(other => other.Builds))
        {
            foreach (var file in files) build.Files.Remove(file.Filename);
        }
    }

    private IEnumerable<FakeBuild> AllBuilds() => AllVersions().SelectMany(version => version.Builds);

    private static bool RemoveBuilds(IEnumerable<FakeVersion> versions)
    {
        var any = false;
        foreach (var version in versions)
        {
            any |= version.Builds.Count > 0 || version.Deferred.Count > 0;
            version.Builds.Clear();
            version.Deferred.Clear();
        }

        return any;
    }

    private IOrderedEnumerable<TargetRow> SortedTargets() => _targets
        .OrderBy(row => row.Target.Platform, StringComparer.Ordinal)
        .ThenBy(row => WheelCoverage.PythonOf(row.Target.Abi))
        .ThenBy(row => row.Target.Abi, StringComparer.Ordinal);

    /// <summary>What waits for each active target: of a platform's, only the lowest ABI that is not done.</summary>
    private Dictionary<Target, List<Release>> Queue()
    {
        var active = SortedTargets().Where(row => row.Skip.Length == 0).Select(row => row.Target).ToList();
        var queue = active.ToDictionary(target => target, _ => new List<Release>());
        var wanted = AllVersions()
            .Where(version => version.Skip.Length == 0 && _packages[version.Release.Package].Skip.Length == 0)
            .OrderBy(version => version.Priority)
            .ThenBy(version => version.Released)
            .ThenBy(version => version.Release.Package)
            .ThenBy(version => version.Release.Version, StringComparer.Ordinal);
        foreach (var version in wanted)
        {
            foreach (var platform in active.GroupBy(target => target.Platform))
            {
                foreach (var target in platform.Where(target => !IsDone(version, target)).Take(1))
                {
                    if (!IsHeld(version, target)) queue[target].Add(version.Release);
                }
            }
        }

        return queue;
    }

    private List<HeldBuild> HeldNow()
    {
        var queue = Queue();
        return
        [
            .. _held.Values
                .Where(held => held.Reason.Length > 0
                    && queue.TryGetValue(held.Target, out var waiting) && waiting.Contains(held.Release))
                .OrderBy(held => held.Release.Package).ThenBy(held => held.Release.Version, StringComparer.Ordinal)
                .ThenBy(held => WheelCoverage.PythonOf(held.Target.Abi)).ThenBy(held => held.Target.Abi, StringComparer.Ordinal)
                .ThenBy(held => held.Target.Platform, StringComparer.Ordinal),
        ];
    }

    private bool IsDone(FakeVersion version, Target target) =>
        version.Builds.Exists(build => build.Target == target || build.Covers(target))
        || version.IsUpstream(_targets.Find(row => row.Target == target)!);
}
