using System.Globalization;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Limits;

/// <summary>Starts a command with the limits that the kernel holds for each process (setrlimit(2)), by prlimit of util-linux.</summary>
internal static class LimitLauncher
{
    private const int CpuGraceSeconds = 5; // SIGXCPU comes first, SIGKILL after this

    /// <param name="tasksOutside">
    /// Processes and threads of the same user that are none of the build's: the kernel counts them with it, unless the build
    /// is in a user namespace of its own.
    /// </param>
    public static IReadOnlyList<string> Command(ResourceLimits limits, int tasksOutside, IReadOnlyList<string> command)
    {
        var hard = HardLimits();
        var cpu = (long)Math.Ceiling(limits.CpuTimeMax.TotalSeconds);
        return
        [
            "/usr/bin/prlimit",
            Limit("nproc", "Max processes", limits.Processes + tasksOutside),
            Limit("fsize", "Max file size", limits.FileBytes),
            Limit("nofile", "Max open files", limits.OpenFiles),
            Limit("cpu", "Max cpu time", cpu, CpuGraceSeconds),
            "--core=0",
            .. command,
        ];

        string Limit(string name, string row, long value, int grace = 0)
        {
            var most = hard.GetValueOrDefault(row, long.MaxValue);
            return string.Create(
                CultureInfo.InvariantCulture, $"--{name}={Math.Min(value, most)}:{Math.Min(value + grace, most)}");
        }
    }

    /// <summary>Processes and threads that this user has now.</summary>
    public static int CountOwnTasks()
    {
        var own = Field(ProcessTable.TryReadText(Environment.ProcessId, "status"), "Uid:");
        var tasks = 0;
        foreach (var process in ProcessTable.Read())
        {
            if (Field(ProcessTable.TryReadText(process.Id, "status"), "Uid:") == own) tasks += Math.Max(1, process.Threads);
        }

        return tasks;
    }

    private static string? Field(string? status, string name) =>
        status?.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split('\t')[1];

    /// <summary>What nobody here can raise, by the names of /proc/self/limits; without those that are unlimited.</summary>
    private static Dictionary<string, long> HardLimits()
    {
        var limits = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in (ProcessTable.TryReadText(Environment.ProcessId, "limits") ?? "").Split('\n'))
        {
            // Columns: the name to 26, the soft limit to 47, the hard limit to 68
            if (line.Length < 68) continue;
            if (long.TryParse(line.AsSpan(47, 21).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var hard))
                limits[line[..26].Trim()] = hard;
        }

        return limits;
    }
}
