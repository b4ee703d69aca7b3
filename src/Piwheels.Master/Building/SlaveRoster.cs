using System.Diagnostics.CodeAnalysis;
using Piwheels.Core.States;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Building;

/// <summary>The slaves that the master knows, by the address of their connection.</summary>
public sealed class SlaveRoster
{
    /// <summary>The most slaves at a time.</summary>
    public const int SlavesMax = 20_000;

    /// <summary>
    /// A slave says IDLE at once after its ACK. One that has not for this long makes room where the roster is full, so
    /// that a flood of hellos costs real slaves nothing for longer.
    /// </summary>
    public static readonly TimeSpan GreetedMax = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A slave says something every ten seconds. One that has no build and was silent for this long makes room, too,
    /// whatever time-out it asked for.
    /// </summary>
    public static readonly TimeSpan QuietMax = TimeSpan.FromMinutes(1);

    /// <summary>A slave says HELLO once over a connection. One that does so faster than this is not answered.</summary>
    public static readonly TimeSpan HelloIntervalMin = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often a full roster is searched for those who are silent: a flood of hellos must not have it searched all the
    /// time.
    /// </summary>
    private static readonly TimeSpan SearchInterval = TimeSpan.FromSeconds(1);

    /// <summary>How many unknown addresses are remembered as logged before all are forgotten.</summary>
    public const int StrangersMax = 1_000;

    private readonly int _slavesMax;
    private readonly Dictionary<PeerAddress, SlaveSession> _slaves = [];
    private readonly Dictionary<string, int> _origins = new(StringComparer.Ordinal);
    private readonly HashSet<PeerAddress> _strangers = [];
    private DateTimeOffset _searchFrom = DateTimeOffset.MinValue;
    private int _lastId;

    public SlaveRoster(int slavesMax = SlavesMax) => _slavesMax = slavesMax;

    public int Count => _slaves.Count;

    /// <summary>All slaves in the order of their numbers.</summary>
    public IReadOnlyList<SlaveSession> All => [.. _slaves.Values.OrderBy(static slave => slave.Id)];

    public bool TryFind(PeerAddress address, [NotNullWhen(true)] out SlaveSession? slave) =>
        _slaves.TryGetValue(address, out slave);

    /// <summary>The slaves that a control message is for: the one of that number, or all for null.</summary>
    public IReadOnlyList<SlaveSession> Find(int? id) => id is null ? All : [.. All.Where(slave => slave.Id == id)];

    /// <summary>Whether the session still is the one at its address.</summary>
    public bool IsCurrent(SlaveSession slave) =>
        _slaves.TryGetValue(slave.Address, out var current) && ReferenceEquals(current, slave);

    /// <summary>
    /// Takes a slave in under the next number; null when the roster is full, or it comes again too soon. One that was
    /// known at the address before is gone with that, and told in <paramref name="gone"/>, as is one that had to make
    /// room.
    /// </summary>
    public SlaveSession? Greet(PeerAddress address, SlaveHello hello, DateTimeOffset now, out SlaveSession? gone)
    {
        gone = null;
        if (_slaves.TryGetValue(address, out var known) && now - known.FirstSeen < HelloIntervalMin) return null;
        gone = known;
        if (known is null && _slaves.Count >= _slavesMax)
        {
            gone = WhoGivesWay(PeerOrigin.Of(address), now);
            if (gone is null) return null;
        }

        if (gone is not null) Remove(gone);

        _strangers.Remove(address);
        var session = new SlaveSession(++_lastId, address, hello, now);
        _slaves.Add(address, session);
        _origins[session.Origin] = _origins.GetValueOrDefault(session.Origin) + 1;
        return session;
    }

    /// <summary>
    /// Of those without a build the one silent for longest, if for long; else of the origin that has the most slaves,
    /// where that is not the newcomer's own: who comes with thousands of connections leaves room for others.
    /// </summary>
    private SlaveSession? WhoGivesWay(string origin, DateTimeOffset now)
    {
        var idle = _slaves.Values.Where(static slave => slave is { Release: null, Working: false });
        if (now >= _searchFrom)
        {
            var quiet = idle.Where(slave => now - slave.LastSeen > (slave.LastReply is null ? GreetedMax : QuietMax))
                .MinBy(static slave => slave.LastSeen);
            if (quiet is not null) return quiet;
            _searchFrom = now + SearchInterval;
        }

        var (largest, count) = _origins.MaxBy(static each => each.Value);
        return count > _origins.GetValueOrDefault(origin) + 1
            ? idle.Where(slave => slave.Origin == largest).MinBy(static slave => slave.LastSeen)
            : null;
    }

    /// <summary>Characters of the logs of builds whose files are being sent.</summary>
    public long LogLength => _slaves.Values.Sum(static slave => (long)(slave.Built?.Output.Length ?? 0));

    /// <summary>Forgets a slave; false when it was forgotten already.</summary>
    public bool Remove(SlaveSession slave)
    {
        if (!IsCurrent(slave)) return false;
        _slaves.Remove(slave.Address);
        if (--_origins[slave.Origin] == 0) _origins.Remove(slave.Origin);
        return true;
    }

    /// <summary>Forgets the slaves that have been silent for too long, and answers them.</summary>
    public IReadOnlyList<SlaveSession> Expire(DateTimeOffset now)
    {
        var expired = _slaves.Values.Where(slave => slave.IsExpired(now)).OrderBy(static slave => slave.Id).ToList();
        foreach (var slave in expired) Remove(slave);
        return expired;
    }

    /// <summary>
    /// Whether an unknown address that says something else than HELLO is new. After a restart of the master every slave
    /// does so once, and a peer that goes on must not fill the log.
    /// </summary>
    public bool IsNewStranger(PeerAddress address)
    {
        if (_strangers.Count >= StrangersMax) _strangers.Clear();
        return _strangers.Add(address);
    }
}
