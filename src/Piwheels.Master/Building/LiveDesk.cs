using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Building;

/// <summary>
/// What builds print, for those who follow them. What is followed is what there are subscriptions to: of the followers
/// themselves nothing is known, and one who goes without a word has been unsubscribed by libzmq.
/// </summary>
/// <param name="tell">Sends a message to those who follow a topic.</param>
public sealed class LiveDesk(Action<ReadOnlyMemory<byte>, LiveMessage> tell)
{
    /// <summary>
    /// Builds that are followed at a time: each takes as much memory as is kept of it, and its slave sends a piece a second.
    /// </summary>
    public const int FollowedMax = 100;

    /// <summary>The shortest time between two tellings of all that is kept, or of the list.</summary>
    public static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often it is said that a build goes on, for those who would not notice otherwise that it does not.</summary>
    public static readonly TimeSpan BeatInterval = TimeSpan.FromSeconds(10);

    private readonly Dictionary<LiveTopic, SlaveSession> _running = [];
    private readonly Dictionary<LiveTopic, Followed> _followed = [];
    private bool _isListFollowed;
    private bool _isListDue;
    private DateTimeOffset _beat = DateTimeOffset.MinValue;

    /// <summary>Builds that are followed now.</summary>
    public int FollowedCount => _followed.Count;

    /// <summary>A slave was given something to build.</summary>
    public void Began(SlaveSession slave)
    {
        _running[new LiveTopic(slave.Release!.Value, slave.Target)] = slave;
        _isListDue = _isListFollowed;
    }

    /// <summary>Its build has ended, one way or the other.</summary>
    /// <param name="buildId">Its number, where it was recorded.</param>
    public void Ended(SlaveSession slave, Release release, long? buildId = null, bool status = false)
    {
        var topic = new LiveTopic(release, slave.Target);
        if (_running.GetValueOrDefault(topic) != slave) return;
        _running.Remove(topic);
        slave.Live = null;
        if (_followed.Remove(topic, out var followed)) tell(followed.Name, new LiveMessage.Ended(buildId, status));
        _isListDue = _isListFollowed;
    }

    /// <summary>A slave told what its build prints.</summary>
    public void Printed(SlaveSession slave, OutputPiece piece)
    {
        // Nobody may be left by now
        if (slave.Live is not { } log || slave.Release is not { } release || log.Add(piece) is not { } added) return;
        if (_followed.TryGetValue(new LiveTopic(release, slave.Target), out var followed))
            tell(followed.Name, new LiveMessage.Printed(added));
    }

    /// <summary>Somebody subscribed, perhaps not the first, to whatever it is.</summary>
    public void Subscribed(ReadOnlyMemory<byte> name)
    {
        if (name.Span.SequenceEqual(LiveTopic.All.Span)) _isListFollowed = _isListDue = true;
        if (!LiveTopic.TryParse(name.Span, out var topic)) return;
        if (!_running.TryGetValue(topic, out var slave))
        {
            tell(name, new LiveMessage.Ended(null, Status: false));
            return;
        }

        if (!_followed.TryGetValue(topic, out var followed))
        {
            if (_followed.Count >= FollowedMax)
            {
                tell(name, Running(slave, LiveReach.Full));
                return;
            }

            slave.Live = new LiveLog(slave.SendsOutput);
            _followed.Add(topic, followed = new Followed(topic.ToBytes(), slave));
        }

        tell(name, Running(slave, ReachOf(slave)));
        followed.IsKeptDue = true;
    }

    /// <summary>The last who had subscribed is gone.</summary>
    public void Unsubscribed(ReadOnlyMemory<byte> name)
    {
        if (name.Span.SequenceEqual(LiveTopic.All.Span)) _isListFollowed = _isListDue = false;
        if (LiveTopic.TryParse(name.Span, out var topic) && _followed.Remove(topic, out var followed)) followed.Slave.Live = null;
    }

    /// <summary>Tells what is due. To be called every <see cref="TickInterval"/>, and costs nothing while nobody follows.</summary>
    public void Tick(DateTimeOffset now)
    {
        var beats = now - _beat >= BeatInterval;
        if (beats) _beat = now;
        foreach (var followed in _followed.Values)
        {
            if (beats) tell(followed.Name, Running(followed.Slave, ReachOf(followed.Slave)));
            if (!followed.IsKeptDue) continue;
            followed.IsKeptDue = false;
            tell(followed.Name, new LiveMessage.Kept([.. followed.Slave.Live!.Pieces]));
        }

        if (!_isListDue) return;
        _isListDue = false;
        tell(LiveTopic.All, new LiveMessage.Builds(_running.Count, List()));
    }

    private List<LiveBuild> List() =>
    [
        .. _running.OrderByDescending(static build => build.Value.BuildStarted).Take(LiveMessage.BuildsMax)
            .Where(static build => build.Key.IsPlain)
            .Select(build => new LiveBuild(
                build.Key, build.Value.Hello.Label, build.Value.BuildStarted, ReachOf(build.Value))),
    ];

    private static LiveMessage.Running Running(SlaveSession slave, LiveReach reach) =>
        new(slave.Hello.Label, slave.BuildStarted, reach);

    private static LiveReach ReachOf(SlaveSession slave) => slave.SendsOutput ? LiveReach.Followed : LiveReach.Mute;

    private sealed class Followed(ReadOnlyMemory<byte> name, SlaveSession slave)
    {
        public ReadOnlyMemory<byte> Name => name;

        public SlaveSession Slave => slave;

        /// <summary>Whether somebody has come who knows nothing yet.</summary>
        public bool IsKeptDue { get; set; }
    }
}
