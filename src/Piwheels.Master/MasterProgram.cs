using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Machine;
using Piwheels.Core.States;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Storage;

namespace Piwheels.Master;

/// <summary>
/// The master as a program: starts the tasks in the order of their wiring, waits for its end, and stops them in the
/// reverse order. The end of any task by a fault of its own ends the master with exit code 1, so that a supervisor
/// starts it again; the database has all that matters.
/// </summary>
public static partial class MasterProgram
{
    /// <summary>How long the database is waited for once the master stops.</summary>
    public static readonly TimeSpan DatabaseEndLimit = TimeSpan.FromSeconds(3);

    /// <exception cref="DatabaseException">The database is away, or of another version.</exception>
    /// <exception cref="ZmqException">An address cannot be bound.</exception>
    public static async Task<int> RunAsync(
        MasterConfiguration configuration, ILoggerFactory loggers, TimeProvider time, CancellationToken stop)
    {
        var logger = loggers.CreateLogger("master");
        await using var database = new Database(configuration.Dsn, loggers.CreateLogger("master.database"), time);
        await database.CheckVersionAsync(stop);
        Directory.CreateDirectory(configuration.OutputPath);

        using var zmq = new ZmqContext();
        using var stopping = new CancellationTokenSource();
        var environment = new TaskEnvironment(zmq, time, loggers) { Stopping = stopping.Token };
        var tasks = MasterTasks.Create(configuration, environment, database);
        var main = new MainLoop(configuration, environment, tasks, Hello(time));
        var started = new Stack<TaskLoop>();
        try
        {
            foreach (var task in TaskWiring.StartOrder([main, .. tasks.All]))
            {
                task.Start();
                started.Push(task);
            }

            Started(logger, started.Count);
            var stopped = Task.Delay(Timeout.InfiniteTimeSpan, time, stop);
            await Task.WhenAny([stopped, main.QuitAsked, .. started.Select(task => task.Completion)]);
            Stopping(logger);
        }
        finally
        {
            await stopping.CancelAsync();
            // What the tasks still have to say is said by then, or the database hangs
            await using var limit = time.CreateTimer(
                static asked => ((Database)asked!).Abandon(), database, DatabaseEndLimit, Timeout.InfiniteTimeSpan);
            while (started.TryPop(out var task)) await task.DisposeAsync();
        }

        // A task's own fault has been logged by the task; the exit code tells the supervisor
        return tasks.All.Append(main).Any(task => task.Completion.IsFaulted) ? 1 : 0;
    }

    private static MasterHello Hello(TimeProvider time)
    {
        var machine = new MachineFacts().Identity();
        return new MasterHello(
            time.GetUtcNow(), Environment.MachineName, machine.OsName, machine.OsVersion, machine.BoardRevision,
            machine.BoardSerial);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "started {count} tasks")]
    private static partial void Started(ILogger logger, int count);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "stopping")]
    private static partial void Stopping(ILogger logger);
}
