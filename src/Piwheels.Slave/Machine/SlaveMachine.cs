using System.Globalization;
using Piwheels.Core.States;
using Piwheels.Slave.Python;

namespace Piwheels.Slave.Machine;

/// <summary>What a slave tells about the machine that it runs on.</summary>
internal static class SlaveMachine
{
    private const long KibiByte = 1024;
    private const double MilliDegree = 1000;

    /// <summary>How the slave introduces itself.</summary>
    public static SlaveHello Introduce(SlaveConfiguration configuration, PythonFacts python)
    {
        var system = ReadPairs("/etc/os-release", '=');
        return new SlaveHello(
            configuration.Timeout,
            configuration.BusyTimeout,
            python.PyVersion,
            python.Abi,
            python.Platform,
            configuration.Label ?? Environment.MachineName,
            system.GetValueOrDefault("NAME", "Linux").Trim('"'),
            system.GetValueOrDefault("VERSION", "").Trim('"'),
            ReadText("/proc/device-tree/model") ?? "",
            ReadText("/proc/device-tree/serial-number") ?? "").Marked;
    }

    /// <summary>The machine's figures; those of the disk are the build folder's.</summary>
    public static SlaveStats Measure(string folder, DateTimeOffset now)
    {
        var memory = ReadPairs("/proc/meminfo", ':');
        var disk = new DriveInfo(folder);
        return new SlaveStats(
            now,
            disk.TotalSize,
            disk.AvailableFreeSpace,
            Bytes(memory, "MemTotal"),
            Bytes(memory, "MemAvailable"),
            Bytes(memory, "SwapTotal"),
            Bytes(memory, "SwapFree"),
            Number((ReadText("/proc/loadavg") ?? "0").Split(' ')[0]),
            Number(ReadText("/sys/class/thermal/thermal_zone0/temp") ?? "0") / MilliDegree);
    }

    private static long Bytes(Dictionary<string, string> memory, string name) =>
        (long)Number(memory.GetValueOrDefault(name, "0").Split(' ')[0]) * KibiByte;

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : 0;

    private static Dictionary<string, string> ReadPairs(string path, char separator)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in (ReadText(path) ?? "").Split('\n'))
        {
            if (line.IndexOf(separator, StringComparison.Ordinal) is > 0 and var at) pairs[line[..at]] = line[(at + 1)..].Trim();
        }

        return pairs;
    }

    private static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim('\0', '\n', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
