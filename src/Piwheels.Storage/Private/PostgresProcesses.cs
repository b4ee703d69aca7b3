using System.Globalization;
using System.Runtime.InteropServices;

namespace Piwheels.Storage.Private;

/// <summary>
/// The processes of a server by its data directory, in which all of them stand: also those whose parent was killed.
/// </summary>
internal static partial class PostgresProcesses
{
    /// <summary>SIGINT: fast shutdown. PostgreSQL documentation 19.5.</summary>
    public const int FastShutdown = 2;

    /// <summary>SIGQUIT: immediate shutdown, recovery at the next start.</summary>
    public const int ImmediateShutdown = 3;

    /// <summary>SIGTERM: to a server's children, the end of what they do.</summary>
    public const int Terminate = 15;

    /// <summary>The line of postmaster.pid that has the server's state (miscadmin.h: LOCK_FILE_LINE_PM_STATUS).</summary>
    private const int StatusLine = 8;

    /// <summary>Sends a signal; a process that is gone gets none.</summary>
    public static void Signal(int pid, int signal) => _ = Kill(pid, signal);

    /// <summary>All processes that stand in the data directory.</summary>
    public static IReadOnlyList<int> Find(string data)
    {
        var pids = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid)) continue;
            try
            {
                if (File.ResolveLinkTarget($"{folder}/cwd", returnFinalTarget: false)?.FullName == data) pids.Add(pid);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // gone meanwhile, or another user's
            }
        }

        return pids;
    }

    /// <summary>What postmaster.pid says: the server's process and whether it takes connections; null without one.</summary>
    public static (int Pid, bool Ready)? ReadState(string data)
    {
        try
        {
            var lines = File.ReadAllLines(PidFile(data));
            if (!int.TryParse(lines.FirstOrDefault(), CultureInfo.InvariantCulture, out var pid)) return null;
            return (pid, lines.Length >= StatusLine && lines[StatusLine - 1].Trim() == "ready");
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>
    /// Removes the mark of a server that was killed. PostgreSQL does so itself unless the number belongs to another
    /// process by now, which is likely where numbers are small, as in a container. Only when none of
    /// <see cref="Find"/> is left.
    /// </summary>
    public static void RemoveStaleMark(string data) => File.Delete(PidFile(data));

    private static string PidFile(string data) => Path.Combine(data, "postmaster.pid");

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
