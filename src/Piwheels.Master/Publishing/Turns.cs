namespace Piwheels.Master.Publishing;

/// <summary>
/// Lets work on one thing go one after the other, in the order of asking, while other things are worked on. For one
/// thread.
/// </summary>
internal sealed class Turns<TKey>
    where TKey : notnull
{
    private readonly Dictionary<TKey, Task> _last = [];

    /// <summary>Waits for its turn, then works; at once where nobody works on the same.</summary>
    internal async Task TakeAsync(TKey key, Func<Task> work)
    {
        var before = _last.GetValueOrDefault(key, Task.CompletedTask);
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _last[key] = turn.Task;
        await before;
        try
        {
            await work();
        }
        finally
        {
            if (_last[key] == turn.Task) _last.Remove(key);
            turn.SetResult();
        }
    }
}
