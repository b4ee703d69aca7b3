namespace Piwheels.Master.Building;

/// <summary>
/// The origins whose slaves take builds and never end them. A build that is lost waits for longer each time, so somebody
/// who takes one after the other and goes away could keep the whole queue waiting: from then on he gets none.
/// </summary>
internal sealed class LossBook
{
    /// <summary>Builds that an origin may lose in a row; more than a machine has slaves, as a rule.</summary>
    public const int LossesMax = 10;

    /// <summary>How long it then gets nothing; double the next time, as long as it has ended no build in between.</summary>
    public static readonly TimeSpan PauseMin = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan PauseMax = TimeSpan.FromHours(1);

    /// <summary>How long an origin is remembered after its last loss.</summary>
    public static readonly TimeSpan RememberedFor = TimeSpan.FromHours(3);

    /// <summary>Origins remembered; of more the one longest ago is forgotten.</summary>
    public const int OriginsMax = 10_000;

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public int Count => _entries.Count;

    /// <summary>Whether an origin may be given a build.</summary>
    public bool MayBuild(string origin, DateTimeOffset now) =>
        !_entries.TryGetValue(origin, out var entry) || now >= entry.Until;

    /// <summary>A slave of the origin went away, or talked nonsense, with a build.</summary>
    /// <returns>Until when the origin gets none, where that begins now; else null.</returns>
    public DateTimeOffset? Lost(string origin, DateTimeOffset now)
    {
        var entry = _entries.GetValueOrDefault(origin);
        if (now - entry.At > RememberedFor) entry = default;
        // What it had been given before counts once
        if (now < entry.Until) return null;
        entry = entry with { At = now, Losses = entry.Losses + 1 };
        if (entry.Losses >= LossesMax)
        {
            var pause = PauseMin * Math.Pow(2, Math.Min(entry.Bouts, 10));
            entry = new Entry(now, 0, entry.Bouts + 1, now + (pause < PauseMax ? pause : PauseMax));
        }

        if (_entries.Count >= OriginsMax && !_entries.ContainsKey(origin)) Forget(now);
        _entries[origin] = entry;
        return entry.Losses == 0 ? entry.Until : null;
    }

    /// <summary>A build of the origin has ended, well or not.</summary>
    public void Ended(string origin) => _entries.Remove(origin);

    private void Forget(DateTimeOffset now)
    {
        foreach (var (origin, entry) in _entries)
        {
            if (now - entry.At > RememberedFor) _entries.Remove(origin);
        }

        if (_entries.Count >= OriginsMax) _entries.Remove(_entries.MinBy(static each => each.Value.At).Key);
    }

    /// <param name="At">Its last loss.</param>
    /// <param name="Losses">In a row, since the last pause.</param>
    /// <param name="Bouts">How many pauses there were.</param>
    private readonly record struct Entry(DateTimeOffset At, int Losses, int Bouts, DateTimeOffset Until);
}
