using System.Globalization;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Limits;

/// <summary>What the processes of a build use at one moment.</summary>
/// <param name="Tasks">Processes and threads.</param>
/// <param name="MemoryBytes">What they share counts once, when it had to be looked at closely; else as often as it is shared.</param>
/// <param name="CpuTime">Of those that are there and of those that they waited for.</param>
internal readonly record struct TreeUsage(int Tasks, long MemoryBytes, TimeSpan CpuTime)
{
    private const int TicksPerSecond = 100; // USER_HZ, which Linux tells programs whatever its own clock is

    /// <summary>
    /// Adds up. Where processes share memory, the plain sum says too much; only when that is over the limit is the
    /// proportional share asked for, which costs the kernel a walk through their page tables.
    /// </summary>
    public static TreeUsage Measure(IReadOnlyList<ProcessEntry> members, long memoryBytesMax)
    {
        var tasks = 0;
        var memory = 0L;
        var ticks = 0ul;
        foreach (var member in members)
        {
            tasks += Math.Max(1, member.Threads);
            memory += member.ResidentPages * Environment.SystemPageSize;
            ticks += member.CpuTicks;
        }

        if (memory > memoryBytesMax) memory = members.Sum(ProportionalBytes);
        return new TreeUsage(tasks, memory, TimeSpan.FromSeconds((double)ticks / TicksPerSecond));
    }

    /// <summary>The line <c>Pss:  1234 kB</c> of smaps_rollup (Linux 4.14); the whole where it may not be read.</summary>
    private static long ProportionalBytes(ProcessEntry member)
    {
        foreach (var line in (ProcessTable.TryReadText(member.Id, "smaps_rollup") ?? "").Split('\n'))
        {
            if (!line.StartsWith("Pss:", StringComparison.Ordinal)) continue;
            var number = line["Pss:".Length..].Replace("kB", "", StringComparison.Ordinal);
            if (long.TryParse(number, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var kibiBytes))
                return kibiBytes * 1024;
        }

        return member.ResidentPages * Environment.SystemPageSize;
    }
}

/// <summary>What processes hold by their open files alone: nothing in a folder or a memory map tells of it.</summary>
/// <param name="MemoryBytes">Files in memory (memfd_create(2), shared memory).</param>
/// <param name="DiskBytes">Files that were deleted while open.</param>
internal readonly record struct HiddenUsage(long MemoryBytes, long DiskBytes)
{
    private const int BlockBytes = 512;

    public static HiddenUsage Measure(IReadOnlyList<ProcessEntry> members)
    {
        var memory = 0L;
        var disk = 0L;
        var seen = new HashSet<(uint, uint, ulong)>();
        foreach (var member in members)
        {
            foreach (var (path, target) in OpenFiles(member.Id))
            {
                if (!target.EndsWith(" (deleted)", StringComparison.Ordinal)
                    || !FolderCalls.TryGetTarget(path, out var status)
                    || !seen.Add((status.DeviceMajor, status.DeviceMinor, status.Inode)))
                {
                    continue;
                }

                var bytes = (long)status.Blocks * BlockBytes;
                if (target.StartsWith("/memfd:", StringComparison.Ordinal)) memory += bytes;
                else disk += bytes;
            }
        }

        return new HiddenUsage(memory, disk);
    }

    private static IEnumerable<(string Path, string Target)> OpenFiles(int id)
    {
        string[] files;
        try
        {
            files = Directory.GetFiles($"/proc/{id}/fd");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            yield break; // Gone
        }

        foreach (var file in files)
        {
            if (LinkOf(file) is { } target) yield return (file, target);
        }
    }

    private static string? LinkOf(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
