using Piwheels.Core.Packaging;

namespace Piwheels.Master.Building;

/// <summary>
/// What waits to be built, per target, as TheArchitect last said; less what is being built, has just been finished,
/// was given up, or has been deleted meanwhile, which a push that was under way cannot know.
/// </summary>
/// <remarks>
/// A release stays in its queue while it is being built, so that a lost build needs no new push to be tried again.
/// One that is finished or deleted leaves the queue, and is held back for a while from later pushes: not struck out of
/// them, since a deleted package may come back, and is then there already when that while is over.
/// </remarks>
public sealed class PendingBuilds
{
    /// <summary>TheArchitect tells of changes within seconds: a push older than this does not exist.</summary>
    public static readonly TimeSpan StalePushMax = TimeSpan.FromMinutes(2);

    /// <summary>
    /// First pause before a release whose slave was lost, or which was taken back, is handed out again.
    /// </summary>
    public static readonly TimeSpan LostPauseMin = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The pause doubles with each loss up to this: a build that takes its slave with it costs one a day.
    /// </summary>
    public static readonly TimeSpan LostPauseMax = TimeSpan.FromDays(1);

    /// <summary>
    /// The most targets, and releases per target, that a push may carry; the rest comes with a later one.
    /// </summary>
    public const int TargetsMax = 1000;

    public const int ReleasesPerTargetMax = QueueDepth.Most;

    /// <summary>From how many entries on those that are over are looked for and dropped.</summary>
    private const int SweepAtEntries = 1024;

    private readonly Dictionary<Target, TargetQueue> _queues = [];
    private readonly HashSet<(Target Target, Release Release)> _active = [];
    private readonly Dictionary<(Target Target, Release Release), DateTimeOffset> _heldBack = [];
    private readonly Dictionary<(Target Target, Release Release), (int Count, DateTimeOffset At)> _losses = [];
    private readonly Dictionary<Release, DateTimeOffset> _deletedReleases = [];
    private readonly Dictionary<PackageName, DateTimeOffset> _deletedPackages = [];
    private readonly Dictionary<Target, int> _activeOf = [];
    private int _mostActive;
    private int _sweepAt = SweepAtEntries;

    /// <summary>Changes with whatever may make something ready to be handed out, but for the clock.</summary>
    public long Revision { get; private set; }

    /// <summary>How many releases wait per target and are not being built.</summary>
    public IReadOnlyDictionary<Target, long> Lengths =>
        _queues.ToDictionary(
            static queue => queue.Key,
            queue => queue.Value.Releases.LongCount(release => !_active.Contains((queue.Key, release))));

    /// <summary>Takes over what is to be built now; replaces all that was pushed before.</summary>
    public void Replace(IEnumerable<KeyValuePair<Target, IReadOnlyList<Release>>> queues)
    {
        Revision++;
        _queues.Clear();
        foreach (var (target, releases) in queues.Take(TargetsMax))
        {
            _queues[target] = new TargetQueue(releases.Take(ReleasesPerTargetMax));
        }
    }

    /// <summary>
    /// Hands out the first release that may be built for a target now; false when there is none. It counts as being
    /// built until <see cref="Finished"/> or <see cref="Lost"/> says otherwise.
    /// </summary>
    /// <param name="isFor">Whether the one who asks may have it; what others may have keeps its place.</param>
    public bool TryTake(Target target, DateTimeOffset now, out Release release, Predicate<Release>? isFor = null)
    {
        release = default;
        if (!_queues.TryGetValue(target, out var queue)) return false;
        for (var place = queue.First; place < queue.Count; place++)
        {
            if (!queue.TryGet(place, out var candidate)) continue;
            if (_active.Contains((target, candidate)))
            {
                queue.PassOver(place);
                continue;
            }

            if (IsHeldBack(target, candidate, now) || isFor?.Invoke(candidate) == false) continue;
            release = candidate;
            Begin(target, release);
            queue.PassOver(place);
            return true;
        }

        return false;
    }

    /// <summary>
    /// A release counts as being built although nobody was handed it: an earlier run of the master has its result.
    /// </summary>
    public void Begin(Target target, Release release)
    {
        if (!_active.Add((target, release))) return;
        _mostActive = Math.Max(_mostActive, _activeOf[target] = ActiveOf(target) + 1);
    }

    /// <summary>How many releases are being built for the target that most are built for.</summary>
    public int MostActive => _mostActive;

