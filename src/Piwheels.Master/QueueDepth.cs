using Piwheels.Master.Building;

namespace Piwheels.Master;

/// <summary>
/// How far into each target's queue is read. What is being built stands at its head, and is not handed out twice: so that is
/// read past, and further the more slaves there are. Told by SlaveDriver, read by TheArchitect, each on its own thread.
/// </summary>
public sealed class QueueDepth
{
    /// <summary>Releases that are read for each target however little is being built.</summary>
    public const int Least = 1000;

    /// <summary>Releases that are read for each target at most.</summary>
    public const int Most = Least + (2 * SlaveRoster.SlavesMax);

    private volatile int _releases = Least;

    /// <summary>Releases to be read for each target.</summary>
    public int Releases => _releases;

    /// <summary>As many again as are built stand ready, for those who end before the queue is read the next time.</summary>
    /// <param name="building">Builds of the target that has most of them under way.</param>
    public void Note(int building) => _releases = Math.Min(Least + (2 * building), Most);
}
