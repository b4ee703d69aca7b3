using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class UpstreamWheelsDirect(ClusterFixture fixture) : UpstreamWheelsCompliance<Direct>(fixture)
{
    /// <summary>Scans of the table and its index are counted in the transaction that makes them.</summary>
    [Theory]
    [InlineData("", "=")]
    [InlineData("UPDATE versions SET upstream = true;", ">")]
    public async Task New_versions_and_builds_look_at_upstreams_wheels_only_where_there_are_some(string some, string scans)
    {
        await AddTargetsAsync(Cp39, Cp311X86);
        await RegisterAsync(Foo1);
        await Store.RunAsync($$"""
            DO $do$
            BEGIN
                {{some}}
                PERFORM add_new_package_version('foo', '2.0', now(), '');
                PERFORM add_new_package_versions('{foo}', '{3.0}', ARRAY[now()], '{""}');
                PERFORM log_build('foo', '1.0', 1, interval '1 s', 'cp39', 'linux_armv7l', true,
                    '{foo-1.0-py3-none-any.whl}', '{1}', ARRAY[repeat('a', 64)], '{foo}', '{1.0}', '{py3}', '{none}',
                    '{any}', '{NULL}', '{/simple}', '{}', '{}', '{}');
                PERFORM requeue('linux_armv7l', '', NULL);
                ASSERT (
                    SELECT sum(pg_stat_get_xact_numscans(c.oid)) {{scans}} 0 FROM pg_class c
                    WHERE c.relname IN ('upstream_wheels', 'upstream_wheels_pkey'));
            END
            $do$
            """);
    }

    [Fact]
    public async Task The_second_name_of_our_wheels_is_none_of_upstreams()
    {
        var armv6 = new Target("cp39", "linux_armv6l");
        await AddTargetsAsync(Cp39, armv6);
        await RegisterAsync(Foo1, Foo2);
        await using var direct = new Database(Store.UserDsn);
        await direct.SetArmv6AliasAsync(true);
        await Db.LogBuildAsync(Built(Foo2, Cp39, "cp39-cp39-linux_armv7l"));
        await direct.SetUpstreamPolicyAsync(Foo, UpstreamPolicy.Link);
        await ReadAsync(Foo, Upstream(Foo1, "cp39-cp39-manylinux_2_17_armv7l"));
        Assert.Equal(
            [(armv6, TargetState.Pending), (Cp39, TargetState.Linked)], await StatesAsync(Foo1));
        Assert.Equal(
            [(armv6, TargetState.Success), (Cp39, TargetState.Success)], await StatesAsync(Foo2));
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }
}

