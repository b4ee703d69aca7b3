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
/// <param name="Glibc">The oldest C library of its machines; null where nobody has told.</param>
public sealed record TargetRow(Target Target, string Skip, Glibc? Glibc = null);

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

/// <summary>A release that waits on a target, and is not handed out.</summary>
/// <param name="Skipped">Whether that is a recipe's wish; else no slave can build it as its recipe says.</param>
/// <param name="Reason">Why, at most 500 characters; empty: it is handed out.</param>
public sealed record HeldBuild(Release Release, Target Target, bool Skipped, string Reason)
{
    /// <summary>The longest reason, in characters.</summary>
    public const int ReasonLengthMax = 500;
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
