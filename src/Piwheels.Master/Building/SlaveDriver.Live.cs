using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Building;

/// <summary>Those who follow builds, by a queue of their own; without it no slave is ever asked what it prints.</summary>
public sealed partial class SlaveDriver
{
    /// <summary>
    /// Messages that wait for a follower who takes nothing in, of some 64 KB; the next are lost to it, and it sees a gap.
    /// </summary>
    private const int MessagesPerFollowerMax = 200;

    private readonly LiveDesk? _live;

    /// <summary>Builds that somebody follows.</summary>
    internal int FollowedCount => _live?.FollowedCount ?? 0;

    private LiveDesk? BindLive(string address)
    {
        if (address.Length == 0) return null;
        TopicPublisher<LiveMessage>? followers = null;
        var desk = new LiveDesk((topic, message) => followers!.Send(topic, message));
        followers = BindTopics<LiveMessage>(
            address, desk.Subscribed, desk.Unsubscribed,
            new SocketOptions
            {
                GroupWritable = true,
                HighWaterMark = MessagesPerFollowerMax,
                MaxMessageBytes = LiveTopic.BytesMax + 1,
            });
        EveryEvenPaused(LiveDesk.TickInterval, () =>
        {
            desk.Tick(Now);
            return Task.CompletedTask;
        });
        return desk;
    }
}
