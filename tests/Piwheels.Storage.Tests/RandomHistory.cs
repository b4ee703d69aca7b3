using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Storage.Tests;

/// <summary>
/// Changes of every kind to a small farm, chosen by numbers: few names, so that they meet, and steps that cannot be
/// done (an unknown release, no target) among them, as in life.
/// </summary>
/// <param name="database">What is changed.</param>
/// <param name="packages">How many packages there are at most.</param>
/// <param name="versions">How many versions of each.</param>
public sealed class RandomHistory(Database database, int packages, int versions)
{
    private static readonly PackageName[] Packages = [.. new[] { "ant", "bee", "cat" }.Select(PackageName.Parse)];
    private static readonly string[] Versions = ["1.0", "2.0", "10.0"];

    private static readonly Target[] Targets =
    [
        new("cp39", "linux_armv7l"), new("cp311", "linux_armv7l"), new("cp313t", "linux_armv7l"),
        new("cp39", "linux_armv6l"), new("cp311", "linux_x86_64"), new("pypy39_pp73", "linux_x86_64"),
    ];

    private static readonly string[] Tags =
    [
        "py3-none-any", "py2.py3-none-any", "py2-none-any", "py310-none-any", "cp39-cp39-linux_armv7l",
        "cp311-cp311-linux_armv7l", "cp38-abi3-linux_armv7l", "cp311-abi3-manylinux_2_17_armv7l.manylinux2014_armv7l",
        "cp311-cp311-linux_x86_64", "py3-none-linux_x86_64", "pp39-pypy39_pp73-linux_x86_64", "cp311-none-any",
        "cp39-cp39-manylinux_2_31_armv7l", "cp39-cp39-manylinux_2_31_armv6l.manylinux_2_36_armv7l",
    ];

    private static readonly string?[] Pythons = [null, ">=3.9", "<3.11", ">=3.11"];

    // Time passes for those with a delay of nothing: they are due at once, and come back when somebody looks
    private static readonly TimeSpan[][] Delays =
    [
        [TimeSpan.Zero, TimeSpan.FromDays(1)], [TimeSpan.FromDays(1), TimeSpan.Zero, TimeSpan.Zero], [TimeSpan.Zero], [],
    ];

    /// <summary>Begins with a farm that has targets and all releases, so that each further step does something.</summary>
    public async Task BeginAsync()
    {
        foreach (var target in Targets[..4])
            await database.AddTargetAsync(target, target.Platform == "linux_armv7l" ? new Glibc(2, 31) : null);
        foreach (var package in Packages[..packages])
        {
            foreach (var version in Versions[..versions]) await AddVersionAsync(new Release(package, version), 2);
        }
    }

    /// <summary>Changes one thing. A step that the database refuses is a step too.</summary>
    public async Task StepAsync(byte kind, byte a, byte b, byte c)
    {
        try
        {
            await ChangeAsync(kind, Packages[a % packages], Versions[b % versions], a, c);
        }
        catch (DatabaseException e) when (!e.Transient)
        {
            // an unknown release or target
        }
    }

    private Task ChangeAsync(byte kind, PackageName package, string version, byte a, byte c)
    {
        var release = new Release(package, version);
        var target = Targets[c % Targets.Length];
        var reason = c % 2 == 0 ? "" : "bad";
        return (kind % 39) switch
        {
            0 => database.AddNewPackageAsync(package, c % 8 == 1 ? "bad" : ""),
            1 or 2 => AddVersionAsync(release, c),
            3 or 4 => database.AddTargetAsync(target),
            5 => database.SkipPackageAsync(package, reason),
            6 => database.SkipPackageVersionAsync(release, reason),
            7 => database.SkipTargetAsync(Targets[a % Targets.Length], reason),
            8 => database.RemoveTargetAsync(target),
            9 or 10 => database.LogBuildAsync(Attempt(release, target, [])),
            11 => database.LogBuildAsync(Attempt(release, target, [Wheel(release, Tags[0])])),
            12 => database.LogBuildAsync(Attempt(release, target, [Wheel(release, Tags[c % Tags.Length])])),
            13 => database.LogBuildAsync(Attempt(release, target, [Wheel(new Release(package, "1.0"), Tags[0])])),
            14 => database.DeleteBuildAsync(release),
            15 => c % 3 == 0 ? database.DeletePackageAsync(package) : database.DeleteVersionAsync(release),
            16 => database.SetArmv6AliasAsync(c % 2 == 0),
            17 => c % 2 == 0 ? database.YankVersionAsync(release) : database.UnyankVersionAsync(release),
            18 => database.RaisePriorityAsync(package, c % 2 == 0 ? null : version),
            19 => AddBatchAsync(package, c),
            20 => database.LogBuildsAsync(
                [Attempt(release, target, []), Attempt(Neighbour(release), target, [Wheel(release, Tags[a % Tags.Length])])]),
            21 or 22 or 23 or 24 => database.SettleTargetsAsync(1),
            25 => TakeUpEventsAsync(package, version, a, c),
            26 => database.MarkRemovedAsync(c % 4 == 0 ? [package] : [], [release]),
            27 => database.SetUpstreamPolicyAsync(package, (UpstreamPolicy)(c % 3)),
            28 => database.SetUpstreamPolicyAsync(package, null),
            29 => database.SetUpstreamPolicyAsync((UpstreamPolicy)(c % 3)),
            30 => ReadUpstreamAsync(release, null, c),
            31 or 32 or 33 => ReadUpstreamAsync(release, Tags[c % Tags.Length], a),
            34 or 35 or 36 => database.DeferBuildAsync(Transient(release, target), Delays[a % Delays.Length]),
            37 => database.ResumeBuildsAsync(1 + c % 3),
            _ => FollowAsync(package, version, c),
        };
    }

