using System.Globalization;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Limits;

/// <summary>What a build was seen to use, and what its machine has left.</summary>
/// <param name="MemoryFree">What the machine could still give to programs, in bytes.</param>
/// <param name="DiskFree">What the build folder's disk has left, in bytes.</param>
internal readonly record struct BuildUsage(
    TreeUsage Tree, HiddenUsage Hidden, FolderUsage Folder, long OutputBytes, long MemoryFree, long DiskFree);

/// <summary>Holds what a build uses against its limits.</summary>
internal static class LimitCheck
{
    /// <summary>Of the machine's memory, the part that no build gets: what cannot be seen of a build eats that, too.</summary>
    public const int MemoryReserveDivisor = 64;

    /// <summary>What stays free on the disk, in bytes.</summary>
    public const long DiskReserveBytes = 64L << 20;

    private static readonly long MemoryReserve = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MemoryReserveDivisor;

    /// <summary>The limit that is reached; null while there is none.</summary>
    public static BuildEnding.LimitReached? Of(BuildUsage usage, ResourceLimits limits)
    {
        var memory = usage.Tree.MemoryBytes + usage.Hidden.MemoryBytes;
        var disk = usage.Folder.Bytes + usage.Hidden.DiskBytes;
        if (memory > limits.MemoryBytesMax)
            return Stopped(BuildLimit.Memory, $"it took {Bytes(memory)} of memory and may take {Bytes(limits.MemoryBytesMax)}");
        if (usage.MemoryFree < MemoryReserve)
            return Stopped(BuildLimit.Memory, $"the machine had only {Bytes(usage.MemoryFree)} of memory left, the build took {Bytes(memory)} that can be seen");
        if (usage.Tree.Tasks >= limits.Processes)
            return Stopped(BuildLimit.Processes, $"it came to {limits.Processes} processes and threads, the most that it may have");
        if (usage.Tree.CpuTime > limits.CpuTimeMax)
            return CpuTime(limits);
        if (usage.Folder.LargestFile >= limits.FileBytes)
            return FileSize(limits);
        if (disk > limits.FolderBytes)
            return Stopped(BuildLimit.Disk, $"its folder took {Bytes(disk)} of the disk and may take {Bytes(limits.FolderBytes)}");
        if (usage.Folder.IsTooDeep)
            return Stopped(BuildLimit.Disk, $"its folders are nested more than {FolderUsage.DepthMax} deep");
        if (usage.DiskFree < DiskReserveBytes)
            return Stopped(BuildLimit.Disk, $"the disk had only {Bytes(usage.DiskFree)} left, the build's folder took {Bytes(disk)}");
        if (usage.OutputBytes > limits.OutputBytes)
            return Stopped(BuildLimit.Output, $"it wrote more than {Bytes(limits.OutputBytes)} to its log");
        return null;
    }

    public static BuildEnding.LimitReached WallTime(ResourceLimits limits) => new(
        BuildLimit.WallTime, $"the build was stopped after {Duration(limits.WallTime)}, the longest that it may take");

    public static BuildEnding.LimitReached CpuTime(ResourceLimits limits) => Stopped(
        BuildLimit.CpuTime, $"it used the processors for {Duration(limits.CpuTimeMax)}, the longest that it may");

    public static BuildEnding.LimitReached FileSize(ResourceLimits limits) => new(
        BuildLimit.FileSize, $"the build came to a file of {Bytes(limits.FileBytes)}, the largest that it may write");

    private static BuildEnding.LimitReached Stopped(BuildLimit limit, string why) => new(limit, $"the build was stopped: {why}");

    internal static string Bytes(long bytes) => bytes switch
    {
        >= 10L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.#} GiB"),
        >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0.#} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#} KiB"),
    };

    internal static string Duration(TimeSpan duration) => duration.TotalMinutes >= 2
        ? string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMinutes:0.#} minutes")
        : string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.#} seconds");
}
