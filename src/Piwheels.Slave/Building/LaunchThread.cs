using System.Collections.Concurrent;
using System.Diagnostics;

namespace Piwheels.Slave.Building;

/// <summary>
/// Starts processes on one thread, which lives as long as this program. A process that asks to die with its parent
/// (PR_SET_PDEATHSIG of prctl(2)) dies with the thread that made it, and the pool ends its threads when they are idle.
/// </summary>
internal static class LaunchThread
{
    private static readonly BlockingCollection<(Process Process, TaskCompletionSource Started)> Waiting = [];
    private static readonly Lazy<Thread> Launcher = new(Run);

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program or folder.</exception>
    public static void Start(Process process)
    {
        _ = Launcher.Value;
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Waiting.Add((process, started));
        started.Task.GetAwaiter().GetResult();
    }

    private static Thread Run()
    {
        var thread = new Thread(Work) { IsBackground = true, Name = "build launcher" };
        thread.Start();
        return thread;
    }

    private static void Work()
    {
        foreach (var (process, started) in Waiting.GetConsumingEnumerable())
        {
            try
            {
                process.Start();
                started.SetResult();
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        }
    }
}