public abstract class UpstreamWheelsCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    [Fact]
    public async Task A_farm_rebuilds_and_has_nothing_to_read_unless_told_otherwise()
    {
        await RegisterAsync(Foo1);
        var policies = await Db.GetUpstreamPoliciesAsync();
        Assert.Equal(UpstreamPolicy.Rebuild, policies.Of(Foo));
        Assert.Empty(policies.OfPackages);
        Assert.Empty(await Db.GetUpstreamOwedAsync(10));
    }

    [Fact]
    public async Task A_packages_own_policy_goes_before_the_farms()
    {
        await RegisterAsync(Foo1, new Release(Bar, "1.0"));
        await SetPolicyAsync(UpstreamPolicy.Defer);
        await SetPolicyAsync(Bar, UpstreamPolicy.Link);
        var policies = await Db.GetUpstreamPoliciesAsync();
        Assert.Equal((UpstreamPolicy.Defer, UpstreamPolicy.Link), (policies.Of(Foo), policies.Of(Bar)));
        Assert.Equal(
            [(Foo, UpstreamPolicy.Defer), (Bar, UpstreamPolicy.Link)],
            (await Db.GetUpstreamOwedAsync(10)).Select(owed => (owed.Package, owed.Policy)));

        await SetPolicyAsync(Bar, null);
        Assert.Equal(UpstreamPolicy.Defer, (await Db.GetUpstreamPoliciesAsync()).Of(Bar));
    }

    [Fact]
    public async Task Releases_taken_up_in_bulk_wait_for_what_upstream_has_where_the_policy_says_so()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.SkipPackageVersionAsync(Foo1, SkipReasons.BinaryOnly);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        await Db.SetUpstreamWheelsAsync(Foo, [], (await Db.GetUpstreamOwedAsync(1))[0].Revision);
        var bar1 = new Release(Bar, "1.0");
        await Db.ApplyIndexChangesAsync(new IndexChanges(
            0, 1, [], [new SeenName(Foo, "foo", LongAgo, "2.0"), new SeenName(Bar, "bar", LongAgo, "1.0")],
            [
                new ReleaseChange(Foo1, Released: LongAgo, Source: true), new ReleaseChange(Foo2, Released: LongAgo, Source: true),
                new ReleaseChange(bar1, Released: LongAgo, Source: true),
            ]));
        Assert.Equal("cp39: bar 1.0", await QueueAsync());
        Assert.Equal(SkipReasons.UpstreamUnread, await Db.GetVersionSkipAsync(Foo1));
        Assert.Equal(SkipReasons.UpstreamUnread, await Db.GetVersionSkipAsync(Foo2));
        Assert.Equal([Foo], (await Db.GetUpstreamOwedAsync(10)).Select(owed => owed.Package));
    }

    [Fact]
    public async Task What_is_owed_again_while_it_is_read_stays_owed()
    {
        await RegisterAsync(Foo1);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        var first = Assert.Single(await Db.GetUpstreamOwedAsync(10));
        await Db.OweUpstreamAsync([Foo, PackageName.Parse("unknown")]);
        await Db.SetUpstreamWheelsAsync(Foo, [], first.Revision);
        var second = Assert.Single(await Db.GetUpstreamOwedAsync(10));
        Assert.True(second.Revision > first.Revision);
        await Db.SetUpstreamWheelsAsync(Foo, [], second.Revision);
        Assert.Empty(await Db.GetUpstreamOwedAsync(10));
    }

    [Theory]
    [InlineData(UpstreamPolicy.Defer, TargetState.Upstream)]
    [InlineData(UpstreamPolicy.Link, TargetState.Linked)]
    public async Task What_upstream_has_is_not_built_and_the_page_says_so(UpstreamPolicy policy, TargetState shown)
    {
        await AddTargetsAsync(Cp39, Cp311, Cp311X86);
        await RegisterAsync(Foo1, Foo2);
        await SetPolicyAsync(Foo, policy);
        Assert.Equal("cp311: foo 1.0, foo 2.0; cp39: foo 1.0, foo 2.0", await QueueAsync());

        await ReadAsync(
            Foo, Upstream(Foo1, "cp39-cp39-manylinux_2_17_armv7l"), Upstream(Foo1, "cp311-cp311-manylinux2014_x86_64"),
            Upstream(Foo1, "cp39-cp39-musllinux_1_2_armv7l"), Upstream(new Release(Foo, "3.0"), "py3-none-any"));
        Assert.Equal("cp311: foo 1.0; cp311: foo 2.0; cp39: foo 2.0", await QueueAsync());
        Assert.Equal(
            [(Cp39, shown), (Cp311, TargetState.Pending), (Cp311X86, shown)], await StatesAsync(Foo1));
        Assert.Equal(
            Enumerable.Repeat(TargetState.Pending, 3), (await StatesAsync(Foo2)).Select(state => state.State));
    }

    [Fact]
    public async Task A_policy_taken_back_has_what_was_never_built_queued_again()
    {
        await AddTargetsAsync(Cp39, Cp311X86);
        await RegisterAsync(Foo1, Foo2);
        await Db.LogBuildAsync(Built(Foo2, Cp311X86, "cp311-cp311-linux_x86_64"));
        await SetPolicyAsync(UpstreamPolicy.Link);
        await ReadAsync(Foo, Upstream(Foo1, "py3-none-any"), Upstream(Foo2, "py3-none-any"));
        Assert.Equal("", await QueueAsync());

        await SetPolicyAsync(UpstreamPolicy.Rebuild);
        await ReadAsync(Foo, Upstream(Foo1, "py3-none-any"));
        Assert.Equal("cp311: foo 1.0; cp39: foo 1.0, foo 2.0", await QueueAsync());
        Assert.All((await Db.GetProjectDataAsync(Foo))!.Versions, version => Assert.Empty(version.Linked));
    }

    [Fact]
    public async Task What_vanishes_upstream_is_built_here()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        await ReadAsync(Foo, Upstream(Foo1, "py3-none-any"));
        Assert.Equal("", await QueueAsync());
        await ReadAsync(Foo);
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_page_that_cannot_be_read_leaves_what_was_known()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        await ReadAsync(Foo, Upstream(Foo1, "py3-none-any"));
        await SetPolicyAsync(Foo, UpstreamPolicy.Link);
        await Db.SetUpstreamWheelsAsync(Foo, null, long.MaxValue);
        Assert.Equal([(Cp39, TargetState.Linked)], await StatesAsync(Foo1));
        Assert.Empty(await Db.GetUpstreamOwedAsync(10));
    }

    [Fact]
    public async Task A_wheel_that_wants_a_newer_library_or_another_python_leaves_the_target_to_be_built_for()
    {
        var old = new Target("cp39", "linux_aarch64");
        Assert.True(await Db.AddTargetAsync(Cp39, new Glibc(2, 31)));
        Assert.True(await Db.AddTargetAsync(old, Glibc.None));
        await AddTargetsAsync(Cp311X86);
        await RegisterAsync(Foo1, Foo2);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        await ReadAsync(
            Foo,
            Upstream(Foo1, "cp39-cp39-manylinux_2_31_armv7l"), Upstream(Foo1, "cp39-cp39-manylinux1_aarch64"),
            Upstream(Foo1, "cp311-cp311-manylinux_2_18_x86_64.manylinux_2_17_x86_64"),
            Upstream(Foo2, "cp39-cp39-manylinux_2_36_armv7l"),
            Upstream(Foo2, "py3-none-any") with { RequiresPython = ">=3.10" });
        Assert.Equal(
            [(old, TargetState.Pending), (Cp39, TargetState.Upstream), (Cp311X86, TargetState.Upstream)],
            await StatesAsync(Foo1));
        Assert.Equal(
            [(old, TargetState.Pending), (Cp39, TargetState.Pending), (Cp311X86, TargetState.Upstream)],
            await StatesAsync(Foo2));
        Assert.Equal("cp39: foo 1.0, foo 2.0; cp39: foo 2.0", await QueueAsync());

        await ReadAsync(Foo, Upstream(Foo2, "py3-none-any") with { RequiresPython = "<3.10" });
        Assert.Equal("cp311: foo 1.0, foo 2.0; cp39: foo 1.0; cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_targets_library_is_told_when_it_is_added_or_as_long_as_nothing_depends_on_it()
    {
        await AddTargetsAsync(Cp39);
        Assert.Null(Assert.Single(await Db.GetTargetsAsync()).Glibc);
        Assert.False(await Db.AddTargetAsync(Cp39, new Glibc(2, 31)));
        Assert.Equal(new Glibc(2, 31), Assert.Single(await Db.GetTargetsAsync()).Glibc);
        Assert.False(await Db.AddTargetAsync(Cp39));
        await RegisterAsync(Foo1);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        await ReadAsync(Foo, Upstream(Foo1, "cp39-cp39-manylinux_2_36_armv7l"));
        Assert.False(await Db.AddTargetAsync(Cp39, new Glibc(2, 36)));
        Assert.Equal(new Glibc(2, 31), Assert.Single(await Db.GetTargetsAsync()).Glibc);
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_version_waits_for_upstreams_page_and_then_for_a_slave()
    {
        await AddTargetsAsync(Cp39);
        await Db.AddNewPackageAsync(Foo);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        await Db.AddNewPackageVersionAsync(Foo1, LongAgo, "upstream not read yet");
        await Db.AddNewPackageVersionAsync(Foo2, LongAgo, "upstream not read yet");
        Assert.Equal("", await QueueAsync());
        await ReadAsync(Foo, Upstream(Foo1, "py3-none-any"));
        Assert.Equal("cp39: foo 2.0", await QueueAsync());
        Assert.Equal("", await Db.GetVersionSkipAsync(Foo1));
    }

    [Fact]
    public async Task The_page_lists_linked_files_as_upstream_has_them_but_none_that_is_built_here_by_that_name()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        await SetPolicyAsync(Foo, UpstreamPolicy.Link);
        var known = Upstream(Foo1, "cp39-cp39-win_amd64") with
        {
            FileSize = null,
            RequiresPython = ">=3.9",
            Yanked = true,
            Metadata = true,
            Uploaded = null,
        };
        await WritePagesAsync();
        await ReadAsync(Foo, Upstream(Foo1, "py3-none-any"), known);
        var version = Assert.Single((await Db.GetProjectDataAsync(Foo))!.Versions);
        Assert.Equal([known], version.Linked);
        Assert.Equal("foo Both", await OwedAsync());

        await WritePagesAsync();
        await ReadAsync(Foo, known, Upstream(Foo1, "py3-none-any"));
        Assert.Equal("", await OwedAsync());
        await ReadAsync(Foo, known with { Yanked = false });
        Assert.Equal("foo Both", await OwedAsync());
    }

    [Fact]
    public async Task A_package_deleted_upstream_is_owed_nothing_and_may_be_read_all_the_same()
    {
        await RegisterAsync(Foo1);
        await SetPolicyAsync(Foo, UpstreamPolicy.Defer);
        await Db.DeletePackageAsync(Foo);
        Assert.Empty(await Db.GetUpstreamOwedAsync(10));
        await ReadAsync(Foo, Upstream(Foo1, "py3-none-any"));
        Assert.Equal(UpstreamPolicy.Defer, (await Db.GetUpstreamPoliciesAsync()).Of(Foo));
    }

    protected static UpstreamWheel Upstream(Release release, string tags)
    {
        var name = $"{release.Package}-{release.Version}-{tags}.whl";
        var parts = tags.Split('-');
        return new UpstreamWheel(
            release.Version, name, $"https://files.example.org/{name}", new string('b', 64), 1234, null, Yanked: false,
            Metadata: false, LongAgo, parts[0], parts[1], parts[2]);
    }

    protected Task ReadAsync(PackageName package, params UpstreamWheel[] wheels) =>
        Db.SetUpstreamWheelsAsync(package, wheels, long.MaxValue);

    protected async Task<IEnumerable<(Target Target, TargetState State)>> StatesAsync(Release release) =>
        (await Db.GetProjectVersionsAsync(release.Package)).Single(row => row.Version == release.Version)
            .Targets.Select(target => (target.Target, target.State));

    /// <summary>As an operator sets it, on a connection of his own.</summary>
    private async Task SetPolicyAsync(UpstreamPolicy policy)
    {
        if (Db is FakeDatabase fake)
        {
            fake.SetPolicy(policy);
            return;
        }

        await using var direct = new Database(Store.UserDsn);
        Assert.True(await direct.SetUpstreamPolicyAsync(policy));
        Assert.False(await direct.SetUpstreamPolicyAsync(policy));
    }

    private async Task SetPolicyAsync(PackageName package, UpstreamPolicy? policy)
    {
        if (Db is FakeDatabase fake)
        {
            fake.SetPolicy(package, policy);
            return;
        }

        await using var direct = new Database(Store.UserDsn);
        Assert.True(await direct.SetUpstreamPolicyAsync(package, policy));
        Assert.False(await direct.SetUpstreamPolicyAsync(package, policy));
    }
}
