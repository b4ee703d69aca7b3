using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.BuildQueue;

/// <content>
/// Changes of targets. The database takes each step and says when the next one may be; where a change stands is in its
/// tables, so a master that is killed half way goes on when it starts.
/// </content>
public sealed partial class TheArchitect
{
    private readonly Func<CancellationToken, Task<IReadOnlyList<SettlingTarget>>> _settle;
    private readonly HashSet<Target> _settling = [];
    private DateTimeOffset _settleNotBefore;
    private DateTimeOffset _settleAtLatest;
    private bool _targetsChanged = true;
    private bool _settlingFails;

    private async Task SettleTargetsAsync()
    {
        var now = Now;
        if (now < _settleNotBefore || (!_targetsChanged && now < _settleAtLatest)) return;
        _targetsChanged = false;
        _settleAtLatest = now + LongestPause;
        try
        {
            while (await StepAsync() is { } pause)
            {
                await PauseAsync(pause);
                if (!Paused && !Quitting.IsCancellationRequested) continue;
                _targetsChanged = true;
                return;
            }

            _settlingFails = false;
        }
        catch (DatabaseException fault)
        {
            if (!_settlingFails) CannotSettle(Logger, fault.Message);
            _settlingFails = true;
            _targetsChanged = true;
            _settleNotBefore = Now + FaultPause;
        }
    }

    /// <summary>Takes a step, if there is one to take; answers how long to wait for the next, or null after the last.</summary>
    private async Task<TimeSpan?> StepAsync()
    {
        var left = await _settle(Quitting);
        foreach (var target in left)
        {
            if (_settling.Add(target.Target))
                TakesEffect(Logger, target.Target, target.Percent);
        }

        foreach (var done in _settling.Except(left.Select(target => target.Target)).ToList())
        {
            _settling.Remove(done);
            HasTakenEffect(Logger, done);
        }

        return left.Count > 0 ? left[0].Pause : null;
    }

    [LoggerMessage(EventId = 13, Level = LogLevel.Information, Message = "the change of {target} takes effect, version by version; {percent} % are done")]
    private static partial void TakesEffect(ILogger logger, Target target, int percent);

    [LoggerMessage(EventId = 14, Level = LogLevel.Information, Message = "the change of {target} has taken effect everywhere")]
    private static partial void HasTakenEffect(ILogger logger, Target target);

    [LoggerMessage(EventId = 15, Level = LogLevel.Warning, Message = "cannot have changes of targets take effect, will try again: {reason}")]
    private static partial void CannotSettle(ILogger logger, string reason);
}
