using System.Buffers.Binary;
using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Core.Database;

/// <summary>
/// What the farm asks of its database, reached directly or through the master's queues; both answer alike. Times are
/// UTC. Every method may throw <see cref="DatabaseException"/>.
/// </summary>
/// <remarks>
/// Whoever hears of a transient fault does not know whether the request was done: the connection may have gone between
/// the commit and the answer. Every method may be asked again. What sets or deletes something has the same effect twice
/// as once; what adds a row for each call, or answers whether it did, takes the number of a request
/// (<see cref="RequestNumber"/>), made once for the thing to be recorded and kept over all attempts.
/// </remarks>
public interface IDatabase : IUpstreamWheels, IBuildRetries
{
    // Packages

    /// <summary>Registers a package; false when it is known already.</summary>
    /// <param name="request">Its number, where the answer matters: true again when this very request has added it.</param>
    Task<bool> AddNewPackageAsync(
        PackageName package, string skip = "", string description = "", Guid? request = null);

    /// <summary>
    /// Registers a version of a known package; false when it is known already. Without a release date it counts as
    /// released now.
    /// </summary>
    /// <param name="request">As for <see cref="AddNewPackageAsync"/>.</param>
    /// <exception cref="DatabaseException">The package is unknown.</exception>
    Task<bool> AddNewPackageVersionAsync(
        Release release, DateTimeOffset? released = null, string skip = "", Guid? request = null);

    /// <summary>
    /// As <see cref="AddNewPackageAsync"/> for many at once, in one transaction; answers for each, in their order,
    /// whether it is new. One that comes twice is new once; asked again because the answer was lost, none is.
    /// </summary>
    Task<IReadOnlyList<bool>> AddNewPackagesAsync(IReadOnlyList<NewPackage> packages);

    /// <summary>
    /// As <see cref="AddNewPackageVersionAsync"/> for many at once, in one transaction; answers for each, in their
    /// order, whether it is new. One that comes twice is new once; asked again because the answer was lost, none is.
    /// </summary>
    /// <exception cref="DatabaseException">A package is unknown; nothing was registered.</exception>
    Task<IReadOnlyList<bool>> AddNewPackageVersionsAsync(IReadOnlyList<NewVersion> versions);

    /// <summary>Registers a spelling of a package's name, or moves on the time when it was last seen.</summary>
    Task AddPackageNameAsync(PackageName package, string name, DateTimeOffset seen);

    Task<string?> GetPackageDescriptionAsync(PackageName package);

    /// <summary>Sets a package's one line; it is owed none any more.</summary>
    Task SetPackageDescriptionAsync(PackageName package, string description);
    Task<IReadOnlySet<PackageName>> GetAllPackagesAsync();
    Task<IReadOnlySet<Release>> GetAllPackageVersionsAsync();

    /// <summary>All spellings of a package, the canonical one left out.</summary>
    Task<IReadOnlyList<string>> GetPackageAliasesAsync(PackageName package);

    /// <summary>The spelling seen last; null for an unknown package.</summary>
    Task<string?> GetProjectDisplayNameAsync(PackageName package);

    Task<bool> TestPackageAsync(PackageName package);
    Task<bool> TestPackageVersionAsync(Release release);

    /// <summary>Sets why a package is not built; an empty reason has it built again.</summary>
    Task SkipPackageAsync(PackageName package, string reason);

    /// <summary>Sets why a version is not built; an empty reason has it built again.</summary>
    Task SkipPackageVersionAsync(Release release, string reason);

    /// <summary>Why a package is not built; empty when it is, null when unknown.</summary>
    Task<string?> GetPackageSkipAsync(PackageName package);

    /// <summary>Why a version is not built; empty when it is, null when unknown.</summary>
    Task<string?> GetVersionSkipAsync(Release release);

    Task<bool> PackageMarkedDeletedAsync(PackageName package);
    Task<IReadOnlyList<string>> GetVersionsDeletedAsync(PackageName package);
    Task YankVersionAsync(Release release);
    Task UnyankVersionAsync(Release release);

    /// <summary>Removes a package with all that belongs to it; downloads stay, they are history.</summary>
    Task DeletePackageAsync(PackageName package);

    Task DeleteVersionAsync(Release release);

