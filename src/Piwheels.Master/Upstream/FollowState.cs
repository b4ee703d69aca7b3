namespace Piwheels.Master.Upstream;

/// <summary>Where following the change log stands.</summary>
/// <param name="Serial">Up to which everything has taken effect.</param>
/// <param name="ReadFrom">Up to which the log was read.</param>
/// <param name="LastSerial">The newest that the log is known to have.</param>
/// <param name="Oldest">
/// When the oldest event happened that was read but has not taken effect; null where all have.
/// </param>
/// <param name="HeldBack">How many events were read but have not taken effect.</param>
/// <param name="ReadAt">When the log was read last.</param>
internal sealed record FollowState(
    long Serial, long ReadFrom, long LastSerial, DateTimeOffset? Oldest, int HeldBack, DateTimeOffset ReadAt)
{
    /// <summary>How many serials the farm is behind the index.</summary>
    internal long LagSerials => Math.Max(0, LastSerial - Serial);

    /// <summary>
    /// How old the oldest event is that has not taken effect; where none is known, how long ago the log was asked. So
    /// it is at least what events are held back for while there are some, and it grows while the index is away.
    /// </summary>
    internal TimeSpan LagAt(DateTimeOffset now)
    {
        var lag = now - (Oldest ?? ReadAt);
        return lag > TimeSpan.Zero ? lag : TimeSpan.Zero;
    }

    /// <summary>Whether all of the log that is known of was read.</summary>
    internal bool AtEnd => ReadFrom >= LastSerial;
}
