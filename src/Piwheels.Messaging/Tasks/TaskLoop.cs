using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// A task of the farm: one thread with its sockets, its periodic handlers and a SynchronizationContext. A handler may
/// await an answer of another task, of the database or of the disk, and goes on upon the same thread; so a task's
/// state needs no lock, and what an await can change is to be looked at again after it.
/// </summary>
public abstract partial class TaskLoop : IAsyncDisposable
{
    /// <summary>How long quitting may take, unless a task says otherwise.</summary>
    public static readonly TimeSpan DefaultQuitLimit = TimeSpan.FromSeconds(10);

    // After the limit, the time that the thread itself has to get out of what it does
    private static readonly TimeSpan StuckLimit = TimeSpan.FromSeconds(1);

    private readonly LoopContext _context = new();
    private readonly HandlerTracker _tracker;
    private readonly List<ZmqSocket> _sockets = [];
    private readonly List<SocketReader> _readers = [];
    private readonly List<PeriodicHandler> _periodic = [];
    private readonly List<IRpcClient> _clients = [];
    private readonly List<Action> _openings = [];
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _quitAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _quitting = new();
    private readonly CancellationTokenSource _ending;
    private readonly TaskEnvironment _environment;
    private LibZmq.PollItem[] _items = [];
    private ITimer? _quitTimer;
    private Exception? _fault;
    private Thread? _thread;
    private int _started;
    private int _quit;
    private bool _takesMessages;
    private bool _givenUp;
    private volatile bool _paused;

    /// <param name="name">E.g. <c>slave_driver</c>; the logger's category is then <c>master.slave_driver</c>.</param>
    protected TaskLoop(string name, TaskEnvironment environment)
    {
        Name = name;
        _environment = environment;
        _ending = CancellationTokenSource.CreateLinkedTokenSource(_quitting.Token, environment.Stopping);
        _tracker = new HandlerTracker(Fail);
        Logger = environment.Loggers.CreateLogger($"master.{name}");
    }

    public string Name { get; }

    /// <summary>Ends when the loop has ended; faulted when a handler threw, which is the task's own bug.</summary>
    public Task Completion => _completion.Task;

    public bool Paused => _paused;

    protected ILogger Logger { get; }

    protected TimeProvider Time => _environment.Time;

    protected DateTimeOffset Now => Time.GetUtcNow();

    /// <summary>Cancelled when the task begins to quit, upon its thread.</summary>
    protected CancellationToken Quitting => _quitting.Token;

    /// <summary>
    /// Cancelled when this task or the whole program begins to end, on any thread: what fails for now is not waited for any
    /// more.
    /// </summary>
    protected CancellationToken Ending => _ending.Token;

    /// <summary>
    /// How long handlers under way and <see cref="CloseAsync"/> may take together when quitting. By the machine's own
    /// clock: it guards against what hangs, and a test's clock may hang too.
    /// </summary>
    protected TimeSpan QuitLimit { get; init; } = DefaultQuitLimit;

    /// <summary>Binds and connects, then starts the thread. From any thread; does nothing a second time.</summary>
    /// <exception cref="ZmqException">An address cannot be bound.</exception>
    public void Start()
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
            return;
        try
        {
            foreach (var open in _openings)
                open();
        }
        catch (Exception failure)
        {
            Close();
            _completion.TrySetException(failure);
            throw;
        }

