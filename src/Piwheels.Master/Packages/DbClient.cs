using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Packages;

/// <summary>
/// The database as other tasks reach it: each call is a request to Seraph. As long as the database may need is waited
/// for without stopping the task that asks.
/// </summary>
/// <remarks>
/// What fails for now is asked again for a while, so that a server that is started anew is noticed by its log alone. How to
/// go on when it stays away longer is the matter of the task, which knows what it can leave for later.
/// </remarks>
/// <param name="rpc">Connected to the db queue by the task that asks.</param>
/// <param name="time">The clock to wait by; null asks everything once.</param>
/// <param name="ending">Cancelled when the task ends, and waits for nothing any more.</param>
public sealed class DbClient(
    RpcClient<DbRequest, DbReply> rpc, TimeProvider? time = null, CancellationToken ending = default) : IDatabase
{
    /// <summary>How long a request is asked again; the last attempt begins within this time.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The first pause; each is twice as long as the one before, up to the longest.</summary>
    public static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(250);

    public static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    /// <summary>Requests that wait for their next attempt at a time; another one fails at once.</summary>
    public const int WaitingMax = 1_000;

    private int _waiting;

    public Task<bool> AddNewPackageAsync(
        PackageName package, string skip = "", string description = "", Guid? request = null) =>
        FlagAsync(new DbRequest.AddNewPackage(package, skip, description, request));

    public Task<bool> AddNewPackageVersionAsync(
        Release release, DateTimeOffset? released = null, string skip = "", Guid? request = null) =>
        FlagAsync(new DbRequest.AddNewPackageVersion(release, released, skip, request));

    public Task<IReadOnlyList<bool>> AddNewPackagesAsync(IReadOnlyList<NewPackage> packages) =>
        FlagsAsync(new DbRequest.AddNewPackages(packages));

    public Task<IReadOnlyList<bool>> AddNewPackageVersionsAsync(IReadOnlyList<NewVersion> versions) =>
        FlagsAsync(new DbRequest.AddNewPackageVersions(versions));

    public Task AddPackageNameAsync(PackageName package, string name, DateTimeOffset seen) =>
        DoAsync(new DbRequest.AddPackageName(package, name, seen));

    public Task<string?> GetPackageDescriptionAsync(PackageName package) =>
        TextAsync(new DbRequest.GetPackageDescription(package));

    public Task SetPackageDescriptionAsync(PackageName package, string description) =>
        DoAsync(new DbRequest.SetPackageDescription(package, description));

    public async Task<IReadOnlySet<PackageName>> GetAllPackagesAsync() =>
        (await AskAsync<DbReply.Packages>(new DbRequest.GetAllPackages())).Values;

    public async Task<IReadOnlySet<Release>> GetAllPackageVersionsAsync() =>
        (await AskAsync<DbReply.Releases>(new DbRequest.GetAllPackageVersions())).Values;

    public Task<IReadOnlyList<string>> GetPackageAliasesAsync(PackageName package) =>
        TextsAsync(new DbRequest.GetPackageAliases(package));

    public Task<string?> GetProjectDisplayNameAsync(PackageName package) =>
        TextAsync(new DbRequest.GetProjectDisplayName(package));

    public Task<bool> TestPackageAsync(PackageName package) => FlagAsync(new DbRequest.TestPackage(package));

    public Task<bool> TestPackageVersionAsync(Release release) => FlagAsync(new DbRequest.TestPackageVersion(release));

    public Task SkipPackageAsync(PackageName package, string reason) =>
        DoAsync(new DbRequest.SkipPackage(package, reason));

    public Task SkipPackageVersionAsync(Release release, string reason) =>
        DoAsync(new DbRequest.SkipPackageVersion(release, reason));

    public Task<string?> GetPackageSkipAsync(PackageName package) => TextAsync(new DbRequest.GetPackageSkip(package));

    public Task<string?> GetVersionSkipAsync(Release release) => TextAsync(new DbRequest.GetVersionSkip(release));

    public Task<bool> PackageMarkedDeletedAsync(PackageName package) =>
        FlagAsync(new DbRequest.PackageMarkedDeleted(package));

    public Task<IReadOnlyList<string>> GetVersionsDeletedAsync(PackageName package) =>
        TextsAsync(new DbRequest.GetVersionsDeleted(package));

    public Task YankVersionAsync(Release release) => DoAsync(new DbRequest.YankVersion(release));

    public Task UnyankVersionAsync(Release release) => DoAsync(new DbRequest.UnyankVersion(release));

    public Task DeletePackageAsync(PackageName package) => DoAsync(new DbRequest.DeletePackage(package));

    public Task DeleteVersionAsync(Release release) => DoAsync(new DbRequest.DeleteVersion(release));

    public Task DeleteBuildAsync(Release release) => DoAsync(new DbRequest.DeleteBuild(release));

    public Task<long> GetPypiSerialAsync() => NumberAsync(new DbRequest.GetPypiSerial());

    public Task SetPypiSerialAsync(long serial) => DoAsync(new DbRequest.SetPypiSerial(serial));

    public async Task<KnownRemovals> MarkRemovedAsync(
        IReadOnlyList<PackageName> packages, IReadOnlyList<Release> releases) =>
        (await AskAsync<DbReply.Removals>(new DbRequest.MarkRemoved(packages, releases))).Known;

    public Task<long> ApplyIndexChangesAsync(IndexChanges changes) =>
        NumberAsync(new DbRequest.ApplyIndexChanges(changes));

    public async Task<IReadOnlySet<PackageName>> GetDescriptionsOwedAsync(int limit) =>
        (await AskAsync<DbReply.Packages>(new DbRequest.GetDescriptionsOwed(limit))).Values;

    public async Task<Selection> GetSelectionAsync() =>
        (await AskAsync<DbReply.Selected>(new DbRequest.GetSelection())).Value;

    public Task<long> GetSelectionRevisionAsync() => NumberAsync(new DbRequest.GetSelectionRevision());

    public Task<bool> UpdateSelectionAsync(long revision, SelectionEntry entry) =>
        FlagAsync(new DbRequest.UpdateSelection(revision, entry));

    public async Task<IReadOnlyList<UnexaminedFile>> GetUnexaminedFilesAsync() =>
        (await AskAsync<DbReply.Unexamined>(new DbRequest.GetUnexaminedFiles())).Rows;

    public Task SetExaminedAsync(long buildId) => DoAsync(new DbRequest.SetExamined(buildId));

    public async Task<UpstreamPolicies> GetUpstreamPoliciesAsync() =>
        (await AskAsync<DbReply.Policies>(new DbRequest.GetUpstreamPolicies())).Value;

    public Task OweUpstreamAsync(IReadOnlyList<PackageName> packages) => DoAsync(new DbRequest.OweUpstream(packages));

    public async Task<IReadOnlyList<UpstreamOwed>> GetUpstreamOwedAsync(int limit) =>
        (await AskAsync<DbReply.UpstreamOwed>(new DbRequest.GetUpstreamOwed(limit))).Rows;

    public Task SetUpstreamWheelsAsync(PackageName package, IReadOnlyList<UpstreamWheel>? wheels, long revision) =>
        DoAsync(new DbRequest.SetUpstreamWheels(package, wheels, revision));

    public async Task<SelectionStatus> GetSelectionStatusAsync() =>
        (await AskAsync<DbReply.Status>(new DbRequest.GetSelectionStatus())).Value;

    public async Task<NameLists> GetFollowedNamesAsync() =>
        (await AskAsync<DbReply.Names>(new DbRequest.GetFollowedNames())).Value;

    public Task SetFollowedNamesAsync(NameLists lists) => DoAsync(new DbRequest.SetFollowedNames(lists));

    public async Task<IReadOnlySet<PackageName>> GetPackagesSkippedAsync(string reason) =>
        (await AskAsync<DbReply.Packages>(new DbRequest.GetPackagesSkipped(reason))).Values;

    public Task ChangePackageSkipsAsync(IReadOnlyCollection<PackageName> packages, string from, string to) =>
        DoAsync(new DbRequest.ChangePackageSkips(packages, from, to));

    public Task FollowAllVersionsAsync() => DoAsync(new DbRequest.FollowAllVersions());

    public async Task<IReadOnlySet<string>> GetBuildAbisAsync(bool excludeSkipped = false) =>
        (await AskAsync<DbReply.Texts>(new DbRequest.GetBuildAbis(excludeSkipped))).Values
            .ToHashSet(StringComparer.Ordinal);

    public async Task<IReadOnlyList<TargetRow>> GetTargetsAsync() =>
        (await AskAsync<DbReply.Targets>(new DbRequest.GetTargets())).Rows;

    public Task<bool> AddTargetAsync(Target target, Glibc? glibc = null) =>
        FlagAsync(new DbRequest.AddTarget(target, glibc));

    public Task SkipTargetAsync(Target target, string reason) => DoAsync(new DbRequest.SkipTarget(target, reason));

    public Task RemoveTargetAsync(Target target) => DoAsync(new DbRequest.RemoveTarget(target));

    public async Task<IReadOnlyDictionary<Target, IReadOnlyList<Release>>> GetBuildQueueAsync(int limit = 1000) =>
        (await AskAsync<DbReply.Queue>(new DbRequest.GetBuildQueue(limit))).Rows;

    public async Task<IReadOnlyDictionary<Target, long>> GetBuildQueueLengthsAsync() =>
        (await AskAsync<DbReply.Lengths>(new DbRequest.GetBuildQueueLengths())).Rows;

    public Task<long> RaisePriorityAsync(PackageName package, string? version = null) =>
        NumberAsync(new DbRequest.RaisePriority(package, version));

    public Task HoldBuildsAsync(IReadOnlyList<HeldBuild> changes) => DoAsync(new DbRequest.HoldBuilds(changes));

    public async Task<IReadOnlyList<HeldBuild>> GetHeldBuildsAsync(PackageName? package = null) =>
        (await AskAsync<DbReply.Held>(new DbRequest.GetHeldBuilds(package))).Rows;

    public Task<long> LogBuildAsync(BuildState build, Guid? request = null) =>
        NumberAsync(new DbRequest.LogBuild(build, request ?? NewNumber()));

    public async Task<IReadOnlyList<long>> LogBuildsAsync(
        IReadOnlyList<BuildState> builds, IReadOnlyList<Guid>? requests = null) =>
        (await AskAsync<DbReply.Numbers>(new DbRequest.LogBuilds(builds, requests))).Values;

    public async Task<DateTimeOffset?> DeferBuildAsync(
        BuildState build, IReadOnlyList<TimeSpan> delays, Guid? request = null) =>
        (await AskAsync<DbReply.Time>(
            new DbRequest.DeferBuild(new DbRequest.LogBuild(build, request ?? NewNumber()), delays))).Value;

    public Task<long> ResumeBuildsAsync(int limit = 1000) => NumberAsync(new DbRequest.ResumeBuilds(limit));

    public async Task<IReadOnlyList<long>> GetAllBuildIdsAsync() =>
        (await AskAsync<DbReply.Numbers>(new DbRequest.GetAllBuildIds())).Values;

    public async Task<ProjectData?> GetProjectDataAsync(PackageName package) =>
        (await AskAsync<DbReply.Project>(new DbRequest.GetProjectData(package))).Data;

    public async Task<IReadOnlyList<ProjectVersionRow>> GetProjectVersionsAsync(PackageName package) =>
        (await AskAsync<DbReply.Versions>(new DbRequest.GetProjectVersions(package))).Rows;

    public async Task<IReadOnlyList<ProjectFileRow>> GetProjectFilesAsync(PackageName package) =>
        (await AskAsync<DbReply.ProjectFiles>(new DbRequest.GetProjectFiles(package))).Rows;

    public async Task<IReadOnlyDictionary<string, string>> GetPackageFilesAsync(PackageName package) =>
        (await AskAsync<DbReply.Files>(new DbRequest.GetPackageFiles(package))).Hashes;

    public Task<IReadOnlyList<string>> GetVersionFilesAsync(Release release) =>
        TextsAsync(new DbRequest.GetVersionFiles(release));

    public async Task<SearchIndex> GetSearchIndexAsync() =>
        (await AskAsync<DbReply.Search>(new DbRequest.GetSearchIndex())).Index;

    public async Task<SearchChanges> GetSearchChangesAsync(string since) =>
        (await AskAsync<DbReply.Changes>(new DbRequest.GetSearchChanges(since))).Value;

    public async Task<IReadOnlyList<RewritePending>> LoadRewritesPendingAsync() =>
        (await AskAsync<DbReply.Rewrites>(new DbRequest.LoadRewritesPending())).Rows;

    public async Task<IReadOnlyList<RewritePending>> LoadRewritesBacklogAsync() =>
        (await AskAsync<DbReply.Rewrites>(new DbRequest.LoadRewritesBacklog())).Rows;

    public Task SaveRewritesPendingAsync(IReadOnlyList<RewritePending> queue) =>
        DoAsync(new DbRequest.SaveRewritesPending(queue));

    public async Task<PackageName?> OweAllRewritesAsync(RewriteCommand command, PackageName? after) =>
        await TextAsync(new DbRequest.OweAllRewrites(command, after)) is { } last ? PackageName.Parse(last) : null;

    public Task RewriteDoneAsync(PackageName package, RewriteCommand done, long revision) =>
        DoAsync(new DbRequest.RewriteDone(package, done, revision));

    public async Task<int> LogAccessAsync(IReadOnlyList<AccessState> accesses, Guid? request = null) =>
        (int)await NumberAsync(new DbRequest.LogAccess(accesses, request ?? NewNumber()));

    public Task<bool> LogDownloadAsync(DownloadState download, Guid? request = null) =>
        FlagAsync(new DbRequest.LogHit(download, request ?? NewNumber()));

    public Task<bool> LogSearchAsync(SearchState search, Guid? request = null) =>
        FlagAsync(new DbRequest.LogHit(search, request ?? NewNumber()));

    public Task<bool> LogProjectAsync(ProjectState hit, Guid? request = null) =>
        FlagAsync(new DbRequest.LogHit(hit, request ?? NewNumber()));

    public Task<bool> LogJsonAsync(JsonState hit, Guid? request = null) =>
        FlagAsync(new DbRequest.LogHit(hit, request ?? NewNumber()));

    public Task<bool> LogPageAsync(PageState hit, Guid? request = null) =>
        FlagAsync(new DbRequest.LogHit(hit, request ?? NewNumber()));

    public async Task<FarmStatistics> GetStatisticsAsync() =>
        (await AskAsync<DbReply.Statistics>(new DbRequest.GetStatistics())).Value;

    public async Task<IReadOnlyList<HistoryFigure>> GetHistoryAsync() =>
        (await AskAsync<DbReply.History>(new DbRequest.GetHistory())).Rows;

    public async Task<IReadOnlyList<NewBuild>> GetNewBuildsAsync(int limit) =>
        (await AskAsync<DbReply.NewBuilds>(new DbRequest.GetNewBuilds(limit))).Rows;

    private Task<DbReply.Ok> DoAsync(DbRequest request) => AskAsync<DbReply.Ok>(request);

    private async Task<bool> FlagAsync(DbRequest request) => (await AskAsync<DbReply.Flag>(request)).Value;

    private async Task<IReadOnlyList<bool>> FlagsAsync(DbRequest request) =>
        (await AskAsync<DbReply.Flags>(request)).Values;

    private async Task<long> NumberAsync(DbRequest request) => (await AskAsync<DbReply.Number>(request)).Value;

    private async Task<string?> TextAsync(DbRequest request) => (await AskAsync<DbReply.Text>(request)).Value;

    private async Task<IReadOnlyList<string>> TextsAsync(DbRequest request) =>
        [.. (await AskAsync<DbReply.Texts>(request)).Values];

    private async Task<TReply> AskAsync<TReply>(DbRequest request)
        where TReply : DbReply
    {
        var until = time?.GetUtcNow() + Patience;
        for (var pause = PauseMin; ; pause = Pauses.Longer(pause, PauseMax))
        {
            try
            {
                return await rpc.AskAsync(request) is TReply reply
                    ? reply
                    : throw new DatabaseException($"{request.Name} got another request's kind of reply", transient: false);
            }
            catch (RpcException failure)
            {
                if (!failure.Transient || !(time?.GetUtcNow() + pause < until) || !await WaitAsync(pause))
                    throw new DatabaseException(failure.Message, failure.Transient, failure);
            }
        }
    }

    /// <summary>False when there is no waiting: too many do, or the task ends.</summary>
    private async Task<bool> WaitAsync(TimeSpan pause)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > WaitingMax) return false;
            await Task.Delay(pause, time!, ending);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>Without one nothing is asked twice.</summary>
    private Guid? NewNumber() => time is null ? null : RequestNumber.Next(time);
}
