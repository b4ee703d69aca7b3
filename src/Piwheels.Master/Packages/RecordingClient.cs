using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Master.Packages;

/// <summary>
/// Has builds recorded, each once: while the database is away it waits and tries again, under the same number, so that an
/// attempt whose answer was lost counts. A result is not given up for that.
/// </summary>
internal sealed partial class RecordingClient(IDatabase database, TimeProvider time, ILogger logger)
{
    public static readonly TimeSpan RetryPauseMin = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan RetryPauseMax = TimeSpan.FromSeconds(30);

    private readonly BuildBatches _batches = new(database);

    /// <summary>Answers the build's number.</summary>
    /// <exception cref="DatabaseException">It is refused.</exception>
    /// <exception cref="OperationCanceledException">The master quits.</exception>
    public Task<long> RecordAsync(BuildState build, CancellationToken quitting) =>
        TryAsync(build, request => _batches.RecordAsync(build, request), quitting);

    /// <summary>Has a failed build tried again later; answers when, or null where it is to be recorded.</summary>
    /// <exception cref="DatabaseException">It is refused.</exception>
    /// <exception cref="OperationCanceledException">The master quits.</exception>
    public Task<DateTimeOffset?> DeferAsync(
        BuildState build, IReadOnlyList<TimeSpan> delays, CancellationToken quitting) =>
        TryAsync(build, request => database.DeferBuildAsync(build, delays, request), quitting);

    private async Task<T> TryAsync<T>(BuildState build, Func<Guid, Task<T>> ask, CancellationToken quitting)
    {
        var request = RequestNumber.Next(time);
        for (var pause = RetryPauseMin; ; pause = Longer(pause))
        {
            try
            {
                return await ask(request);
            }
            catch (DatabaseException away) when (away.Transient)
            {
                Waits(logger, build.Package, build.Version, pause, away.Message);
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
