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
    public static TimeSpan TimeOf(string folder) => TimeSpan.FromSeconds(
        // With the children that have ended, of which only the postmaster has any
        StatisticsOf(folder).Sum(static process => process.Fields[UserField..(ChildrensSystemField + 1)].Sum(
            static field => long.Parse(field, CultureInfo.InvariantCulture))) / TicksPerSecond);

    /// <summary>The numbers of its processes, the postmaster's first.</summary>
    public static IReadOnlyList<string> ProcessesOf(string folder) =>
        [.. StatisticsOf(folder).Select(static process => process.Number)];

    private static IEnumerable<(string Number, string[] Fields)> StatisticsOf(string folder)
    {
        var postmaster = File.ReadLines(Path.Combine(folder, "cluster", "postmaster.pid")).First().Trim();
        if (Read(postmaster) is { } own) yield return (postmaster, own);
        foreach (var process in Directory.EnumerateDirectories("/proc").Select(Path.GetFileName))
        {
            if (char.IsAsciiDigit(process![0]) && Read(process) is { } fields && fields[ParentField] == postmaster)
                yield return (process, fields);
        }
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
