namespace Piwheels.Testing;

/// <summary>
/// The machine's clock, by which everything takes a part of its time: for a whole program that waits for seconds
/// between what a test wants to see, and for parts of its own that no test can tell when to go on.
/// </summary>
/// <param name="factor">How many seconds it has in one.</param>
public sealed class FastClock(int factor) : TimeProvider
{
    private readonly DateTimeOffset _began = System.GetUtcNow();
    private readonly long _beganAt = System.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => _began + (System.GetElapsedTime(_beganAt) * factor);

    public override long GetTimestamp() => _beganAt + ((System.GetTimestamp() - _beganAt) * factor);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Timer(System.CreateTimer(callback, state, Shorter(dueTime), Shorter(period)), this);

    private TimeSpan Shorter(TimeSpan span) => span > TimeSpan.Zero ? span / factor : span;

    private sealed class Timer(ITimer inner, FastClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) =>
            inner.Change(clock.Shorter(dueTime), clock.Shorter(period));

        public void Dispose() => inner.Dispose();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
