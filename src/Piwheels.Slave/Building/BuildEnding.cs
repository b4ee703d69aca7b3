using System.Globalization;

namespace Piwheels.Slave.Building;

/// <summary>What a build may use up only so much of.</summary>
public enum BuildLimit
{
    /// <summary>The time on the clock.</summary>
    WallTime,

    /// <summary>The time on the processors, all processes together.</summary>
    CpuTime,

    /// <summary>The memory of all processes together, or that which the machine has left.</summary>
    Memory,

    /// <summary>Processes and threads at a time.</summary>
    Processes,

    /// <summary>Files that one process has open.</summary>
    OpenFiles,

    /// <summary>The build folder, or what its disk has left.</summary>
    Disk,

    /// <summary>One file.</summary>
    FileSize,

    /// <summary>What it writes to its log.</summary>
    Output,
}

/// <summary>Why the processes of a build came to their end: known to the slave, not read from the log.</summary>
public abstract record BuildEnding
{
    private const int SignalBase = 128; // Exit statuses above it are signals

    private BuildEnding()
    {
    }

    /// <summary>For people: goes on after "piw-slave: ".</summary>
    public abstract string Reason { get; }

    /// <summary>The build never began: nothing of the package has run.</summary>
    public sealed record NotBegun(string Why) : BuildEnding
    {
        /// <inheritdoc/>
        public override string Reason => Why;
    }

    /// <summary>pip ended by itself; 0 is well, and says nothing of the wheels.</summary>
    public sealed record Exited(int Status) : BuildEnding
    {
        /// <inheritdoc/>
        public override string Reason => string.Create(CultureInfo.InvariantCulture, $"pip ended with exit status {Status}");
    }

    /// <summary>pip was ended by a signal that the slave did not send.</summary>
    public sealed record Signalled(int Signal) : BuildEnding
    {
        /// <inheritdoc/>
        public override string Reason => string.Create(CultureInfo.InvariantCulture, $"pip was ended by signal {Signal}");
    }

    /// <summary>It came to one of its limits: stopped there by the slave, or failed since it was refused more.</summary>
    /// <param name="Limit">Which one.</param>
    /// <param name="Why">A sentence for people, with the limit's figure.</param>
    public sealed record LimitReached(BuildLimit Limit, string Why) : BuildEnding
    {
        /// <inheritdoc/>
        public override string Reason => Why;
    }

    /// <summary>From an exit status as shells have it.</summary>
    internal static BuildEnding FromStatus(int status) =>
        status > SignalBase ? new Signalled(status - SignalBase) : new Exited(status);
}
