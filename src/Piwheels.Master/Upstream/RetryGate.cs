namespace Piwheels.Master.Upstream;

/// <summary>
/// When to ask again what failed: after an exponentially growing time with jitter, so that many farms do not come
/// back at once, and never before the moment that the server named.
/// </summary>
/// <param name="delayMax">The longest wait of our own; <see cref="DelayMax"/> unless given.</param>
public sealed class RetryGate(TimeSpan? delayMax = null)
{
    /// <summary>The wait after a first failure; the following ones double it.</summary>
    public static readonly TimeSpan DelayFirst = TimeSpan.FromSeconds(2);

    /// <summary>The longest wait of our own, at an index that others ask too.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromMinutes(5);

    /// <summary>The longest wait for the farm's own database and tasks.</summary>
    public static readonly TimeSpan OwnDelayMax = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait that a server can impose.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromHours(1);

    private DateTimeOffset _opensAt = DateTimeOffset.MinValue;

    /// <summary>Failures since the last success.</summary>
    public int Failures { get; private set; }

    public bool IsOpen(DateTimeOffset now) => now >= _opensAt;

    public void Succeeded()
    {
        Failures = 0;
        _opensAt = DateTimeOffset.MinValue;
    }

    /// <summary>Closes the gate, and answers for how long.</summary>
    /// <param name="random">From 0 to below 1.</param>
    public TimeSpan Failed(DateTimeOffset now, TimeSpan? retryAfter, double random)
    {
        Failures++;
        var delay = DelayAfter(Failures, retryAfter, random);
        if (retryAfter is null && delay > delayMax) delay = delayMax.Value;
        if (now + delay > _opensAt) _opensAt = now + delay;
        return delay;
    }

    /// <summary>Between half and all of the doubled delay, or what the server asks for where that is longer.</summary>
    public static TimeSpan DelayAfter(int failures, TimeSpan? retryAfter, double random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(failures, 1);
        var doubled = DelayFirst * Math.Pow(2, Math.Min(failures - 1, 30));
        var delay = (doubled < DelayMax ? doubled : DelayMax) * (0.5 + (random / 2));
        if (retryAfter is not { } asked || asked <= delay) return delay;
        return asked < RetryAfterMax ? asked : RetryAfterMax;
    }
}
