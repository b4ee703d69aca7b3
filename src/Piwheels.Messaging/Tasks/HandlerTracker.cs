namespace Piwheels.Messaging.Tasks;

/// <summary>The handlers of a task that are under way. A handler that throws is the task's own bug.</summary>
internal sealed class HandlerTracker(Action<Exception> fault)
{
    private TaskCompletionSource? _idle;

    public int Count { get; private set; }

    /// <summary>Waits until none is left; new ones must not come any more.</summary>
    public Task EndAsync()
    {
        _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        SignalIdle();
        return _idle.Task;
    }

    /// <summary>Watches a handler to its end; on the loop's thread.</summary>
    public async void Track(Task handling, Action? ended = null)
    {
        Count++;
        try
        {
            await handling;
        }
        catch (Exception failure)
        {
            fault(failure);
        }
        finally
        {
            Count--;
            ended?.Invoke();
            SignalIdle();
        }
    }

    private void SignalIdle()
    {
        if (Count == 0)
            _idle?.TrySetResult();
    }
}
