using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Requests to rewrite packages' pages, gathered for a while: they come thick and fast while a release gets its files,
/// and one rewrite answers them all. BOTH wins over PROJECT; the first request's time stands, so that nothing waits for
/// ever. A package that is being written is not given out a second time. Knows no clock, and no queue.
/// </summary>
/// <remarks>
/// A first sync leaves a million pages, which take days. They are a lane of their own, the backlog: it goes on whenever
/// nothing else is due, and has one turn in <see cref="BacklogTurn"/> even when there is, so that neither lane stops the
/// other. What is asked for now leaves the backlog, and counts from then.
/// </remarks>
/// <param name="delay">How long a request is held.</param>
public sealed class RewriteBuffer(TimeSpan delay)
{
    /// <summary>Every which request that is given out is of the backlog, however many others are due.</summary>
    public const int BacklogTurn = 4;

    /// <summary>The pause after a first failure; it doubles with each further one, up to the maximum.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan RetryPauseMax = TimeSpan.FromMinutes(5);

    private readonly Dictionary<PackageName, Entry> _waiting = [];
    private readonly Dictionary<PackageName, (int Failures, bool Backlog)> _writing = [];
    private readonly SortedSet<(DateTimeOffset Due, PackageName Package)> _order = [];
    private readonly SortedSet<(DateTimeOffset Due, PackageName Package)> _backlogOrder = [];

    /// <summary>How many were given out since the backlog had its turn.</summary>
    private int _sinceBacklog;

    /// <summary>Packages that wait to be written, but those of the backlog.</summary>
    public int Waiting => _order.Count;

    /// <summary>Packages of the backlog that wait.</summary>
    public int WaitingBacklog => _backlogOrder.Count;

    /// <summary>Packages that are being written.</summary>
    public int Writing => _writing.Count;

    /// <summary>When the first of those that wait is due; null when none does.</summary>
    public DateTimeOffset? NextDue => FirstOf(_order) is { } due && !(FirstOf(_backlogOrder) < due)
        ? due
        : FirstOf(_backlogOrder);

    /// <summary>Takes a request in, and merges it with one that waits.</summary>
    public void Add(RewritePending request) => Add(request, isBacklog: false);

    /// <summary>
    /// Takes in what the database says is owed. What is being written is passed over: its row may only not have been
    /// struck out yet, and will be loaded again if it stays.
    /// </summary>
    public void Load(IEnumerable<RewritePending> owed) => Load(owed, isBacklog: false);

    /// <summary>The same for the backlog.</summary>
    public void LoadBacklog(IEnumerable<RewritePending> owed) => Load(owed, isBacklog: true);

    private void Load(IEnumerable<RewritePending> owed, bool isBacklog)
    {
        ArgumentNullException.ThrowIfNull(owed);
        foreach (var request in owed.Where(request => !_writing.ContainsKey(request.Package))) Add(request, isBacklog);
    }

    private void Add(RewritePending request, bool isBacklog)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!_waiting.TryGetValue(request.Package, out var entry))
        {
            Put(new Entry(request, request.AddedAt + delay, Failures: 0, isBacklog));
            return;
        }

        var merged = Merge(entry, request, isBacklog);
        Remove(entry);
        Put(entry.Failures > 0 ? merged with { Due = entry.Due, Failures = entry.Failures } : merged);
    }

    /// <summary>
    /// Gives out a request that is due: the one that has waited longest, of the lane whose turn it is; null when there
    /// is none.
    /// </summary>
    public RewritePending? Take(DateTimeOffset now)
    {
        var isBacklogsTurn = _sinceBacklog >= BacklogTurn - 1;
        var entry = isBacklogsTurn
            ? Due(_backlogOrder, now) ?? Due(_order, now)
            : Due(_order, now) ?? Due(_backlogOrder, now);
        if (entry is null) return null;
        _sinceBacklog = entry.IsBacklog ? 0 : _sinceBacklog + 1;
        Remove(entry);
        _writing.Add(entry.Request.Package, (entry.Failures, entry.IsBacklog));
        return entry.Request;
    }

    private Entry? Due(SortedSet<(DateTimeOffset Due, PackageName Package)> order, DateTimeOffset now)
    {
        foreach (var (due, package) in order)
        {
            if (due > now) return null;
            if (!_writing.ContainsKey(package)) return _waiting[package];
        }

        return null;
    }

    /// <summary>The pages are written.</summary>
    public void Done(RewritePending request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _writing.Remove(request.Package);
    }

    /// <summary>The pages could not be written; they will be tried again after a pause.</summary>
    public void Failed(RewritePending request, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!_writing.Remove(request.Package, out var before)) return;
        var failed = new Entry(request, now + PauseAfter(before.Failures), before.Failures + 1, before.Backlog);
        if (_waiting.TryGetValue(request.Package, out var entry))
        {
            var merged = Merge(entry, request, before.Backlog);
            failed = failed with { Request = merged.Request, IsBacklog = merged.IsBacklog };
            Remove(entry);
        }

        Put(failed);
    }

    /// <summary>Drops what waits for a package: it is being deleted.</summary>
    public void Forget(PackageName package)
    {
        if (_waiting.TryGetValue(package, out var entry)) Remove(entry);
    }

    private static DateTimeOffset? FirstOf(SortedSet<(DateTimeOffset Due, PackageName Package)> lane) =>
        lane.Count == 0 ? null : lane.Min.Due;

    private SortedSet<(DateTimeOffset Due, PackageName Package)> LaneOf(Entry entry) =>
        entry.IsBacklog ? _backlogOrder : _order;

    private void Put(Entry entry)
    {
        _waiting[entry.Request.Package] = entry;
        LaneOf(entry).Add((entry.Due, entry.Request.Package));
    }

    private void Remove(Entry entry)
    {
        _waiting.Remove(entry.Request.Package);
        LaneOf(entry).Remove((entry.Due, entry.Request.Package));
    }

    private Entry Merge(Entry entry, RewritePending request, bool isBacklog)
    {
        var first = entry.IsBacklog == isBacklog
            ? entry.Request.AddedAt <= request.AddedAt
            : isBacklog;
        var merged = new RewritePending(
            request.Package,
            first ? entry.Request.AddedAt : request.AddedAt,
            entry.Request.Command == RewriteCommand.Both ? RewriteCommand.Both : request.Command);
        return new Entry(merged, merged.AddedAt + delay, Failures: 0, entry.IsBacklog && isBacklog);
    }

    private static TimeSpan PauseAfter(int failures)
    {
        var pause = RetryPause * Math.Pow(2, Math.Min(failures, 20));
        return pause < RetryPauseMax ? pause : RetryPauseMax;
    }

    /// <summary>A request that waits.</summary>
    private sealed record Entry(RewritePending Request, DateTimeOffset Due, int Failures, bool IsBacklog);
}