        _thread = new Thread(Run) { Name = Name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>No new work is taken, and periodic handlers rest; messages are handled on. From any thread.</summary>
    public void Pause() => Post(() => SetPaused(true));

    /// <summary>The end of a pause. From any thread.</summary>
    public void Resume() => Post(() => SetPaused(false));

    /// <summary>
    /// Takes no more messages, lets the handlers under way and <see cref="CloseAsync"/> end, and ends; after the limit
    /// it ends anyway. From any thread.
    /// </summary>
    public void Quit()
    {
        if (Interlocked.Exchange(ref _quit, 1) != 0)
            return;
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            // It never started, and never will
            Close();
            _completion.TrySetResult();
            return;
        }

        if (Completion.IsCompleted)
            return;
        Post(() =>
        {
            _quitAsked.TrySetResult();
            _quitting.Cancel();
        });
        _quitTimer = TimeProvider.System.CreateTimer(_ => GiveUp(), null, QuitLimit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Runs an action on the task's thread, soon. From any thread; dropped once the task has ended.</summary>
    public void Post(Action action) => _context.Post(static action => ((Action)action!)(), action);

    /// <summary>On the task's thread, before the first message.</summary>
    protected virtual Task OnceAsync() => Task.CompletedTask;

    /// <summary>
    /// On the task's thread, when quitting without a fault and all handlers have ended: drain what is kept.
    /// </summary>
    protected virtual Task CloseAsync() => Task.CompletedTask;

    /// <summary>On the task's thread, when a pause begins or ends.</summary>
    protected virtual void PausedChanged()
    {
    }

    /// <summary>Quits, and waits for the end; a fault is <see cref="Completion"/>'s to tell.</summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Quit();
        await Completion.ContinueWith(_ => { }, TaskScheduler.Default);
        if (_quitTimer is not null)
            await _quitTimer.DisposeAsync();
    }

    private void SetPaused(bool paused)
    {
        if (_paused == paused)
            return;
        _paused = paused;
        PausedChanged();
        foreach (var periodic in _periodic)
            periodic.Pause(paused);
    }

    private void Run()
    {
        _context.Enter();
        foreach (var socket in _sockets)
            socket.OwnBy(Environment.CurrentManagedThreadId);
        Started(Logger);
        try
        {
            _items = MakeItems();
            var life = LiveAsync();
            while (true)
            {
                _context.RunQueued();
                if (life.IsCompleted || _fault is not null || _givenUp)
                    break;
                Poll();
            }

            if (life.IsFaulted)
                Fail(life.Exception.InnerException!);
        }
        catch (ZmqException ended) when (ended.ContextEnded)
        {
            ContextEnded(Logger);
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        End();
    }

    // The whole life of a task, in its order; the loop below it serves what it awaits
    private async Task LiveAsync()
    {
        await OnceAsync();
        _takesMessages = true;
        foreach (var periodic in _periodic)
            periodic.Start();
        await _quitAsked.Task;
        _takesMessages = false;
        foreach (var periodic in _periodic)
            periodic.Stop();
        await _tracker.EndAsync();
        await CloseAsync();
    }

    private void Poll()
    {
        for (var index = 0; index < _readers.Count; index++)
        {
            var reader = _readers[index];
            var reads = (_takesMessages || reader.WhileQuitting) && reader.Wanted;
            _items[index + 1].Events = reads ? LibZmq.PollIn : (short)0;
        }

        ZmqPoll.Wait(_items, _context.HasWork ? TimeSpan.Zero : Timeout.InfiniteTimeSpan);
        if (_items[0].Revents != 0)
            _context.Clear();
        for (var index = 0; index < _readers.Count && _fault is null; index++)
        {
            if (_items[index + 1].Revents != 0)
                _readers[index].Read();
        }
    }

    private LibZmq.PollItem[] MakeItems() =>
    [
        new() { Fd = _context.Descriptor, Events = LibZmq.PollIn },
        .. _readers.Select(reader => new LibZmq.PollItem { Socket = reader.Socket.Handle.Value }),
    ];

    private void Fail(Exception failure)
    {
        // What a quitting task gives up, it gives up on purpose
        if (_givenUp || (_quitting.IsCancellationRequested && failure is OperationCanceledException))
            return;
        if (_fault is not null)
            return;
        _fault = failure;
        Failed(Logger, failure);
    }

    // On a thread of the pool: the task's own may be what hangs
    private void GiveUp()
    {
        Post(() =>
        {
            if (_completion.Task.IsCompleted)
                return;
            _givenUp = true;
            LeftUndone(Logger, _tracker.Count, QuitLimit);
        });
        _quitTimer = TimeProvider.System.CreateTimer(
            _ => _completion.TrySetException(new TimeoutException($"{Name} hangs and did not end")),
            null, StuckLimit, Timeout.InfiniteTimeSpan);
    }

    private void End()
    {
        _givenUp = true;
        foreach (var client in _clients)
            client.Abandon($"{Name} has ended");
        try
        {
            // Those who waited for an answer hear that none will come
            _context.End();
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        Close();
        _quitTimer?.Dispose();
        if (_fault is { } fault)
            _completion.TrySetException(fault);
        else
            _completion.TrySetResult();
        Ended(Logger);
    }

    private void Close()
    {
        foreach (var periodic in _periodic)
            periodic.Dispose();
        foreach (var client in _clients)
            client.Dispose();
        foreach (var socket in _sockets)
            socket.Dispose();
        _ending.Dispose();
        _context.Dispose();
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Debug, Message = "started")]
    private static partial void Started(ILogger logger);

    [LoggerMessage(EventId = 2, Level = LogLevel.Debug, Message = "ended")]
    private static partial void Ended(ILogger logger);

    [LoggerMessage(EventId = 3, Level = LogLevel.Critical, Message = "failed by a bug of its own")]
    private static partial void Failed(ILogger logger, Exception failure);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "the sockets' context was shut down")]
    private static partial void ContextEnded(ILogger logger);

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning,
        Message = "quit with {Count} handlers under way after {Limit}")]
    private static partial void LeftUndone(ILogger logger, int count, TimeSpan limit);
}
