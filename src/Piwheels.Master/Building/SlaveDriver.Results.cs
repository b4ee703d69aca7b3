using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Building;

/// <summary>Results that an earlier run of the master was ended over: their slaves have gone, what they built has not.</summary>
public sealed partial class SlaveDriver
{
    protected override Task OnceAsync()
    {
        if (!_configuration.StrangersMayConnect && LoopbackAddresses.Concerns(_configuration.SlaveQueue))
            OnLoopbackOnly(Logger, _configuration.SlaveQueue);
        // Before anybody is handed what is built already. The database may be away for long, so they are not waited for
        foreach (var kept in _results.TakeOver()) _leaving.Add(ResumeAsync(kept));
        return Task.CompletedTask;
    }

    private async Task ResumeAsync(KeptBuild kept)
    {
        var build = kept.Build;
        var release = new Release(PackageName.Parse(build.Package), build.Version);
        // An import may leave it to the database what it is for
        var target = new Target(build.AbiTag ?? "", build.PlatformTag ?? "");
        _pending.Begin(target, release);
        switch (await _recorder.ResumeAsync(kept, Quitting))
        {
            case RecordOutcome.Refused(var reason):
                _pending.Lost(target, release, Now);
                NotResumed(Logger, release, reason);
                break;
            case RecordOutcome.Recorded(var buildId):
                _pending.Finished(target, release, Now);
                Resumed(Logger, release, buildId);
                break;
            default:
                _pending.Finished(target, release, Now);
                break;
        }
    }

    [LoggerMessage(EventId = 39, Level = LogLevel.Information,
        Message = "{Release}, which an earlier run of the master took in, is recorded as {BuildId}")]
    private static partial void Resumed(ILogger logger, Release release, long buildId);

    [LoggerMessage(EventId = 40, Level = LogLevel.Warning,
        Message = "{Release}, which an earlier run of the master took in, is not recorded: {Reason}")]
    private static partial void NotResumed(ILogger logger, Release release, string reason);
}
