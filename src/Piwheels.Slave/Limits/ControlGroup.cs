using System.Globalization;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Limits;

/// <summary>
/// A control group of the second kind (cgroups(7)) for one build, where this slave's own was delegated to it: systemd
/// does that for a unit with <c>Delegate=yes</c>. The kernel then holds the limits of the whole tree, to the byte.
/// </summary>
internal sealed class ControlGroup : IDisposable
{
    private const string Own = "slave";

    private ControlGroup(string path) => Path = path;

    public string Path { get; }

    /// <summary>
    /// The folder in which a slave may make control groups for its builds; null when there is none. Moves the slave's own
    /// processes one level down: a group with processes may have no limits for groups below it.
    /// </summary>
    /// <param name="root">Where the hierarchy is mounted.</param>
    /// <param name="membership">What /proc/self/cgroup says.</param>
    public static string? FindDelegated(string root, string membership)
    {
        var line = membership.Split('\n').FirstOrDefault(line => line.StartsWith("0::/", StringComparison.Ordinal));
        if (line is null) return null;
        var group = System.IO.Path.Combine(root, line["0::/".Length..].Trim());
        try
        {
            var controllers = File.ReadAllText(System.IO.Path.Combine(group, "cgroup.controllers")).Split(' ', '\n');
            if (!controllers.Contains("memory") || !controllers.Contains("pids")) return null;
            var own = Directory.CreateDirectory(System.IO.Path.Combine(group, Own)).FullName;
            foreach (var id in File.ReadAllLines(System.IO.Path.Combine(group, "cgroup.procs")))
                File.WriteAllText(System.IO.Path.Combine(own, "cgroup.procs"), id);
            File.WriteAllText(System.IO.Path.Combine(group, "cgroup.subtree_control"), "+memory +pids");
            return group;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // Somebody else's
        }
    }

    /// <summary>Makes a group with a build's limits.</summary>
    /// <exception cref="IOException">It cannot be made any more.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public static ControlGroup Create(string parent, string name, ResourceLimits limits)
    {
        var group = new ControlGroup(Directory.CreateDirectory(System.IO.Path.Combine(parent, name)).FullName);
        try
        {
            group.Write("memory.max", limits.MemoryBytesMax);
            group.Write("pids.max", limits.Processes);
            group.Write("memory.oom.group", 1); // What is short of a part is no use as a whole
            if (File.Exists(group.FileOf("memory.swap.max"))) group.Write("memory.swap.max", 0);
            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>What the kernel has refused so far.</summary>
    public BuildEnding.LimitReached? LimitReached(ResourceLimits limits)
    {
        if (Count("memory.events", "oom_kill") > 0)
        {
            return new BuildEnding.LimitReached(
                BuildLimit.Memory,
                $"the build was stopped: it took all of the {LimitCheck.Bytes(limits.MemoryBytesMax)} of memory that it may take");
        }

        return Count("pids.events", "max") > 0
            ? new BuildEnding.LimitReached(
                BuildLimit.Processes,
                $"the build was stopped: it came to {limits.Processes} processes and threads, the most that it may have")
            : null;
    }

    /// <summary>Kills whatever is in the group, at once (Linux 5.14).</summary>
    public void Kill()
    {
        try
        {
            if (File.Exists(FileOf("cgroup.kill"))) Write("cgroup.kill", 1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Its processes are killed one by one, too
        }
    }

    /// <summary>Removes the group, when its last process is gone.</summary>
    public void Dispose()
    {
        try
        {
            Directory.Delete(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // An empty group does no harm
        }
    }

    private string FileOf(string name) => System.IO.Path.Combine(Path, name);

    private void Write(string name, long value) =>
        File.WriteAllText(FileOf(name), value.ToString(CultureInfo.InvariantCulture));

    /// <summary>A number of a file of lines <c>NAME NUMBER</c>; 0 when it is not there.</summary>
    private long Count(string file, string name)
    {
        try
        {
            foreach (var line in File.ReadAllLines(FileOf(file)))
            {
                if (line.Split(' ') is [var key, var value] && key == name
                    && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                {
                    return number;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The group is gone
        }

        return 0;
    }
}
