using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>Everything that a package's pages show, read in one call. Versions come in no particular order.</summary>
/// <param name="DisplayName">The spelling seen last on the index.</param>
/// <param name="Skip">Why the whole package is not built; empty when it is.</param>
/// <param name="Aliases">All known spellings but the canonical one.</param>
/// <param name="Revision">
/// Which requests for a rewrite this data answers: to be told to <see cref="IDatabase.RewriteDoneAsync"/>.
/// </param>
public sealed record ProjectData(
    PackageName Package,
    string DisplayName,
    string Description,
    string Skip,
    IReadOnlyList<string> Aliases,
    IReadOnlyList<ProjectVersion> Versions,
    long Revision = 0);

/// <summary>One version on the project page.</summary>
/// <param name="Skip">Why it is not built (the version's reason, else the package's); empty when it is.</param>
public sealed record ProjectVersion(
    string Version,
    DateTimeOffset Released,
    bool Yanked,
    string Skip,
    IReadOnlyList<ProjectFile> Files,
    IReadOnlyList<ProjectTarget> Targets)
{
    /// <summary>Upstream's own wheels that the index lists, by the policy of the package.</summary>
    public IReadOnlyList<UpstreamWheel> Linked { get; init; } = [];
}

/// <summary>A row of the table of versions on the project page.</summary>
/// <param name="Skip">Why it is not built (the version's reason, else the package's); empty when it is.</param>
public sealed record ProjectVersionRow(
    string Version, DateTimeOffset Released, bool Yanked, string Skip, IReadOnlyList<ProjectTarget> Targets);

/// <summary>A row of the table of files on the project page.</summary>
public sealed record ProjectFileRow(string Version, bool Yanked, ProjectFile File);

/// <summary>One wheel of a version. The hash is SHA-256 in hexadecimal, the size in bytes.</summary>
/// <param name="AptDependencies">Debian packages needed, less those preinstalled for the ABI that built it.</param>
public sealed record ProjectFile(
    string Filename,
    long FileSize,
    string FileHash,
    string BuilderAbi,
    string FileAbiTag,
    string PlatformTag,
    string? RequiresPython,
    string Location,
    DateTimeOffset BuiltAt,
    IReadOnlyList<string> AptDependencies,
    IReadOnlyList<string> PipDependencies);

/// <summary>How a version stands on a target.</summary>
/// <param name="BuildId">The build to show the log of, if there is one.</param>
public sealed record ProjectTarget(Target Target, TargetState State, long? BuildId)
{
    /// <summary>Why that build failed, or the last attempt of one that is tried again; null where nobody said.</summary>
    public BuildFailure? Failure { get; init; }

    /// <summary>When it is tried again after a failure that says nothing about it; null where it does not wait for that.</summary>
    public DateTimeOffset? RetryAt { get; init; }
}

/// <summary>The states of a version on a target, as the project page shows them.</summary>
public enum TargetState
{
    /// <summary>A file of a good build runs there.</summary>
    Success,

    /// <summary>The last attempt failed.</summary>
    Fail,

    /// <summary>Package, version or target is skipped.</summary>
    Skip,

    /// <summary>It waits for a slave, or for a lower ABI's result.</summary>
    Pending,

    /// <summary>A build is recorded as good, but none of its files is left.</summary>
    Error,

    /// <summary>Upstream has a file that runs there, and it is left to that.</summary>
    Upstream,

    /// <summary>Upstream has a file that runs there, and the index lists it.</summary>
    Linked,
}
