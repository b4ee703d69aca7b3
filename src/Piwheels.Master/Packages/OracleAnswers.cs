using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Packages;

/// <summary>Which call of the database each request means, and which reply tells its result.</summary>
internal static class OracleAnswers
{
    public static Task<DbReply> AnswerAsync(IDatabase database, DbRequest request) => request switch
    {
        DbRequest.Bare => AnswerBareAsync(database, request),
        DbRequest.OfPackage about => AnswerAsync(database, about),
        DbRequest.OfRelease about => AnswerAsync(database, about),
        _ => AnswerOtherAsync(database, request),
    };

    private static async Task<DbReply> AnswerBareAsync(IDatabase database, DbRequest request) => request switch
    {
        DbRequest.GetAllPackages => new DbReply.Packages(await database.GetAllPackagesAsync()),
        DbRequest.GetAllPackageVersions => new DbReply.Releases(await database.GetAllPackageVersionsAsync()),
        DbRequest.GetPypiSerial => new DbReply.Number(await database.GetPypiSerialAsync()),
        DbRequest.GetSelection => new DbReply.Selected(await database.GetSelectionAsync()),
        DbRequest.GetSelectionRevision => new DbReply.Number(await database.GetSelectionRevisionAsync()),
        DbRequest.GetFollowedNames => new DbReply.Names(await database.GetFollowedNamesAsync()),
        DbRequest.FollowAllVersions => await Done(database.FollowAllVersionsAsync()),
        DbRequest.GetUnexaminedFiles => new DbReply.Unexamined(await database.GetUnexaminedFilesAsync()),
        DbRequest.GetUpstreamPolicies => new DbReply.Policies(await database.GetUpstreamPoliciesAsync()),
        DbRequest.GetSelectionStatus => new DbReply.Status(await database.GetSelectionStatusAsync()),
        DbRequest.GetTargets => new DbReply.Targets(await database.GetTargetsAsync()),
        DbRequest.GetBuildQueueLengths => new DbReply.Lengths(await database.GetBuildQueueLengthsAsync()),
        DbRequest.GetAllBuildIds => new DbReply.Numbers(await database.GetAllBuildIdsAsync()),
        DbRequest.GetSearchIndex => new DbReply.Search(await database.GetSearchIndexAsync()),
        DbRequest.LoadRewritesBacklog => new DbReply.Rewrites(await database.LoadRewritesBacklogAsync()),
        DbRequest.LoadRewritesPending => new DbReply.Rewrites(await database.LoadRewritesPendingAsync()),
        DbRequest.GetStatistics => new DbReply.Statistics(await database.GetStatisticsAsync()),
        DbRequest.GetHistory => new DbReply.History(await database.GetHistoryAsync()),
        _ => throw Unknown(request),
    };

    private static async Task<DbReply> AnswerAsync(IDatabase database, DbRequest.OfPackage about)
    {
        var package = about.Package;
        return about switch
        {
            DbRequest.GetPackageDescription => new DbReply.Text(await database.GetPackageDescriptionAsync(package)),
            DbRequest.GetPackageAliases => new DbReply.Texts(await database.GetPackageAliasesAsync(package)),
            DbRequest.GetProjectDisplayName => new DbReply.Text(await database.GetProjectDisplayNameAsync(package)),
            DbRequest.TestPackage => new DbReply.Flag(await database.TestPackageAsync(package)),
            DbRequest.GetPackageSkip => new DbReply.Text(await database.GetPackageSkipAsync(package)),
            DbRequest.PackageMarkedDeleted => new DbReply.Flag(await database.PackageMarkedDeletedAsync(package)),
            DbRequest.GetVersionsDeleted => new DbReply.Texts(await database.GetVersionsDeletedAsync(package)),
            DbRequest.DeletePackage => await Done(database.DeletePackageAsync(package)),
            DbRequest.GetProjectData => new DbReply.Project(await database.GetProjectDataAsync(package)),
            DbRequest.GetProjectVersions => new DbReply.Versions(await database.GetProjectVersionsAsync(package)),
            DbRequest.GetProjectFiles => new DbReply.ProjectFiles(await database.GetProjectFilesAsync(package)),
            DbRequest.GetPackageFiles => new DbReply.Files(await database.GetPackageFilesAsync(package)),
            _ => throw Unknown(about),
        };
    }

    private static async Task<DbReply> AnswerAsync(IDatabase database, DbRequest.OfRelease about)
    {
        var release = about.Release;
        return about switch
        {
            DbRequest.TestPackageVersion => new DbReply.Flag(await database.TestPackageVersionAsync(release)),
            DbRequest.GetVersionSkip => new DbReply.Text(await database.GetVersionSkipAsync(release)),
            DbRequest.YankVersion => await Done(database.YankVersionAsync(release)),
            DbRequest.UnyankVersion => await Done(database.UnyankVersionAsync(release)),
            DbRequest.DeleteVersion => await Done(database.DeleteVersionAsync(release)),
            DbRequest.DeleteBuild => await Done(database.DeleteBuildAsync(release)),
            DbRequest.GetVersionFiles => new DbReply.Texts(await database.GetVersionFilesAsync(release)),
            _ => throw Unknown(about),
        };
    }

