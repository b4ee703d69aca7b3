using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>The build queue held against what a plain query over everything says, both as of one moment.</summary>
/// <param name="Differences">Where they differ, in no particular order.</param>
/// <param name="Lengths">All targets, and counts that belong to none.</param>
public sealed record QueueAudit(IReadOnlyList<QueueDifference> Differences, IReadOnlyList<QueueLength> Lengths)
{
    /// <summary>Whether nothing is wrong.</summary>
    public bool IsClean => Differences.Count == 0 && Lengths.All(length => length.IsRight);
}

/// <summary>A release whose place in the queue of a target is not what it should be.</summary>
/// <param name="Kept">Where the queue has it; null where it does not, but should.</param>
/// <param name="Due">Where it should be; null where it should not be in the queue.</param>
public sealed record QueueDifference(Target Target, Release Release, QueuePlace? Kept, QueuePlace? Due);

/// <summary>What decides when a release's turn comes: its class first (0 asked for, 1 fresh, 2 backlog), then its age.</summary>
public readonly record struct QueuePlace(int Priority, DateTimeOffset Released);

/// <summary>How long a target's queue is.</summary>
/// <param name="Target">Null for a count whose target is gone.</param>
/// <param name="Kept">The rows that the queue has.</param>
/// <param name="Counted">What is told of it, from a counter that each change keeps up to date.</param>
public sealed record QueueLength(Target? Target, long Kept, long Counted)
{
    public bool IsRight => Kept == Counted;
}
