using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class PublishingDirect(ClusterFixture fixture) : PublishingCompliance<Direct>(fixture);

public abstract class PublishingCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    [Fact]
    public async Task Project_data_says_all_about_a_package()
    {
        await AddTargetsAsync(Cp39);
        await Db.AddNewPackageAsync(Foo, "", "Does \"foo\" & <more>");
        await Db.AddPackageNameAsync(Foo, "Foo", LongAgo);
        await RegisterAsync(Foo1, Foo2);
        await Db.SkipPackageVersionAsync(Foo2, "too big");
        await Db.YankVersionAsync(Foo2);
        var id = await Db.LogBuildAsync(Built(
            Foo1, Cp39, Wheel(Foo1, "cp39-cp39-linux_armv7l") with { RequiresPython = ">=3.8,<4" }));

        var data = (await Db.GetProjectDataAsync(Foo))!;
        Assert.Equal(
            (Foo, "Foo", "Does \"foo\" & <more>", ""), (data.Package, data.DisplayName, data.Description, data.Skip));
        Assert.Equal(["Foo"], data.Aliases);
        Assert.True(data.Revision > 0);
        var built = data.Versions.Single(v => v.Version == "1.0");
        Assert.Equal((LongAgo, false, ""), (built.Released, built.Yanked, built.Skip));
        Assert.Equal([new ProjectTarget(Cp39, TargetState.Success, id)], built.Targets);
        var file = built.Files.Single();
        Assert.Equal((">=3.8,<4", 1000), (file.RequiresPython, file.FileSize));
        Assert.Empty(file.AptDependencies);
        Assert.Empty(file.PipDependencies);
        Assert.InRange(file.BuiltAt, TimeProvider.System.GetUtcNow().AddMinutes(-5), TimeProvider.System.GetUtcNow().AddMinutes(1));
        var skipped = data.Versions.Single(v => v.Version == "2.0");
        Assert.Equal((true, "too big"), (skipped.Yanked, skipped.Skip));
        Assert.Equal([new ProjectTarget(Cp39, TargetState.Skip, null)], skipped.Targets);
        Assert.Empty(skipped.Files);
    }

    [Fact]
    public async Task The_tables_of_the_project_page_say_the_same_on_their_own()
    {
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(Foo1, Foo2, new Release(Foo, "3.0"));
        await Store.RunAsync("INSERT INTO preinstalled_apt_packages VALUES ('cp39', 'libc6')");
        await Db.SkipPackageVersionAsync(Foo2, "too big");
        await Db.YankVersionAsync(Foo1);
        await Db.LogBuildAsync(Failed(Foo1, Cp311));
        await Db.LogBuildAsync(Built(
            Foo1, Cp39,
            Wheel(Foo1, "cp39-cp39-linux_armv7l", 'a', ("apt", "libx1"), ("apt", "libc6"), ("pip", "b"), ("pip", "a"), ("", "z")),
            Wheel(Foo1, "cp39-none-linux_armv7l", 'b') with { RequiresPython = ">=3.8" }));

        var data = (await Db.GetProjectDataAsync(Foo))!;
        var versions = await Db.GetProjectVersionsAsync(Foo);
        Assert.Equal(["1.0", "2.0", "3.0"], versions.Select(v => v.Version));
        Assert.Equivalent(
            data.Versions.OrderBy(v => v.Version)
                .Select(v => new ProjectVersionRow(v.Version, v.Released, v.Yanked, v.Skip, v.Targets)),
            versions, strict: true);
        var files = await Db.GetProjectFilesAsync(Foo);
        Assert.Equivalent(
            data.Versions.SelectMany(v => v.Files.Select(f => new ProjectFileRow(v.Version, v.Yanked, f)))
                .OrderBy(f => f.File.Filename, StringComparer.Ordinal),
            files, strict: true);
        Assert.Equal((true, "1.0"), (files[0].Yanked, files[0].Version));
        Assert.Equal(["libx1"], files[0].File.AptDependencies);
        Assert.Equal(["a", "b"], files[0].File.PipDependencies);
        Assert.Equal((null, ">=3.8"), (files[0].File.RequiresPython, files[1].File.RequiresPython));
    }

    [Fact]
    public async Task An_unknown_package_has_no_data_and_one_without_versions_or_targets_has_little()
    {
        Assert.Null(await Db.GetProjectDataAsync(Foo));
        Assert.Empty(await Db.GetProjectVersionsAsync(Foo));
        Assert.Empty(await Db.GetProjectFilesAsync(Foo));
        await Db.AddNewPackageAsync(Foo);
        Assert.Empty((await Db.GetProjectDataAsync(Foo))!.Versions);
        Assert.Empty(await Db.GetProjectVersionsAsync(Foo));
        await Db.AddNewPackageVersionAsync(Foo1);
        Assert.Empty((await Db.GetProjectDataAsync(Foo))!.Versions.Single().Targets);
        Assert.Empty((await Db.GetProjectVersionsAsync(Foo)).Single().Targets);
    }

    [Fact]
    public async Task A_skipped_package_skips_its_versions_unless_they_have_their_own_reason()
    {
        await RegisterAsync(Foo1, Foo2);
        await Db.SkipPackageAsync(Foo, "no source");
        await Db.SkipPackageVersionAsync(Foo1, "too big");
        var data = (await Db.GetProjectDataAsync(Foo))!;
        Assert.Equal("no source", data.Skip);
        Assert.Equal(["too big", "no source"], data.Versions.OrderBy(v => v.Version).Select(v => v.Skip));
    }

    [Fact]
    public async Task Each_target_has_its_state()
    {
        var cp310 = new Target("cp310", Cp39.Platform);
        var cp312 = new Target("cp312", Cp39.Platform);
        var cp313 = new Target("cp313", Cp39.Platform);
        await AddTargetsAsync(Cp39, cp310, Cp311, cp312, cp313, Cp311X86);
        await RegisterAsync(Foo1);
        var good = await Db.LogBuildAsync(Built(Foo1, Cp39, "cp39-cp39-linux_armv7l"));
        var bad = await Db.LogBuildAsync(Failed(Foo1, cp310));
        var wrong = await Db.LogBuildAsync(Built(Foo1, Cp311, "py2-none-any"));
        await Db.SkipTargetAsync(cp312, "old");
        var empty = await Db.LogBuildAsync(Built(Foo1, Cp311X86, "cp311-cp311-linux_x86_64"));
        await Store.RunAsync("DELETE FROM files WHERE platform_tag = 'linux_x86_64'");

        Assert.Equal(
            [
                new ProjectTarget(Cp39, TargetState.Success, good),
                new ProjectTarget(cp310, TargetState.Fail, bad),
                new ProjectTarget(Cp311, TargetState.Error, wrong),
                new ProjectTarget(cp312, TargetState.Skip, null),
                new ProjectTarget(cp313, TargetState.Pending, null),
                new ProjectTarget(Cp311X86, TargetState.Error, empty),
            ],
            (await Db.GetProjectDataAsync(Foo))!.Versions.Single().Targets);
    }

    [Fact]
    public async Task Preinstalled_packages_are_not_named_for_their_ABI()
    {
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(Foo1);
        await Store.RunAsync("INSERT INTO preinstalled_apt_packages VALUES ('cp39', 'libc6')");
        foreach (var target in new[] { Cp39, Cp311 })
        {
            await Db.LogBuildAsync(Built(Foo1, target, Wheel(
                Foo1, $"{target.Abi}-{target.Abi}-{target.Platform}", 'a', ("apt", "libc6"), ("apt", "libx1"))));
        }

        var files = (await Db.GetProjectDataAsync(Foo))!.Versions.Single().Files.ToDictionary(f => f.BuilderAbi);
        Assert.Equal(["libx1"], files["cp39"].AptDependencies);
        Assert.Equal(["libc6", "libx1"], files["cp311"].AptDependencies);
    }

    [Fact]
    public async Task What_wheels_need_is_told_of_each_however_their_names_are_spelled()
    {
        var bar = new Release(Bar, "1.0");
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(Foo1, Foo2, bar);
        var spelled = Wheel(Foo1, "cp39-cp39-linux_armv7l", 'a', ("apt", "libone"), ("pip", "one")) with
        {
            Filename = "Foo-1.0-cp39-cp39-linux_armv7l.whl",
            PackageTag = "Foo",
        };
        await Db.LogBuildAsync(Built(Foo1, Cp39, spelled));
        await Db.LogBuildAsync(Built(bar, Cp39, Wheel(bar, "cp39-cp39-linux_armv7l", 'b', ("apt", "libbar"))));
        await Db.LogBuildAsync(Built(Foo1, Cp311, Wheel(Foo1, "cp311-cp311-linux_armv7l", 'c')));
        await Db.LogBuildAsync(Built(
            Foo2, Cp39, Wheel(Foo2, "cp39-cp39-linux_armv7l", 'd', ("pip", "two"), ("pip", "three"))));

        var files = (await Db.GetProjectDataAsync(Foo))!.Versions.SelectMany(v => v.Files)
            .OrderBy(f => f.Filename, StringComparer.Ordinal)
            .Select(f => $"{f.Filename}: {string.Join(' ', f.AptDependencies)}; {string.Join(' ', f.PipDependencies)}");
        Assert.Equal(
            [
                "Foo-1.0-cp39-cp39-linux_armv7l.whl: libone; one",
                "foo-1.0-cp311-cp311-linux_armv7l.whl: ; ",
                "foo-2.0-cp39-cp39-linux_armv7l.whl: ; three two",
            ],
            files);
    }

    [Fact]
    public async Task What_changes_pages_owes_them()
    {
        await AddTargetsAsync(Cp39);
        await Owes("foo Both", () => Db.AddNewPackageAsync(Foo));
        await Owes("", () => Db.AddNewPackageAsync(Foo));
        await Owes("foo Project", () => Db.AddNewPackageVersionAsync(Foo1));
        await Owes("", () => Db.AddNewPackageVersionAsync(Foo1));
        await Owes("foo Both", () => Db.YankVersionAsync(Foo1));
        await Owes("", () => Db.YankVersionAsync(Foo1));
        await Owes("foo Both", () => Db.UnyankVersionAsync(Foo1));
        await Owes("foo Project", () => Db.SkipPackageAsync(Foo, "bad"));
        await Owes("", () => Db.SkipPackageAsync(Foo, "bad"));
        await Owes("foo Project", () => Db.SkipPackageVersionAsync(Foo1, "bad"));
        await Owes("foo Project", () => Db.SetPackageDescriptionAsync(Foo, "Foo!"));
        await Owes("", () => Db.SetPackageDescriptionAsync(Foo, "Foo!"));
        await Owes("foo Project", () => Db.AddPackageNameAsync(Foo, "FOO", LongAgo));
        await Owes("", () => Db.AddPackageNameAsync(Foo, "FOO", LongAgo));
        await Owes("foo Project", () => Db.LogBuildAsync(Failed(Foo1, Cp39)));
        await Owes("foo Both", () => Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any")));
        await Owes("foo Both", () => Db.DeleteBuildAsync(Foo1));
        await Owes("", () => Db.DeleteBuildAsync(Foo1));
        await Owes("", () => Db.SkipPackageVersionAsync(Foo1, "deleted"));
        await Owes("foo Both", () => Db.DeleteVersionAsync(Foo1));
        await Owes("", () => Db.SkipPackageAsync(Foo, "deleted"));
        await Owes("", () => Db.DeletePackageAsync(Foo));
    }

    [Fact]
    public async Task Owed_pages_merge()
    {
        await RegisterAsync(Foo1, new Release(Bar, "1.0"));
        await WritePagesAsync();
        var nobody = PackageName.Parse("nobody");
        await Db.SaveRewritesPendingAsync(
        [
            new(Foo, LongAgo, RewriteCommand.Project), new(Bar, LongAgo, RewriteCommand.Both),
            new(nobody, LongAgo, RewriteCommand.Both), new(Foo, LongAgo.AddHours(-1), RewriteCommand.Project),
        ]);
        await Db.SaveRewritesPendingAsync(
        [
            new(Foo, LongAgo.AddDays(1), RewriteCommand.Both), new(Bar, LongAgo.AddDays(-1), RewriteCommand.Project),
        ]);
        Assert.Equal(
            [
                new RewritePending(Bar, LongAgo.AddDays(-1), RewriteCommand.Both),
                new RewritePending(Foo, LongAgo.AddHours(-1), RewriteCommand.Both),
            ],
            await Db.LoadRewritesPendingAsync());
    }

    [Fact]
    public async Task What_is_taken_up_in_bulk_is_owed_apart_until_something_happens_to_it_now()
    {
        var baz = PackageName.Parse("baz");
        await RegisterAsync(new Release(baz, "1.0"));
        var before = Assert.Single(await Db.LoadRewritesPendingAsync());
        await Db.ApplyIndexChangesAsync(new IndexChanges(
            0, 1, [],
            [.. new[] { Foo, Bar, baz }.Select(p => new SeenName(p, p.Value, LongAgo, "2.0"))],
            [.. new[] { Foo, Bar, baz }.Select(p => new ReleaseChange(new Release(p, "2.0"), Released: LongAgo))]));
        Assert.Equal([before], await Db.LoadRewritesPendingAsync());
        var backlog = await Db.LoadRewritesBacklogAsync();
        Assert.Equal([Bar, Foo], backlog.Select(r => r.Package).Order());

        await Db.SkipPackageAsync(Bar, "no use");
        Assert.Equal([Foo], (await Db.LoadRewritesBacklogAsync()).Select(r => r.Package));
        Assert.Equal(
            RewriteCommand.Both, (await Db.LoadRewritesPendingAsync()).Single(r => r.Package == Bar).Command);
        var now = LongAgo.AddYears(100);
        await Db.SaveRewritesPendingAsync([new(Foo, now, RewriteCommand.Project)]);
        Assert.Empty(await Db.LoadRewritesBacklogAsync());
        Assert.Contains(new RewritePending(Foo, now, RewriteCommand.Both), await Db.LoadRewritesPendingAsync());

        // What happens in bulk to one that waits for what happened now does not put it back
        await Db.ApplyIndexChangesAsync(new IndexChanges(
            1, 2, [], [], [new ReleaseChange(new Release(Foo, "2.0"), YankedKnown: true)]));
        Assert.Empty(await Db.LoadRewritesBacklogAsync());
    }

    [Fact]
    public async Task The_pages_of_all_packages_are_owed_behind_what_happens_now()
    {
        Assert.Null(await Db.OweAllRewritesAsync(RewriteCommand.Both, null));
        await RegisterAsync(new Release(Foo, "1.0"));
        await RegisterAsync(new Release(Bar, "1.0"));
        foreach (var package in new[] { Foo, Bar })
        {
            var data = await Db.GetProjectDataAsync(package);
            await Db.RewriteDoneAsync(package, RewriteCommand.Both, data!.Revision);
        }

        await Db.SaveRewritesPendingAsync([new(Bar, LongAgo, RewriteCommand.Project)]);
        Assert.Equal(Foo, await Db.OweAllRewritesAsync(RewriteCommand.Both, null));
        Assert.Equal([new(Bar, LongAgo, RewriteCommand.Both)], await Db.LoadRewritesPendingAsync());
        Assert.Equal(Foo, Assert.Single(await Db.LoadRewritesBacklogAsync()).Package);

        // PROJECT does not take back what is owed
        Assert.Equal(Foo, await Db.OweAllRewritesAsync(RewriteCommand.Project, Bar));
        Assert.Equal(RewriteCommand.Both, Assert.Single(await Db.LoadRewritesBacklogAsync()).Command);
        Assert.Null(await Db.OweAllRewritesAsync(RewriteCommand.Project, Foo));
    }

    [Fact]
    public async Task Pages_that_were_being_written_when_all_were_asked_for_are_still_owed()
    {
        await RegisterAsync(new Release(Foo, "1.0"));
        var data = await Db.GetProjectDataAsync(Foo);
        await Db.OweAllRewritesAsync(RewriteCommand.Both, null);
        await Db.RewriteDoneAsync(Foo, RewriteCommand.Both, data!.Revision);
        Assert.Equal(Foo, Assert.Single(await Db.LoadRewritesPendingAsync()).Package);
    }

    [Fact]
    public async Task Pages_asked_for_again_while_they_were_written_are_still_owed()
    {
        await RegisterAsync(Foo1);
        var read = (await Db.GetProjectDataAsync(Foo))!.Revision;
        await Db.YankVersionAsync(Foo1);
        await Db.RewriteDoneAsync(Foo, RewriteCommand.Both, read);
        Assert.Equal("foo Both", await OwedAsync());

        read = (await Db.GetProjectDataAsync(Foo))!.Revision;
        await Db.RewriteDoneAsync(Foo, RewriteCommand.Project, read);
        Assert.Equal("foo Both", await OwedAsync());
        await Db.RewriteDoneAsync(Foo, RewriteCommand.Both, read);
        Assert.Equal("", await OwedAsync());

        await Db.UnyankVersionAsync(Foo1);
        await Db.RewriteDoneAsync(Foo, RewriteCommand.Both, read);
        Assert.Equal("foo Both", await OwedAsync());
    }

    private async Task Owes(string expected, Func<Task> change)
    {
        await change();
        Assert.Equal(expected, await OwedAsync());
        await WritePagesAsync();
    }
}
