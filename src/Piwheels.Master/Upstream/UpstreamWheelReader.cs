using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Upstream;

/// <summary>Gets the releases of a project from its page at the index, newest first.</summary>
internal delegate Task<Fetched<IReadOnlyList<IndexRelease>>> ReadReleases(PackageName package, CancellationToken ct);

/// <summary>
/// Has the policies about upstream's own wheels take effect: reads the pages of the packages whose turn it is, and tells
/// the database what is on them; where the policy is to rebuild, it has the database forget them, without a page. What is
/// owed is in the database, so that nothing is forgotten by a stop at any moment. For one thread.
/// </summary>
internal sealed partial class UpstreamWheelReader(
    IDatabase database, ReadReleases read, PolicyWatch policies, TimeProvider time, ILogger logger)
{
    /// <summary>How often the database is asked what somebody else has entered.</summary>
    internal static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);

    /// <summary>How many packages are asked for at a time.</summary>
    private const int OwedMax = 100;

    /// <summary>How many pages are read at a time: half of what an index is asked for, the rest is for who follows it.</summary>
    private const int PagesAtOnce = 2;

    /// <summary>How often a page that cannot be had is asked for before the package goes by what was known.</summary>
    private const int AttemptsMax = 4;

    private readonly RetryGate _gate = new();
    private readonly RetryGate _ownGate = new(RetryGate.OwnDelayMax);
    private readonly Dictionary<PackageName, RetryGate> _failing = [];
    private DateTimeOffset _nextPoll;

    /// <summary>Does what is owed, until nothing is, the index is away, or <paramref name="goOn"/> says no.</summary>
    internal async Task ReadAsync(Func<bool> goOn, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (!goOn() || !_gate.IsOpen(now) || !_ownGate.IsOpen(now)) return;
        if (!policies.TakeEntered() && now < _nextPoll) return;
        try
        {
            while (goOn() && _gate.IsOpen(time.GetUtcNow()) && await DueAsync() is { Count: > 0 } due)
            {
                // Whoever owes them may have changed a policy
                policies.Forget();
                await ReadAllAsync(due, goOn, ct);
            }

            _nextPoll = time.GetUtcNow() + PollInterval;
            _ownGate.Succeeded();
        }
        catch (DatabaseException e)
        {
            // What is for now is told of by the database's own log
            Retry(e.Transient ? LogLevel.Debug : LogLevel.Error, _ownGate, e.Message, null);
        }
        catch (RpcException e)
        {
            Retry(LogLevel.Warning, _ownGate, e.Message, null);
        }
    }

    private async Task<List<UpstreamOwed>> DueAsync()
    {
        var owed = await database.GetUpstreamOwedAsync(OwedMax);
        var now = time.GetUtcNow();
        return [.. owed.Where(each => !_failing.TryGetValue(each.Package, out var gate) || gate.IsOpen(now))];
    }

    private async Task ReadAllAsync(List<UpstreamOwed> due, Func<bool> goOn, CancellationToken ct)
    {
        using var places = new SemaphoreSlim(PagesAtOnce, PagesAtOnce);
        await Task.WhenAll(due.Select(async owed =>
        {
            await places.WaitAsync(ct);
            try
            {
                if (goOn() && _gate.IsOpen(time.GetUtcNow())) await ReadAsync(owed, ct);
            }
            finally
            {
                places.Release();
            }
        }));
    }

    private async Task ReadAsync(UpstreamOwed owed, CancellationToken ct)
    {
        IReadOnlyList<UpstreamWheel>? wheels = null;
        if (owed.Policy != UpstreamPolicy.Rebuild)
        {
            switch (await read(owed.Package, ct))
            {
                case Fetched<IReadOnlyList<IndexRelease>>.Found found:
                    var versions = await database.GetProjectVersionsAsync(owed.Package);
                    wheels = ListedWheels.Of(found.Value, versions.Select(version => version.Version));
                    break;
                case Fetched<IReadOnlyList<IndexRelease>>.Missing:
                    wheels = [];
                    break;
                case Fetched<IReadOnlyList<IndexRelease>>.Unusable unusable:
                    Unread(logger, owed.Package, unusable.Reason);
                    break;
                case Fetched<IReadOnlyList<IndexRelease>>.Away away when MayTryAgain(owed.Package, away):
                    return;
                case Fetched<IReadOnlyList<IndexRelease>>.Away away:
                    Unread(logger, owed.Package, away.Reason);
                    break;
            }
        }

        await database.SetUpstreamWheelsAsync(owed.Package, wheels, owed.Revision);
        _failing.Remove(owed.Package);
        if (wheels is not null) _gate.Succeeded();
        Took(logger, owed.Package, owed.Policy, wheels?.Count ?? 0);
    }

    /// <summary>
    /// An index that is away as a whole says nothing of the page, so that does not count as an attempt.
    /// </summary>
    private bool MayTryAgain(PackageName package, Fetched<IReadOnlyList<IndexRelease>>.Away away)
    {
        if (away.WholeIndex)
        {
            Retry(LogLevel.Warning, _gate, $"upstream's wheels of {package}: {away.Reason}", away.RetryAfter);
            return true;
        }

        if (!_failing.TryGetValue(package, out var gate)) _failing[package] = gate = new RetryGate();
        if (gate.Failures + 1 >= AttemptsMax) return false;
        Retry(LogLevel.Warning, gate, $"upstream's wheels of {package}: {away.Reason}", away.RetryAfter);
        return true;
    }

    private void Retry(LogLevel level, RetryGate gate, string reason, TimeSpan? retryAfter)
    {
        var delay = gate.Failed(time.GetUtcNow(), retryAfter, Random.Shared.NextDouble());
        Waiting(logger, level, reason, delay.TotalSeconds);
    }

    [LoggerMessage(31, LogLevel.Debug, "{Package}: the policy is to {Policy}, and upstream has {Count} wheels")]
    private static partial void Took(ILogger logger, PackageName package, UpstreamPolicy policy, int count);

    [LoggerMessage(32, LogLevel.Warning, "{Package} goes by what is known of upstream's wheels: {Reason}")]
    private static partial void Unread(ILogger logger, PackageName package, string reason);

    [LoggerMessage(EventId = 33, Message = "{Reason}; trying again in {Seconds:0.0} s")]
    private static partial void Waiting(ILogger logger, LogLevel level, string reason, double seconds);
}
