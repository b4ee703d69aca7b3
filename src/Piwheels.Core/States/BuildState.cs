using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;

namespace Piwheels.Core.States;

/// <summary>A finished attempt to build one release on one target.</summary>
/// <param name="SlaveId">The master's number for the slave; 0 for an import.</param>
/// <param name="Package">The package that the build was asked for.</param>
/// <param name="Version">The version that the build was asked for.</param>
/// <param name="AbiTag">The ABI it was tried on; null in an import that leaves it to the master. Never <c>none</c>.</param>
/// <param name="Status">Whether the build succeeded.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Output">The build's log.</param>
/// <param name="Files">The wheels it made, in file name order.</param>
/// <param name="PlatformTag">The platform it was tried on; null when not known (not part of the public wire).</param>
/// <param name="BuildId">Its number in the database; null until recorded.</param>
public sealed record BuildState(
    int SlaveId,
    string Package,
    string Version,
    string? AbiTag,
    bool Status,
    TimeSpan Duration,
    string Output,
    IReadOnlyList<FileState> Files,
    string? PlatformTag = null,
    long? BuildId = null)
{
    /// <summary>Why it failed, as its log's last lines say; null after a success, and where they do not say.</summary>
    public BuildFailure? Failure { get; init; }
}
