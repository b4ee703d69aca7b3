using Microsoft.Extensions.Logging;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Building;

/// <summary>
/// What others than slaves have to say: the queue, deletions, monitors, the clock; and the log's events.
/// </summary>
public sealed partial class SlaveDriver
{
    /// <summary>Has a slave die at its next IDLE; null: all of them. From any thread.</summary>
    public void KillSlave(int? slaveId) => Control("kill", slaveId, static slave => slave.Kill());

    /// <summary>Gives a slave nothing to build until it is woken; null: all of them. From any thread.</summary>
    public void SleepSlave(int? slaveId) => Control("sleep", slaveId, static slave => slave.Sleep());

    /// <summary>Has a slave work again; null: all of them. From any thread.</summary>
    public void WakeSlave(int? slaveId) => Control("wake", slaveId, static slave => slave.Wake());

    /// <summary>Takes back what a slave is building; null: all of them. From any thread.</summary>
    public void SkipSlave(int? slaveId) =>
        Control("skip", slaveId, static slave => slave.TakeBack("somebody skipped it"));

    /// <summary>Tells a monitor that has just come of all slaves. From any thread.</summary>
    public void ListSlaves() => Post(() =>
    {
        foreach (var slave in _roster.All)
        {
            Tell(slave, slave.FirstSeen, new SlaveEvent.Hello(slave.Hello));
            if (slave.Stats is { } stats) Tell(slave, slave.LastSeen, new SlaveEvent.Stats(stats));
            if (slave.LastReply is { } reply && SlaveEvent.Of(reply) is { } told) Tell(slave, slave.LastReplyAt, told);
        }
    });

    /// <summary>How many slaves there are, by what they do. From any thread.</summary>
    public Task<IReadOnlyDictionary<string, long>> CountSlavesAsync()
    {
        var counted = new TaskCompletionSource<IReadOnlyDictionary<string, long>>(
            TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => counted.SetResult(_roster.All.GroupBy(static slave => slave.Phase).ToDictionary(
            static phase => phase.Key.ToString().ToLowerInvariant(), static phase => (long)phase.Count(),
            StringComparer.Ordinal)));
        return counted.Task;
    }

    private void Control(string order, int? slaveId, Action<SlaveSession> action) => Post(() =>
    {
        var slaves = _roster.Find(slaveId);
        if (slaves.Count == 0) NoSuchSlave(Logger, order, slaveId);
        foreach (var slave in slaves)
        {
            Ordered(Logger, slave.Id, order);
            action(slave);
        }
    });

    private Task HandleBuilds(BuildQueueMessage message)
    {
        if (message is BuildQueueMessage.Queue(var releases)) _pending.Replace(releases);
        _holds.QueueChanged();
        return Task.CompletedTask;
    }

    private Task<SkipReply> HandleDelete(SkipRequest request)
    {
        switch (request)
        {
            case SkipRequest.DeletePackage(var package):
                _pending.Exclude(package, Now);
                TakeBackDeleted(release => release.Package == package);
                break;
            case SkipRequest.DeleteVersion(var deleted):
                _pending.Exclude(deleted, Now);
                TakeBackDeleted(release => release == deleted);
                break;
        }

        return Task.FromResult<SkipReply>(new SkipReply.Ok());
    }

    private void TakeBackDeleted(Predicate<Release> isDeleted)
    {
        foreach (var slave in _roster.All)
        {
            if (slave.Release is { } release && isDeleted(release)) slave.TakeBack("it was deleted");
        }
    }

    private async Task RefreshRecipesAsync()
    {
        var before = _recipes.Book;
        if (!await Task.Run(_recipes.Refresh)) return;
        _holds.Reconsider();
        await _holds.OwePagesAsync(_recipes.Book.PackagesOtherThanIn(before));
    }

    private async Task LookAtDiskAsync()
    {
        try
        {
            _disk.Look((await _files.DiskAsync()).Free);
        }
        catch (RpcException away)
        {
            DiskUnknown(Logger, away.Message);
        }
    }

    private void CountLoss(SlaveSession slave)
    {
        if (_losses.Lost(slave.Origin, Now) is { } until) LosesAll(Logger, slave.Origin, LossBook.LossesMax, until);
    }

    private bool MaySay()
    {
        var may = _lines.TryTake(out var unsaid);
        if (unsaid > 0) Unsaid(Logger, unsaid);
        return may;
    }

    private async Task RemoveExpired()
    {
        foreach (var slave in _roster.Expire(Now))
        {
            // Not awaited: recording what it left may take as long as the database is away
            _leaving.Add(AbandonAsync(slave, $"it was silent for {slave.Expiry}"));
        }

        foreach (var ended in _leaving.Where(static task => task.IsCompleted).ToList())
        {
            _leaving.Remove(ended);
            await ended;
        }
    }

    protected override Task CloseAsync() => Task.WhenAll(_leaving);

