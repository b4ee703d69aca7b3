using System.Globalization;

namespace Piwheels.Bench.Places;

/// <summary>What the kernel knows of one process (proc(5)).</summary>
internal static class ProcessFigures
{
    private const int UserField = 11;
    private const int EndedChildrenField = 13;
    private const double TicksPerSecond = 100;

    /// <summary>The processor's time that it has taken.</summary>
    public static TimeSpan ProcessorTime(int pid) => Time($"/proc/{pid}/stat");

    /// <summary>The same of all processes that this one has started and that have ended.</summary>
    public static TimeSpan ProcessorTimeOfEnded() => Time("/proc/self/stat", EndedChildrenField);

    /// <summary>The same by its threads' names; those of one name together.</summary>
    public static IReadOnlyDictionary<string, TimeSpan> ProcessorTimeOfThreads(int pid)
    {
        var times = new Dictionary<string, TimeSpan>(StringComparer.Ordinal);
        foreach (var thread in Directory.GetDirectories($"/proc/{pid}/task"))
        {
            try
            {
                var name = File.ReadAllText($"{thread}/comm").Trim();
                times[name] = times.GetValueOrDefault(name) + Time($"{thread}/stat");
            }
            catch (IOException)
            {
                // It has ended
            }
        }

        return times;
    }

    /// <summary>Megabytes of memory that it has now, and had at most.</summary>
    public static (long Now, long Most) ResidentMegabytes(int pid)
    {
        var status = File.ReadAllLines($"/proc/{pid}/status");
        return (Kilobytes(status, "VmRSS:") >> 10, Kilobytes(status, "VmHWM:") >> 10);
    }

    private static long Kilobytes(string[] status, string name) => long.Parse(
        status.First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal),
        NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);

    // The user's time is at the field, the system's after it
    private static TimeSpan Time(string path, int field = UserField)
    {
        var text = File.ReadAllText(path);
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = long.Parse(fields[field], CultureInfo.InvariantCulture)
            + long.Parse(fields[field + 1], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(ticks / TicksPerSecond);
    }
}
