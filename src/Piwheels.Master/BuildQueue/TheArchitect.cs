using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.BuildQueue;

/// <summary>
/// Knows what has to be built. Hears from the database when the build queue changed, reads the head of each target's
/// queue, and pushes them to SlaveDriver: within a second of a change, and once a minute in any case, since a
/// notification may have been lost with its connection. Beside that it has changes of targets take effect, step by
/// step, and brings back what was deferred when its time has come.
/// </summary>
public sealed partial class TheArchitect : TaskLoop
{
    /// <summary>The shortest time between two queries.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);

    /// <summary>The longest time between two queries.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <summary>How often deferred builds are looked for whose time has come.</summary>
    public static readonly TimeSpan ResumePause = TimeSpan.FromSeconds(10);

    /// <summary>How many of them are brought back at a time: their packages are locked as long as that takes.</summary>
    public const int ResumedAtATime = 100;

    /// <summary>How long to wait when the database is away.</summary>
    public static readonly TimeSpan FaultPause = TimeSpan.FromSeconds(5);

    private readonly IDatabase _database;
    private readonly Func<Action, CancellationToken, Task> _listen;
    private readonly MessageSocket<NoMessages, BuildQueueMessage> _builds;
    private readonly QueueDepth _depth;
    private Task _listening = Task.CompletedTask;
    private DateTimeOffset _notBefore;
    private DateTimeOffset _atLatest;
    private bool _changed = true;
    private bool _away;

    /// <param name="database">Its own connection, not the oracles': a long query must not take one of theirs.</param>
    /// <param name="listen">Calls its argument, on any thread, whenever the queue has changed; until cancelled.</param>
    /// <param name="settle">Takes a step of a change of targets, when it is time, and answers what is left.</param>
    /// <param name="depth">How many releases of each target are read.</param>
    public TheArchitect(
        MasterConfiguration configuration, TaskEnvironment environment, IDatabase database,
        Func<Action, CancellationToken, Task> listen,
        Func<CancellationToken, Task<IReadOnlyList<SettlingTarget>>> settle, QueueDepth? depth = null)
        : base("the_architect", environment)
    {
        _depth = depth ?? new QueueDepth();
        _database = database;
        _listen = listen;
        _settle = settle;
        _builds = Connect<NoMessages, BuildQueueMessage>(ZmqSocketType.Push, configuration.BuildsQueue);
        Every(ShortestPause, UpdateBuildQueueAsync);
        Every(ShortestPause, SettleTargetsAsync);
        Every(ResumePause, ResumeBuildsAsync);
    }

    protected override Task OnceAsync()
    {
        _listening = ListenAsync();
        return Task.CompletedTask;
    }

    protected override Task CloseAsync() => _listening;

    private async Task ListenAsync()
    {
        while (!Quitting.IsCancellationRequested)
        {
            try
            {
                await _listen(() => Post(QueueChanged), Quitting);
            }
            catch (DatabaseException fault)
            {
                Away(fault);
            }
            catch (OperationCanceledException) when (Quitting.IsCancellationRequested)
            {
                return;
            }

            // What changed while nobody listened is found by looking
            _changed = true;
            _targetsChanged = true;
            await PauseAsync(FaultPause);
        }
    }

    private void QueueChanged()
    {
        _changed = true;
        _targetsChanged = true;
        if (Now >= _notBefore) Force(UpdateBuildQueueAsync);
    }

    private async Task UpdateBuildQueueAsync()
    {
        var now = Now;
        if (now < _notBefore || (!_changed && now < _atLatest)) return;
        _changed = false;
        try
        {
            var queue = await _database.GetBuildQueueAsync(_depth.Releases);
            _notBefore = Now + ShortestPause;
            _atLatest = Now + LongestPause;
            _away = false;
            if (_builds.TrySend(new BuildQueueMessage.Queue(queue))) return;
            // SlaveDriver has more of these waiting than it can take: the next one tells the same, and newer
            _changed = true;
            NotTaken(Logger);
        }
        catch (DatabaseException fault)
        {
            Away(fault);
            _changed = true;
            _notBefore = Now + FaultPause;
        }
    }

    private async Task ResumeBuildsAsync()
    {
        try
        {
            var all = 0L;
            while (!Paused && !Quitting.IsCancellationRequested)
            {
                var resumed = await _database.ResumeBuildsAsync(ResumedAtATime);
                all += resumed;
                if (resumed < ResumedAtATime) break;
            }

            if (all > 0) Resumed(Logger, all);
        }
        catch (DatabaseException fault)
        {
            Away(fault);
        }
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, Time, Quitting);
        }
        catch (OperationCanceledException)
        {
            // Quitting ends the pause; the loop around it looks
        }
    }

    private void Away(DatabaseException fault)
    {
        // That it is away is told of by the database's own log
        if (!_away) CannotRead(Logger, fault.Transient ? LogLevel.Debug : LogLevel.Warning, fault.Message);
        _away = true;
    }

    [LoggerMessage(EventId = 10, Message = "cannot read the build queue, will try again: {reason}")]
    private static partial void CannotRead(ILogger logger, LogLevel level, string reason);

    [LoggerMessage(EventId = 16, Level = LogLevel.Information, Message = "{count} builds that failed for a reason that passes are tried again")]
    private static partial void Resumed(ILogger logger, long count);

    [LoggerMessage(EventId = 12, Level = LogLevel.Warning, Message = "SlaveDriver does not take the build queue; will push it again")]
    private static partial void NotTaken(ILogger logger);
}
