using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// The releases of selected projects. A page that was just read serves all who ask; later it is asked for only whether
/// it has changed. For one thread.
/// </summary>
/// <param name="policies">Told of pages that were read, which may list other wheels; null where nobody looks.</param>
internal sealed class SelectionPages(SimpleClient simple, TimeProvider time, PolicyWatch? policies = null)
{
    /// <summary>How old a page may be that serves without asking.</summary>
    internal static readonly TimeSpan FreshTime = TimeSpan.FromMinutes(2);

    private readonly Dictionary<PackageName, Page> _pages = [];
    private readonly Dictionary<PackageName, Task<Fetched<IReadOnlyList<IndexRelease>>>> _underWay = [];

    /// <summary>The releases of a project, newest first.</summary>
    /// <param name="ifChanged">When true, may answer that the page is as it was when it was read last.</param>
    internal async Task<Fetched<IReadOnlyList<IndexRelease>>> GetAsync(
        PackageName package, bool ifChanged, CancellationToken ct)
    {
        if (!ifChanged && _pages.TryGetValue(package, out var page) && page.Releases is not null && IsFresh(page))
            return new Fetched<IReadOnlyList<IndexRelease>>.Found(page.Releases);
        if (_underWay.TryGetValue(package, out var task)) return await task;
        _underWay[package] = task = FetchAsync(package, ifChanged, ct);
        try
        {
            return await task;
        }
        finally
        {
            _underWay.Remove(package);
        }
    }

    /// <summary>Drops what is too old to serve, but not the means to ask whether it has changed.</summary>
    internal void Trim()
    {
        foreach (var page in _pages.Values.Where(p => !IsFresh(p))) page.Releases = null;
    }

    private bool IsFresh(Page page) => time.GetUtcNow() - page.ReadAt < FreshTime;

    private async Task<Fetched<IReadOnlyList<IndexRelease>>> FetchAsync(
        PackageName package, bool ifChanged, CancellationToken ct)
    {
        var known = ifChanged ? _pages.GetValueOrDefault(package)?.Validators : null;
        switch (await simple.GetPageAsync(package, known, ct))
        {
            case Fetched<IndexPage>.Found found:
                var releases = IndexRelease.Of(package, found.Value);
                _pages[package] = new Page(found.Value.Validators, time.GetUtcNow()) { Releases = releases };
                if (policies is not null) await policies.OweAsync([package]);
                return new Fetched<IReadOnlyList<IndexRelease>>.Found(releases);
            case Fetched<IndexPage>.Unchanged:
                return new Fetched<IReadOnlyList<IndexRelease>>.Unchanged();
            case Fetched<IndexPage>.Missing:
                return new Fetched<IReadOnlyList<IndexRelease>>.Missing();
            case Fetched<IndexPage>.Unusable unusable:
                return new Fetched<IReadOnlyList<IndexRelease>>.Unusable(unusable.Reason);
            case Fetched<IndexPage>.Away away:
                return new Fetched<IReadOnlyList<IndexRelease>>.Away(away.Reason, away.RetryAfter, away.WholeIndex);
            default:
                throw new InvalidOperationException("an outcome that is none");
        }
    }

    private sealed class Page(Validators? validators, DateTimeOffset readAt)
    {
        internal Validators? Validators { get; } = validators;
        internal DateTimeOffset ReadAt { get; } = readAt;
        internal IReadOnlyList<IndexRelease>? Releases { get; set; }
    }
}
