namespace Piwheels.Messaging.Tasks;

/// <summary>
/// A handler that runs every so often: for the first time at once, never while it still runs, and after a pause or a
/// long run once, not once per interval missed.
/// </summary>
internal sealed class PeriodicHandler : IDisposable
{
    private readonly TimeSpan _interval;
    private readonly bool _evenPaused;
    private readonly LoopContext _context;
    private readonly TimeProvider _time;
    private readonly HandlerTracker _tracker;
    private readonly ITimer _timer;
    private DateTimeOffset _due;
    private bool _isDue;
    private bool _running;
    private bool _paused;
    private bool _stopped;

    public PeriodicHandler(
        TimeSpan interval,
        Func<Task> handler,
        bool evenPaused,
        LoopContext context,
        TimeProvider time,
        HandlerTracker tracker)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(interval, TimeSpan.Zero);
        _interval = interval;
        Handler = handler;
        _evenPaused = evenPaused;
        _context = context;
        _time = time;
        _tracker = tracker;
        _timer = time.CreateTimer(
            _ => _context.Post(static self => ((PeriodicHandler)self!).Fire(), this),
            null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Func<Task> Handler { get; }

    /// <summary>The first run; on the loop's thread, as everything here.</summary>
    public void Start()
    {
        _due = _time.GetUtcNow();
        Fire();
    }

    /// <summary>Runs at once, or once more after the run under way.</summary>
    public void Fire()
    {
        _isDue = true;
        RunIfDue();
    }

    public void Pause(bool paused)
    {
        _paused = paused;
        RunIfDue();
    }

    private void RunIfDue()
    {
        if (!_isDue || _running || _stopped || (_paused && !_evenPaused))
            return;
        _isDue = false;
        _running = true;
        _tracker.Track(RunAsync());
    }

    private async Task RunAsync()
    {
        TakeTick(_time.GetUtcNow());
        try
        {
            await Handler();
        }
        finally
        {
            _running = false;
            SetTimer(_time.GetUtcNow());
        }

        RunIfDue();
    }

    // Ticks stay on the grid, so that a run's own length does not add up; those missed are left out
    private void TakeTick(DateTimeOffset now)
    {
        if (_due > now)
            return; // forced before its time
        _due += _interval;
        if (_due <= now)
            _due = now + _interval;
    }

    private void SetTimer(DateTimeOffset now)
    {
        if (_stopped)
            return;
        if (_due <= now)
            _isDue = true;
        else
            _timer.Change(_due - now, Timeout.InfiniteTimeSpan);
    }

    public void Stop() => _stopped = true;

    public void Dispose()
    {
        _stopped = true;
        _timer.Dispose();
    }
}
