using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Testing;

/// <summary>
/// A task whose wiring a test writes: what <see cref="TaskLoop"/> offers to its heirs is public here. Wire it before
/// its start.
/// </summary>
public sealed class ScriptedTask(string name, TaskEnvironment environment) : TaskLoop(name, environment)
{
    public Func<Task> Once { get; set; } = () => Task.CompletedTask;

    public Func<Task> Closing { get; set; } = () => Task.CompletedTask;

    public new CancellationToken Quitting => base.Quitting;

    public new CancellationToken Ending => base.Ending;

    public new TimeSpan QuitLimit
    {
        get => base.QuitLimit;
        init => base.QuitLimit = value;
    }

    /// <summary>
    /// Waits until the task's thread has done what was posted to it before, and what that posted in turn.
    /// </summary>
    public Task SettleAsync()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => Post(reached.SetResult));
        return reached.Task.Within();
    }

    protected override Task OnceAsync() => Once();

    protected override Task CloseAsync() => Closing();

    public new MessageSocket<TReceive, TSend> Bind<TReceive, TSend>(
        ZmqSocketType type, string address, SocketOptions? options = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> => base.Bind<TReceive, TSend>(type, address, options);

    public new MessageSocket<TReceive, TSend> Connect<TReceive, TSend>(
        ZmqSocketType type, string address, SocketOptions? options = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> => base.Connect<TReceive, TSend>(type, address, options);

    public new RouterSocket<TReceive, TSend> BindRouter<TReceive, TSend>(string address, SocketOptions? options = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> => base.BindRouter<TReceive, TSend>(address, options);

    public new ZmqSocket BindRaw(ZmqSocketType type, string address, SocketOptions? options = null) =>
        base.BindRaw(type, address, options);

    public new ZmqSocket ConnectRaw(ZmqSocketType type, string address, SocketOptions? options = null) =>
        base.ConnectRaw(type, address, options);

    public new void Register<TReceive, TSend>(
        MessageSocket<TReceive, TSend> socket, Func<TReceive, Task> handler, int concurrencyMax = 1)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> => base.Register(socket, handler, concurrencyMax);

    public new void Register<TReceive, TSend>(
        RouterSocket<TReceive, TSend> socket,
        Func<PeerAddress, TReceive, Task> handler,
        int concurrencyMax = 1,
        Func<PeerAddress, string, TSend?>? refused = null,
        Func<PeerAddress, bool>? admits = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> => base.Register(socket, handler, concurrencyMax, refused, admits);

    public new void WatchHandshakes(ZmqSocket socket, Action<Handshake> handler) => base.WatchHandshakes(socket, handler);

    public new void Register(ZmqSocket socket, Action<ZmqSocket> handler) => base.Register(socket, handler);

    public new RpcClient<TRequest, TReply> ConnectRpc<TRequest, TReply>(
        string address, TimeSpan? timeout = null, int pendingMax = 1000)
        where TRequest : class, IWireMessage<TRequest>
        where TReply : class, IWireMessage<TReply> => base.ConnectRpc<TRequest, TReply>(address, timeout, pendingMax);

    public new void BindRpc<TRequest, TReply>(
        string address, Func<TRequest, Task<TReply>> handler, int concurrencyMax = 1)
        where TRequest : class, IWireMessage<TRequest>
        where TReply : class, IWireMessage<TReply> => base.BindRpc(address, handler, concurrencyMax);

    public new void Every(TimeSpan interval, Func<Task> handler) => base.Every(interval, handler);

    public new void EveryEvenPaused(TimeSpan interval, Func<Task> handler) => base.EveryEvenPaused(interval, handler);

    public new void Force(Func<Task> handler) => base.Force(handler);
}
