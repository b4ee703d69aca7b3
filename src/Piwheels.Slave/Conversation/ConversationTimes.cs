namespace Piwheels.Slave.Conversation;

/// <summary>How often a slave speaks, and how long it waits for an answer.</summary>
internal sealed record ConversationTimes
{
    public static readonly TimeSpan IntervalMin = TimeSpan.FromSeconds(5);
    public static readonly TimeSpan IntervalMax = TimeSpan.FromSeconds(10);

    /// <summary>The shortest time between two words of a build that is followed, whatever the master would like.</summary>
    public static readonly TimeSpan FollowedIntervalMin = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest silence of a master that a build is kept for.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The longest silence of a master when no build would be lost. Shorter, since a restarted master does not know its
    /// slaves, and answers none that does not introduce itself again.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long to wait before knocking again where the master does not let this slave in: until somebody has entered its
    /// key, say.
    /// </summary>
    public TimeSpan TurnedAwayPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an answer that is due is waited for before leaving without a BYE.</summary>
    public TimeSpan ByeTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long to rest when there is nothing to build; between 5 and 10 seconds when null.</summary>
    public TimeSpan? IdleInterval { get; init; }

    /// <summary>How often to say that a build goes on; every 5 to 10 seconds when null.</summary>
    public TimeSpan? BusyInterval { get; init; }

    /// <summary>How often to say so while files are sent: just often enough for the master not to forget the slave.</summary>
    public TimeSpan SendingInterval => BusyTimeout / 4;

    /// <summary>How long to wait for an answer.</summary>
    public TimeSpan AnswerTimeout(bool withBuild) => withBuild || BusyTimeout < IdleTimeout ? BusyTimeout : IdleTimeout;
}
