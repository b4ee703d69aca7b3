using System.Runtime.InteropServices;

namespace Piwheels.Slave.Building;

/// <summary>What .NET has no call for, of the C library on Linux.</summary>
internal static partial class Libc
{
    public const int SignalKill = 9;
    public const int SignalStop = 19;
    public const int NoHang = 1;

    /// <summary>PR_SET_CHILD_SUBREAPER of prctl(2): orphans below this process become its own children.</summary>
    public const int SetChildSubreaper = 36;

    /// <summary>RLIMIT_MSGQUEUE of getrlimit(2), bytes in POSIX message queues.</summary>
    public const int LimitMessageQueues = 12;

    [StructLayout(LayoutKind.Sequential)]
    public readonly struct ResourceLimit(ulong value)
    {
        public readonly ulong Soft = value;
        public readonly ulong Hard = value;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    public static partial int WaitPid(int pid, out int status, int options);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int Prctl(int option, nuint value, nuint unused1, nuint unused2, nuint unused3);

    [LibraryImport("libc", EntryPoint = "prlimit64", SetLastError = true)]
    public static partial int SetResourceLimit(int pid, int resource, in ResourceLimit limit, nint previous);
}
