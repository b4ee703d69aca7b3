namespace Piwheels.Messaging.Tasks;

/// <summary>Lets so many lines of a log through in a while, and counts the others.</summary>
/// <param name="lines">Lines in an interval; it begins with the first of them.</param>
public sealed class LineLimit(TimeProvider time, int lines, TimeSpan interval)
{
    /// <summary>Of <see cref="LineLimit(TimeProvider)"/>.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private DateTimeOffset _next = DateTimeOffset.MinValue;
    private int _said;
    private long _unsaid;

    /// <summary>One line in ten seconds.</summary>
    public LineLimit(TimeProvider time)
        : this(time, lines: 1, Interval)
    {
    }

    /// <param name="unsaid">How many were kept back in intervals that are over, where this is the first of one; else 0.</param>
    /// <returns>Whether to log this one.</returns>
    public bool TryTake(out long unsaid)
    {
        unsaid = 0;
        var now = time.GetUtcNow();
        if (now >= _next)
        {
            (unsaid, _unsaid, _said) = (_unsaid, 0, 0);
            _next = now + interval;
        }

        if (_said < lines)
        {
            _said++;
            return true;
        }

        _unsaid++;
        return false;
    }
}