    /// <summary>
    /// Has the follower come by: it reads a page with a wheel of this release, of the first one or of both, or with none,
    /// or cannot read it.
    /// </summary>
    private async Task ReadUpstreamAsync(Release release, string? tags, byte a)
    {
        if (a % 2 == 0) await database.SetUpstreamPolicyAsync(release.Package, (UpstreamPolicy)(1 + a / 2 % 2));
        var covered = new[] { release, release with { Version = Versions[0] } }.Take(tags is null ? 0 : a % 3);
        var wheels = covered.Select(each => Upstream(each, tags!)).ToList();
        await database.SetUpstreamWheelsAsync(
            release.Package, tags is null && a % 2 == 0 ? null : wheels, long.MaxValue);
    }

    private async Task FollowAsync(PackageName package, string version, byte c)
    {
        await database.AddRequestsAsync(
            SelectionOrigin.Follow, new SelectionWish([Requirement.Parse(package.Value)], []));
        await database.UpdateSelectionAsync(
            await database.GetSelectionRevisionAsync(),
            new SelectionEntry(
                package, SelectionState.Resolved, "", [new SelectionVersion(version, Urgent: c % 4 != 0)], []));
        if (c % 3 == 0) await database.RemoveRequestsAsync([package]);
    }

    private async Task AddVersionAsync(Release release, byte c)
    {
        await database.AddNewPackageAsync(release.Package);
        DateTimeOffset? released = c % 4 == 0 ? null : new DateTimeOffset(2010 + c % 4, 1, 1, 0, 0, 0, TimeSpan.Zero);
        await database.AddNewPackageVersionAsync(
            release, released, (c % 8) switch { 1 => "bad", 3 => "upstream not read yet", _ => "" });
    }

    /// <summary>Some that may be known and some that may not, one of them twice; all of this package and the next.</summary>
    private async Task AddBatchAsync(PackageName package, byte c)
    {
        var next = Packages[(Array.IndexOf(Packages, package) + 1) % packages];
        await database.AddNewPackagesAsync([new NewPackage(package), new NewPackage(next, c % 4 == 1 ? "bad" : "")]);
        var releases = Versions[..versions].Select(version => new Release(package, version)).ToList();
        await database.AddNewPackageVersionsAsync(
        [
            .. releases.Select(each => new NewVersion(each, null, c % 8 == 1 ? "bad" : "")),
            new NewVersion(releases[0]), new NewVersion(new Release(next, Versions[c % versions])),
        ]);
    }

    /// <summary>Events of this package and the next, as the index's follower has them take effect in bulk.</summary>
    private async Task TakeUpEventsAsync(PackageName package, string version, byte a, byte c)
    {
        var next = Packages[(Array.IndexOf(Packages, package) + 1) % packages];
        var at = new DateTimeOffset(2010 + c % 4, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var serial = await database.GetPypiSerialAsync();
        await database.ApplyIndexChangesAsync(new IndexChanges(
            serial, serial + 1, a % 8 == 1 ? [package] : [],
            [new SeenName(next, next.Value, at, version), new SeenName(package, package.Value.ToUpperInvariant(), at)],
            [
                new ReleaseChange(new Release(next, version), c % 3 == 0, at, c % 2 == 0, c % 5 == 0, null),
                new ReleaseChange(new Release(package, version), c % 5 == 0, a % 2 == 0 ? at : null, true, false, c % 7 < 3),
            ]));
    }

    private Release Neighbour(Release release) =>
        new(Packages[(Array.IndexOf(Packages, release.Package) + 1) % packages], release.Version);

    private static BuildState Attempt(Release release, Target target, FileState[] files) => new(
        1, release.Package.Value, release.Version, target.Abi, files.Length > 0,
        TimeSpan.FromSeconds(release.Version.Length), "", files, target.Platform);

    private static BuildState Transient(Release release, Target target) =>
        Attempt(release, target, []) with { Failure = new BuildFailure(FailureClass.Network, "no route to host") };

    private static UpstreamWheel Upstream(Release release, string tags)
    {
        var wheel = Wheel(release, tags);
        return new UpstreamWheel(
            release.Version, wheel.Filename, $"https://example.org/{wheel.Filename}", wheel.FileHash, wheel.FileSize,
            Pythons[(tags.Length + release.Version.Length) % Pythons.Length], Yanked: false, Metadata: false, null,
            wheel.PyVersionTag, wheel.AbiTag, wheel.PlatformTag);
    }

    private static FileState Wheel(Release release, string tags)
    {
        var parts = tags.Split('-');
        return new FileState(
            $"{release.Package}-{release.Version}-{tags}.whl", tags.Length, new string('a', 64), release.Package.Value,
            release.Version, parts[0], parts[1], parts[2], null, FileState.NoDependencies);
    }
}
