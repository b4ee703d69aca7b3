using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class SelectionDirect(ClusterFixture fixture) : SelectionCompliance<Direct>(fixture);

public abstract class SelectionCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly PackageName Lib = PackageName.Parse("lib");
    private static readonly Release Lib1 = new(Lib, "1.0");

    [Fact]
    public async Task What_is_asked_for_is_new_until_resolved()
    {
        await Db.SetSelectionAsync([Wanted(Foo, "foo>=1"), Wanted(Bar, "bar")]);
        Assert.Equal([Wanted(Bar, "bar"), Wanted(Foo, "foo>=1")], await Db.GetSelectionAsync());

        var resolved = Wanted(Foo, "foo>=1") with { State = SelectionState.Resolved, Version = "1.0" };
        var unknown = Wanted(Bar, "bar") with { State = SelectionState.Unknown, Message = "no such package" };
        await Db.UpdateSelectionAsync(resolved);
        await Db.UpdateSelectionAsync(unknown);
        Assert.Equal([unknown, resolved], await Db.GetSelectionAsync());
    }

    [Fact]
    public async Task Asking_for_the_same_again_changes_nothing()
    {
        await ResolveAsync(Wanted(Foo, "foo"), Foo1);
        await BuildAsync(Foo1);
        await Db.SetExaminedAsync((await Db.GetAllBuildIdsAsync()).Single());
        await Db.SetSelectionAsync([Wanted(Foo, "foo")]);
        Assert.Equal(SelectionState.Resolved, (await Db.GetSelectionAsync()).Single().State);
        Assert.Empty(await Db.GetUnexaminedFilesAsync());
    }

    [Fact]
    public async Task Another_requirement_is_to_be_resolved_anew()
    {
        await ResolveAsync(Wanted(Foo, "foo"), Foo1);
        await Db.SetSelectionAsync([Wanted(Foo, "foo>1")]);
        Assert.Equal([Wanted(Foo, "foo>1")], await Db.GetSelectionAsync());
    }

    [Fact]
    public async Task Dependencies_stay_while_something_still_asked_for_needs_them()
    {
        await ResolveAsync(Wanted(Foo, "foo"), Foo1);
        await ResolveAsync(Wanted(Bar, "bar"), new Release(Bar, "1.0"));
        await BuildAsync(Foo1, "lib");
        await BuildAsync(new Release(Bar, "1.0"), "lib");
        await Db.UpdateSelectionAsync(Wanted(Lib, "lib>=1") with { Requested = false });

        await Db.SetSelectionAsync([Wanted(Foo, "foo")]);
        Assert.Equal([Foo, Lib], (await Db.GetSelectionAsync()).Select(e => e.Package));
        await Db.SetSelectionAsync([]);
        Assert.Empty(await Db.GetSelectionAsync());
    }

    [Fact]
    public async Task What_was_asked_for_stays_as_a_dependency_of_another()
    {
        await ResolveAsync(Wanted(Foo, "foo"), Foo1);
        await ResolveAsync(Wanted(Lib, "lib"), Lib1);
        await BuildAsync(Foo1, "lib");
        await Db.SetSelectionAsync([Wanted(Foo, "foo")]);
        Assert.Equal([(Foo, true), (Lib, false)], (await Db.GetSelectionAsync()).Select(e => (e.Package, e.Requested)));
    }

    [Fact]
    public async Task A_change_of_what_is_asked_for_has_wheels_examined_again()
    {
        await ResolveAsync(Wanted(Foo, "foo"), Foo1);
        await BuildAsync(Foo1);
        await Db.SetExaminedAsync((await Db.GetAllBuildIdsAsync()).Single());
        Assert.Empty(await Db.GetUnexaminedFilesAsync());
        await Db.SetSelectionAsync([Wanted(Foo, "foo"), Wanted(Bar, "bar")]);
        Assert.Single(await Db.GetUnexaminedFilesAsync());
    }

    [Fact]
    public async Task Wheels_of_chosen_versions_are_to_be_examined_and_no_others()
    {
        await ResolveAsync(Wanted(Foo, "foo"), Foo1);
        await RegisterAsync(Foo2, new Release(Bar, "1.0"));
        await BuildAsync(Foo1);
        await BuildAsync(Foo2);
        await BuildAsync(new Release(Bar, "1.0"));
        var id = (await Db.GetAllBuildIdsAsync())[0];
        Assert.Equal(
            [new UnexaminedFile(id, Foo, "foo-1.0-py3-none-any.whl")], await Db.GetUnexaminedFilesAsync());
        await Db.SetExaminedAsync(id);
        Assert.Empty(await Db.GetUnexaminedFilesAsync());
    }

    [Fact]
    public async Task The_chosen_version_is_built_before_all_others()
    {
        await AddTargetsAsync(Cp39);
        await Db.AddNewPackageAsync(Foo);
        await Db.AddNewPackageVersionAsync(new Release(Foo, "fresh"));
        await Db.AddNewPackageVersionAsync(Foo1, LongAgo);
        await Db.AddNewPackageVersionAsync(Foo2, LongAgo.AddDays(1));
        await Db.SetSelectionAsync([Wanted(Foo, "foo"), Wanted(Bar, "bar")]);
        await Db.UpdateSelectionAsync(
            Wanted(Foo, "foo") with { State = SelectionState.Resolved, Version = Foo2.Version });
        Assert.Equal("cp39: foo 2.0, foo fresh, foo 1.0", await QueueAsync());

        await Db.UpdateSelectionAsync(Wanted(Bar, "bar") with { State = SelectionState.Resolved, Version = "1.0" });
        await RegisterAsync(new Release(Bar, "1.0"));
        Assert.Equal("cp39: bar 1.0, foo 2.0, foo fresh, foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_selection_settles_when_all_is_built_examined_and_published()
    {
        Assert.False((await Db.GetSelectionStatusAsync()).Settled); // nothing can be built: there is no target
        await AddTargetsAsync(Cp39, Cp311);
        Assert.True((await Db.GetSelectionStatusAsync()).Settled);

        await Db.SetSelectionAsync([Wanted(Foo, "foo")]);
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
        await ResolveAsync(Wanted(Foo, "foo"), Foo1);
        await WritePagesAsync();
        var status = await Db.GetSelectionStatusAsync();
        Assert.False(status.Settled);
        Assert.Equal(
            [new ProjectTarget(Cp39, TargetState.Pending, null), new ProjectTarget(Cp311, TargetState.Pending, null)],
            status.Packages.Single().Targets);

        var id = await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
        await Db.SetExaminedAsync(id);
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
        await WritePagesAsync();
        status = await Db.GetSelectionStatusAsync();
        Assert.True(status.Settled);
        Assert.Equal(
            [new ProjectTarget(Cp39, TargetState.Success, id), new ProjectTarget(Cp311, TargetState.Success, id)],
            status.Packages.Single().Targets);

        await Db.SkipTargetAsync(Cp39, "old");
        await Db.SkipTargetAsync(Cp311, "old");
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
    }

    [Fact]
    public async Task An_entry_without_a_version_has_no_targets()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.SetSelectionAsync([Wanted(Foo, "foo")]);
        Assert.Empty((await Db.GetSelectionStatusAsync()).Packages.Single().Targets);
    }

    private static SelectionEntry Wanted(PackageName package, string requirement) =>
        new(package, requirement, true, SelectionState.New, null, "");

    /// <summary>Asks for a package besides what is asked for, registers a version of it and chooses that.</summary>
    private async Task ResolveAsync(SelectionEntry entry, Release release)
    {
        var requested = (await Db.GetSelectionAsync()).Where(e => e.Requested && e.Package != entry.Package);
        await Db.SetSelectionAsync([.. requested, entry]);
        await RegisterAsync(release);
        await Db.UpdateSelectionAsync(entry with { State = SelectionState.Resolved, Version = release.Version });
    }

    private async Task BuildAsync(Release release, params string[] needs)
    {
        await Db.AddTargetAsync(Cp39);
        await Db.LogBuildAsync(
            Built(release, Cp39, Wheel(release, "py3-none-any", 'a', [.. needs.Select(n => ("pip", n))])));
    }
}
