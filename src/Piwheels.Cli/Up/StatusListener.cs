using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Cli.Up;

/// <summary>Hears what the master tells its monitors, and keeps what each slave is doing.</summary>
internal sealed class StatusListener : TaskLoop
{
    private static readonly TimeSpan HelloInterval = TimeSpan.FromSeconds(5);

    private readonly RunningBuilds _builds;
    private readonly MessageSocket<NoMessages, ControlMessage> _control;
    private bool _heard;

    public StatusListener(string statusQueue, string controlQueue, RunningBuilds builds, TaskEnvironment environment)
        : base("status_listener", environment)
    {
        _builds = builds;
        var status = Connect<StatusMessage, NoMessages>(ZmqSocketType.Sub, statusQueue);
        _control = Connect<NoMessages, ControlMessage>(ZmqSocketType.Push, controlQueue);
        Register(status, Hear);
        Every(HelloInterval, SayHello);
    }

    private Task Hear(StatusMessage message)
    {
        _heard = true;
        if (message is StatusMessage.Slave slave) _builds.Hear(slave);
        return Task.CompletedTask;
    }

    // Until the master has answered once: it may not be up yet
    private Task SayHello()
    {
        if (!_heard) _ = _control.TrySend(new ControlMessage.Hello());
        return Task.CompletedTask;
    }
}
