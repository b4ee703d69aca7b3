using System.Collections.Concurrent;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// Brings what was awaited back to the loop's thread: a queue without locks, that sets the wake event once per batch.
/// </summary>
internal sealed class LoopContext : SynchronizationContext, IDisposable
{
    // An await within a finally within an await
    private const int LastTurns = 8;

    private readonly ConcurrentQueue<(SendOrPostCallback Callback, object? State)> _queue = new();
    private readonly WakeEvent _wake = new();
    private readonly Lock _ending = new();
    private int _thread;
    private int _signalled;
    private bool _ended;

    public int Descriptor => _wake.Descriptor;

    public bool OnThread => _thread == Environment.CurrentManagedThreadId;

    public bool HasWork => !_queue.IsEmpty;

    public void Enter()
    {
        _thread = Environment.CurrentManagedThreadId;
        SetSynchronizationContext(this);
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        _queue.Enqueue((d, state));
        // The loop itself looks at the queue before it waits
        if (!OnThread && Interlocked.Exchange(ref _signalled, 1) == 0)
            Signal();
    }

    /// <summary>Posts something that must not be lost; false when the loop has ended.</summary>
    public bool TryPost(SendOrPostCallback callback)
    {
        lock (_ending)
        {
            if (_ended)
                return false;
            Post(callback, null);
            return true;
        }
    }

    public override void Send(SendOrPostCallback d, object? state)
    {
        if (!OnThread)
            throw new NotSupportedException("A task's thread is never waited for; post instead.");
        d(state);
    }

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Before the queue is emptied, so that whatever is posted from here on signals anew.</summary>
    public void Clear()
    {
        _wake.Clear();
        Interlocked.Exchange(ref _signalled, 0);
    }

    /// <summary>Runs at most those that are queued now; what they queue in turn waits for the next turn.</summary>
    public void RunQueued()
    {
        for (var count = _queue.Count; count > 0 && _queue.TryDequeue(out var item); count--)
            item.Callback(item.State);
    }

    private void Signal()
    {
        lock (_ending)
        {
            if (!_ended)
                _wake.Set();
        }
    }

    /// <summary>From now on nothing is run any more; what was accepted before has its last chance here.</summary>
    public void End()
    {
        lock (_ending)
            _ended = true;
        for (var turn = 0; turn < LastTurns && HasWork; turn++)
            RunQueued();
    }

    public void Dispose()
    {
        lock (_ending)
        {
            _ended = true;
            _wake.Dispose();
        }

        _queue.Clear();
    }
}
