using System.Globalization;
using Piwheels.Core.States;

namespace Piwheels.Slave.Machine;

/// <summary>What a machine must have left for a build to be begun. In bytes; 0 asks for nothing.</summary>
/// <param name="DiskFree">On the disk of the build folder.</param>
/// <param name="MemoryFree">Of memory, what the kernel could free at once counted in; swap is not.</param>
public sealed record MachineNeeds(long DiskFree = MachineNeeds.UsualDiskFree, long MemoryFree = MachineNeeds.UsualMemoryFree)
{
    public const long UsualDiskFree = 500L << 20;
    public const long UsualMemoryFree = 100L << 20;

    /// <summary>What there is too little of, in words; null when there is enough.</summary>
    public string? ShortageOf(SlaveStats machine)
    {
        if (machine.DiskFree < DiskFree) return Text("disk", machine.DiskFree, DiskFree);
        // A machine that does not tell its memory has no MemSize either
        return machine.MemSize > 0 && machine.MemFree < MemoryFree ? Text("memory", machine.MemFree, MemoryFree) : null;
    }

    private static string Text(string what, long there, long wanted) => string.Create(
        CultureInfo.InvariantCulture, $"{there >> 20} MB of {what} are free, {wanted >> 20} are wanted");
}
