using System.Runtime.InteropServices;

namespace Piwheels.Cli.Posix;

/// <summary>How many files and connections this process may have open (getrlimit(2)).</summary>
internal static partial class OpenFiles
{
    private const int OpenFilesLimit = 7;

    /// <summary>Raises the limit as far as an ordinary user may, and answers it.</summary>
    public static long RaiseLimit()
    {
        if (GetLimit(OpenFilesLimit, out var limit) != 0) return long.MaxValue;
        if (limit.Soft < limit.Hard)
        {
            var raised = limit with { Soft = limit.Hard };
            if (SetLimit(OpenFilesLimit, in raised) == 0) limit = raised;
        }

        return (long)Math.Min(limit.Soft, long.MaxValue);
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, in Limit limit);

    /// <summary>rlim_t is as wide as a pointer.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Limit(nuint Soft, nuint Hard);
}