    private Task TellStatistics()
    {
        _ = _stats.TrySend(new StatsMessage.BuildQueue(_pending.Lengths));
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Information,
        Message = "without keys slaves are listened to on loopback only, whatever {Address} says; those with keys come in "
            + "by the setting slave-keys, and strangers-may-connect opens it to everybody who can reach this machine")]
    private static partial void OnLoopbackOnly(ILogger logger, string address);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information, Message = "slave {SlaveId} is {Label}, for {Target}, with {Key}")]
    private static partial void Greeted(ILogger logger, int slaveId, string label, Target target, string key);

    [LoggerMessage(EventId = 15, Level = LogLevel.Debug, Message = "slave {SlaveId}: {Reason}")]
    private static partial void RequestIgnored(ILogger logger, int slaveId, string reason);

    [LoggerMessage(EventId = 18, Level = LogLevel.Information, Message = "slave {SlaveId} is gone: {Reason}")]
    private static partial void SlaveGone(ILogger logger, int slaveId, string reason);

    [LoggerMessage(EventId = 19, Level = LogLevel.Information, Message = "slave {SlaveId} builds {Release}")]
    private static partial void BuildGiven(ILogger logger, int slaveId, Release release);

    [LoggerMessage(EventId = 20, Level = LogLevel.Information,
        Message = "slave {SlaveId} built {Release}, success: {Success}, recorded as {BuildId}, duration: {Duration}")]
    private static partial void BuildRecorded(
        ILogger logger, int slaveId, Release release, bool success, long buildId, TimeSpan duration);

    [LoggerMessage(EventId = 21, Level = LogLevel.Warning,
        Message = "slave {SlaveId}: {Release} is not recorded: {Reason}")]
    private static partial void BuildLost(ILogger logger, int slaveId, Release release, string reason);

    [LoggerMessage(EventId = 22, Level = LogLevel.Information,
        Message = "slave {SlaveId} sent {Filename}, {Size} bytes, verified")]
    private static partial void FileVerified(ILogger logger, int slaveId, string filename, long size);

    [LoggerMessage(EventId = 23, Level = LogLevel.Warning,
        Message = "slave {SlaveId}: {Filename} does not match: {Reason}")]
    private static partial void FileMismatched(ILogger logger, int slaveId, string filename, string reason);

    [LoggerMessage(EventId = 24, Level = LogLevel.Warning,
        Message = "slave {SlaveId}: {Filename} is refused: {Reason}")]
    private static partial void FileRefused(ILogger logger, int slaveId, string filename, string reason);

    [LoggerMessage(EventId = 25, Level = LogLevel.Warning,
        Message = "slave {SlaveId}: {Filename} waits to be verified, next try in {Pause}: {Reason}")]
    private static partial void FilesAway(ILogger logger, int slaveId, string filename, TimeSpan pause, string reason);

    [LoggerMessage(EventId = 26, Level = LogLevel.Warning,
        Message = "slave {SlaveId}: its files are left behind: {Reason}")]
    private static partial void CleanupFailed(ILogger logger, int slaveId, string reason);

    [LoggerMessage(EventId = 27, Level = LogLevel.Information, Message = "slave {SlaveId} is told to {Order}")]
    private static partial void Ordered(ILogger logger, int slaveId, string order);

    [LoggerMessage(EventId = 29, Level = LogLevel.Information,
        Message = "slave {SlaveId} could not build {Release}: {Failure}; it is tried again at {RetryAt:u}")]
    private static partial void BuildDeferred(
        ILogger logger, int slaveId, Release release, BuildFailure failure, DateTimeOffset retryAt);

    [LoggerMessage(EventId = 28, Level = LogLevel.Warning, Message = "no slave to {Order}: {SlaveId}")]
    private static partial void NoSuchSlave(ILogger logger, string order, int? slaveId);

    [LoggerMessage(EventId = 34, Level = LogLevel.Information,
        Message = "slave {SlaveId}: {Filename} requires Python '{RequiresPython}', and not '{Claim}'")]
    private static partial void OtherPython(
        ILogger logger, int slaveId, string filename, string? requiresPython, string? claim);

    [LoggerMessage(EventId = 35, Level = LogLevel.Error,
        Message = "slave {SlaveId}: its files are recorded and not published yet: {Reason}")]
    private static partial void PublishFailed(ILogger logger, int slaveId, string reason);

    [LoggerMessage(EventId = 36, Level = LogLevel.Debug, Message = "how full the disk is, is not known: {Reason}")]
    private static partial void DiskUnknown(ILogger logger, string reason);

    [LoggerMessage(EventId = 37, Level = LogLevel.Warning,
        Message = "{Count} more slaves came or went within a minute, and are not named here")]
    private static partial void Unsaid(ILogger logger, long count);

    [LoggerMessage(EventId = 38, Level = LogLevel.Warning,
        Message = "slaves of {Origin} have lost {Count} builds and ended none: they get nothing until {Until:u}")]
    private static partial void LosesAll(ILogger logger, string origin, int count, DateTimeOffset until);
}