    /// <summary>Removes all builds and files of a version, so that it will be built again.</summary>
    Task DeleteBuildAsync(Release release);

    // Upstream

    /// <summary>The serial of the last PyPI event that has taken effect.</summary>
    Task<long> GetPypiSerialAsync();

    /// <summary>Moves the serial on; going back is an error.</summary>
    Task SetPypiSerialAsync(long serial);

    /// <summary>
    /// Marks what is about to be removed as deleted, so that nothing of it is built any more; answers what of it is known,
    /// be it marked before.
    /// </summary>
    Task<KnownRemovals> MarkRemovedAsync(IReadOnlyList<PackageName> packages, IReadOnlyList<Release> releases);

    /// <summary>
    /// Has a run of the index's events take effect, and moves the serial on, in one transaction. What they remove must be
    /// marked, and its builds and pages be dropped before. New packages come without a description, and are owed one.
    /// </summary>
    /// <returns>
    /// The serial where the farm stands: <see cref="IndexChanges.To"/> when this is done, now or by an earlier attempt;
    /// any other when it stands elsewhere than at <see cref="IndexChanges.From"/>, and nothing was done.
    /// </returns>
    Task<long> ApplyIndexChangesAsync(IndexChanges changes);

    /// <summary>Some packages whose description the index has not been asked for, those with wheels first.</summary>
    Task<IReadOnlySet<PackageName>> GetDescriptionsOwedAsync(int limit);

    /// <summary>What is asked for (see <see cref="ISelectionRequests"/>), and what is followed for that.</summary>
    Task<Selection> GetSelectionAsync();

    /// <summary>A number that grows whenever somebody asks for something else.</summary>
    Task<long> GetSelectionRevisionAsync();

    /// <summary>
    /// Writes what was found out of a package that is followed; what it needs is followed from then on, and what nobody
    /// needs any more is not. False, and nothing is written, when the revision is another one meanwhile.
    /// </summary>
    /// <exception cref="DatabaseException">It is resolved without a version.</exception>
    Task<bool> UpdateSelectionAsync(long revision, SelectionEntry entry);

    /// <summary>Wheels of chosen versions whose requirements have not been read.</summary>
    Task<IReadOnlyList<UnexaminedFile>> GetUnexaminedFilesAsync();

    /// <summary>Says that a build's files have been examined, and their dependencies entered.</summary>
    Task SetExaminedAsync(long buildId);

    Task<SelectionStatus> GetSelectionStatusAsync();

    /// <summary>The lists of names by which the index's log is followed; empty ones at first.</summary>
    Task<NameLists> GetFollowedNamesAsync();

    /// <summary>Says by which lists of names the index's log is followed from now on.</summary>
    Task SetFollowedNamesAsync(NameLists lists);

    /// <summary>The packages that are not built for a reason.</summary>
    Task<IReadOnlySet<PackageName>> GetPackagesSkippedAsync(string reason);

    /// <summary>
    /// Gives those of some packages that are skipped for one reason (built, where it is empty) another one.
    /// </summary>
    Task ChangePackageSkipsAsync(IReadOnlyCollection<PackageName> packages, string from, string to);

    /// <summary>Has all versions built again that a selection left out.</summary>
    Task FollowAllVersionsAsync();

    // Build queue

    /// <summary>The ABI tags of all targets, or of the active ones.</summary>
    Task<IReadOnlySet<string>> GetBuildAbisAsync(bool excludeSkipped = false);

    Task<IReadOnlyList<TargetRow>> GetTargetsAsync();

    /// <summary>
    /// Adds a target; false when it is known already, be it by this request's first attempt. What its C library is stays as
    /// it was told first, unless nothing depends on it yet.
    /// </summary>
    /// <param name="glibc">The oldest C library of its machines; null where it is not known.</param>
    Task<bool> AddTargetAsync(Target target, Glibc? glibc = null);

    /// <summary>Sets why nothing is built for a target; an empty reason activates it again.</summary>
    Task SkipTargetAsync(Target target, string reason);

    Task RemoveTargetAsync(Target target);

    /// <summary>The first <paramref name="limit"/> releases to be built per active target, in order.</summary>
    Task<IReadOnlyDictionary<Target, IReadOnlyList<Release>>> GetBuildQueueAsync(int limit = 1000);

