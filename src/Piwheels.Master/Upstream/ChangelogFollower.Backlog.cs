using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <content>
/// What a farm does that begins, or was away for long: thousands of events at a time are one change of the database.
/// While it takes effect the next batch is read, and what the next run comes to is worked out. Descriptions are not asked
/// for here: see <see cref="DescribeOwedAsync"/>.
/// </content>
internal sealed partial class ChangelogFollower
{
    /// <summary>From how many events of a batch on it is a backlog.</summary>
    internal const int BacklogMin = 1_000;

    /// <summary>Down to how many it stays one: the last that are held back need not go one by one.</summary>
    internal const int BacklogRestMin = 100;

    /// <summary>How many events of a backlog are one transaction: others wait for its packages meanwhile.</summary>
    internal const int BacklogSliceMax = 25_000;

    /// <summary>How many packages that are owed a description are looked up at a time.</summary>
    private const int DescriptionsMax = 500;

    /// <summary>How many removals of a backlog are asked of the other tasks at a time.</summary>
    private const int RemovalsAtOnce = 32;

    /// <summary>How often it is looked whether descriptions are owed, as long as none was.</summary>
    private static readonly TimeSpan UndescribedInterval = TimeSpan.FromMinutes(10);

    /// <summary>As <see cref="BacklogMin"/>, for a smaller log.</summary>
    internal int BacklogFrom { get; init; } = BacklogMin;

    /// <summary>As <see cref="BacklogSliceMax"/>, for a smaller log.</summary>
    internal int BacklogSlice { get; init; } = BacklogSliceMax;

    private readonly Queue<PackageName> _undescribed = new();
    private DateTimeOffset _nextUndescribed;
    private (long From, Task<Fetched<ChangelogBatch>> Batch)? _ahead;
    private Task<BacklogRun>? _prepared;
    private bool _isBacklog;

    /// <summary>Where there is a backlog, the next batch is asked for while this one takes effect.</summary>
    private void ReadAhead(int waiting, long from, CancellationToken ct)
    {
        _isBacklog = waiting >= (_isBacklog ? Math.Min(BacklogRestMin, BacklogFrom) : BacklogFrom);
        if (_isBacklog) _ahead = (from, _watch.ReadAheadAsync(from, ct));
    }

    private Task<Fetched<ChangelogBatch>> SinceAsync(long from, CancellationToken ct)
    {
        var ahead = _ahead is { } known && known.From == from ? known.Batch : null;
        _ahead = null;
        return _watch.SinceAsync(from, _serial, ct, ahead);
    }

    /// <summary>
    /// Has the next events of a backlog take effect, all at once. What the database knows of that they remove is
    /// dropped by the other tasks before; a stop in between leaves it marked, and it is removed again.
    /// </summary>
    private async Task ApplyBacklogAsync(CancellationToken ct)
    {
        var run = await (_prepared ?? Prepare(0, _serial));
        _prepared = null;
        try
        {
            await ApplyAtOnceAsync(run, ct);
        }
        catch (DatabaseException e) when (!e.Transient)
        {
            RefusedAtOnce(logger, run.Count, e.Message);
            // Until the next batch
            _isBacklog = false;
        }
    }

    /// <summary>Works out what the next run comes to, on another thread: this one has the run before sent.</summary>
    /// <param name="start">How many of the events that are due come before it.</param>
    /// <param name="serial">The highest serial of these.</param>
    private Task<BacklogRun> Prepare(int start, long serial)
    {
        // In the log's first years hundreds of thousands may come after one with a higher serial: these go in parts that
        // move no serial, and all of them again after a stop
        var events = _due.GetRange(start, Math.Min(BacklogSlice, _due.Count - start));
        var run = events.GetRange(0, Math.Min(BacklogSlice, EventBuffer.SliceLength(events, serial, BacklogSlice)));
        return Task.Run(() => new BacklogRun(run, serial, IsFollowed));
    }

    private async Task ApplyAtOnceAsync(BacklogRun run, CancellationToken ct)
    {
        foreach (var (refused, reason) in run.Refused) await Pass(refused, reason);
        // What is unknown so far is entered when it takes effect
        await registry.OweUpstreamAsync(run.Names);
        await ForgetRemovedAsync(run, ct);
        var applying = database.ApplyIndexChangesAsync(run.Changes);
        var preparing = PrepareNextAsync(run, ct);
        // It works on what is due, so nothing else does until it has ended; its fault comes last
        await ((Task)preparing).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        var serial = await applying;
        registry.ForgetAll();
        if (serial != run.To)
        {
            SerialMoved(logger, run.To, serial);
            ReadAnew();
            return;
        }

        Took(run.Count, serial);
        _prepared = await preparing;
    }

    /// <summary>
    /// While a run takes effect: takes in what was read meanwhile, and has the next run prepared; null where there is
    /// none, or it is no backlog any more.
    /// </summary>
    private async Task<Task<BacklogRun>?> PrepareNextAsync(BacklogRun run, CancellationToken ct)
    {
        // What is not there yet, or is the end of the log, has its turn later
        if (_buffer is { } buffer && _due.Count - run.Count < BacklogSlice
            && _ahead is { Batch: { IsCompletedSuccessfully: true, Result: Fetched<ChangelogBatch>.Found ahead } }
            && ahead.Value.Events.Count >= BacklogFrom)
            await ReadAsync(buffer, ct, underWay: run.Count);
        return _isBacklog && _due.Count > run.Count ? Prepare(run.Count, run.To) : null;
    }

    private async Task ForgetRemovedAsync(BacklogRun run, CancellationToken ct)
    {
        var (packages, releases) = (run.Changes.Gone, run.GoneReleases);
        if (packages.Count == 0 && releases.Count == 0) return;
        var known = await database.MarkRemovedAsync(packages, releases);
        using var places = new SemaphoreSlim(RemovalsAtOnce, RemovalsAtOnce);
        await Task.WhenAll(
        [
            .. known.Packages.Select(p => InTurnAsync(places, () => registry.ForgetAsync(p, ct), ct)),
            .. known.Releases.Select(r => InTurnAsync(places, () => registry.ForgetAsync(r, ct), ct)),
        ]);
    }

    /// <summary>
    /// Asks for the description of one package that came without. Called at the log's end about once a second, which
    /// is no burden to an index; those with wheels come first, and for the others nobody waits.
    /// </summary>
    private async Task DescribeOwedAsync(DateTimeOffset now, CancellationToken ct)
    {
        if (_undescribed.Count == 0)
        {
            if (now < _nextUndescribed) return;
            foreach (var package in await database.GetDescriptionsOwedAsync(DescriptionsMax))
                _undescribed.Enqueue(package);
            if (_undescribed.Count == 0) _nextUndescribed = now + UndescribedInterval;
        }

        // What fails is still owed, and looked up again
        if (_undescribed.TryDequeue(out var next))
            await database.SetPackageDescriptionAsync(next, await DescribeAsync(next, ct));
    }

    [LoggerMessage(8, LogLevel.Warning, "{Count} events are refused at once, and are taken one by one: {Reason}")]
    private static partial void RefusedAtOnce(ILogger logger, int count, string reason);

    [LoggerMessage(9, LogLevel.Error,
        "somebody has moved the serial: {Wanted} should come next, it is {Found}; following from there")]
    private static partial void SerialMoved(ILogger logger, long wanted, long found);
}
