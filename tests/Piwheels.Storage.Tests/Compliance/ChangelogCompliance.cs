using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class ChangelogDirect(ClusterFixture fixture) : ChangelogCompliance<Direct>(fixture);

/// <summary>Events of the index that take effect in bulk leave what they would have left one by one.</summary>
public abstract class ChangelogCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly DateTimeOffset Later = LongAgo.AddYears(1);
    private static readonly Release Bar1 = new(Bar, "1.0");

    [Fact]
    public async Task New_packages_come_with_releases_and_spellings_and_wait_to_be_built_and_described()
    {
        await AddTargetsAsync(Cp39, Cp311X86);
        Assert.Equal(7, await Db.ApplyIndexChangesAsync(new IndexChanges(
            0, 7, [],
            [new SeenName(Foo, "Foo", LongAgo), new SeenName(Foo, "FOO", Later, "1.0"), new SeenName(Bar, "bar", Later, "1.0")],
            [
                new ReleaseChange(Foo1, Released: LongAgo, Source: true), new ReleaseChange(Foo2, Released: Later),
                new ReleaseChange(Bar1, Released: Later, Source: true, YankedNew: true),
            ])));
        Assert.Equal("cp311: foo 1.0, bar 1.0; cp39: foo 1.0, bar 1.0", await QueueAsync());
        Assert.Equal(("FOO", ""), (await Db.GetProjectDisplayNameAsync(Foo), await Db.GetVersionSkipAsync(Foo1)));
        Assert.Equal(SkipReasons.BinaryOnly, await Db.GetVersionSkipAsync(Foo2));
        Assert.Equal(["FOO", "Foo"], await Db.GetPackageAliasesAsync(Foo));
        Assert.Equal(["1.0"], await YankedAsync(Bar));
        Assert.Equal("bar Both, foo Both", await OwedAsync());
        Assert.Equal([Bar, Foo], (await Db.GetDescriptionsOwedAsync(10)).Order());
        Assert.Single(await Db.GetDescriptionsOwedAsync(1));
        await Db.SetPackageDescriptionAsync(Foo, "");
        Assert.Equal([Bar], await Db.GetDescriptionsOwedAsync(10));
        Assert.Equal(7, await Db.GetPypiSerialAsync());
    }

    [Fact]
    public async Task Of_those_that_are_owed_a_description_one_with_a_wheel_comes_first()
    {
        await AddTargetsAsync(Cp39);
        await Db.ApplyIndexChangesAsync(new IndexChanges(
            0, 1, [], [new SeenName(Foo, "foo", LongAgo), new SeenName(Bar, "bar", LongAgo)],
            [new ReleaseChange(Foo1, Released: LongAgo, Source: true)]));
        Assert.Equal([Bar], await Db.GetDescriptionsOwedAsync(1));
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        Assert.Equal([Foo], await Db.GetDescriptionsOwedAsync(1));
    }

    [Fact]
    public async Task What_is_known_is_yanked_lifted_and_removed_and_its_spelling_stays()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, Foo2, Bar1);
        await Db.SkipPackageVersionAsync(Foo1, SkipReasons.BinaryOnly);
        await Db.SkipPackageVersionAsync(Bar1, "no use");
        await WritePagesAsync();
        await Db.ApplyIndexChangesAsync(new IndexChanges(
            0, 1, [], [new SeenName(Foo, "Foo", Later, "1.0"), new SeenName(Bar, "BAR", Later, "1.0")],
            [
                new ReleaseChange(Foo1, Released: Later, Source: true, YankedKnown: true), new ReleaseChange(Foo2, Gone: true),
                new ReleaseChange(Bar1, Released: Later, Source: true), new ReleaseChange(new Release(Bar, "9"), YankedKnown: true),
            ]));
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
        Assert.Equal(["1.0"], await YankedAsync(Foo));
        Assert.False(await Db.TestPackageVersionAsync(Foo2));
        Assert.Equal("no use", await Db.GetVersionSkipAsync(Bar1));
        Assert.Equal(("foo", "bar"), (await Db.GetProjectDisplayNameAsync(Foo), await Db.GetProjectDisplayNameAsync(Bar)));
        Assert.Empty(await Db.GetDescriptionsOwedAsync(10));
        Assert.Contains("foo Both", await OwedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_goes_with_all_it_had_and_comes_back_without()
    {
        await RegisterAsync(Foo1, Bar1);
        await Db.AddPackageNameAsync(Foo, "Foo", Later);
        await Db.ApplyIndexChangesAsync(new IndexChanges(
            0, 1, [Foo, Bar], [new SeenName(Foo, "foo", LongAgo, "2.0")], [new ReleaseChange(Foo2, Released: LongAgo)]));
        Assert.Equal([Foo], await Db.GetAllPackagesAsync());
        Assert.Equal([Foo2], await Db.GetAllPackageVersionsAsync());
        Assert.Empty(await Db.GetPackageAliasesAsync(Foo));
    }

    [Fact]
    public async Task What_is_marked_as_removed_is_not_built_and_what_is_not_known_is_not_told()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, Foo2, Bar1);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var known = await Db.MarkRemovedAsync([Bar, PackageName.Parse("none")], [Foo1, new Release(Foo, "9")]);
            Assert.Equal([Bar], known.Packages);
            Assert.Equal([Foo1], known.Releases);
        }

        Assert.Equal("cp39: foo 2.0", await QueueAsync());
        Assert.True(await Db.PackageMarkedDeletedAsync(Bar));
        Assert.Equal(SkipReasons.Deleted, await Db.GetVersionSkipAsync(Foo1));
    }

    [Fact]
    public async Task A_run_that_is_asked_for_again_changes_nothing_and_one_from_elsewhere_neither()
    {
        var first = new IndexChanges(0, 5, [], [new SeenName(Foo, "foo", LongAgo)], []);
        Assert.Equal(5, await Db.ApplyIndexChangesAsync(first));
        await Db.DeletePackageAsync(Foo);
        Assert.Equal(5, await Db.ApplyIndexChangesAsync(first));
        Assert.Equal(5, await Db.ApplyIndexChangesAsync(first with { From = 4, To = 9 }));
        Assert.Empty(await Db.GetAllPackagesAsync());
        Assert.Equal(5, await Db.GetPypiSerialAsync());
        Assert.Equal(5, await Db.ApplyIndexChangesAsync(first with { From = 5, To = 5 }));
        Assert.Equal([Foo], await Db.GetAllPackagesAsync());
    }

    [Fact]
    public async Task A_run_with_something_that_is_refused_is_refused_whole()
    {
        foreach (var name in new[] { "bar", "no name" })
        {
            await Assert.ThrowsAsync<DatabaseException>(() => Db.ApplyIndexChangesAsync(new IndexChanges(
                0, 5, [], [new SeenName(Bar, "Bar", LongAgo), new SeenName(Foo, name, LongAgo)], [])));
            await Assert.ThrowsAsync<DatabaseException>(() => Db.ApplyIndexChangesAsync(new IndexChanges(
                0, 5, [], [new SeenName(Bar, "Bar", LongAgo)],
                [new ReleaseChange(new Release(Bar, new string('1', 201)), Released: LongAgo)])));
        }

        Assert.Equal(0, await Db.GetPypiSerialAsync());
    }

    /// <summary>
    /// Any run of events, cut anywhere, each part in bulk or one by one, some done twice, over any state before.
    /// </summary>
    [Fact]
    public async Task Any_split_of_any_events_leaves_the_same_rows_as_one_by_one()
    {
        await AddTargetsAsync(Cp39, Cp311X86);
        var random = new Random(1);
        var serial = 0L;
        for (var round = 0; round < 60; round++)
        {
            var names = new[] { $"ant{round}", $"bee{round}" };
            var events = Enumerable.Range(0, random.Next(1, 40)).Select(i => RandomEvents.Next(random, names, i)).ToList();
            var parts = RandomEvents.Split(random, events);
            await new OneByOne(Db).TakeAsync(events);
            var expected = await RowsAsync(names);
            foreach (var name in names) await Db.DeletePackageAsync(PackageName.Parse(name));
            foreach (var part in parts) serial = await TakeAsync(part, serial, random);
            Assert.True(
                expected == await RowsAsync(names),
                $"{string.Join("\n", events)}\nshould give\n{expected}and in parts of "
                + $"{string.Join(' ', parts.Select(p => p.Count))} gives\n{await RowsAsync(names)}");
        }
    }

    private async Task<long> TakeAsync(IReadOnlyList<UpstreamEffect> part, long serial, Random random)
    {
        if (random.Next(3) == 0)
        {
            await new OneByOne(Db).TakeAsync(part);
            return serial;
        }

        var changes = new NetChanges();
        foreach (var effect in part) changes.Add(effect);
        if (random.Next(2) == 0) await Db.MarkRemovedAsync(changes.GonePackages, changes.GoneReleases);
        for (var times = random.Next(1, 3); times > 0; times--)
            Assert.Equal(serial + 1, await Db.ApplyIndexChangesAsync(changes.ToChanges(serial, serial + 1)));
        return serial + 1;
    }

    private async Task<IReadOnlyList<string>> YankedAsync(PackageName package) =>
        [.. (await Db.GetProjectDataAsync(package))!.Versions.Where(v => v.Yanked).Select(v => v.Version)];

    private async Task<string> RowsAsync(IEnumerable<string> names)
    {
        var rows = new List<string>();
        var queue = (await Db.GetBuildQueueAsync(int.MaxValue)).ToList();
        foreach (var name in names)
        {
            var package = PackageName.Parse(name);
            rows.AddRange(queue.SelectMany(q => q.Value.Where(r => r.Package == package).Select(r => $"{q.Key} {r}")));
            if (await Db.GetProjectDataAsync(package) is not { } data) continue;
            rows.Add($"{name} '{data.Skip}' {data.DisplayName} {string.Join(' ', data.Aliases)}");
            rows.AddRange(data.Versions.Select(v => $"{name} {v.Version} {v.Released:O} '{v.Skip}' {v.Yanked}"));
        }

        return string.Concat(rows.Order(StringComparer.Ordinal).Select(r => r + "\n"));
    }
}
