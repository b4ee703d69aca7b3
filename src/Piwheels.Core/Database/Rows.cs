using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>The farm's counters. Sizes in bytes.</summary>
/// <param name="BuildsLastHour">Builds of the last hour by active ABI tag, zeros included.</param>
public sealed record FarmStatistics(
    long PackagesBuilt,
    long FilesCount,
    TimeSpan BuildsTime,
    long BuildsSize,
    long NewLastHour,
    long DownloadsLastHour,
    long DownloadsLastMonth,
    long DownloadsAll,
    IReadOnlyDictionary<string, long> BuildsLastHour);

/// <summary>A package in the search index: its downloads of 30 days, and in all.</summary>
public readonly record struct SearchEntry(PackageName Package, long DownloadsRecent, long DownloadsAll);

/// <summary>A package to be registered; the skip reason is empty when it is to be built.</summary>
public sealed record NewPackage(PackageName Package, string Skip = "", string Description = "");

/// <summary>A version to be registered. Without a release date it counts as released now.</summary>
public sealed record NewVersion(Release Release, DateTimeOffset? Released = null, string Skip = "");

/// <summary>A target and why nothing is built for it; the reason is empty when it is active.</summary>
public sealed record TargetRow(Target Target, string Skip);

/// <summary>A target whose change (it was added, skipped, activated or removed) has not taken effect everywhere.</summary>
/// <param name="Removed">Whether it goes when it has.</param>
/// <param name="VersionsDone">For how many versions it has.</param>
/// <param name="Versions">How many there are, by the server's statistics.</param>
/// <param name="Pause">How long the database takes no further step, so that all others have their turn.</param>
public sealed record SettlingTarget(Target Target, bool Removed, long VersionsDone, long Versions, TimeSpan Pause)
{
    /// <summary>How much is done, from 0 to 99: what is done whole is not told of any more.</summary>
    public int Percent => (int)Math.Min(99, VersionsDone * 100 / Math.Max(1, Versions));
}

/// <summary>A rewrite of pages that is owed: what, and since when.</summary>
public sealed record RewritePending(PackageName Package, DateTimeOffset AddedAt, RewriteCommand Command);

/// <summary>Which pages of a package are to be written.</summary>
public enum RewriteCommand
{
    /// <summary>The project page and its JSON.</summary>
    Project,

    /// <summary>The project page and the simple index.</summary>
    Both,
}

/// <summary>A package that a farm with a selection follows.</summary>
/// <param name="Requirement">PEP 508 text of what is wanted of it, e.g. <c>jinja2&gt;=3,&lt;4</c>.</param>
/// <param name="Requested">True when somebody asked for it by name; false when another package depends on it.</param>
/// <param name="Version">The version chosen; null until known.</param>
/// <param name="Message">Why there is none, in words; empty otherwise.</param>
public sealed record SelectionEntry(
    PackageName Package,
    string Requirement,
    bool Requested,
    SelectionState State,
    string? Version,
    string Message);

/// <summary>How far the follower has come with a selected package.</summary>
public enum SelectionState
{
    /// <summary>Not looked up yet.</summary>
    New,

    /// <summary>A version is chosen and registered.</summary>
    Resolved,

    /// <summary>The index does not know the name.</summary>
    Unknown,

    /// <summary>No version of it can be had: nothing matches, or nothing with a source file.</summary>
    Unmatched,
}

/// <summary>A wheel of a selected package whose requirements the follower has not read yet.</summary>
public sealed record UnexaminedFile(long BuildId, PackageName Package, string Filename);

/// <summary>How a selection stands.</summary>
/// <param name="Settled">
/// Nothing is left to do: no entry is new, no file unexamined, nothing is to be built, and no page is owed.
/// </param>
public sealed record SelectionStatus(bool Settled, IReadOnlyList<SelectionProgress> Packages);

/// <summary>One selected package and how its chosen version stands on each target.</summary>
public sealed record SelectionProgress(SelectionEntry Entry, IReadOnlyList<ProjectTarget> Targets);
