using System.Globalization;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Limits;

/// <summary>
/// Looks at what a build uses, a few times a second, until it comes to a limit. The kernel holds what it can hold for a
/// single process; this is for the whole tree, and for what the kernel has no limit for.
/// </summary>
internal sealed class LimitWatch(
    ResourceLimits limits, ProcessTree tree, ControlGroup? group, string folder, CappedOutput output, TimeProvider time)
{
    private static readonly TimeSpan TreeInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FolderInterval = TimeSpan.FromSeconds(1);

    /// <summary>Looking shall take no more than a twentieth of one processor, however much there is to look at.</summary>
    private const int RestFactor = 20;

    private HiddenUsage _hidden;
    private FolderUsage _folder;
    private long _folderSeen;
    private TimeSpan _folderRest;

    /// <summary>The limit that was reached; null when it was stopped before.</summary>
    public async Task<BuildEnding.LimitReached?> RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var start = time.GetTimestamp();
            if (Look() is { } reached) return reached;
            var rest = Max(TreeInterval, time.GetElapsedTime(start) * RestFactor);
            await Task.Delay(rest, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return null;
    }

    /// <summary>Looks once.</summary>
    public BuildEnding.LimitReached? Look()
    {
        var members = tree.MembersAndZombies();
        var usage = TreeUsage.Measure(members, limits.MemoryBytesMax);
        if (_folderSeen == 0 || time.GetElapsedTime(_folderSeen) > _folderRest) LookAtFiles(members);
        return group?.LimitReached(limits) ?? LimitCheck.Of(
            new BuildUsage(usage, _hidden, _folder, output.Count, MemoryFree(), DiskFree()), limits);
    }

    private void LookAtFiles(List<ProcessEntry> members)
    {
        var start = time.GetTimestamp();
        _hidden = HiddenUsage.Measure(members);
        _folder = FolderUsage.Measure(folder);
        _folderSeen = time.GetTimestamp();
        _folderRest = Max(FolderInterval, time.GetElapsedTime(start, _folderSeen) * RestFactor);
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static long MemoryFree()
    {
        foreach (var line in File.ReadLines("/proc/meminfo"))
        {
            if (!line.StartsWith("MemAvailable:", StringComparison.Ordinal)) continue;
            var number = line["MemAvailable:".Length..].Replace("kB", "", StringComparison.Ordinal);
            return long.Parse(number, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) * 1024;
        }

        return long.MaxValue; // Before Linux 3.14
    }

    private long DiskFree()
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (IOException)
        {
            return long.MaxValue;
        }
    }
}
