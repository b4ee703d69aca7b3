using Microsoft.Extensions.Logging;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Master.Statistics;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master;

/// <summary>
/// The master's own loop: takes what monitors say on the control queue and hands it to the tasks, and passes on to the
/// monitors what the tasks tell on the inner status queue.
/// </summary>
internal sealed partial class MainLoop : TaskLoop
{
    /// <summary>Messages passed on before what monitors say has its turn.</summary>
    private const int MessagesPerTurn = 64;

    private readonly MessageSocket<NoMessages, StatusMessage> _status;
    private readonly MasterTasks _tasks;
    private readonly MasterHello _hello;
    private readonly TaskCompletionSource _quitAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public MainLoop(MasterConfiguration configuration, TaskEnvironment environment, MasterTasks tasks, MasterHello hello)
        : base("main", environment)
    {
        _tasks = tasks;
        _hello = hello;
        var shared = SocketOptions.Default with { GroupWritable = true };
        _status = Bind<NoMessages, StatusMessage>(ZmqSocketType.Pub, configuration.StatusQueue, shared);
        var control = Bind<ControlMessage, NoMessages>(ZmqSocketType.Pull, configuration.ControlQueue, shared);
        var inner = BindRaw(ZmqSocketType.Pull, MasterConfiguration.InnerStatusQueue);
        Register(control, HandleControl);
        Register(inner, HandleStatus);
    }

    /// <summary>Ends when somebody has asked for the master's end on the control queue.</summary>
    public Task QuitAsked => _quitAsked.Task;

    private void HandleStatus(ZmqSocket inner)
    {
        // As they are: our own tasks wrote them. A monitor that does not keep up loses messages; that is PUB's own rule
        for (var count = 0; count < MessagesPerTurn && inner.TryReceive(out var frames); count++)
            _ = _status.Socket.TrySend(frames);
    }

    private Task HandleControl(ControlMessage message)
    {
        var driver = _tasks.SlaveDriver;
        switch (message)
        {
            case ControlMessage.Hello:
                _ = _status.TrySend(new StatusMessage.Hello(_hello));
                driver.ListSlaves();
                _tasks.BigBrother.ReplayHistory();
                break;
            case ControlMessage.Quit:
                ToldToQuit(Logger);
                _quitAsked.TrySetResult();
                break;
            case ControlMessage.Kill kill:
                driver.KillSlave(kill.SlaveId);
                break;
            case ControlMessage.Skip skip:
                driver.SkipSlave(skip.SlaveId);
                break;
            case ControlMessage.Sleep sleep:
                driver.SleepSlave(sleep.SlaveId);
                if (sleep.SlaveId is null) PauseTasks();
                break;
            case ControlMessage.Wake wake:
                driver.WakeSlave(wake.SlaveId);
                if (wake.SlaveId is null) ResumeTasks();
                break;
        }

        return Task.CompletedTask;
    }

    private void PauseTasks()
    {
        TasksPause(Logger);
        foreach (var task in _tasks.All) task.Pause();
    }

    private void ResumeTasks()
    {
        TasksResume(Logger);
        foreach (var task in _tasks.All) task.Resume();
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Information, Message = "told to quit on the control queue")]
    private static partial void ToldToQuit(ILogger logger);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information, Message = "all tasks pause")]
    private static partial void TasksPause(ILogger logger);

    [LoggerMessage(EventId = 12, Level = LogLevel.Information, Message = "all tasks resume")]
    private static partial void TasksResume(ILogger logger);
}
