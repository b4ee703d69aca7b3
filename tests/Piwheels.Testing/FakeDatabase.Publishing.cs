using System.Runtime.CompilerServices;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>What pages show, which are owed, and who read them.</summary>
public sealed partial class FakeDatabase
{
    private static readonly TimeSpan ImplausibleBuildTime = TimeSpan.FromDays(7);
    private static readonly TimeSpan AccessAgeMax = TimeSpan.FromDays(3652);

    private readonly Dictionary<PackageName, FakeRewrite> _rewrites = [];
    private readonly List<AccessState> _accesses = [];
    private readonly HashSet<(Guid Request, Type Kind)> _accessesByRequest = [];
    private readonly List<SearchIndex> _searchMarks = [];
    private readonly HashSet<(string Abi, string AptPackage)> _preinstalled = [];
    private long _revision;

    /// <summary>All accesses recorded.</summary>
    public IReadOnlyList<AccessState> Accesses
    {
        get
        {
            lock (_lock) return [.. _accesses];
        }
    }

    /// <summary>Enters a Debian package that every machine with this ABI has.</summary>
    public void AddPreinstalled(string abi, string aptPackage)
    {
        lock (_lock) _preinstalled.Add((abi, aptPackage));
    }

    public Task<ProjectData?> GetProjectDataAsync(PackageName package) => Call(() => Find(package) is { } known
        ? new ProjectData(
            package,
            known.DisplayName,
            known.Description,
            known.Skip,
            known.Aliases,
            [.. known.Versions.Values.Select(version => VersionOf(known, version))],
            _rewrites.GetValueOrDefault(package)?.Revision ?? 0)
        : null);

    public Task<IReadOnlyList<ProjectVersionRow>> GetProjectVersionsAsync(PackageName package) =>
        Call<IReadOnlyList<ProjectVersionRow>>(() =>
            [.. VersionsOf(package).Select(version => VersionOf(Find(package)!, version)).Select(version =>
                new ProjectVersionRow(
                    version.Version, version.Released, version.Yanked, version.Skip, version.Targets))]);

    public Task<IReadOnlyList<ProjectFileRow>> GetProjectFilesAsync(PackageName package) =>
        Call<IReadOnlyList<ProjectFileRow>>(() =>
            [.. VersionsOf(package).Select(version => VersionOf(Find(package)!, version)).SelectMany(version =>
                version.Files.Select(file => new ProjectFileRow(version.Version, version.Yanked, file)))
                .OrderBy(row => row.File.Filename, StringComparer.Ordinal)]);

    public Task<IReadOnlyDictionary<string, string>> GetPackageFilesAsync(PackageName package) =>
        Call<IReadOnlyDictionary<string, string>>(() =>
            VersionsOf(package)
                .SelectMany(version => version.Builds)
                .SelectMany(build => build.Files.Values)
                .ToDictionary(file => file.Filename, file => file.FileHash, StringComparer.Ordinal));

    public Task<IReadOnlyList<string>> GetVersionFilesAsync(Release release) => Call<IReadOnlyList<string>>(() =>
        [.. (Find(release)?.Builds ?? []).SelectMany(build => build.Files.Keys).Order(StringComparer.Ordinal)]);

    public Task<SearchIndex> GetSearchIndexAsync() => Call(SearchIndexNow);

    public Task<SearchChanges> GetSearchChangesAsync(string since) => Call(() =>
    {
        var (mark, index) = ($"{_searchMarks.Count}", SearchIndexNow());
        _searchMarks.Add(index);
        if (!int.TryParse(since, out var number)) return new SearchChanges(mark, Complete: true, index, []);
        var before = _searchMarks[number];
        return new SearchChanges(
            mark,
            Complete: false,
            SearchIndex.Of(index.Except(before)),
            [.. before.Select(entry => entry.Package).Except(index.Select(entry => entry.Package))]);
    });

    public Task<IReadOnlyList<RewritePending>> LoadRewritesPendingAsync() => Call(() => Rewrites(backlog: false));

    public Task<IReadOnlyList<RewritePending>> LoadRewritesBacklogAsync() => Call(() => Rewrites(backlog: true));

    public Task SaveRewritesPendingAsync(IReadOnlyList<RewritePending> queue) => Call(() =>
    {
        foreach (var row in queue.Where(row => Find(row.Package) is not null)) Owe(row);
    });

    public Task<PackageName?> OweAllRewritesAsync(RewriteCommand command, PackageName? after) =>
        Call<PackageName?>(() =>
        {
            PackageName[] step = [.. _packages.Keys.Where(package => after is null || package.CompareTo(after.Value) > 0).Take(5_000)];
            foreach (var package in step) Owe(new RewritePending(package, time.GetUtcNow(), command), backlog: true);
            return step.Length > 0 ? step[^1] : null;
        });

    public Task RewriteDoneAsync(PackageName package, RewriteCommand done, long revision) => Call(() =>
    {
        if (_rewrites.TryGetValue(package, out var owed) && owed.Revision <= revision && owed.Row.Command <= done)
        {
            _rewrites.Remove(package);
        }
    });

