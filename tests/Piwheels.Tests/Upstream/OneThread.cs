using System.Collections.Concurrent;
using Piwheels.Testing;

namespace Piwheels.Tests.Upstream;

/// <summary>Runs what is written for a task's thread upon one, until it ends.</summary>
internal static class OneThread
{
    internal static Task RunAsync(Func<Task> action) => Task.Run(() =>
    {
        using var context = new Context();
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        try
        {
            var task = action();
            context.RunUntil(task);
            task.GetAwaiter().GetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }).Within();

    private sealed class Context : SynchronizationContext, IDisposable
    {
        private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _queue = [];

        private bool _ended;

        /// <summary>As for a task that has ended, nothing more is done then.</summary>
        public override void Post(SendOrPostCallback d, object? state)
        {
            lock (_queue)
            {
                if (!_ended) _queue.Add((d, state));
            }
        }

        public void Dispose()
        {
            lock (_queue)
            {
                _ended = true;
                _queue.Dispose();
            }
        }

        internal void RunUntil(Task task)
        {
            _ = task.ContinueWith(_ => Post(static _ => { }, null), TaskScheduler.Default);
            while (!task.IsCompleted && _queue.TryTake(out var next, Waiting.Limit)) next.Callback(next.State);
        }
    }
}
