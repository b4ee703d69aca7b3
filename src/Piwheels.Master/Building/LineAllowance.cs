namespace Piwheels.Master.Building;

/// <summary>
/// How much is said of the coming and going of slaves: a whole fleet's return is told, a flood of hellos does not fill the
/// disk with lines.
/// </summary>
internal sealed class LineAllowance(TimeProvider time)
{
    public const int LinesMax = 1_000;

    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private DateTimeOffset _until;
    private int _said;
    private int _unsaid;

    /// <summary>Whether one more line may be said.</summary>
    /// <param name="unsaid">How many were not since the last time; to be told where it is above zero.</param>
    public bool TryTake(out int unsaid)
    {
        unsaid = 0;
        var now = time.GetUtcNow();
        if (now >= _until)
        {
            (unsaid, _unsaid, _said) = (_unsaid, 0, 0);
            _until = now + Interval;
        }

        if (_said < LinesMax)
        {
            _said++;
            return true;
        }

        _unsaid++;
        return false;
    }
}