    private static async Task<DbReply> AnswerOtherAsync(IDatabase database, DbRequest request) => request switch
    {
        DbRequest.AddNewPackage add => new DbReply.Flag(
            await database.AddNewPackageAsync(add.Package, add.Skip, add.Description, add.Request)),
        DbRequest.AddNewPackageVersion add => new DbReply.Flag(
            await database.AddNewPackageVersionAsync(add.Release, add.Released, add.Skip, add.Request)),
        DbRequest.AddNewPackages add => new DbReply.Flags(await database.AddNewPackagesAsync(add.Packages)),
        DbRequest.AddNewPackageVersions add => new DbReply.Flags(
            await database.AddNewPackageVersionsAsync(add.Versions)),
        DbRequest.AddPackageName add => await Done(
            database.AddPackageNameAsync(add.Package, add.Spelling, add.Seen)),
        DbRequest.SetPackageDescription set => await Done(
            database.SetPackageDescriptionAsync(set.Package, set.Description)),
        DbRequest.SkipPackage skip => await Done(database.SkipPackageAsync(skip.Package, skip.Reason)),
        DbRequest.SkipPackageVersion skip => await Done(
            database.SkipPackageVersionAsync(skip.Release, skip.Reason)),
        DbRequest.SetPypiSerial set => await Done(database.SetPypiSerialAsync(set.Serial)),
        DbRequest.MarkRemoved mark => new DbReply.Removals(
            await database.MarkRemovedAsync(mark.Packages, mark.Releases)),
        DbRequest.ApplyIndexChanges apply => new DbReply.Number(
            await database.ApplyIndexChangesAsync(apply.Changes)),
        DbRequest.GetDescriptionsOwed get => new DbReply.Packages(
            await database.GetDescriptionsOwedAsync(get.Limit)),
        DbRequest.UpdateSelection update => new DbReply.Flag(
            await database.UpdateSelectionAsync(update.Revision, update.Entry)),
        DbRequest.SetFollowedNames set => await Done(database.SetFollowedNamesAsync(set.Lists)),
        DbRequest.GetPackagesSkipped get => new DbReply.Packages(await database.GetPackagesSkippedAsync(get.Reason)),
        DbRequest.ChangePackageSkips change => await Done(
            database.ChangePackageSkipsAsync(change.Packages, change.From, change.To)),
        DbRequest.SetExamined set => await Done(database.SetExaminedAsync(set.BuildId)),
        DbRequest.OweUpstream owe => await Done(database.OweUpstreamAsync(owe.Packages)),
        DbRequest.GetUpstreamOwed get => new DbReply.UpstreamOwed(await database.GetUpstreamOwedAsync(get.Limit)),
        DbRequest.SetUpstreamWheels set => await Done(
            database.SetUpstreamWheelsAsync(set.Package, set.Wheels, set.Revision)),
        DbRequest.GetBuildAbis get => new DbReply.Texts(await database.GetBuildAbisAsync(get.ExcludeSkipped)),
        DbRequest.AddTarget add => new DbReply.Flag(await database.AddTargetAsync(add.Target, add.Glibc)),
        DbRequest.SkipTarget skip => await Done(database.SkipTargetAsync(skip.Target, skip.Reason)),
        DbRequest.RemoveTarget remove => await Done(database.RemoveTargetAsync(remove.Target)),
        DbRequest.GetBuildQueue get => new DbReply.Queue(await database.GetBuildQueueAsync(get.Limit)),
        DbRequest.RaisePriority raise => new DbReply.Number(
            await database.RaisePriorityAsync(raise.Package, raise.Version)),
        DbRequest.HoldBuilds hold => await Done(database.HoldBuildsAsync(hold.Changes)),
        DbRequest.GetHeldBuilds get => new DbReply.Held(await database.GetHeldBuildsAsync(get.Package)),
        DbRequest.LogBuild log => new DbReply.Number(await database.LogBuildAsync(log.Build, log.Request)),
        DbRequest.LogBuilds log => new DbReply.Numbers(await database.LogBuildsAsync(log.Builds, log.Requests)),
        DbRequest.DeferBuild defer => new DbReply.Time(
            await database.DeferBuildAsync(defer.Attempt.Build, defer.Delays, defer.Attempt.Request)),
        DbRequest.ResumeBuilds resume => new DbReply.Number(await database.ResumeBuildsAsync(resume.Limit)),
        DbRequest.SaveRewritesPending save => await Done(database.SaveRewritesPendingAsync(save.Queue)),
        DbRequest.OweAllRewrites owe => new DbReply.Text(
            (await database.OweAllRewritesAsync(owe.Wanted, owe.After))?.Value),
        DbRequest.RewriteDone done => await Done(
            database.RewriteDoneAsync(done.Package, done.Done, done.Revision)),
        DbRequest.GetNewBuilds get => new DbReply.NewBuilds(await database.GetNewBuildsAsync(get.Limit)),
        DbRequest.GetSearchChanges get => new DbReply.Changes(await database.GetSearchChangesAsync(get.Since)),
        DbRequest.LogAccess log => new DbReply.Number(await database.LogAccessAsync(log.Accesses, log.Request)),
        DbRequest.LogHit log => new DbReply.Flag(await LogAsync(database, log.Access, log.Request)),
        _ => throw Unknown(request),
    };

    private static Task<bool> LogAsync(IDatabase database, AccessState access, Guid? request) => access switch
    {
        DownloadState download => database.LogDownloadAsync(download, request),
        SearchState search => database.LogSearchAsync(search, request),
        ProjectState hit => database.LogProjectAsync(hit, request),
        JsonState hit => database.LogJsonAsync(hit, request),
        PageState hit => database.LogPageAsync(hit, request),
        _ => throw new ArgumentException($"no call logs {access.GetType().Name}", nameof(access)),
    };

    private static async Task<DbReply> Done(Task call)
    {
        await call;
        return new DbReply.Ok();
    }

    private static InvalidOperationException Unknown(DbRequest request) =>
        new($"no call of the database answers {request.Name}");
}
