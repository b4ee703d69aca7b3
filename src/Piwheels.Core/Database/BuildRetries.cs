using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Core.Database;

/// <summary>The part of <see cref="IDatabase"/> that is about builds which failed for a reason that passes.</summary>
public interface IBuildRetries
{
    /// <summary>
    /// Has a failed build tried again later, and nothing recorded of it; answers when. Null when it was tried often
    /// enough, or when a source is not there a day after its release: then it is to be recorded as it is.
    /// </summary>
    /// <param name="build">With its target and <see cref="BuildState.Failure"/>.</param>
    /// <param name="delays">Before the second attempt, the third, and so on; there are no more than that.</param>
    /// <param name="request">Its number, as for <see cref="IDatabase.LogBuildAsync"/>.</param>
    /// <exception cref="DatabaseException">An unknown release or target.</exception>
    Task<DateTimeOffset?> DeferBuildAsync(BuildState build, IReadOnlyList<TimeSpan> delays, Guid? request = null);

    /// <summary>Brings deferred builds back into the queue whose time has come, some at a time; answers how many.</summary>
    Task<long> ResumeBuildsAsync(int limit = 1000);
}

/// <summary>A build that failed for a reason that passes, and is tried again.</summary>
/// <param name="Attempts">How many there were since the last one that was recorded.</param>
/// <param name="Held">Whether it waits for its time; else it waits for a slave.</param>
/// <param name="RetryAt">When it is, or was, its time.</param>
/// <param name="BuiltBy">The number of the slave that tried it last.</param>
public sealed record DeferredBuild(
    Release Release,
    Target Target,
    int Attempts,
    bool Held,
    DateTimeOffset RetryAt,
    DateTimeOffset FailedAt,
    int BuiltBy,
    BuildFailure Failure);
