namespace Piwheels.Master.Transfers;

/// <summary>
/// A flush for all who want the same one: whoever comes while one is under way shares the next with all who come until
/// that begins. So what many wait for is done twice at the most.
/// </summary>
internal sealed class SharedFlush(Action flush)
{
    private readonly Lock _lock = new();
    private Task _running = Task.CompletedTask;
    private Task? _next;

    /// <summary>Done when a flush has ended that began after this call.</summary>
    public Task FlushAsync()
    {
        lock (_lock)
        {
            if (_next is not null) return _next;
            if (_running.IsCompleted) return _running = Task.Run(flush);
            return _next = FlushAfterAsync(_running);
        }
    }

    private async Task FlushAfterAsync(Task before)
    {
        // Its failure is for those who waited for it
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            _running = _next!;
            _next = null;
        }

        await Task.Run(flush).ConfigureAwait(false);
    }
}
