using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Building;

/// <summary>What became of a build's result.</summary>
internal abstract record RecordOutcome
{
    private RecordOutcome()
    {
    }

    /// <summary>The database has it under this number, and TheSecretary its log.</summary>
    public sealed record Recorded(long BuildId) : RecordOutcome;

    /// <summary>It failed for a reason that passes: nothing is recorded, and it is tried again.</summary>
    public sealed record Deferred(DateTimeOffset RetryAt) : RecordOutcome;

    /// <summary>The database does not want it: the release or its target is gone.</summary>
    public sealed record Refused(string Reason) : RecordOutcome;
}

/// <summary>
/// Records builds: first in the database, with which the package's pages are owed, then its log and pages with
/// TheSecretary. While one of them is away it waits and tries again; results are not given up for that. Until all of it is
/// done the result is kept in a file, from which the next start of the master goes on.
/// </summary>
internal sealed partial class BuildRecorder(
    IDatabase database,
    RpcClient<SecretaryRequest, SecretaryReply> web,
    KeptBuilds results,
    IReadOnlyList<TimeSpan> retryDelays,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>As long as this many results wait, nothing new is handed out to be built.</summary>
    public const int WaitingWithWorkMax = 1_000;

    /// <summary>Results that may wait at a time: those, and one of each slave.</summary>
    public const int WaitingMax = WaitingWithWorkMax + SlaveRoster.SlavesMax;

    /// <summary>
    /// Characters of logs that are kept whole while they wait, a gigabyte; the logs beyond are cut, never their builds.
    /// </summary>
    public const long WaitingLogLengthMax = 500_000_000;

    /// <summary>What is kept of a log that is cut: its end, in characters.</summary>
    public const int CutLogLength = 10_000;

    /// <summary>
    /// How often TheSecretary is asked. What the pages owe stands in the database, and the log is kept for the next start.
    /// </summary>
    public const int SecretaryAttemptsMax = 10;

    private readonly RecordingClient _recording = new(database, results, time, logger);
    private int _waiting;
    private long _waitingLogLength;
    private bool _saidFull;

    /// <summary>Whether builds may be handed out: their results could be kept, should the database be away.</summary>
    public bool HasRoom
    {
        get
        {
            var room = _waiting < WaitingWithWorkMax && _waitingLogLength < WaitingLogLengthMax / 2;
            if (!room && !_saidFull) Full(logger, _waiting);
            _saidFull = !room;
            return room;
        }
    }

    /// <summary>Returns once the build is recorded, deferred, or known not to be wanted.</summary>
    /// <param name="publishFiles">Called when a good build is recorded, before its pages are asked for.</param>
    /// <exception cref="OperationCanceledException">The master quits.</exception>
    public async Task<RecordOutcome> RecordAsync(BuildState build, Func<Task> publishFiles, CancellationToken quitting)
    {
        if (_waitingLogLength + build.Output.Length > WaitingLogLengthMax) build = Cut(build);
        _waiting++;
        _waitingLogLength += build.Output.Length;
        try
        {
            return await RecordAsync(await _recording.KeepAsync(build), publishFiles, quitting);
        }
        finally
        {
            _waiting--;
            _waitingLogLength -= build.Output.Length;
        }
    }

    /// <summary>Goes on with a result where an earlier run of the master was ended.</summary>
    /// <exception cref="OperationCanceledException">The master quits.</exception>
    public async Task<RecordOutcome> ResumeAsync(KeptBuild kept, CancellationToken quitting)
    {
        _waiting++;
        _waitingLogLength += kept.Build.Output.Length;
        try
        {
            // FileJuggler asks for itself which of the files that were left are recorded
            return await RecordAsync(kept, () => Task.CompletedTask, quitting);
        }
        finally
        {
            _waiting--;
            _waitingLogLength -= kept.Build.Output.Length;
        }
    }

    private async Task<RecordOutcome> RecordAsync(KeptBuild kept, Func<Task> publishFiles, CancellationToken quitting)
    {
        RecordOutcome outcome;
        try
        {
            if (await DeferAsync(kept, quitting) is { } retryAt)
            {
                outcome = new RecordOutcome.Deferred(retryAt);
            }
            else
            {
                var buildId = await _recording.RecordAsync(kept, quitting);
                outcome = new RecordOutcome.Recorded(buildId);
                if (kept.Build.Status) await publishFiles();
                if (!await PublishAsync(buildId, kept.Build, quitting)) return outcome;
            }
        }
        catch (DatabaseException refusal)
        {
            outcome = new RecordOutcome.Refused(refusal.Message);
        }

        _recording.Drop(kept);
        return outcome;
    }

    private async Task<DateTimeOffset?> DeferAsync(KeptBuild kept, CancellationToken quitting)
    {
        var build = kept.Build;
        if (build is not { Status: false, Failure: { } failure } || !failure.Class.IsTransient()) return null;
        var retryAt = await _recording.DeferAsync(kept, retryDelays, quitting);
        if (retryAt is not null)
            await TellSecretaryAsync(
                new SecretaryRequest.Owed(PackageName.Parse(build.Package), RewriteCommand.Project), quitting);
        return retryAt;
    }

    /// <summary>The build with the end of its log alone.</summary>
    public static BuildState Cut(BuildState build)
    {
        var length = build.Output.Length - CutLogLength;
        return length <= 0 ? build : build with
        {
            Output = $"[{length} characters are left out here: too many logs waited]\n"
                + build.Output[length..],
        };
    }

    /// <returns>Whether its log is written.</returns>
    private async Task<bool> PublishAsync(long buildId, BuildState build, CancellationToken quitting)
    {
        var package = PackageName.Parse(build.Package);
        var owed = build.Status ? RewriteCommand.Both : RewriteCommand.Project;
        var log = TellSecretaryAsync(new SecretaryRequest.Log(buildId, package, build.Output), quitting);
        await Task.WhenAll(log, TellSecretaryAsync(new SecretaryRequest.Owed(package, owed), quitting));
        return await log;
    }

    /// <returns>Whether it is done.</returns>
    private async Task<bool> TellSecretaryAsync(SecretaryRequest request, CancellationToken quitting)
    {
        var pause = RecordingClient.RetryPauseMin;
        for (var attempt = 1; ; attempt++, pause = RecordingClient.Longer(pause))
        {
            try
            {
                await web.AskAsync(request, quitting);
                return true;
            }
            catch (RpcException failure) when (attempt < SecretaryAttemptsMax && failure.Transient)
            {
                SecretaryAway(
                    logger, attempt == 1 ? LogLevel.Warning : LogLevel.Debug, request.Name, pause, failure.Message);
            }
            catch (RpcException failure)
            {
                SecretaryFailed(logger, request.Name, failure.Message);
                return false;
            }

            await Task.Delay(pause, time, quitting);
        }
    }

    [LoggerMessage(EventId = 31, Message = "{Request} waits for the secretary, next try in {Pause}: {Reason}")]
    private static partial void SecretaryAway(
        ILogger logger, LogLevel level, string request, TimeSpan pause, string reason);

    [LoggerMessage(EventId = 32, Level = LogLevel.Error,
        Message = "{Request} was not taken by the secretary: {Reason}")]
    private static partial void SecretaryFailed(ILogger logger, string request, string reason);

    [LoggerMessage(EventId = 33, Level = LogLevel.Warning,
        Message = "{Count} results wait for the database: until there are fewer, nothing new is built")]
    private static partial void Full(ILogger logger, int count);
}
