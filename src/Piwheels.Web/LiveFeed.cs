using System.Text;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Web;

/// <summary>
/// Follows on the master's live queue what somebody looks at, and for a moment longer, so that who loads a page again finds
/// what was there.
/// </summary>
internal sealed class LiveFeed : TaskLoop
{
    /// <summary>Builds followed at a time, with what is kept of each; less than a master lets follow.</summary>
    internal const int WatchesMax = 50;

    /// <summary>
    /// Things that are begun to be followed in a second: each is a question to the master, which has slaves to speak to.
    /// </summary>
    internal const int NewInSecondMax = 100;

    /// <summary>How long something is followed when nobody looks at it any more.</summary>
    internal static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    // One that is handed over, and not taken in at once, is of 64 KB
    private const int MessagesMax = 200;
    private const int MessageBytesMax = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly TopicSubscriber<LiveMessage> _queue;
    private DateTimeOffset _second;
    private int _newInSecond;

    internal LiveFeed(string address, TaskEnvironment environment)
        : base("live_feed", environment)
    {
        _queue = ConnectTopics<LiveMessage>(
            address, Hear, new SocketOptions { ReceiveHighWaterMark = MessagesMax, MaxMessageBytes = MessageBytesMax });
        Every(SweepInterval, Sweep);
    }

    /// <summary>Things followed now, looked at or not.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _entries.Count;
        }
    }

    /// <summary>Begins to look at something; from any thread.</summary>
    /// <returns>To be disposed when it is looked at no more; null where too much else is followed.</returns>
    internal Lease? Follow(ReadOnlyMemory<byte> topic)
    {
        var name = Encoding.ASCII.GetString(topic.Span);
        lock (_lock)
        {
            if (!_entries.TryGetValue(name, out var entry))
            {
                if (!MayBegin() || (_entries.Count >= WatchesMax && !MakeRoom())) return null;
                entry = new Entry(name, topic, new LiveWatch(Time));
                _entries.Add(name, entry);
                Post(() => _queue.Follow(topic));
            }

            entry.Readers++;
            return new Lease(entry.Watch, () => Return(entry));
        }
    }

    private void Hear(ReadOnlyMemory<byte> topic, LiveMessage message)
    {
        Entry? entry;
        lock (_lock) entry = _entries.GetValueOrDefault(Encoding.ASCII.GetString(topic.Span));
        entry?.Watch.Hear(message);
    }

    private void Return(Entry entry)
    {
        lock (_lock)
        {
            if (--entry.Readers > 0) return;
            entry.LeftAt = Now;
            // It may run again, and who asks then shall hear that
            if (entry.Watch.Look().HasEnded) Leave(entry);
        }
    }

    private Task Sweep()
    {
        lock (_lock)
        {
            foreach (var entry in _entries.Values.Where(entry => entry.Readers == 0 && Now - entry.LeftAt >= LingerTime).ToList())
                Leave(entry);
        }

        return Task.CompletedTask;
    }

    private bool MayBegin()
    {
        if (Now - _second >= TimeSpan.FromSeconds(1)) (_second, _newInSecond) = (Now, 0);
        return _newInSecond++ < NewInSecondMax;
    }

    private bool MakeRoom()
    {
        var oldest = _entries.Values.Where(static entry => entry.Readers == 0).MinBy(static entry => entry.LeftAt);
        if (oldest is not null) Leave(oldest);
        return oldest is not null;
    }

    private void Leave(Entry entry)
    {
        _entries.Remove(entry.Name);
        Post(() => _queue.Leave(entry.Topic));
    }

    private sealed class Entry(string name, ReadOnlyMemory<byte> topic, LiveWatch watch)
    {
        public string Name => name;

        public ReadOnlyMemory<byte> Topic => topic;

        public LiveWatch Watch => watch;

        public int Readers { get; set; }

        public DateTimeOffset LeftAt { get; set; }
    }

    /// <summary>Somebody looks at something.</summary>
    internal sealed class Lease : IDisposable
    {
        private Action? _return;

        internal Lease(LiveWatch watch, Action giveBack)
        {
            Watch = watch;
            _return = giveBack;
        }

        internal LiveWatch Watch { get; }

        public void Dispose() => Interlocked.Exchange(ref _return, null)?.Invoke();
    }
}
