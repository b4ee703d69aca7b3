using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <content>What is registered or recorded many at once: all of it is looked at before the first takes effect.</content>
public sealed partial class FakeDatabase
{
    public Task<IReadOnlyList<bool>> AddNewPackagesAsync(IReadOnlyList<NewPackage> packages) =>
        Call<IReadOnlyList<bool>>(() =>
        {
            foreach (var package in packages) Check(package);
            return [.. packages.Select(package => Add(package))];
        });

    public Task<IReadOnlyList<bool>> AddNewPackageVersionsAsync(IReadOnlyList<NewVersion> versions) =>
        Call<IReadOnlyList<bool>>(() =>
        {
            foreach (var version in versions) Check(version);
            return [.. versions.Select(version => Add(version))];
        });

    public Task<IReadOnlyList<long>> LogBuildsAsync(
        IReadOnlyList<BuildState> builds, IReadOnlyList<Guid>? requests = null) => Call<IReadOnlyList<long>>(() =>
    {
        foreach (var build in builds.Where((each, i) => !IsRecorded(requests?[i], out var _))) Check(build);
        return [.. builds.Select((build, i) =>
            IsRecorded(requests?[i], out var before) ? before : Log(build, requests?[i]))];
    });

    private static void Check(NewPackage package)
    {
        Check(package.Package.Value, PackageName.LengthMax);
        Check(package.Skip, FakeLimits.SkipLengthMax);
        Check(package.Description, FakeLimits.DescriptionLengthMax);
    }

    private bool Add(NewPackage added, Guid? request = null)
    {
        var package = new FakePackage(added.Package) { Skip = added.Skip, Description = added.Description };
        if (!_packages.TryAdd(added.Package, package)) return request is { } asked && _added.Contains(asked);
        if (request is { } number) _added.Add(number);
        Owe(added.Package, RewriteCommand.Both);
        return true;
    }

    private void Check(NewVersion version)
    {
        Known(version.Release.Package);
        Check(version.Release.Version, Release.VersionLengthMax);
        Check(version.Skip, FakeLimits.SkipLengthMax);
        if (version.Release.Version.Length == 0) throw Refused("a version without a text");
    }

    private bool Add(NewVersion added, Guid? request = null)
    {
        var release = added.Release;
        var now = time.GetUtcNow();
        var version = new FakeVersion(release, added.Released ?? now) { Skip = added.Skip };
        if (IsUrgent(release))
        {
            version.Priority = FakePriority.Requested;
        }
        else if (version.Released > now - FreshFor)
        {
            version.Priority = FakePriority.Fresh;
        }

        if (!Known(release.Package).Versions.TryAdd(release.Version, version))
        {
            return request is { } asked && _added.Contains(asked);
        }

        if (request is { } number) _added.Add(number);
        Owe(release.Package, RewriteCommand.Project);
        return true;
    }
}