    /// <summary>How many releases wait per active target, zeros included.</summary>
    Task<IReadOnlyDictionary<Target, long>> GetBuildQueueLengthsAsync();

    /// <summary>
    /// Has a version, or all of a package where null, built before what nobody asked for, on all targets where it
    /// waits. Answers how many rows of the queue moved: none where nothing waits, or it was asked for before, be it by
    /// this request's first attempt.
    /// </summary>
    /// <exception cref="DatabaseException">The package or version is unknown.</exception>
    Task<long> RaisePriorityAsync(PackageName package, string? version = null);

    /// <summary>
    /// Has releases not handed out on their targets, or again where the reason is empty, and owes their pages. What does not
    /// wait is passed over.
    /// </summary>
    Task HoldBuildsAsync(IReadOnlyList<HeldBuild> changes);

    /// <summary>What waits and is not handed out, of a package, or of all where null.</summary>
    Task<IReadOnlyList<HeldBuild>> GetHeldBuildsAsync(PackageName? package = null);

    // Building

    /// <summary>
    /// Records an attempt with its files and their dependencies in one transaction, and owes the package's pages;
    /// answers the build's number. A file of the same name from an earlier build is replaced.
    /// </summary>
    /// <param name="request">
    /// Its number, for a day (<see cref="RequestNumber"/>): asked again, it changes nothing and answers the number of the
    /// build that the first one recorded. Without one each call records a build.
    /// </param>
    /// <exception cref="DatabaseException">A success without files, an unknown release or ABI.</exception>
    Task<long> LogBuildAsync(BuildState build, Guid? request = null);

    /// <summary>
    /// Records attempts as <see cref="LogBuildAsync"/> does, in one transaction and one round trip: all of them or, when
    /// one is refused, none. Answers their numbers in their order.
    /// </summary>
    /// <param name="requests">A number for each build, in their order; null when nobody would ask again.</param>
    /// <exception cref="DatabaseException">One of them is refused; nothing was recorded.</exception>
    Task<IReadOnlyList<long>> LogBuildsAsync(IReadOnlyList<BuildState> builds, IReadOnlyList<Guid>? requests = null);

    Task<IReadOnlyList<long>> GetAllBuildIdsAsync();

    // Publishing

    /// <summary>Everything for a package's pages; null for an unknown package.</summary>
    Task<ProjectData?> GetProjectDataAsync(PackageName package);

    /// <summary>A package's versions, and how each stands on each target; none for an unknown package.</summary>
    Task<IReadOnlyList<ProjectVersionRow>> GetProjectVersionsAsync(PackageName package);

    /// <summary>A package's wheels with what its page shows of them; none for an unknown package.</summary>
    Task<IReadOnlyList<ProjectFileRow>> GetProjectFilesAsync(PackageName package);

    /// <summary>File names and SHA-256 hashes of a package's wheels.</summary>
    Task<IReadOnlyDictionary<string, string>> GetPackageFilesAsync(PackageName package);

    /// <summary>Names of the files of one version.</summary>
    Task<IReadOnlyList<string>> GetVersionFilesAsync(Release release);

    /// <summary>All packages with their downloads, but those that are about to be deleted.</summary>
    Task<SearchIndex> GetSearchIndexAsync();

    /// <summary>
    /// What has changed in the search index since an earlier answer of this method. With any mark that is not of the
    /// same day and the same run of the server, or some hours old, the answer is the whole index.
    /// </summary>
    /// <param name="since">The mark of the earlier answer; empty to begin.</param>
    Task<SearchChanges> GetSearchChangesAsync(string since);

    /// <summary>
    /// The pages that are owed, but for <see cref="LoadRewritesBacklogAsync"/>: the longest waiting first, 20,000 at most.
    /// </summary>
    Task<IReadOnlyList<RewritePending>> LoadRewritesPendingAsync();

    /// <summary>
    /// The pages that are owed since thousands of events were taken up at once (<see cref="ApplyIndexChangesAsync"/>) or all
    /// were asked for, and that nothing else has changed since: the longest waiting first, 20,000 at most.
    /// </summary>
    Task<IReadOnlyList<RewritePending>> LoadRewritesBacklogAsync();

