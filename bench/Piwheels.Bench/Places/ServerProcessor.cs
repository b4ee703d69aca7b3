using System.Globalization;

namespace Piwheels.Bench.Places;

/// <summary>
/// The processor's time that a server of the bench's own has taken, by all its processes: steadier than the clock on a
/// machine that does other things too.
/// </summary>
internal static class ServerProcessor
{
    /// <summary>Of /proc/PID/stat, counted after the name (proc(5)), which may have blanks in it.</summary>
    private const int ParentField = 1;
    private const int UserField = 11;
    private const int ChildrensSystemField = 14;
    private const double TicksPerSecond = 100;

    /// <param name="folder">The folder of the server.</param>
    public static TimeSpan TimeOf(string folder)
    {
        var pidFile = Path.Combine(folder, "cluster", "postmaster.pid");
        var postmaster = File.ReadLines(pidFile).First().Trim();
        var ticks = 0L;
        foreach (var process in Directory.EnumerateDirectories("/proc").Select(Path.GetFileName))
        {
            if (!char.IsAsciiDigit(process![0]) || Read(process) is not { } fields) continue;
            // With the children that have ended, of which only the postmaster has any
            if (process == postmaster || fields[ParentField] == postmaster)
            {
                ticks += fields[UserField..(ChildrensSystemField + 1)].Sum(
                    f => long.Parse(f, CultureInfo.InvariantCulture));
            }
        }

        return TimeSpan.FromSeconds(ticks / TicksPerSecond);
    }

    private static string[]? Read(string process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            // It has ended
            return null;
        }
    }
}