    public Task<int> LogAccessAsync(IReadOnlyList<AccessState> accesses, Guid? request = null) => Call(() =>
        accesses.GroupBy(access => access.GetType()).Sum(kind => Log([.. kind], request)));

    public Task<bool> LogDownloadAsync(DownloadState download, Guid? request = null) => LogOne(download, request);

    public Task<bool> LogSearchAsync(SearchState search, Guid? request = null) => LogOne(search, request);

    public Task<bool> LogProjectAsync(ProjectState hit, Guid? request = null) => LogOne(hit, request);

    public Task<bool> LogJsonAsync(JsonState hit, Guid? request = null) => LogOne(hit, request);

    public Task<bool> LogPageAsync(PageState hit, Guid? request = null) => LogOne(hit, request);

    public Task<FarmStatistics> GetStatisticsAsync() => Call(() =>
    {
        var now = time.GetUtcNow();
        var builds = AllBuilds().ToList();
        var files = builds.SelectMany(build => build.Files.Values).ToList();
        var downloads = _accesses.OfType<DownloadState>().ToList();
        var armv7 = files.Where(file => file.PlatformTag == "linux_armv7l").Select(file => file.FileHash).ToHashSet();
        return new FarmStatistics(
            PackagesBuilt: builds.Where(build => build.State.Status)
                .Select(build => build.State.Package).Distinct().Count(),
            FilesCount: files.Count,
            BuildsTime: new TimeSpan(builds.Select(build => build.State.Duration)
                .Where(duration => duration <= ImplausibleBuildTime).Sum(duration => duration.Ticks)),
            BuildsSize: files.Where(file => file.PlatformTag != "linux_armv6l" || !armv7.Contains(file.FileHash))
                .Sum(file => file.FileSize),
            NewLastHour: AllVersions().Count(version => IsLastHour(version.Released)),
            DownloadsLastHour: downloads.Count(download => IsLastHour(download.Timestamp)),
            DownloadsLastMonth: downloads.Count(IsRecent),
            DownloadsAll: downloads.Count,
            BuildsLastHour: _targets.Where(row => row.Skip.Length == 0).Select(row => row.Target.Abi).Distinct()
                .ToDictionary(
                    abi => abi,
                    abi => (long)builds.Count(build => build.Target.Abi == abi && IsLastHour(build.At)),
                    StringComparer.Ordinal));

        bool IsLastHour(DateTimeOffset at) => at > now.AddHours(-1) && at <= now;
    });

    public Task<IReadOnlyList<HistoryFigure>> GetHistoryAsync() => Call<IReadOnlyList<HistoryFigure>>(() =>
    {
        var today = DayOf(time.GetUtcNow());
        var downloads = _accesses.OfType<DownloadState>().ToList();
        var recent = downloads.Where(download => DayOf(download.Timestamp) > today.AddDays(-30)).ToList();
        var figures =
            _buildsMade.Where(build => DayOf(build.At) > today.AddDays(-60)).Select(
                    build => (HistorySeries.Builds, build.Good ? "good" : "failed", DayOf(build.At)))
                .Concat(downloads.Select(download => (HistorySeries.Downloads, "", MonthOf(download.Timestamp)))
                    .Where(figure => figure.Item3 >= MonthOf(time.GetUtcNow()).AddMonths(-23)))
                .Concat(recent.Select(download => (HistorySeries.Pythons, PythonOf(download.Installer.PyVersion), today)))
                .Concat(recent.Select(download => (HistorySeries.Machines, MachineOf(download.Installer.Arch), today)));
        return
        [
            .. figures.Where(figure => figure.Item3 <= today).CountBy(figure => figure)
                .Select(pair => new HistoryFigure(pair.Key.Item1, pair.Key.Item2, pair.Key.Item3, pair.Value))
                .OrderBy(figure => $"{figure.Series}", StringComparer.Ordinal)
                .ThenBy(figure => figure.Label, StringComparer.Ordinal).ThenBy(figure => figure.Day),
        ];
    });

    public Task<IReadOnlyList<NewBuild>> GetNewBuildsAsync(int limit) => Call<IReadOnlyList<NewBuild>>(() =>
    [
        .. AllBuilds().Where(build => build.State.Status).OrderByDescending(build => build.State.BuildId).Take(limit).Select(
            build => new NewBuild(
                build.State.BuildId!.Value,
                new Release(PackageName.Parse(build.State.Package), build.State.Version),
                build.Target,
                build.At,
                build.State.Duration)),
    ]);

    private static DateOnly DayOf(DateTimeOffset at) => DateOnly.FromDateTime(at.UtcDateTime);

    private static DateOnly MonthOf(DateTimeOffset at) => new(at.UtcDateTime.Year, at.UtcDateTime.Month, 1);

    private static string PythonOf(string? version) =>
        version?.Split('.') is [var major, var minor, ..] && (major == "3" || (major, minor) == ("2", "7"))
            ? $"{major}.{minor}"
            : "other";

