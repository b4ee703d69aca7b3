namespace Piwheels.Messaging.Tasks;

/// <summary>Lets one line of a log through in a while, and counts the others.</summary>
public sealed class LineLimit(TimeProvider time)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private DateTimeOffset _next = DateTimeOffset.MinValue;
    private long _unsaid;

    /// <param name="unsaid">How many were kept back since the last one.</param>
    /// <returns>Whether to log this one.</returns>
    public bool TryTake(out long unsaid)
    {
        unsaid = _unsaid;
        var now = time.GetUtcNow();
        if (now < _next)
        {
            _unsaid++;
            return false;
        }

        _unsaid = 0;
        _next = now + Interval;
        return true;
    }
}
