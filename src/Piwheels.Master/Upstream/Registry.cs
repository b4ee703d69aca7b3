using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Carries what happened at the index over into the farm's database, and keeps in mind whose pages that changes. All
/// of it can be done twice with the same result, so whatever stops half-way is simply done again.
/// </summary>
/// <param name="policies">What is done about upstream's own wheels; null where everything is rebuilt.</param>
internal sealed class Registry(IDatabase database, IFarmTasks farm, PolicyWatch? policies = null)
{
    /// <summary>How many are remembered of each kind, so that further files of them cost nothing.</summary>
    private const int RememberedMax = 100_000;

    private readonly HashSet<Release> _registered = [];
    private readonly HashSet<Release> _withSource = [];
    private readonly HashSet<PackageName> _known = [];
    private readonly HashSet<PackageName> _pages = [];

    /// <summary>Registers a package unless known; one that was on its way out comes back.</summary>
    /// <param name="describe">Asked for the description of a package that is new.</param>
    /// <param name="skipped">Why one that is new is not built yet.</param>
    internal async Task AddPackageAsync(
        PackageName package, string? spelling, DateTimeOffset seen, Func<Task<string>> describe, string skipped = "")
    {
        var skip = await database.GetPackageSkipAsync(package);
        if (skip is null && await database.AddNewPackageAsync(package, skipped, await describe())) _pages.Add(package);
        if (skip == SkipReasons.Deleted) await database.SkipPackageAsync(package, "");
        if (spelling is not null) await database.AddPackageNameAsync(package, spelling, seen);
        Remember(_known, package);
    }

    /// <summary>
    /// Registers a version by one of its files, or has it built from now on since there is a source file.
    /// </summary>
    /// <param name="spelling">How the package's name is spelt there; null where not known.</param>
    internal async Task AddFileAsync(
        Release release, string? spelling, bool source, DateTimeOffset at, Func<Task<string>> describe)
    {
        if ((source ? _withSource : _registered).Contains(release)) return;
        var skip = await database.GetVersionSkipAsync(release);
        var wanted = source ? await SkipOfSourceAsync(release.Package) : SkipReasons.BinaryOnly;
        if (skip is null)
        {
            await AddVersionAsync(release, spelling, wanted, at, describe);
        }
        else if (skip == SkipReasons.Deleted || (source && skip == SkipReasons.BinaryOnly))
        {
            await database.SkipPackageVersionAsync(release, wanted);
            _pages.Add(release.Package);
        }

        // Also where a stop came between the registration and this
        if (SkipReasons.UpstreamUnread == wanted || SkipReasons.UpstreamUnread == skip)
            await policies!.EnterAsync([release.Package]);
        Remember(_registered, release);
        if (source || skip is "") Remember(_withSource, release);
    }

    internal async Task SetYankedAsync(Release release, bool yanked)
    {
        if (!await database.TestPackageVersionAsync(release)) return;
        await (yanked ? database.YankVersionAsync(release) : database.UnyankVersionAsync(release));
        _pages.Add(release.Package);
    }

    /// <summary>
    /// Removes a package: nothing of it is built from here on, then its builds are dropped, its pages and files go,
    /// and its rows last, so that a stop anywhere in between leaves what is needed to go on.
    /// </summary>
    internal async Task RemoveAsync(PackageName package, CancellationToken ct)
    {
        Forget(package);
        if (await database.GetPackageSkipAsync(package) is null) return;
        await database.SkipPackageAsync(package, SkipReasons.Deleted);
        await farm.ForgetAsync(package, ct);
        await database.DeletePackageAsync(package);
        _pages.Remove(package);
    }

    /// <summary>Removes a version, in the same order.</summary>
    internal async Task RemoveAsync(Release release, CancellationToken ct)
    {
        _registered.Remove(release);
        _withSource.Remove(release);
        if (await database.GetVersionSkipAsync(release) is null) return;
        await database.SkipPackageVersionAsync(release, SkipReasons.Deleted);
        await farm.ForgetAsync(release, ct);
        await database.DeleteVersionAsync(release);
        _pages.Add(release.Package);
    }

    /// <summary>Has builds and pages of a package dropped that is marked as deleted, and will be removed.</summary>
    internal Task ForgetAsync(PackageName package, CancellationToken ct)
    {
        Forget(package);
        _pages.Remove(package);
        return farm.ForgetAsync(package, ct);
    }

    /// <summary>The same for a version.</summary>
    internal Task ForgetAsync(Release release, CancellationToken ct) => farm.ForgetAsync(release, ct);

    /// <summary>Asks for the pages of all packages that have changed since the last call.</summary>
    internal async Task RequestPagesAsync(CancellationToken ct)
    {
        foreach (var package in _pages.ToList())
        {
            await farm.RequestPagesAsync(package, ct);
            _pages.Remove(package);
        }
    }

    private async Task AddVersionAsync(
        Release release, string? spelling, string skip, DateTimeOffset at, Func<Task<string>> describe)
    {
        // The spelling goes first: once the version is known, it is not looked at again
        if (!_known.Contains(release.Package)) await AddPackageAsync(release.Package, spelling, at, describe);
        else if (spelling is not null) await database.AddPackageNameAsync(release.Package, spelling, at);
        await database.AddNewPackageVersionAsync(release, at, skip);
        _pages.Add(release.Package);
    }

    /// <summary>Has upstream's own wheels looked at again where the policy asks for it, since something has changed.</summary>
    internal Task OweUpstreamAsync(IEnumerable<string> names) => policies is null
        ? Task.CompletedTask
        : policies.OweAsync(names
            .Where(name => PackageName.TryParse(name, out _))
            .Select(PackageName.Parse));

    /// <summary>What is done about upstream's own wheels; null where everything is rebuilt.</summary>
    internal async ValueTask<UpstreamPolicies?> GetPoliciesAsync() =>
        policies is null ? null : await policies.GetAsync();

    private async ValueTask<string> SkipOfSourceAsync(PackageName package) =>
        policies is null ? "" : await policies.SkipOfSourceAsync(package);

    /// <summary>Looks everything up again, since somebody else has changed it.</summary>
    internal void ForgetAll()
    {
        _known.Clear();
        _registered.Clear();
        _withSource.Clear();
    }

    private void Forget(PackageName package)
    {
        _known.Remove(package);
        _registered.RemoveWhere(r => r.Package == package);
        _withSource.RemoveWhere(r => r.Package == package);
    }

    private static void Remember<T>(HashSet<T> known, T item)
    {
        if (known.Count >= RememberedMax) known.Clear();
        known.Add(item);
    }
}
