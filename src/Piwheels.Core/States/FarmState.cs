using Piwheels.Core.Packaging;

namespace Piwheels.Core.States;

/// <summary>How a farm is, at the moment when its master was asked.</summary>
/// <param name="Started">When the master began.</param>
/// <param name="Paused">Somebody has paused its tasks.</param>
/// <param name="DiskLow">No builds are given out, since too little is free where wheels are published.</param>
/// <param name="DatabaseTrouble">Why the database does not answer; empty where it does.</param>
/// <param name="Queue">Releases that wait, for each target; empty where the database does not answer.</param>
/// <param name="Slaves">Slaves by what they do: <c>greeted</c>, <c>sleeping</c>, <c>building</c>, <c>sending</c>,
/// <c>done</c>, <c>dying</c>.</param>
/// <param name="Upstream">Where following the index stands; null where its log is not followed, or not read yet.</param>
/// <param name="Stats">The last figures that monitors heard; null while there are none.</param>
public sealed record FarmState(
    DateTimeOffset Started,
    bool Paused,
    bool DiskLow,
    string DatabaseTrouble,
    IReadOnlyList<WaitingReleases> Queue,
    IReadOnlyDictionary<string, long> Slaves,
    UpstreamState? Upstream,
    MasterStats? Stats);

/// <summary>How many releases wait to be built for a target.</summary>
public readonly record struct WaitingReleases(Target Target, long Count);

/// <summary>Where following the index stands.</summary>
/// <param name="Serial">The serial up to which everything has taken effect.</param>
/// <param name="LagSerials">Serials between that and the index's newest.</param>
/// <param name="Lag">Age of the oldest event of the index that has not taken effect; at least the time since its log was
/// read.</param>
public sealed record UpstreamState(long Serial, long LagSerials, TimeSpan Lag);
