namespace Piwheels.Slave.Limits;

/// <summary>What one build may use: all its processes together, unless it says otherwise.</summary>
public sealed record ResourceLimits
{
    /// <summary>The shortest time that a build gets on the processors, however short its time on the clock is.</summary>
    private static readonly TimeSpan CpuTimeMin = TimeSpan.FromMinutes(1);

    private const long GibiByte = 1L << 30;

    /// <summary>Time on the clock.</summary>
    public TimeSpan WallTime { get; init; } = TimeSpan.FromHours(3);

    /// <summary>Time on the processors, of all processes; null: <see cref="WallTime"/> on each processor.</summary>
    public TimeSpan? CpuTime { get; init; }

    /// <summary>Memory, in bytes; null: <see cref="MemoryBytesUnlessNamed"/>.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Processes and threads at a time.</summary>
    public int Processes { get; init; } = 1_024;

    /// <summary>Files that one process has open.</summary>
    public int OpenFiles { get; init; } = 4_096;

    /// <summary>The largest file, in bytes.</summary>
    public long FileBytes { get; init; } = 8 * GibiByte;

    /// <summary>The build folder with all in it, in bytes of the disk.</summary>
    public long FolderBytes { get; init; } = 20 * GibiByte;

    /// <summary>What is written to the log, in bytes; far less is kept of it.</summary>
    public long OutputBytes { get; init; } = GibiByte / 4;

    internal TimeSpan CpuTimeMax => CpuTime
        ?? TimeSpan.FromTicks(Math.Max(CpuTimeMin.Ticks, WallTime.Ticks * Environment.ProcessorCount));

    /// <summary>Three quarters of the machine's memory, in bytes.</summary>
    public static long MemoryBytesUnlessNamed => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;

    internal long MemoryBytesMax => MemoryBytes ?? MemoryBytesUnlessNamed;
}
