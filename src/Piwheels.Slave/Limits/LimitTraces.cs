using Piwheels.Slave.Building;

namespace Piwheels.Slave.Limits;

/// <summary>
/// Limits that the kernel holds make a system call fail, and the build ends by itself before anybody can look. The signal
/// tells of some; of others the last of what it wrote, in the C library's words. A package can write these words without a
/// reason, and is only lying about its own failure then.
/// </summary>
internal static class LimitTraces
{
    private const int SignalCpuTime = 24; // SIGXCPU
    private const int SignalFileSize = 25; // SIGXFSZ
    private const int LastCharacters = 16 * 1024;

    private static readonly (string Words, BuildLimit Limit)[] Words =
    [
        ("File too large", BuildLimit.FileSize), // EFBIG
        ("File size limit exceeded", BuildLimit.FileSize),
        ("Too many open files", BuildLimit.OpenFiles), // EMFILE
        ("CPU time limit exceeded", BuildLimit.CpuTime),
    ];

    // Of a call that can fail for other reasons by the same number: EAGAIN
    private static readonly string[] ForkWords = ["Cannot fork", "can't start new thread", "fork: retry: Resource temporarily unavailable", "BlockingIOError: [Errno 11] Resource temporarily unavailable", "fork: Resource temporarily unavailable"];

    /// <summary>The same ending, or the limit that it comes from.</summary>
    public static BuildEnding Read(BuildEnding ending, string output, ResourceLimits limits)
    {
        if (ending is BuildEnding.Signalled { Signal: SignalCpuTime }) return LimitCheck.CpuTime(limits);
        if (ending is BuildEnding.Signalled { Signal: SignalFileSize }) return LimitCheck.FileSize(limits);
        if (ending is not (BuildEnding.Signalled or BuildEnding.Exited { Status: > 0 })) return ending;

        var last = output.AsSpan(Math.Max(0, output.Length - LastCharacters));
        foreach (var (words, limit) in Words)
        {
            if (!last.Contains(words, StringComparison.Ordinal)) continue;
            return limit switch
            {
                BuildLimit.FileSize => LimitCheck.FileSize(limits),
                BuildLimit.CpuTime => LimitCheck.CpuTime(limits),
                _ => new BuildEnding.LimitReached(
                    limit, $"the build failed: a process of it had {limits.OpenFiles} files open, the most that it may have"),
            };
        }

        foreach (var words in ForkWords)
        {
            if (!last.Contains(words, StringComparison.Ordinal)) continue;
            return new BuildEnding.LimitReached(
                BuildLimit.Processes,
                $"the build failed: it came to {limits.Processes} processes and threads, the most that it may have");
        }

        return ending;
    }
}
