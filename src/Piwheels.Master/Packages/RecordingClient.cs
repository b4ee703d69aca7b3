using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Master.Packages;

/// <summary>
/// Has builds recorded, each once: while the database is away it waits and tries again, under the same number, so that an
/// attempt whose answer was lost counts. A result is not given up for that, nor when the master is killed.
/// </summary>
internal sealed partial class RecordingClient(
    IDatabase database, KeptBuilds results, TimeProvider time, ILogger logger)
{
    public static readonly TimeSpan RetryPauseMin = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan RetryPauseMax = TimeSpan.FromSeconds(30);

    /// <summary>Characters of a log that is written at once: the system has it sooner than another thread would be found.</summary>
    private const int LogLengthAtOnce = 256 * 1024;

    private readonly BuildBatches _batches = new(database);

    /// <summary>Keeps a result on the disk until <see cref="Drop"/>, so that nothing that kills the master loses it.</summary>
    public async Task<KeptBuild> KeepAsync(BuildState build)
    {
        var kept = new KeptBuild(RequestNumber.Next(time), build);
        if (build.Output.Length > LogLengthAtOnce) await Task.Run(() => results.Keep(kept));
        else results.Keep(kept);
        return kept;
    }

    /// <summary>All that is to follow from the result is done, or it is not wanted.</summary>
    public void Drop(KeptBuild kept) => results.Drop(kept);

    /// <summary>Answers the build's number.</summary>
    /// <exception cref="DatabaseException">It is refused.</exception>
    /// <exception cref="OperationCanceledException">The master quits.</exception>
    public Task<long> RecordAsync(KeptBuild kept, CancellationToken quitting) =>
        TryAsync(kept, () => _batches.RecordAsync(kept.Build, kept.Number), quitting);

    /// <summary>Has a failed build tried again later; answers when, or null where it is to be recorded.</summary>
    /// <exception cref="DatabaseException">It is refused.</exception>
    /// <exception cref="OperationCanceledException">The master quits.</exception>
    public Task<DateTimeOffset?> DeferAsync(
        KeptBuild kept, IReadOnlyList<TimeSpan> delays, CancellationToken quitting) =>
        TryAsync(kept, () => database.DeferBuildAsync(kept.Build, delays, kept.Number), quitting);

    private async Task<T> TryAsync<T>(KeptBuild kept, Func<Task<T>> ask, CancellationToken quitting)
    {
        for (var pause = RetryPauseMin; ; pause = Longer(pause))
        {
            try
            {
                return await ask();
            }
            catch (DatabaseException away) when (away.Transient)
            {
                Waits(logger, kept.Build.Package, kept.Build.Version, pause, away.Message);
            }

            await Task.Delay(pause, time, quitting);
        }
    }

    /// <summary>The pause before the try after the next.</summary>
    public static TimeSpan Longer(TimeSpan pause) => Pauses.Longer(pause, RetryPauseMax);

    [LoggerMessage(EventId = 30, Level = LogLevel.Debug,
        Message = "the build of {Package} {Version} waits for the database, next try in {Pause}: {Reason}")]
    private static partial void Waits(ILogger logger, string package, string version, TimeSpan pause, string reason);
}