    /// <summary>
    /// Enters rewrites that are owed, merging: BOTH wins over PROJECT, the earliest time stands, but that of the backlog,
    /// which a package leaves by this. Unknown packages are passed over. What changes the pages enters its own in the
    /// same transaction (new package, new version, build, skip, yank, deletion of builds or versions, description,
    /// alias), so a caller need not.
    /// </summary>
    Task SaveRewritesPendingAsync(IReadOnlyList<RewritePending> queue);

    /// <summary>
    /// Enters that the pages of some thousand packages are to be written, behind those of what happens now: of the first
    /// by their names, or of those that follow one.
    /// </summary>
    /// <param name="after">The last package of the step before; null to begin.</param>
    /// <returns>The last package of this step; null when none followed.</returns>
    Task<PackageName?> OweAllRewritesAsync(RewriteCommand command, PackageName? after);

    /// <summary>
    /// Strikes out what was owed, once the pages are written from data of that revision
    /// (<see cref="ProjectData.Revision"/>). It stays when it has been asked for again since that data was read, or
    /// when BOTH is owed and only PROJECT was done. No clock takes part, so that none can be wrong.
    /// </summary>
    Task RewriteDoneAsync(PackageName package, RewriteCommand done, long revision);

    // Access log and statistics

    /// <summary>
    /// Records accesses of any kind; one transaction per kind. Those without a usable address, name or date are left out.
    /// </summary>
    /// <param name="request">
    /// The number of just these accesses, for a day (<see cref="RequestNumber"/>): of what is asked again, the kinds that
    /// were recorded are left alone. Without one each call records all.
    /// </param>
    /// <returns>How many are recorded, by this call or by the first one of the same number.</returns>
    Task<int> LogAccessAsync(IReadOnlyList<AccessState> accesses, Guid? request = null);

    /// <summary>Records a wheel downloaded; false when it has no usable address, name or date.</summary>
    /// <param name="request">As for <see cref="LogAccessAsync"/>; so for the other kinds.</param>
    Task<bool> LogDownloadAsync(DownloadState download, Guid? request = null);

    /// <summary>Records a package looked up; false as for downloads.</summary>
    Task<bool> LogSearchAsync(SearchState search, Guid? request = null);

    /// <summary>Records a project page read; false as for downloads.</summary>
    Task<bool> LogProjectAsync(ProjectState hit, Guid? request = null);

    /// <summary>Records a project's JSON read; false as for downloads.</summary>
    Task<bool> LogJsonAsync(JsonState hit, Guid? request = null);

    /// <summary>Records another page read; false as for downloads.</summary>
    Task<bool> LogPageAsync(PageState hit, Guid? request = null);

    Task<FarmStatistics> GetStatisticsAsync();

    /// <summary>How builds and downloads went, in the order of series, labels and days.</summary>
    Task<IReadOnlyList<HistoryFigure>> GetHistoryAsync();

    /// <summary>The good builds recorded last, newest first. Where nearly all failed, there may be less than asked for.</summary>
    Task<IReadOnlyList<NewBuild>> GetNewBuildsAsync(int limit);
}

/// <summary>Numbers for what must not be recorded twice.</summary>
public static class RequestNumber
{
    /// <summary>A new one. They begin with the time (RFC 9562 version 7), so that they are near each other in an index.</summary>
    public static Guid Next(TimeProvider time) => Guid.CreateVersion7(time.GetUtcNow());

    /// <summary>
    /// The number of one part of what has a number: the same whenever it is divided again. It begins with the time of the
    /// whole.
    /// </summary>
    public static Guid Part(Guid whole, int part)
    {
        const int TimeBytes = 8;
        Span<byte> bytes = stackalloc byte[16 + sizeof(int)];
        whole.TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteInt32BigEndian(bytes[16..], part);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        // What RFC 9562 has in these bits of the second half is kept too
        hash[0] = (byte)((hash[0] & 0x3f) | 0x80);
        hash[..(16 - TimeBytes)].CopyTo(bytes[TimeBytes..]);
        return new Guid(bytes[..16], bigEndian: true);
    }
}

/// <summary>The database refused, or could not be asked.</summary>
/// <param name="transient">True when the same request may succeed later: no connection, a restart, a deadlock.</param>
public sealed class DatabaseException(string message, bool transient, Exception? inner = null)
    : Exception(message, inner)
{
    public bool Transient { get; } = transient;
}
