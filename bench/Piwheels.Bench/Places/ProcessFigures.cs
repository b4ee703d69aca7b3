using System.Globalization;

namespace Piwheels.Bench.Places;

/// <summary>What the kernel knows of one process (proc(5)).</summary>
internal static class ProcessFigures
{
    private const int UserField = 11;
    private const int SystemField = 12;
    private const double TicksPerSecond = 100;

    /// <summary>The processor's time that it has taken.</summary>
    public static TimeSpan ProcessorTime(int pid) => Time($"/proc/{pid}/stat");

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

    private static TimeSpan Time(string path)
    {
        var text = File.ReadAllText(path);
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = long.Parse(fields[UserField], CultureInfo.InvariantCulture)
            + long.Parse(fields[SystemField], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(ticks / TicksPerSecond);
    }
}
