namespace Piwheels.Slave;

/// <summary>Tells somebody that a slave is at work, and not hanging. It begins when the slave has found all that it needs.</summary>
/// <param name="Interval">The longest time between two beats of one that is alive, but for the end of a build.</param>
/// <param name="Beat">Called by the slave's own loop; quick, and throws nothing.</param>
public sealed record Heartbeat(TimeSpan Interval, Action Beat);
