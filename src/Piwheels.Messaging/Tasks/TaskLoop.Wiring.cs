using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>What a task says of itself in its constructor: its sockets and handlers.</summary>
public abstract partial class TaskLoop
{
    /// <summary>How long an answer of another task is waited for, unless said otherwise.</summary>
    public static readonly TimeSpan DefaultRpcTimeout = TimeSpan.FromMinutes(2);

    private readonly List<string> _binds = [];
    private readonly List<string> _connects = [];
    private readonly List<string> _waits = [];
    private readonly MemoryGrowth _memory = new();
    private bool _cutsEndless;

    /// <summary>The addresses that this task binds, as declared.</summary>
    public IReadOnlyList<string> Binds => _binds;

    /// <summary>The addresses that this task connects to, as declared.</summary>
    public IReadOnlyList<string> Connects => _connects;

    /// <summary>Those of <see cref="Connects"/> that this task waits for answers on.</summary>
    public IReadOnlyList<string> Waits => _waits;

    /// <summary>The addresses that are bound, with the ports that were chosen for wildcards; once started.</summary>
    public IReadOnlyList<string> Endpoints => [.. _sockets.SelectMany(socket => socket.Endpoints)];

    protected MessageSocket<TReceive, TSend> Bind<TReceive, TSend>(
        ZmqSocketType type, string address, SocketOptions? options = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> =>
        new(BindRaw(type, address, options), address, Logger, Time);

    protected MessageSocket<TReceive, TSend> Connect<TReceive, TSend>(
        ZmqSocketType type, string address, SocketOptions? options = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> =>
        new(ConnectRaw(type, address, options), address, Logger, Time);

    /// <summary>For REQ peers: messages of the frames [address, empty, payload].</summary>
    protected RouterSocket<TReceive, TSend> BindRouter<TReceive, TSend>(string address, SocketOptions? options = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> =>
        new(
            BindRaw(
                ZmqSocketType.Router, address, (options ?? SocketOptions.Default) with { LeavesLargeFrames = true }),
            address, Logger, Time);

    /// <summary>Tells messages by topic to all who follow it, and has handlers told who comes and that the last one went.</summary>
    protected TopicPublisher<TSend> BindTopics<TSend>(
        string address, Action<ReadOnlyMemory<byte>> follows, Action<ReadOnlyMemory<byte>> leaves,
        SocketOptions? options = null)
        where TSend : class, IWireMessage<TSend>
    {
        var publisher = new TopicPublisher<TSend>(BindRaw(ZmqSocketType.Xpub, address, options));
        Register(publisher.Socket, _ => publisher.Take(follows, leaves));
        return publisher;
    }

    /// <summary>Follows topics of a publisher, none at first.</summary>
    protected TopicSubscriber<TReceive> ConnectTopics<TReceive>(
        string address, Action<ReadOnlyMemory<byte>, TReceive> handler, SocketOptions? options = null)
        where TReceive : class, IWireMessage<TReceive>
    {
        var socket = ConnectRaw(ZmqSocketType.Sub, address, (options ?? SocketOptions.Default) with { Subscribe = [] });
        var subscriber = new TopicSubscriber<TReceive>(socket, address, Logger, Time);
        Register(socket, _ => subscriber.Take(handler));
        return subscriber;
    }

    /// <summary>A socket whose frames are no CBOR; bound when the task starts.</summary>
    protected ZmqSocket BindRaw(ZmqSocketType type, string address, SocketOptions? options = null)
    {
        var socket = Create(type, options);
        if (options is { CutsEndless: true } && !_cutsEndless)
        {
            _cutsEndless = true;
            EveryEvenPaused(ConnectionGuard.Interval, CutEndless);
            EveryEvenPaused(MemoryGrowth.Interval, () => _memory.HasGrown() ? CutEndless() : Task.CompletedTask);
        }

        _binds.Add(address);
        _openings.Add(() => socket.Bind(address));
        return socket;
    }

    private Task CutEndless()
    {
        var cut = _sockets.Sum(static socket => socket.CutEndless());
        if (cut > 0) EndlessCut(Logger, cut);
        _memory.Looked();
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 103, Level = LogLevel.Warning,
        Message = "cut {Count} connections that brought more than a message may have")]
    private static partial void EndlessCut(ILogger logger, int count);

    /// <summary>A socket whose frames are no CBOR; connected when the task starts.</summary>
    protected ZmqSocket ConnectRaw(ZmqSocketType type, string address, SocketOptions? options = null)
    {
        var socket = Create(type, options);
        _connects.Add(address);
        _openings.Add(() => socket.Connect(address));
        return socket;
    }

    /// <summary>Has a handler told how each connection of a socket begins.</summary>
    /// <param name="socket">One that this task connects.</param>
    protected void WatchHandshakes(ZmqSocket socket, Action<Handshake> handler)
    {
        var watcher = Create(ZmqSocketType.Pair, new SocketOptions { HighWaterMark = 0, Linger = TimeSpan.Zero });
        var address = $"inproc://handshakes-{Guid.NewGuid():N}";
        // Before the socket itself connects, so that nothing is missed
        _openings.Insert(0, () =>
        {
            socket.TellHandshakes(address);
            watcher.Connect(address);
        });
        Register(watcher, told =>
        {
            for (var count = 0; count < SocketReader.MessagesPerTurn && told.TryReceive(out var frames); count++)
            {
                if (HandshakeEvents.Read(frames) is { } handshake) handler(handshake);
            }
        });
    }

    /// <summary>
    /// Has messages handled. At most <paramref name="concurrencyMax"/> handlers are under way, so 1 keeps strictly to
    /// the order; what exceeds it waits in the socket.
    /// </summary>
    protected void Register<TReceive, TSend>(
        MessageSocket<TReceive, TSend> socket, Func<TReceive, Task> handler, int concurrencyMax = 1)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend> =>
        Register(
            socket.Socket,
            (out handling) =>
            {
                var taken = socket.TryReceive(out var message);
                handling = taken ? handler(message!) : Task.CompletedTask;
                return taken;
            },
            concurrencyMax);

    /// <inheritdoc cref="Register{TReceive, TSend}(MessageSocket{TReceive, TSend}, Func{TReceive, Task}, int)"/>
    /// <param name="refused">The answer to a payload that is no message, given why; null sends none.</param>
    /// <param name="admits">Whether a peer is listened to; where not, its message is refused unread.</param>
    protected void Register<TReceive, TSend>(
        RouterSocket<TReceive, TSend> socket,
        Func<PeerAddress, TReceive, Task> handler,
        int concurrencyMax = 1,
        Func<PeerAddress, string, TSend?>? refused = null,
        Func<PeerAddress, bool>? admits = null)
        where TReceive : class, IWireMessage<TReceive>
        where TSend : class, IWireMessage<TSend>
    {
        socket.ReadLargeAside(handler, reading => _tracker.Track(reading));
        Register(
            socket.Socket,
            (out handling) =>
            {
                var taken = socket.TryReceive(out var from, out var message, refused, admits);
                handling = taken ? handler(from, message!) : Task.CompletedTask;
                return taken;
            },
            concurrencyMax);
    }

    /// <summary>
    /// Has a handler called whenever a socket is readable. It should take a limited number of messages.
    /// </summary>
    protected void Register(ZmqSocket socket, Action<ZmqSocket> handler) =>
        _readers.Add(new RawReader(socket, handler));

    /// <summary>Asks the task that binds an address with <see cref="BindRpc"/>.</summary>
    /// <param name="timeout">How long an answer is waited for; <see cref="DefaultRpcTimeout"/> unless given.</param>
    /// <param name="pendingMax">How many requests may be under way.</param>
    protected RpcClient<TRequest, TReply> ConnectRpc<TRequest, TReply>(
        string address, TimeSpan? timeout = null, int pendingMax = 1000)
        where TRequest : class, IWireMessage<TRequest>
        where TReply : class, IWireMessage<TReply>
    {
        var options = new SocketOptions { HighWaterMark = pendingMax };
        var socket = ConnectRaw(ZmqSocketType.Dealer, address, options);
        _waits.Add(address);
        var client = new RpcClient<TRequest, TReply>(
            new(socket, _context, Logger, Time, address, timeout ?? DefaultRpcTimeout, pendingMax));
        _clients.Add(client);
        _readers.Add(new RpcReplyReader(socket, client.ReadReplies));
        return client;
    }

    /// <summary>
    /// Answers requests of other tasks. What the handler throws reaches the client as <see cref="RpcException"/>.
    /// </summary>
    protected void BindRpc<TRequest, TReply>(
        string address, Func<TRequest, Task<TReply>> handler, int concurrencyMax = 1)
        where TRequest : class, IWireMessage<TRequest>
        where TReply : class, IWireMessage<TReply>
    {
        var socket = BindRaw(ZmqSocketType.Router, address);
        var server = new RpcServer<TRequest, TReply>(socket, address, Logger, Time, handler);
        Register(socket, server.TakeOne, concurrencyMax);
    }

    /// <summary>
    /// Answers requests that another task binds for and passes on, with the address of the one who asked in front. The
    /// socket is for telling that task that this one is there.
    /// </summary>
    protected ZmqSocket ConnectRpcServer<TRequest, TReply>(
        string address, Func<TRequest, Task<TReply>> handler, int concurrencyMax = 1)
        where TRequest : class, IWireMessage<TRequest>
        where TReply : class, IWireMessage<TReply>
    {
        var socket = ConnectRaw(ZmqSocketType.Dealer, address);
        var server = new RpcServer<TRequest, TReply>(socket, address, Logger, Time, handler);
        Register(socket, server.TakeOne, concurrencyMax);
        return socket;
    }

    /// <summary>
    /// Has a handler run at the start and then every so often; never while it still runs, and not while paused.
    /// </summary>
    protected void Every(TimeSpan interval, Func<Task> handler) => Every(interval, handler, evenPaused: false);

    /// <summary>As <see cref="Every(TimeSpan, Func{Task})"/>, also while paused.</summary>
    protected void EveryEvenPaused(TimeSpan interval, Func<Task> handler) => Every(interval, handler, evenPaused: true);

    /// <summary>
    /// Takes note of what goes on after its handler: its fault is the task's, and the task's end waits for it.
    /// </summary>
    protected void Track(Task work) => _tracker.Track(work);

    /// <summary>Has a periodic handler run at once, or once more if it is under way.</summary>
    protected void Force(Func<Task> handler)
    {
        var periodic = _periodic.Find(each => each.Handler == handler)
            ?? throw new ArgumentException("This handler was not given to Every.", nameof(handler));
        Post(periodic.Fire);
    }

    private void Every(TimeSpan interval, Func<Task> handler, bool evenPaused) =>
        _periodic.Add(new PeriodicHandler(interval, handler, evenPaused, _context, Time, _tracker));

    private void Register(ZmqSocket socket, TakeMessage takeOne, int concurrencyMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(concurrencyMax, 1);
        _readers.Add(new MessageReader(socket, takeOne, _tracker, concurrencyMax));
    }

    private ZmqSocket Create(ZmqSocketType type, SocketOptions? options)
    {
        if (_started != 0)
            throw new InvalidOperationException("A task's sockets are declared in its constructor.");
        var socket = _environment.Zmq.CreateSocket(type, options);
        _sockets.Add(socket);
        return socket;
    }
}
