using Microsoft.Extensions.Logging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Reads the change log, and watches that it is the one that was read before. An index that was restored from a copy,
/// or another one at the same address, goes back to lower serials and gives them to other events, which nobody would
/// ever read. Once that is seen nothing more is read, until the log has our newest event again, as it was; or until
/// the operator has set the farm's serial and starts the master again (docs/commands.md). For one thread.
/// </summary>
internal sealed partial class ChangelogWatch(ChangelogClient changelog, TimeProvider time, ILogger logger)
{
    /// <summary>How often the index is asked where its log ends.</summary>
    internal static readonly TimeSpan CheckInterval = TimeSpan.FromMinutes(10);

    /// <summary>How often a log that went back is spoken of.</summary>
    internal static readonly TimeSpan ReminderInterval = TimeSpan.FromHours(1);

    private PypiEvent? _newest;
    private string? _wentBack;
    private DateTimeOffset _nextCheck;
    private DateTimeOffset _nextReminder;
    private bool _saidStranger;

    /// <summary>The newest serial that the log is known to have.</summary>
    internal long LastSerial { get; private set; }

    /// <summary>When the log was read last.</summary>
    internal DateTimeOffset ReadAt { get; private set; }

    /// <summary>The events after a serial.</summary>
    /// <param name="done">The serial up to which everything has taken effect: the log must reach it.</param>
    /// <param name="ahead">What <see cref="ReadAheadAsync"/> has asked for already.</param>
    internal async Task<Fetched<ChangelogBatch>> SinceAsync(
        long after, long done, CancellationToken ct, Task<Fetched<ChangelogBatch>>? ahead = null)
    {
        if (_wentBack is not null && await StillAsync(done, ct) is { } still) return still;
        var fetched = await (ahead ?? changelog.SinceAsync(after, ct));
        if (fetched is not Fetched<ChangelogBatch>.Found found) return fetched;

        ReadAt = time.GetUtcNow();
        Note(found.Value.Events, after, done);
        var reached = Math.Max(after, _newest?.Serial ?? 0);
        // Since all before was read, a log that ends here ends before what an earlier run has read
        var endsEarly = reached < done && !found.Value.Events.Any(e => e.Serial > after);
        if (endsEarly || time.GetUtcNow() >= _nextCheck)
        {
            _nextCheck = time.GetUtcNow() + CheckInterval;
            var last = await changelog.LastSerialAsync(ct) is Fetched<long>.Found known ? known.Value : (long?)null;
            if (last is { } serial) LastSerial = Math.Max(serial, reached);
            if (endsEarly || last < reached) return WentBack(last ?? after, Math.Max(done, reached));
        }

        LastSerial = Math.Max(LastSerial, reached);
        return fetched;
    }

    /// <summary>The events after a serial, to be looked at when their turn comes.</summary>
    internal Task<Fetched<ChangelogBatch>> ReadAheadAsync(long after, CancellationToken ct) =>
        changelog.SinceAsync(after, ct);

    private void Note(IReadOnlyList<PypiEvent> events, long after, long done)
    {
        if (events.MaxBy(e => e.Serial) is not { } newest) return;
        if (after < done && newest.Serial >= done && !_saidStranger && events.All(e => e.Serial != done))
        {
            Stranger(logger, done);
            _saidStranger = true;
        }

        if (newest.Serial > (_newest?.Serial ?? after)) _newest = newest;
    }

    private Fetched<ChangelogBatch>.Unusable WentBack(long last, long reached)
    {
        _wentBack = $"it ends at serial {last}, before {reached}, up to which this farm has read";
        return new Fetched<ChangelogBatch>.Unusable(_wentBack);
    }

    /// <summary>Null when the log is as it was again.</summary>
    private async Task<Fetched<ChangelogBatch>?> StillAsync(long done, CancellationToken ct)
    {
        // Of what an earlier run has read only the serial is known, and another log may have that, too
        if (_newest is { } newest && newest.Serial >= done)
        {
            var fetched = await changelog.SinceAsync(newest.Serial - 1, ct);
            if (fetched is not Fetched<ChangelogBatch>.Found found) return fetched;
            if (found.Value.Events.Contains(newest))
            {
                Mended(logger, newest.Serial);
                _wentBack = null;
                return null;
            }
        }

        if (time.GetUtcNow() >= _nextReminder)
        {
            _nextReminder = time.GetUtcNow() + ReminderInterval;
            Held(logger, _wentBack!);
        }

        return new Fetched<ChangelogBatch>.Unusable(_wentBack!);
    }

    [LoggerMessage(31, LogLevel.Error,
        "the index's change log went back: {What}. It was restored from a copy, or is another index. Nothing is read " +
        "from it until it is as it was, or the farm's serial is set (see 'piw master' in docs/commands.md)")]
    private static partial void Held(ILogger logger, string what);

    [LoggerMessage(32, LogLevel.Information, "the index's change log has event {Serial} again; going on")]
    private static partial void Mended(ILogger logger, long serial);

    [LoggerMessage(33, LogLevel.Error,
        "the index's change log has no event {Serial}, up to which this farm has read: is it another index? " +
        "Events with lower serials are taken as read (see 'piw master' in docs/commands.md)")]
    private static partial void Stranger(ILogger logger, long serial);
}