    /// <summary>All that waits and is not being built, in the order of its queues.</summary>
    public IEnumerable<(Target Target, Release Release)> Waiting =>
        from queue in _queues
        from release in queue.Value.Releases
        where !_active.Contains((queue.Key, release))
        select (queue.Key, release);

    /// <summary>A release leaves its queue, until a push has it again.</summary>
    public void Withhold(Target target, Release release)
    {
        if (_queues.TryGetValue(target, out var queue)) queue.Remove(release);
    }

    /// <summary>A build's result is recorded: a push that does not know of it yet shall not bring it back.</summary>
    public void Finished(Target target, Release release, DateTimeOffset now)
    {
        End(target, release);
        _losses.Remove((target, release));
        if (_queues.TryGetValue(target, out var queue)) queue.Remove(release);
        _heldBack[(target, release)] = now + StalePushMax;
        Sweep(now);
    }

    /// <summary>
    /// A build ended without a result, because its slave was lost or it was taken back: it may be built again after
    /// a pause, which is longer each time.
    /// </summary>
    public void Lost(Target target, Release release, DateTimeOffset now)
    {
        Revision++;
        var key = (target, release);
        End(target, release);
        if (_queues.TryGetValue(target, out var queue)) queue.Return(release);
        var count = _losses.TryGetValue(key, out var loss) && now - loss.At < LostPauseMax * 2 ? loss.Count + 1 : 1;
        _losses[key] = (count, now);
        var pause = count > 20 ? LostPauseMax : LostPauseMin * Math.Pow(2, count - 1);
        _heldBack[key] = now + (pause < LostPauseMax ? pause : LostPauseMax);
        Sweep(now);
    }

    /// <summary>Nothing of the package is handed out from pushes made before its deletion.</summary>
    public void Exclude(PackageName package, DateTimeOffset now)
    {
        foreach (var queue in _queues.Values) queue.Remove(package);
        _deletedPackages[package] = now + StalePushMax;
        Sweep(now);
    }

    /// <summary>As <see cref="Exclude(PackageName, DateTimeOffset)"/>, for one version.</summary>
    public void Exclude(Release release, DateTimeOffset now)
    {
        foreach (var queue in _queues.Values) queue.Remove(release);
        _deletedReleases[release] = now + StalePushMax;
        Sweep(now);
    }

    /// <summary>Whether a release has been deleted so shortly ago that a result for it is not wanted.</summary>
    public bool IsExcluded(Release release, DateTimeOffset now) =>
        (_deletedPackages.TryGetValue(release.Package, out var until) && now < until)
        || (_deletedReleases.TryGetValue(release, out until) && now < until);

    /// <summary>Whether a slave is building the release for the target now, or its result is being recorded.</summary>
    public bool IsActive(Target target, Release release) => _active.Contains((target, release));

    /// <summary>How many ends, losses and deletions are remembered at the moment.</summary>
    public int Remembered => _heldBack.Count + _losses.Count + _deletedReleases.Count + _deletedPackages.Count;

    private bool IsHeldBack(Target target, Release release, DateTimeOffset now) =>
        (_heldBack.TryGetValue((target, release), out var until) && now < until) || IsExcluded(release, now);

    private int ActiveOf(Target target) => _activeOf.GetValueOrDefault(target);

    private void End(Target target, Release release)
    {
        if (!_active.Remove((target, release))) return;
        var before = ActiveOf(target);
        if (before > 1) _activeOf[target] = before - 1;
        else _activeOf.Remove(target);
        if (before == _mostActive) _mostActive = _activeOf.Count == 0 ? 0 : _activeOf.Values.Max();
    }

    private void Sweep(DateTimeOffset now)
    {
        if (Remembered < _sweepAt) return;
        RemoveWhere(_heldBack, until => until <= now);
        RemoveWhere(_losses, loss => now - loss.At >= LostPauseMax * 2);
        RemoveWhere(_deletedReleases, until => until <= now);
        RemoveWhere(_deletedPackages, until => until <= now);
        _sweepAt = Math.Max(SweepAtEntries, Remembered * 2);
    }

    private static void RemoveWhere<TKey, TValue>(Dictionary<TKey, TValue> entries, Func<TValue, bool> isOver)
        where TKey : notnull
    {
        foreach (var (key, value) in entries)
        {
            if (isOver(value)) entries.Remove(key);
        }
    }
}
