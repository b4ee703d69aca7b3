using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Up;

/// <summary>Where `piw up` shows what happens.</summary>
internal interface IFarmView : IDisposable
{
    /// <summary>A line of its own, kept.</summary>
    void Say(string line);

    /// <summary>A release was begun.</summary>
    void Began(RunningBuild build);

    /// <summary>A release was built, or failed for good, on a target.</summary>
    void Ended(BuildOutcome outcome);

    /// <summary>How everything stands now.</summary>
    void Show(FarmSnapshot snapshot);
}

/// <summary>How a build came out.</summary>
/// <param name="Reason">Why it failed; empty when it did not.</param>
internal sealed record BuildOutcome(Release Release, ProjectTarget Target, TimeSpan? Duration, string Reason)
{
    public bool Good => Target.State is TargetState.Success or TargetState.Upstream or TargetState.Linked;
}

/// <summary>The farm at one moment.</summary>
internal sealed record FarmSnapshot(
    IReadOnlyList<RunningBuild> Running, int Built, int Failed, int Pending, int LookedUp, int Known, TimeSpan Elapsed,
    DateTimeOffset Now);
