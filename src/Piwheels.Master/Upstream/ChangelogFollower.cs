using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Follows the whole index by its change log. Events take effect in the order in which they happened, several packages
/// at a time; the serial is written only after those before it have, so that a run that was killed is repeated from
/// there, to the same rows.
/// </summary>
internal sealed partial class ChangelogFollower(
    IDatabase database,
    ChangelogClient changelog,
    SimpleClient simple,
    ProjectClient projects,
    Registry registry,
    FollowedNames names,
    TimeProvider time,
    ILogger logger,
    UpstreamMeter? meter = null)
{
    /// <summary>How long to wait at the log's end before asking again.</summary>
    internal static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(10);

    /// <summary>How many events go between two writings of the serial.</summary>
    private const int SliceMax = 500;

    /// <summary>How many packages of a slice are worked on at a time.</summary>
    private const int PackagesAtOnce = 8;

    /// <summary>How often a description that cannot be had is asked for before the package goes without.</summary>
    private const int DescriptionAttemptsMax = 4;

    private readonly FollowedPackages _packages = new(database, names);
    private readonly MissedPackages _missed =
        new(database, changelog, simple, projects, registry, names, time, logger);
    private readonly RetryGate _gate = new();
    private readonly RetryGate _ownGate = new(RetryGate.OwnDelayMax);
    private readonly ChangelogWatch _watch = new(changelog, time, logger);
    private readonly Dictionary<PackageName, string> _descriptions = [];
    private readonly Dictionary<PackageName, int> _descriptionFailures = [];
    private EventBuffer? _buffer;
    private List<PypiEvent> _due = [];
    private long _serial;
    private bool _caughtUp;
    private DateTimeOffset _nextPoll;

    /// <summary>The serial up to which everything has taken effect.</summary>
    internal long Serial => _serial;

    /// <summary>Whether the log's end was reached: until then much of what is at the index now is still to be told of.</summary>
    internal bool IsCaughtUp => _caughtUp;

    /// <summary>
    /// Goes on from where the last call left off, until the log's end, a fault of the outside world, or
    /// <paramref name="goOn"/> says no; does nothing while it is not yet time to ask again.
    /// </summary>
    internal async Task FollowAsync(Func<bool> goOn, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (!_gate.IsOpen(now) || !_ownGate.IsOpen(now)) return;
        try
        {
            if (now < _nextPoll)
            {
                await DescribeOwedAsync(now, ct);
                return;
            }

            if (_buffer is null && !await BeginAsync(goOn, ct)) return;
            while (goOn() && _buffer is not null)
            {
                var atEnd = _due.Count == 0 && await ReadAsync(_buffer, ct);
                while (_due.Count > 0 && goOn()) await (_isBacklog ? ApplyBacklogAsync(ct) : ApplySliceAsync(ct));
                if (!atEnd) continue;
                if (!_caughtUp) CaughtUp(logger, _buffer.ReadFrom, _buffer.Count);
                _caughtUp = true;
                _nextPoll = time.GetUtcNow() + PollInterval;
                return;
            }
        }
        catch (UpstreamAwayException e)
        {
            Retry(LogLevel.Warning, _gate, e.Message, e.RetryAfter);
        }
        catch (DatabaseException e) when (e.Transient)
        {
            // Told of by the database's own log
            Retry(LogLevel.Debug, _ownGate, e.Message, null);
        }
        catch (DatabaseException e)
        {
            Retry(LogLevel.Error, _ownGate, $"the database refuses what cannot be left out: {e.Message}", null);
            ReadAnew();
        }
        catch (RpcException e)
        {
            Retry(LogLevel.Warning, _ownGate, e.Message, null);
        }
    }

    /// <summary>
    /// Has the lists of names take effect, and finds out where the log goes on; false when <paramref name="goOn"/> says
    /// no.
    /// </summary>
    private async Task<bool> BeginAsync(Func<bool> goOn, CancellationToken ct)
    {
        var isDone = await _packages.LeaveOutAsync(goOn)
            && await _missed.CatchUpAsync(goOn, ct)
            && await _packages.LetInAsync(goOn);
        if (!isDone) return false;
        await database.FollowAllVersionsAsync();
        _gate.Succeeded();
        _serial = await database.GetPypiSerialAsync();
        _buffer = new EventBuffer(_serial);
        Following(logger, _serial);
        return true;
    }

    /// <summary>Reads a batch; true when that was the log's end.</summary>
    /// <param name="underWay">How many of the events that are due take effect meanwhile.</param>
    private async Task<bool> ReadAsync(EventBuffer buffer, CancellationToken ct, int underWay = 0)
    {
        var from = buffer.ReadFrom;
        var batch = UpstreamAwayException.Needed("the change log", await SinceAsync(from, ct));
        _gate.Succeeded();
        if (batch.Misshapen > 0) Misshapen(logger, batch.Misshapen, from);
        _due.AddRange(buffer.Add(batch.Events));
        ReadAhead(_due.Count - underWay, buffer.ReadFrom, ct);
        _caughtUp &= buffer.ReadFrom == from;
        _descriptions.Clear();
        _descriptionFailures.Clear();
        Measure(buffer, taken: 0);
        return buffer.ReadFrom == from;
    }

    /// <summary>
    /// Has the next events take effect: those of one package one after the other, several packages at a time. When one
    /// fails, all of them are done again later.
    /// </summary>
    private async Task ApplySliceAsync(CancellationToken ct)
    {
        var slice = _due.GetRange(0, EventBuffer.SliceLength(_due, _serial, SliceMax));
        using var places = new SemaphoreSlim(PackagesAtOnce, PackagesAtOnce);
        await Task.WhenAll(slice
            .GroupBy(e => PackageName.Canonicalize(e.Name), StringComparer.Ordinal)
            .Select(events => InTurnAsync(places, () => ApplyAllAsync(events, ct), ct)));
        await registry.OweUpstreamAsync(slice.Select(e => e.Name));
        await registry.RequestPagesAsync(ct);
        var serial = Math.Max(_serial, slice.Max(e => e.Serial));
        if (serial > _serial) await database.SetPypiSerialAsync(serial);
        Took(slice.Count, serial);
    }

    private void Took(int count, long serial)
    {
        _serial = serial;
        _due.RemoveRange(0, count);
        _ownGate.Succeeded();
        if (_buffer is not null) Measure(_buffer, count);
        Applied(logger, count, _serial);
    }

    /// <summary>Goes on from what the database says: somebody else may have changed what is kept in mind here.</summary>
    private void ReadAnew()
    {
        registry.ForgetAll();
        (_buffer, _due, _ahead, _prepared) = (null, [], null, null);
    }

    private void Measure(EventBuffer buffer, int taken)
    {
        var (oldest, count) = (_due.Count > 0 ? _due[0].Timestamp : buffer.Oldest, _due.Count + buffer.Count);
        meter?.Follow(
            new FollowState(_serial, buffer.ReadFrom, _watch.LastSerial, oldest, count, _watch.ReadAt), taken);
    }

    private static async Task InTurnAsync(SemaphoreSlim places, Func<Task> work, CancellationToken ct)
    {
        await places.WaitAsync(ct);
        try
        {
            await work();
        }
        finally
        {
            places.Release();
        }
    }

    private async Task ApplyAllAsync(IEnumerable<PypiEvent> events, CancellationToken ct)
    {
        foreach (var e in events) await ApplyAsync(e, ct);
    }

    private async Task ApplyAsync(PypiEvent e, CancellationToken ct)
    {
        try
        {
            await TakeEffectAsync(e, ct);
        }
        catch (DatabaseException first) when (!first.Transient)
        {
            // It may be that somebody else removed what was known: once more, with everything looked up
            registry.ForgetAll();
            try
            {
                await TakeEffectAsync(e, ct);
            }
            catch (DatabaseException refused) when (!refused.Transient)
            {
                await Pass(e, refused.Message);
            }
        }
    }

    private Task TakeEffectAsync(PypiEvent e, CancellationToken ct) => UpstreamEffect.Of(e) switch
    {
        var effect when !IsFollowed(effect) => Task.CompletedTask,
        UpstreamEffect.Created c =>
            registry.AddPackageAsync(c.Package, c.Spelling, c.At, () => DescribeAsync(c.Package, ct)),
        UpstreamEffect.FileAdded f =>
            registry.AddFileAsync(f.Release, f.Spelling, f.Source, f.At, () => DescribeAsync(f.Release.Package, ct)),
        UpstreamEffect.PackageRemoved r => registry.RemoveAsync(r.Package, ct),
        UpstreamEffect.VersionRemoved r => registry.RemoveAsync(r.Release, ct),
        UpstreamEffect.YankChanged y => registry.SetYankedAsync(y.Release, y.Yanked),
        UpstreamEffect.Refused refused => Pass(e, refused.Reason),
        _ => Task.CompletedTask,
    };

    /// <summary>What was registered before it was blocked is still removed and yanked.</summary>
    private bool IsFollowed(UpstreamEffect effect) => effect switch
    {
        UpstreamEffect.Created c => names.Contains(c.Package),
        UpstreamEffect.FileAdded f => names.Contains(f.Release.Package),
        _ => true,
    };

    private Task Pass(PypiEvent e, string reason)
    {
        EventRefused(logger, e.Serial, Excerpt.Of(e.Name), Excerpt.Of(e.Action), reason);
        return Task.CompletedTask;
    }

    /// <summary>
    /// A package's description. An index that is away is waited for; a page that stays broken must not hold up the
    /// rest, so after some attempts the package goes without.
    /// </summary>
    private async Task<string> DescribeAsync(PackageName package, CancellationToken ct)
    {
        if (_descriptions.TryGetValue(package, out var known)) return known;
        var fetched = await projects.GetAsync(package, ct);
        if (fetched is Fetched<ProjectFacts>.Away away && MayTryAgain(package, away))
            throw UpstreamAwayException.Of($"the description of {package}", away);

        var description = fetched is Fetched<ProjectFacts>.Found found ? found.Value.Description : "";
        if (fetched is Fetched<ProjectFacts>.Away gone) NoDescription(logger, package, gone.Reason);
        if (fetched is Fetched<ProjectFacts>.Unusable unusable) NoDescription(logger, package, unusable.Reason);
        _descriptions[package] = description;
        return description;
    }

    /// <summary>
    /// An index that is away as a whole says nothing of the page, so that does not count as an attempt.
    /// </summary>
    private bool MayTryAgain(PackageName package, Fetched<ProjectFacts>.Away away)
    {
        if (away.WholeIndex) return true;
        var failures = _descriptionFailures[package] = _descriptionFailures.GetValueOrDefault(package) + 1;
        return failures < DescriptionAttemptsMax;
    }

    private void Retry(LogLevel level, RetryGate gate, string reason, TimeSpan? retryAfter)
    {
        var delay = gate.Failed(time.GetUtcNow(), retryAfter, Random.Shared.NextDouble());
        Waiting(logger, level, reason, delay.TotalSeconds);
    }

    [LoggerMessage(1, LogLevel.Information, "following the index from serial {Serial}")]
    private static partial void Following(ILogger logger, long serial);

    [LoggerMessage(2, LogLevel.Debug, "{Count} events took effect, up to serial {Serial}")]
    private static partial void Applied(ILogger logger, int count, long serial);

    [LoggerMessage(EventId = 3, Message = "{Reason}; trying again in {Seconds:0.0} s")]
    private static partial void Waiting(ILogger logger, LogLevel level, string reason, double seconds);

    [LoggerMessage(4, LogLevel.Warning, "passed over event {Serial}, '{Action}' of '{Name}': {Reason}")]
    private static partial void EventRefused(ILogger logger, long serial, string name, string action, string reason);

    [LoggerMessage(5, LogLevel.Warning, "{Package} goes without a description: {Reason}")]
    private static partial void NoDescription(ILogger logger, PackageName package, string reason);

    [LoggerMessage(7, LogLevel.Debug, "at the log's end, serial {Serial}; {Count} events are held back")]
    private static partial void CaughtUp(ILogger logger, long serial, int count);

    [LoggerMessage(6, LogLevel.Warning,
        "left out {Count} rows of the change log after serial {Serial} that are no events")]
    private static partial void Misshapen(ILogger logger, int count, long serial);
}
