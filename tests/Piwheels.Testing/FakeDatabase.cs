using System.Runtime.CompilerServices;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>
/// A database in memory that answers as the real one does (both must pass the same tests). It may be asked from any
/// thread; what it tells in its properties is a copy.
/// </summary>
public sealed partial class FakeDatabase(TimeProvider time) : IDatabase, ISelectionRequests
{
    public const string Deleted = "deleted";

    private static readonly TimeSpan FreshFor = TimeSpan.FromDays(7);

    private readonly Lock _lock = new();
    private readonly SortedDictionary<PackageName, FakePackage> _packages = [];
    private readonly HashSet<Guid> _added = [];
    private long _serial;

    /// <summary>
    /// Awaited before each call, with the method's name without <c>Async</c>: a test can hold a call here, or have it
    /// fail by a <see cref="DatabaseException"/>.
    /// </summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>As <see cref="Before"/>, awaited when a call is done: what fails here is an answer that was lost.</summary>
    public Func<string, Task> After { get; set; } = _ => Task.CompletedTask;

    public Task<bool> AddNewPackageAsync(
        PackageName package, string skip = "", string description = "", Guid? request = null) => Call(() =>
    {
        var added = new NewPackage(package, skip, description);
        Check(added);
        return Add(added, request);
    });

    public Task<bool> AddNewPackageVersionAsync(
        Release release, DateTimeOffset? released = null, string skip = "", Guid? request = null) => Call(() =>
    {
        var added = new NewVersion(release, released, skip);
        Check(added);
        return Add(added, request);
    });

    public Task AddPackageNameAsync(PackageName package, string name, DateTimeOffset seen) => Call(() =>
    {
        if (PackageName.Canonicalize(name) != package.Value) throw Refused($"{name} is no spelling of {package}");
        Check(name, PackageName.LengthMax);
        var known = Known(package);
        var before = known.DisplayName;
        if (!known.Names.TryGetValue(name, out var last) || seen > last) known.Names[name] = seen;
        if (known.DisplayName != before) Owe(package, RewriteCommand.Project);
    });

    public Task<string?> GetPackageDescriptionAsync(PackageName package) => Call(() => Find(package)?.Description);

    public Task SetPackageDescriptionAsync(PackageName package, string description) => Call(() =>
    {
        _undescribed.Remove(package);
        if (Find(package) is not { } known || known.Description == description) return;
        Check(description, FakeLimits.DescriptionLengthMax);
        known.Description = description;
        Owe(package, RewriteCommand.Project);
    });

    public Task<IReadOnlySet<PackageName>> GetAllPackagesAsync() =>
        Call<IReadOnlySet<PackageName>>(() => _packages.Keys.ToHashSet());

    public Task<IReadOnlySet<Release>> GetAllPackageVersionsAsync() =>
        Call<IReadOnlySet<Release>>(() => AllVersions().Select(version => version.Release).ToHashSet());

    public Task<IReadOnlyList<string>> GetPackageAliasesAsync(PackageName package) =>
        Call(() => Find(package)?.Aliases ?? []);

    public Task<string?> GetProjectDisplayNameAsync(PackageName package) => Call(() => Find(package)?.DisplayName);

    public Task<bool> TestPackageAsync(PackageName package) => Call(() => Find(package) is not null);

    public Task<bool> TestPackageVersionAsync(Release release) => Call(() => Find(release) is not null);

    public Task SkipPackageAsync(PackageName package, string reason) => Call(() =>
    {
        if (Find(package) is not { } known || known.Skip == reason) return;
        Check(reason, FakeLimits.SkipLengthMax);
        known.Skip = reason;
        if (reason != Deleted) Owe(package, RewriteCommand.Project);
    });

    public Task SkipPackageVersionAsync(Release release, string reason) => Call(() =>
    {
        if (Find(release) is not { } known || known.Skip == reason) return;
        Check(reason, FakeLimits.SkipLengthMax);
        known.Skip = reason;
        if (reason != Deleted) Owe(release.Package, RewriteCommand.Project);
    });

    public Task<string?> GetPackageSkipAsync(PackageName package) => Call(() => Find(package)?.Skip);

    public Task<string?> GetVersionSkipAsync(Release release) => Call(() => Find(release)?.Skip);

    public Task<bool> PackageMarkedDeletedAsync(PackageName package) => Call(() => Find(package)?.Skip == Deleted);

    public Task<IReadOnlyList<string>> GetVersionsDeletedAsync(PackageName package) => Call<IReadOnlyList<string>>(() =>
        [.. VersionsOf(package).Where(version => version.Skip == Deleted).Select(version => version.Release.Version)]);

    public Task YankVersionAsync(Release release) => Call(() => SetYanked(release, true));

    public Task UnyankVersionAsync(Release release) => Call(() => SetYanked(release, false));

    public Task DeletePackageAsync(PackageName package) => Call(() => Remove(package));

    public Task DeleteVersionAsync(Release release) => Call(() => Remove(release));

    public Task DeleteBuildAsync(Release release) => Call(() =>
    {
        if (Find(release) is not { } version || !RemoveBuilds([version])) return;
        version.Priority = FakePriority.Requested;
        Owe(release.Package, RewriteCommand.Both);
    });

    public Task<long> GetPypiSerialAsync() => Call(() => _serial);

    public Task SetPypiSerialAsync(long serial) => Call(() =>
    {
        if (serial < _serial) throw Refused($"the serial cannot go back from {_serial} to {serial}");
        _serial = serial;
    });

    private void Remove(PackageName package)
    {
        if (_packages.Remove(package, out var known)) RemoveBuilds(known.Versions.Values);
        _rewrites.Remove(package);
        _undescribed.Remove(package);
        _upstreamOwed.Remove(package);
    }

    private void Remove(Release release)
    {
        if (Find(release) is not { } version) return;
        RemoveBuilds([version]);
        _packages[release.Package].Versions.Remove(release.Version);
        Owe(release.Package, RewriteCommand.Both);
    }

    private void SetYanked(Release release, bool yanked)
    {
        if (Find(release) is not { } version || version.Yanked == yanked) return;
        version.Yanked = yanked;
        Owe(release.Package, RewriteCommand.Both);
    }

    private IEnumerable<FakeVersion> AllVersions() => _packages.Values.SelectMany(package => package.Versions.Values);

    private List<FakeVersion> VersionsOf(PackageName package) =>
        Find(package) is { } known ? [.. known.Versions.Values] : [];

    private FakePackage? Find(PackageName package) => _packages.GetValueOrDefault(package);

    private FakeVersion? Find(Release release) => Find(release.Package)?.Versions.GetValueOrDefault(release.Version);

    private FakePackage Known(PackageName package) => Find(package) ?? throw Refused($"no such package: {package}");

    private static void Check(string text, int lengthMax)
    {
        if (!FakeLimits.Fits(text, lengthMax)) throw Refused($"no text of {lengthMax} characters at most");
    }

    private static DatabaseException Refused(string message) => new(message, transient: false);

    private async Task<T> Call<T>(Func<T> answer, [CallerMemberName] string method = "")
    {
        var name = method.EndsWith("Async", StringComparison.Ordinal) ? method[..^"Async".Length] : method;
        await Before(name);
        T result;
        lock (_lock) result = answer();
        await After(name);
        return result;
    }

    private Task<bool> Call(Action change, [CallerMemberName] string method = "") => Call(
        () =>
        {
            change();
            return true;
        },
        method);
}
