using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
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

    /// <summary>The database does not want it: the release or its target is gone.</summary>
    public sealed record Refused(string Reason) : RecordOutcome;

    /// <summary>The database is away, and as many results wait for it as can be kept.</summary>
    public sealed record TooMany : RecordOutcome;
}

/// <summary>
/// Records builds: first in the database, with which the package's pages are owed, then its log and pages with
/// TheSecretary. While one of them is away it waits and tries again; results are not given up for that.
/// </summary>
internal sealed partial class BuildRecorder(
    IDatabase database,
    RpcClient<SecretaryRequest, SecretaryReply> web,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>Results that may wait at a time: while the database is away they pile up in memory.</summary>
    public const int WaitingMax = 2_000;

    /// <summary>Characters of logs that may wait at a time.</summary>
    public const long WaitingLogLengthMax = 500_000_000;

    /// <summary>
    /// How often TheSecretary is asked; what the pages owe stands in the database, so only the log is at stake.
    /// </summary>
    public const int SecretaryAttemptsMax = 10;

    public static readonly TimeSpan RetryPauseMin = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan RetryPauseMax = TimeSpan.FromSeconds(30);

    private int _waiting;
    private long _waitingLogLength;

    /// <summary>Returns once the build is recorded, or known not to be wanted.</summary>
    /// <exception cref="OperationCanceledException">The master quits.</exception>
    public async Task<RecordOutcome> RecordAsync(BuildState build, CancellationToken quitting)
    {
        if (_waiting >= WaitingMax || _waitingLogLength + build.Output.Length > WaitingLogLengthMax)
        {
            return new RecordOutcome.TooMany();
        }

        _waiting++;
        _waitingLogLength += build.Output.Length;
        try
        {
            var buildId = await LogBuildAsync(build, quitting);
            await PublishAsync(buildId, build, quitting);
            return new RecordOutcome.Recorded(buildId);
        }
        catch (DatabaseException refusal)
        {
            return new RecordOutcome.Refused(refusal.Message);
        }
        finally
        {
            _waiting--;
            _waitingLogLength -= build.Output.Length;
        }
    }

    private async Task<long> LogBuildAsync(BuildState build, CancellationToken quitting)
    {
        var request = RequestNumber.Next(time);
        for (var pause = RetryPauseMin; ; pause = Longer(pause))
        {
            try
            {
                return await database.LogBuildAsync(build, request);
            }
            catch (DatabaseException away) when (away.Transient)
            {
                DatabaseAway(logger, build.Package, build.Version, pause, away.Message);
            }

            await Task.Delay(pause, time, quitting);
        }
    }

    private async Task PublishAsync(long buildId, BuildState build, CancellationToken quitting)
    {
        var package = PackageName.Parse(build.Package);
        await TellSecretaryAsync(new SecretaryRequest.Log(buildId, package, build.Output), quitting);
        await TellSecretaryAsync(
            build.Status ? new SecretaryRequest.Both(package) : new SecretaryRequest.Project(package), quitting);
    }

    private async Task TellSecretaryAsync(SecretaryRequest request, CancellationToken quitting)
    {
        var pause = RetryPauseMin;
        for (var attempt = 1; ; attempt++, pause = Longer(pause))
        {
            try
            {
                await web.AskAsync(request, quitting);
                return;
            }
            catch (RpcException failure) when (attempt < SecretaryAttemptsMax && failure.Transient)
            {
                SecretaryAway(logger, request.Name, pause, failure.Message);
            }
            catch (RpcException failure)
            {
                SecretaryFailed(logger, request.Name, failure.Message);
                return;
            }

            await Task.Delay(pause, time, quitting);
        }
    }

    /// <summary>The pause before the try after the next.</summary>
    public static TimeSpan Longer(TimeSpan pause) => pause * 2 < RetryPauseMax ? pause * 2 : RetryPauseMax;

    [LoggerMessage(EventId = 30, Level = LogLevel.Warning,
        Message = "the build of {Package} {Version} waits for the database, next try in {Pause}: {Reason}")]
    private static partial void DatabaseAway(
        ILogger logger, string package, string version, TimeSpan pause, string reason);

    [LoggerMessage(EventId = 31, Level = LogLevel.Warning,
        Message = "{Request} waits for the secretary, next try in {Pause}: {Reason}")]
    private static partial void SecretaryAway(ILogger logger, string request, TimeSpan pause, string reason);

    [LoggerMessage(EventId = 32, Level = LogLevel.Error,
        Message = "{Request} was not taken by the secretary: {Reason}")]
    private static partial void SecretaryFailed(ILogger logger, string request, string reason);
}
