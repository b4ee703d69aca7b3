using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class SelectionDirect(ClusterFixture fixture) : SelectionCompliance<Direct>(fixture);

public abstract class SelectionCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private static readonly PackageName Lib = PackageName.Parse("lib");
    private static readonly Release Bar1 = new(Bar, "1.0");
    private static readonly Release Lib1 = new(Lib, "1.0");
    private static readonly Release Lib2 = new(Lib, "2.0");

    [Fact]
    public async Task What_is_asked_for_is_new_until_something_is_found_out()
    {
        Assert.True(await AskAsync("foo>=1", "bar; python_version < '3.10'"));
        await AssertEntriesAsync(SelectionEntry.NewOf(Bar), SelectionEntry.NewOf(Foo));
        Assert.Equal(
            [
                new SelectionRequest(SelectionOrigin.Follow, Bar, "bar; python_version < \"3.10\""),
                new SelectionRequest(SelectionOrigin.Follow, Foo, "foo>=1"),
            ],
            (await Db.GetSelectionAsync()).Requests);

        await ResolveAsync(Foo1);
        var unknown = SelectionEntry.NewOf(Bar) with { State = SelectionState.Unknown, Message = "no such package" };
        await UpdateAsync(unknown);
        await AssertEntriesAsync(unknown, Resolved(Foo1));
    }

    [Fact]
    public async Task Asking_for_the_same_again_changes_nothing()
    {
        await AskAsync("foo", "bar");
        await ResolveAsync(Foo1);
        var before = await Db.GetSelectionAsync();
        Assert.False(await AskAsync("foo"));
        Assert.False(await AskAsync());
        Assert.False(await Requests.SetRequestsAsync(SelectionOrigin.Follow, Wish("bar", "foo")));
        Assert.Equal(before.Revision, await Db.GetSelectionRevisionAsync());
        Assert.Equal(SelectionState.Resolved, await StateOfAsync(Foo));
    }

    [Fact]
    public async Task Other_words_take_the_place_of_the_first_and_are_looked_up_anew()
    {
        await AskAsync("foo", "bar");
        await ResolveAsync(Foo1);
        await ResolveAsync(Bar1);
        var revision = await Db.GetSelectionRevisionAsync();
        Assert.True(await AskAsync("foo>1"));
        Assert.True(await Db.GetSelectionRevisionAsync() > revision);
        Assert.Equal(["bar", "foo>1"], (await Db.GetSelectionAsync()).Requests.Select(r => r.Requirement));
        Assert.Equal((SelectionState.New, SelectionState.Resolved), (await StateOfAsync(Foo), await StateOfAsync(Bar)));

        Assert.True(await Requests.AddRequestsAsync(SelectionOrigin.Follow, Wish("bar") with { AllVersions = true }));
        Assert.Equal(SelectionState.New, await StateOfAsync(Bar));
        Assert.True((await Db.GetSelectionAsync()).Requests[0].AllVersions);
    }

    [Fact]
    public async Task A_package_may_be_asked_for_in_several_words_at_a_time()
    {
        await AskAsync("foo<2; python_version < '3.10'", "foo>=2; python_version >= '3.10'", "foo<2; python_version < '3.10'");
        Assert.Equal(2, (await Db.GetSelectionAsync()).Requests.Count);
        Assert.Single(await EntriesAsync());
    }

    [Fact]
    public async Task Those_who_ask_do_not_touch_what_others_asked_for()
    {
        await Requests.SetRequestsAsync(SelectionOrigin.Up, Wish("foo", "bar"));
        await AskAsync("foo<2", "lib");
        Assert.True(await Requests.SetRequestsAsync(SelectionOrigin.Up, Wish("bar")));
        Assert.Equal(
            [(SelectionOrigin.Up, "bar"), (SelectionOrigin.Follow, "foo<2"), (SelectionOrigin.Follow, "lib")],
            (await Db.GetSelectionAsync()).Requests.Select(r => (r.Origin, r.Requirement)));
        Assert.True(await Requests.SetRequestsAsync(SelectionOrigin.Up, Wish()));
        Assert.Equal([Foo, Lib], (await EntriesAsync()).Select(e => e.Package));

        await Requests.SetRequestsAsync(SelectionOrigin.Up, Wish("lib"));
        await Requests.RemoveRequestsAsync([Lib, Bar]);
        Assert.Equal([Foo], (await EntriesAsync()).Select(e => e.Package));
    }

    [Fact]
    public async Task Constraints_are_kept_for_each_who_gave_them_and_make_no_entries()
    {
        Assert.True(await Requests.SetRequestsAsync(SelectionOrigin.Up, Wish("foo") with { Constraints = Parsed("lib<2", "foo<3") }));
        await ResolveAsync(Foo1, new SelectionNeed(Lib, "lib"));
        Assert.True(await Requests.AddRequestsAsync(SelectionOrigin.Follow, Wish() with { Constraints = Parsed("lib>1", "lib!=1.5") }));
        Assert.Equal(SelectionState.New, await StateOfAsync(Lib));
        Assert.Equal(SelectionState.Resolved, await StateOfAsync(Foo));
        Assert.Equal(
            [
                new SelectionConstraint(SelectionOrigin.Up, Foo, "foo<3"),
                new SelectionConstraint(SelectionOrigin.Follow, Lib, "lib!=1.5"),
                new SelectionConstraint(SelectionOrigin.Follow, Lib, "lib>1"),
                new SelectionConstraint(SelectionOrigin.Up, Lib, "lib<2"),
            ],
            (await Db.GetSelectionAsync()).Constraints);
        await Requests.RemoveConstraintsAsync([Lib]);
        Assert.Equal("foo<3", Assert.Single((await Db.GetSelectionAsync()).Constraints).Requirement);
        Assert.Equal([Foo, Lib], (await EntriesAsync()).Select(e => e.Package));
    }

    [Fact]
    public async Task What_is_found_out_for_an_earlier_wish_is_not_written()
    {
        await AskAsync("foo");
        await RegisterAsync(Foo1);
        var revision = await Db.GetSelectionRevisionAsync();
        await AskAsync("foo<1");
        Assert.False(await Db.UpdateSelectionAsync(revision, Resolved(Foo1)));
        await AssertEntriesAsync(SelectionEntry.NewOf(Foo));
    }

    [Fact]
    public async Task What_is_not_followed_any_more_is_not_brought_back_by_what_is_found_out_of_it()
    {
        await AskAsync("foo");
        await UpdateAsync(Resolved(Bar1));
        Assert.Equal([Foo], (await EntriesAsync()).Select(e => e.Package));
    }

    [Fact]
    public async Task Resolved_without_a_version_is_refused()
    {
        await AskAsync("foo");
        var fault = await Assert.ThrowsAsync<DatabaseException>(
            () => UpdateAsync(SelectionEntry.NewOf(Foo) with { State = SelectionState.Resolved }));
        Assert.False(fault.Transient);
    }

    [Fact]
    public async Task A_requirement_that_is_too_long_is_refused()
    {
        var text = $"foo{string.Join(',', Enumerable.Range(0, 400).Select(n => $"!=1.{n}"))}";
        Assert.False((await Assert.ThrowsAsync<DatabaseException>(() => AskAsync(text))).Transient);
        Assert.Empty((await Db.GetSelectionAsync()).Requests);
    }

    [Fact]
    public async Task What_a_package_needs_is_entered_with_it_and_leaves_when_nobody_needs_it()
    {
        await AskAsync("foo", "bar");
        await ResolveAsync(Foo1, new SelectionNeed(Lib, "lib>=1"), new SelectionNeed(Lib, "lib[x]"));
        await ResolveAsync(Bar1, new SelectionNeed(Lib, "lib"));
        Assert.Equal(SelectionState.New, await StateOfAsync(Lib));
        await ResolveAsync(Lib1, new SelectionNeed(Foo, "foo"));

        await Requests.RemoveRequestsAsync([Bar]);
        Assert.Equal([Foo, Lib], (await EntriesAsync()).Select(e => e.Package));
        await UpdateAsync(Resolved(Foo1));
        Assert.Equal([Foo], (await EntriesAsync()).Select(e => e.Package));
        await Requests.RemoveRequestsAsync([Foo]);
        Assert.Empty(await EntriesAsync());
    }

    [Fact]
    public async Task What_was_asked_for_stays_as_what_another_needs()
    {
        await AskAsync("foo", "lib");
        await ResolveAsync(Foo1, new SelectionNeed(Lib, "lib"));
        await Requests.RemoveRequestsAsync([Lib]);
        Assert.Equal([Foo, Lib], (await EntriesAsync()).Select(e => e.Package));
        Assert.Equal([Foo], (await Db.GetSelectionAsync()).Requests.Select(r => r.Package));
    }

    [Fact]
    public async Task A_version_that_is_chosen_no_more_is_not_built_until_it_is_chosen_again()
    {
        await AddTargetsAsync(Cp39);
        await AskAsync("lib");
        await RegisterAsync(Lib1, Lib2);
        await UpdateAsync(Resolved(Lib1, Lib2));
        await WritePagesAsync();
        await UpdateAsync(Resolved(Lib2));
        Assert.Equal("cp39: lib 2.0", await QueueAsync());
        Assert.Equal("not followed", await Db.GetVersionSkipAsync(Lib1));
        Assert.Equal("lib Project", await OwedAsync());

        await UpdateAsync(Resolved(Lib1, Lib2));
        Assert.Equal("", await Db.GetVersionSkipAsync(Lib1));
        await Requests.RemoveRequestsAsync([Lib]);
        Assert.Equal("", await QueueAsync());
        await AskAsync("lib");
        Assert.Equal("", await QueueAsync());
        await UpdateAsync(Resolved(Lib1));
        Assert.Equal("cp39: lib 1.0", await QueueAsync());
    }

    [Fact]
    public async Task What_has_been_built_or_is_skipped_by_somebody_stays_as_it_is_when_it_is_not_chosen()
    {
        await AddTargetsAsync(Cp39);
        await AskAsync("lib", "foo");
        await RegisterAsync(Lib1, Foo1);
        await UpdateAsync(Resolved(Lib1));
        await UpdateAsync(Resolved(Foo1));
        await Db.LogBuildAsync(Built(Lib1, Cp39, "py3-none-any"));
        await Db.SkipPackageVersionAsync(Foo1, "too big");
        await Requests.RemoveRequestsAsync([Lib, Foo]);
        Assert.Equal(("", "too big"), (await Db.GetVersionSkipAsync(Lib1), await Db.GetVersionSkipAsync(Foo1)));
        await AskAsync("foo");
        await UpdateAsync(Resolved(Foo1));
        Assert.Equal("too big", await Db.GetVersionSkipAsync(Foo1));
    }

    [Fact]
    public async Task Wheels_of_chosen_versions_are_to_be_examined_and_no_others()
    {
        await AddTargetsAsync(Cp39);
        await AskAsync("foo");
        await ResolveAsync(Foo1);
        await RegisterAsync(Foo2, Bar1);
        foreach (var release in new[] { Foo1, Foo2, Bar1 }) await Db.LogBuildAsync(Built(release, Cp39, "py3-none-any"));
        var id = (await Db.GetAllBuildIdsAsync())[0];
        Assert.Equal([new UnexaminedFile(id, Foo1, "foo-1.0-py3-none-any.whl")], await Db.GetUnexaminedFilesAsync());
        await Db.SetExaminedAsync(id);
        Assert.Empty(await Db.GetUnexaminedFilesAsync());
    }

    [Fact]
    public async Task An_urgent_version_is_built_before_all_others()
    {
        await AddTargetsAsync(Cp39);
        await Db.AddNewPackageAsync(Foo);
        await Db.AddNewPackageVersionAsync(new Release(Foo, "fresh"));
        await Db.AddNewPackageVersionAsync(Foo1, LongAgo);
        await Db.AddNewPackageVersionAsync(Foo2, LongAgo.AddDays(1));
        await AskAsync("foo", "bar");
        var entry = Resolved(Foo1, Foo2);
        await UpdateAsync(entry with { Versions = [entry.Versions[0] with { Urgent = false }, entry.Versions[1]] });
        Assert.Equal("cp39: foo 2.0, foo fresh, foo 1.0", await QueueAsync());

        await UpdateAsync(Resolved(Bar1));
        await RegisterAsync(Bar1);
        Assert.Equal("cp39: bar 1.0, foo 2.0, foo fresh, foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_selection_settles_when_all_is_built_examined_and_published()
    {
        Assert.False((await Db.GetSelectionStatusAsync()).Settled); // nothing can be built: there is no target
        await AddTargetsAsync(Cp39, Cp311);
        Assert.True((await Db.GetSelectionStatusAsync()).Settled);

        await AskAsync("foo");
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
        await ResolveAsync(Foo1);
        await WritePagesAsync();
        var status = await Db.GetSelectionStatusAsync();
        Assert.False(status.Settled);
        Assert.Equal(
            [new ProjectTarget(Cp39, TargetState.Pending, null), new ProjectTarget(Cp311, TargetState.Pending, null)],
            status.Packages.Single().Releases.Single().Targets);

        var id = await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
        await Db.SetExaminedAsync(id);
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
        await WritePagesAsync();
        status = await Db.GetSelectionStatusAsync();
        Assert.True(status.Settled);
        Assert.Equal(
            [new ProjectTarget(Cp39, TargetState.Success, id), new ProjectTarget(Cp311, TargetState.Success, id)],
            status.Packages.Single().Releases.Single().Targets);

        await Db.SkipTargetAsync(Cp39, "old");
        await Db.SkipTargetAsync(Cp311, "old");
        Assert.False((await Db.GetSelectionStatusAsync()).Settled);
    }

    [Fact]
    public async Task A_package_without_a_version_has_no_releases_but_says_why()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await AskAsync("foo");
        await UpdateAsync(SelectionEntry.NewOf(Foo) with { State = SelectionState.Elsewhere, Message = "not here" });
        var progress = (await Db.GetSelectionStatusAsync()).Packages.Single();
        Assert.Equal((Foo, SelectionState.Elsewhere, "not here"), (progress.Package, progress.State, progress.Message));
        Assert.Empty(progress.Releases);
    }

    private static List<Requirement> Parsed(params string[] texts) => [.. texts.Select(Requirement.Parse)];

    private static SelectionWish Wish(params string[] requirements) => new(Parsed(requirements), []);

    private static SelectionEntry Resolved(params Release[] releases) => new(
        releases[0].Package, SelectionState.Resolved, "",
        [.. releases.Select(r => new SelectionVersion(r.Version, Urgent: true))], []);

    private Task<bool> AskAsync(params string[] requirements) =>
        Requests.AddRequestsAsync(SelectionOrigin.Follow, Wish(requirements));

    private async Task<IReadOnlyList<SelectionEntry>> EntriesAsync() => (await Db.GetSelectionAsync()).Entries;

    private async Task AssertEntriesAsync(params SelectionEntry[] expected)
    {
        var entries = await EntriesAsync();
        Assert.Equal(expected.Length, entries.Count);
        foreach (var (wanted, entry) in expected.Zip(entries)) Assert.True(wanted.SaysTheSame(entry), $"{entry}");
    }

    private async Task<SelectionState> StateOfAsync(PackageName package) =>
        (await Db.GetSelectionAsync()).Entries.Single(e => e.Package == package).State;

    private async Task UpdateAsync(SelectionEntry entry) =>
        Assert.True(await Db.UpdateSelectionAsync(await Db.GetSelectionRevisionAsync(), entry));

    /// <summary>Registers a version and chooses it.</summary>
    private async Task ResolveAsync(Release release, params SelectionNeed[] needs)
    {
        await RegisterAsync(release);
        await UpdateAsync(Resolved(release) with { Needs = needs });
    }
}
