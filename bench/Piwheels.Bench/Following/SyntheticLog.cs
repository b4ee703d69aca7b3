using System.Globalization;

namespace Piwheels.Bench.Following;

/// <summary>
/// The change log of made-up projects, each event worked out from its place, so that millions of them take no memory.
/// First every project is created and makes its first release (4 events), then every project makes its second (2), and
/// so on; a last round has one event for each: a wheel for most, removals and yanks for some. Two events a second. At
/// the end comes an event that only moves the time on, so that a follower hands on all before it.
/// </summary>
/// <param name="packages">How many projects.</param>
/// <param name="versions">How many releases of each.</param>
internal sealed class SyntheticLog(int packages, int versions)
{
    /// <summary>The first event's serial: later than those whose times jump.</summary>
    public const long FirstSerial = 1_000_001;

    private const int EventsOfFirstRelease = 4;
    private const int EventsOfRelease = 2;

    /// <summary>2023-01-01, in Unix time.</summary>
    private const long Start = 1_672_531_200;

    /// <summary>Longer than any follower holds events back, in seconds.</summary>
    private const long Pause = 601;

    private static readonly string[] Heads =
        ["amber", "brisk", "calm", "deft", "eager", "fuzzy", "giddy", "hasty", "icy", "jolly", "keen", "lucid"];

    private static readonly string[] Tails =
        ["api", "bot", "cache", "data", "etl", "flow", "graph", "http", "index", "json", "kit", "log", "mesh"];

    /// <summary>How many events there are, without the last that moves the time on.</summary>
    public long Count { get; } = (long)packages * (EventsOfFirstRelease + EventsOfRelease * (versions - 1) + 1);

    /// <summary>The serial of the last one.</summary>
    public long LastSerial => FirstSerial + Count - 1;

    /// <summary>The event with a serial, up to the one after the last.</summary>
    public (string Name, string? Version, long Seconds, string Action) At(long serial)
    {
        var place = serial - FirstSerial;
        var seconds = Start + place / 2;
        if (place == Count) return ("bench-clock", null, seconds + Pause, "add Owner clock");
        var (name, version, action) = EventAt(place);
        return (name, version, seconds, action);
    }

    private (string Name, string? Version, string Action) EventAt(long place)
    {
        var first = (long)packages * EventsOfFirstRelease;
        if (place < first)
        {
            var (package, step) = ((int)(place / EventsOfFirstRelease), place % EventsOfFirstRelease);
            var name = NameOf(package);
            return step switch
            {
                0 => (name, null, "create"),
                1 => (name, null, "add Owner someone"),
                2 => (name, VersionOf(0), "new release"),
                _ => (name, VersionOf(0), Upload(package, name, 0)),
            };
        }

        var round = (long)packages * EventsOfRelease;
        var number = (int)((place - first) / round) + 1;
        if (number < versions)
        {
            var rest = (place - first) % round;
            var package = (int)(rest / EventsOfRelease);
            var name = NameOf(package);
            return (name, VersionOf(number), rest % EventsOfRelease == 0 ? "new release" : Upload(package, name, number));
        }

        return LastOf((int)(place - first - round * (versions - 1)));
    }

    /// <summary>One project in a hundred goes, of two the last release; three have one yanked.</summary>
    private (string Name, string? Version, string Action) LastOf(int package)
    {
        var name = NameOf(package);
        var last = VersionOf(versions - 1);
        return Lot(package) switch
        {
            0 => (name, null, "remove project"),
            1 or 2 => (name, last, "remove release"),
            3 or 4 or 5 => (name, VersionOf(0), "yank release"),
            6 => (name, last, "unyank release"),
            _ => (name, last, $"add py3 file {name}-{last}-py3-none-any.whl"),
        };
    }

    /// <summary>One in nine is spelt in another way than the canonical one.</summary>
    private static string NameOf(int package)
    {
        var head = Heads[package % Heads.Length];
        var tail = Tails[package / Heads.Length % Tails.Length];
        return package % 9 == 4
            ? $"{char.ToUpperInvariant(head[0])}{head[1..]}_{tail}.{package}"
            : $"{head}-{tail}-{package}";
    }

    private static string VersionOf(int number) => string.Create(CultureInfo.InvariantCulture, $"0.{number + 1}.0");

    /// <summary>One release in ten has no source file.</summary>
    private static string Upload(int package, string name, int number) => Lot(package * 31 + number) < 10
        ? $"add cp311 file {name}-{VersionOf(number)}-cp311-cp311-any.whl"
        : $"add source file {name}-{VersionOf(number)}.tar.gz";

    /// <summary>0 to 99, the same for the same number.</summary>
    private static int Lot(int number) => (int)((ulong)unchecked((uint)number * 2654435761u) * 100 >> 32);
}
