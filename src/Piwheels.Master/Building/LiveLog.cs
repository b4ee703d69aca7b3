using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Building;

/// <summary>What a build prints, while somebody follows it: when its slave is asked, and what it said last.</summary>
/// <param name="sends">Whether its slave can be asked.</param>
public sealed class LiveLog(bool sends)
{
    /// <summary>How often a slave is asked: with what a piece may hold, also the most bytes that it may send in a time.</summary>
    public static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(1);

    // A slave keeps the interval by its own clock, and its words take their time
    private static readonly TimeSpan Tolerance = AskInterval / 4;

    private readonly OutputTail _tail = new();
    private DateTimeOffset _asked = DateTimeOffset.MinValue;

    /// <summary>Whether its slave can be asked.</summary>
    public bool Sends => sends;

    public IReadOnlyList<OutputPiece> Pieces => _tail.Pieces;

    /// <summary>What to answer BUSY: null where it is CONT.</summary>
    public SlaveReply.Tail? Ask(DateTimeOffset now)
    {
        if (!sends || now - _asked < AskInterval - Tolerance) return null;
        _asked = now;
        return new SlaveReply.Tail(_tail.End, AskInterval);
    }

    /// <summary>Takes what the slave said; answers what of it is new.</summary>
    public OutputPiece? Add(OutputPiece piece) => _tail.Add(piece);
}