    private static string MachineOf(string? machine) =>
        machine is "armv6l" or "armv7l" or "aarch64" or "x86_64" or "i686" ? machine : "other";

    private SearchIndex SearchIndexNow()
    {
        var downloads = _accesses.OfType<DownloadState>()
            .ToLookup(download => PackageName.Canonicalize(download.Filename.Split('-')[0]), StringComparer.Ordinal);
        return SearchIndex.Of(
            _packages.Where(package => package.Value.Skip != Deleted).Select(package => new SearchEntry(
                package.Key,
                downloads[package.Key.Value].Count(IsRecent),
                downloads[package.Key.Value].Count())));
    }

    private Task<bool> LogOne(AccessState access, Guid? request, [CallerMemberName] string method = "") =>
        Call(() => Log([access], request) == 1, method);

    /// <summary>Records what the database would of accesses of one kind, unless it has under that number.</summary>
    private int Log(IReadOnlyList<AccessState> accesses, Guid? request)
    {
        var now = time.GetUtcNow();
        var fit = accesses.Where(access => FakeLimits.Fits(access) &&
            access.Timestamp > now - AccessAgeMax && access.Timestamp < now.AddDays(1)).ToList();
        var known = request is { } number && !_accessesByRequest.Add((number, accesses[0].GetType()));
        if (!known) _accesses.AddRange(fit);
        return fit.Count;
    }

    private bool IsRecent(DownloadState download) =>
        download.Timestamp.UtcDateTime.Date > time.GetUtcNow().UtcDateTime.Date.AddDays(-30);

    private void Owe(PackageName package, RewriteCommand command) =>
        Owe(new RewritePending(package, time.GetUtcNow(), command));

    private void Owe(RewritePending row) => Owe(row, _isBacklog);

    private void Owe(RewritePending row, bool backlog)
    {
        if (_rewrites.GetValueOrDefault(row.Package) is { Row: var owed } before)
        {
            var stands = before.Backlog == backlog ? owed.AddedAt < row.AddedAt : backlog;
            row = row with
            {
                AddedAt = stands ? owed.AddedAt : row.AddedAt,
                Command = owed.Command > row.Command ? owed.Command : row.Command,
            };
            backlog &= before.Backlog;
        }

        _rewrites[row.Package] = new FakeRewrite(row, ++_revision, backlog);
    }

    private IReadOnlyList<RewritePending> Rewrites(bool backlog) =>
    [
        .. _rewrites.Values.Where(each => each.Backlog == backlog).Select(each => each.Row)
            .OrderBy(row => row.AddedAt).ThenBy(row => row.Package),
    ];

    private ProjectVersion VersionOf(FakePackage package, FakeVersion version) => new(
        version.Release.Version,
        version.Released,
        version.Yanked,
        version.Skip.Length > 0 ? version.Skip : package.Skip,
        [
            .. version.Builds.SelectMany(build => build.Files.Values.Select(file => FileOf(build, file)))
                .OrderBy(file => file.Filename, StringComparer.Ordinal),
        ],
        TargetsOf(version))
    {
        Linked = LinkedOf(version),
    };

    private ProjectFile FileOf(FakeBuild build, FileState file) => new(
        file.Filename,
        file.FileSize,
        file.FileHash,
        build.Target.Abi,
        file.AbiTag,
        file.PlatformTag,
        file.RequiresPython,
        file.Location,
        build.At,
        [.. Needs(file, FileState.AptTool).Where(name => !_preinstalled.Contains((build.Target.Abi, name)))],
        [.. Needs(file, FileState.PipTool)]);

    private static IEnumerable<string> Needs(FileState file, string tool) =>
        (file.Dependencies.GetValueOrDefault(tool) ?? []).Distinct().Order(StringComparer.Ordinal);

    private IReadOnlyList<ProjectTarget> TargetsOf(FakeVersion version) =>
    [
        .. SortedTargets().Select(row =>
        {
            var covering = version.Builds.LastOrDefault(build => build.Covers(row.Target));
            var tried = version.Builds.LastOrDefault(build => build.Target == row.Target);
            var skipped = version.Skip.Length > 0 || _packages[version.Release.Package].Skip.Length > 0;
            var upstream = version.IsUpstream(row);
            var state = (covering, skipped, tried?.State.Status, row.Skip.Length > 0) switch
            {
                ({ }, _, _, _) => TargetState.Success,
                _ when upstream => version.Linked ? TargetState.Linked : TargetState.Upstream,
                (_, true, _, _) => TargetState.Skip,
                (_, _, true, _) => TargetState.Error,
                (_, _, false, _) => TargetState.Fail,
                (_, _, _, true) => TargetState.Skip,
                _ => TargetState.Pending,
            };
            var deferral = state == TargetState.Pending && IsHeld(version, row.Target) ? version.Deferred[row.Target] : null;
            return new ProjectTarget(row.Target, state, (covering ?? tried)?.State.BuildId)
            {
                Failure = state == TargetState.Fail ? tried!.State.Failure : deferral?.Failure,
                RetryAt = deferral?.RetryAt,
            };
        }),
    ];
}
