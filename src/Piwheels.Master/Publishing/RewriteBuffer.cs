using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Requests to rewrite packages' pages, gathered for a while: they come thick and fast while a release gets its files,
/// and one rewrite answers them all. BOTH wins over PROJECT; the first request's time stands, so that nothing waits for
/// ever. A package that is being written is not given out a second time. Knows no clock, and no queue.
/// </summary>
/// <param name="delay">How long a request is held.</param>
public sealed class RewriteBuffer(TimeSpan delay)
{
    /// <summary>The pause after a first failure; it doubles with each further one, up to the maximum.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan RetryPauseMax = TimeSpan.FromMinutes(5);

    private readonly Dictionary<PackageName, Entry> _waiting = [];
    private readonly Dictionary<PackageName, int> _writing = [];
    private readonly SortedSet<(DateTimeOffset Due, PackageName Package)> _order = [];

    /// <summary>Packages that wait to be written.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Packages that are being written.</summary>
    public int Writing => _writing.Count;

    /// <summary>When the first of those that wait is due; null when none does.</summary>
    public DateTimeOffset? NextDue => _order.Count == 0 ? null : _order.Min.Due;

    /// <summary>Takes a request in, and merges it with one that waits.</summary>
    public void Add(RewritePending request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!_waiting.TryGetValue(request.Package, out var entry))
        {
            Put(new Entry(request, request.AddedAt + delay, Failures: 0));
            return;
        }

        var merged = Merge(entry.Request, request);
        var due = entry.Failures > 0 ? entry.Due : merged.AddedAt + delay;
        _order.Remove((entry.Due, request.Package));
        Put(entry with { Request = merged, Due = due });
    }

    /// <summary>
    /// Takes in what the database says is owed. What is being written is passed over: its row may only not have been
    /// struck out yet, and will be loaded again if it stays.
    /// </summary>
    public void Load(IEnumerable<RewritePending> owed)
    {
        ArgumentNullException.ThrowIfNull(owed);
        foreach (var request in owed.Where(request => !_writing.ContainsKey(request.Package))) Add(request);
    }

    /// <summary>Gives out the request that is due and has waited longest; null when there is none.</summary>
    public RewritePending? Take(DateTimeOffset now)
    {
        foreach (var (due, package) in _order)
        {
            if (due > now) return null;
            if (_writing.ContainsKey(package)) continue;
            var entry = _waiting[package];
            _order.Remove((due, package));
            _waiting.Remove(package);
            _writing.Add(package, entry.Failures);
            return entry.Request;
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
        if (!_writing.Remove(request.Package, out var failures)) return;
        var merged = request;
        if (_waiting.Remove(request.Package, out var entry))
        {
            merged = Merge(entry.Request, request);
            _order.Remove((entry.Due, request.Package));
        }

        Put(new Entry(merged, now + PauseAfter(failures), failures + 1));
    }

    /// <summary>Drops what waits for a package: it is being deleted.</summary>
    public void Forget(PackageName package)
    {
        if (_waiting.Remove(package, out var entry)) _order.Remove((entry.Due, package));
    }

    private void Put(Entry entry)
    {
        _waiting[entry.Request.Package] = entry;
        _order.Add((entry.Due, entry.Request.Package));
    }

    private static RewritePending Merge(RewritePending left, RewritePending right) => new(
        left.Package,
        left.AddedAt <= right.AddedAt ? left.AddedAt : right.AddedAt,
        left.Command == RewriteCommand.Both ? RewriteCommand.Both : right.Command);

    private static TimeSpan PauseAfter(int failures)
    {
        var pause = RetryPause * Math.Pow(2, Math.Min(failures, 20));
        return pause < RetryPauseMax ? pause : RetryPauseMax;
    }

    /// <summary>A request that waits.</summary>
    private sealed record Entry(RewritePending Request, DateTimeOffset Due, int Failures);
}
