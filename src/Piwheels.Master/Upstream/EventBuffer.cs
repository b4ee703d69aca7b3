namespace Piwheels.Master.Upstream;

/// <summary>
/// Puts the change log's events in the order in which they happened. Serials are not in time order: timestamps jump by
/// days before <see cref="SerialEpoch"/>, and by up to three minutes since. So events are held back, ordered by
/// (timestamp, serial), and handed on once nothing earlier can follow any more.
/// </summary>
/// <remarks>
/// What was handed on by an earlier run is known by one number: <see cref="Serial"/>, the highest serial handed on.
/// Everything that comes before that event in the order was handed on, nothing after it. That holds only where the
/// last event handed on is the one with the highest serial, so events behind it in the order, but with lower serials,
/// wait for the next one that is higher. At the end of a quiet log, where none comes, they wait for
/// <see cref="TailHoldBack"/>; only such an event can be handed on once more, by a run that starts right then.
/// </remarks>
public sealed class EventBuffer
{
    /// <summary>Up to this serial timestamps are of little use: those events go as one lot.</summary>
    public const long SerialEpoch = 628_000;

    /// <summary>How many serials before its own a resumed run reads again.</summary>
    public const long ResumeSerials = 2_000;

    /// <summary>How far the newest timestamp must be past an event's.</summary>
    public static readonly TimeSpan HoldBack = TimeSpan.FromMinutes(5);

    /// <summary>The same for an event whose serial is lower than one handed on already.</summary>
    public static readonly TimeSpan TailHoldBack = TimeSpan.FromMinutes(10);

    private readonly long _start;
    private readonly List<PypiEvent> _waiting = [];
    private PypiEvent? _startEvent;
    private bool _startKnown;
    private bool _epochPassed;
    private bool _endReached;
    private DateTimeOffset _newest = DateTimeOffset.MinValue;

    /// <param name="serial">The last run's <see cref="Serial"/>; 0 for all of the log.</param>
    public EventBuffer(long serial)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(serial);
        _start = serial;
        _startKnown = serial == 0;
        Serial = serial;
        ReadFrom = serial <= SerialEpoch ? 0 : Math.Max(SerialEpoch, serial - ResumeSerials);
        _epochPassed = ReadFrom > 0;
    }

    /// <summary>The serial to ask the log for more after.</summary>
    public long ReadFrom { get; private set; }

    /// <summary>What to start from next time, once all events handed on so far have taken effect.</summary>
    public long Serial { get; private set; }

    /// <summary>How many events are held back.</summary>
    public int Count => _waiting.Count;

    /// <summary>When the first of them in the order happened; null when there is none.</summary>
    public DateTimeOffset? Oldest => _waiting.Count > 0 ? _waiting[0].Timestamp : null;

    /// <summary>
    /// Takes in what the log answered for <see cref="ReadFrom"/>, and hands on what is due. A batch without a new row
    /// says that the log's end is reached. Rows of before <see cref="ReadFrom"/> are passed over.
    /// </summary>
    public IReadOnlyList<PypiEvent> Add(IReadOnlyList<PypiEvent> batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var after = ReadFrom;
        foreach (var e in batch)
        {
            if (e.Serial <= after) continue;
            _waiting.Add(e);
            ReadFrom = Math.Max(ReadFrom, e.Serial);
            if (e.Serial == _start) _startEvent = e;
            Note(e);
        }

        var idle = ReadFrom == after;
        _endReached |= idle;
        _startKnown |= ReadFrom >= _start || _endReached;
        return _startKnown && (_epochPassed || _endReached) ? Take(idle) : [];
    }

    /// <summary>
    /// How many of the events handed on can take effect before the serial is written: up to one whose serial is the
    /// highest so far, since only such a serial says of every event whether it came before.
    /// </summary>
    /// <param name="serial">The highest serial of those before.</param>
    /// <param name="most">The length not to exceed, where there is a way.</param>
    public static int SliceLength(IReadOnlyList<PypiEvent> due, long serial, int most)
    {
        ArgumentNullException.ThrowIfNull(due);
        var length = 0;
        for (var i = 0; i < due.Count && (length == 0 || i < most); i++)
        {
            if (due[i].Serial < serial) continue;
            serial = due[i].Serial;
            length = i + 1;
        }

        return length == 0 ? due.Count : length;
    }

    /// <summary>Keeps the newest timestamp; one of before the epoch says nothing about those after it.</summary>
    private void Note(PypiEvent e)
    {
        if (e.Serial > SerialEpoch && !_epochPassed)
        {
            _epochPassed = true;
            _newest = DateTimeOffset.MinValue;
        }

        if (e.Serial > SerialEpoch || !_epochPassed)
            _newest = e.Timestamp > _newest ? e.Timestamp : _newest;
    }

    private List<PypiEvent> Take(bool idle)
    {
        _waiting.Sort(InOrder);
        var end = 0;
        for (var i = 0; i < _waiting.Count && IsDue(_waiting[i], HoldBack); i++)
        {
            var e = _waiting[i];
            if (e.Serial < Serial && !WasHandedOn(e) && !(idle && IsDue(e, TailHoldBack))) continue;
            Serial = Math.Max(Serial, e.Serial);
            end = i + 1;
        }

        var taken = _waiting.Take(end).Where(e => !WasHandedOn(e)).Distinct().ToList();
        _waiting.RemoveRange(0, end);
        return taken;
    }

    private bool IsDue(PypiEvent e, TimeSpan holdBack) =>
        (_epochPassed && e.Serial <= SerialEpoch) || _newest - e.Timestamp > holdBack;

    /// <summary>
    /// Whether the run before this one handed it on; where its last event is gone, serials must tell.
    /// </summary>
    private bool WasHandedOn(PypiEvent e) =>
        _start > 0 && (_startEvent is null ? e.Serial <= _start : InOrder(e, _startEvent) <= 0);

    private static int InOrder(PypiEvent a, PypiEvent b)
    {
        var order = (a.Serial > SerialEpoch).CompareTo(b.Serial > SerialEpoch);
        if (order == 0) order = a.Timestamp.CompareTo(b.Timestamp);
        return order != 0 ? order : a.Serial.CompareTo(b.Serial);
    }
}
