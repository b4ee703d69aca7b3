using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class BuildsDirect(ClusterFixture fixture) : BuildsCompliance<Direct>(fixture);

public abstract class BuildsCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    [Fact]
    public async Task A_good_build_brings_its_files_and_owes_both_pages()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await WritePagesAsync();
        var id = await Db.LogBuildAsync(Built(Foo1, Cp39, Wheel(
            Foo1, "cp39-cp39-linux_armv7l", 'b', ("apt", "libc6"), ("apt", "libffi8"), ("pip", "cffi"), ("", "libx.so"))));

        Assert.Equal([id], await Db.GetAllBuildIdsAsync());
        Assert.Equal(new string('b', 64), (await Db.GetPackageFilesAsync(Foo))["foo-1.0-cp39-cp39-linux_armv7l.whl"]);
        Assert.Equal(["foo-1.0-cp39-cp39-linux_armv7l.whl"], await Db.GetVersionFilesAsync(Foo1));
        Assert.Equal("foo Both", await OwedAsync());
        var file = (await Db.GetProjectDataAsync(Foo))!.Versions.Single().Files.Single();
        Assert.Equal(["libc6", "libffi8"], file.AptDependencies);
        Assert.Equal(["cffi"], file.PipDependencies);
        Assert.Equal(("cp39", "cp39", "linux_armv7l", "/simple", 1000L),
            (file.BuilderAbi, file.FileAbiTag, file.PlatformTag, file.Location, file.FileSize));
    }

    [Fact]
    public async Task A_failed_build_owes_the_project_page()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await WritePagesAsync();
        await Db.LogBuildAsync(Failed(Foo1, Cp39));
        Assert.Equal("foo Project", await OwedAsync());
        Assert.Equal("", await QueueAsync());
    }

    [Fact]
    public async Task A_success_without_files_is_refused()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        var fault = await Assert.ThrowsAsync<DatabaseException>(
            () => Db.LogBuildAsync(Failed(Foo1, Cp39) with { Status = true }));
        Assert.False(fault.Transient);
        Assert.Empty(await Db.GetAllBuildIdsAsync());
        Assert.Equal("cp39: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task An_unknown_release_or_target_is_refused()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Assert.ThrowsAsync<DatabaseException>(() => Db.LogBuildAsync(Failed(Foo2, Cp39)));
        await Assert.ThrowsAsync<DatabaseException>(() => Db.LogBuildAsync(Failed(new Release(Bar, "1.0"), Cp39)));
        await Assert.ThrowsAsync<DatabaseException>(() => Db.LogBuildAsync(Failed(Foo1, Cp311)));
        await Assert.ThrowsAsync<DatabaseException>(() => Db.LogBuildAsync(Failed(Foo1, new Target("cp39", "win32"))));
        Assert.Empty(await Db.GetAllBuildIdsAsync());
    }

    [Fact]
    public async Task A_file_that_the_database_refuses_takes_the_whole_build_back()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await WritePagesAsync();
        var good = Wheel(Foo1, "py3-none-any");
        foreach (var bad in new[]
        {
            good with { Filename = "x", FileHash = new string('g', 64) },
            good with { Filename = "x", FileSize = -1 },
            good with { Filename = new string('x', 256) },
            good with { Filename = "" },
            good,
            good with { Filename = "x", Dependencies = Needs("snap", "core") },
            good with { Filename = "x", Dependencies = Needs("apt", new string('x', 256)) },
        })
        {
            await Assert.ThrowsAsync<DatabaseException>(() => Db.LogBuildAsync(Built(Foo1, Cp39, good, bad)));
        }

        Assert.Empty(await Db.GetAllBuildIdsAsync());
        Assert.Empty(await Db.GetPackageFilesAsync(Foo));
        Assert.Equal("", await OwedAsync());
    }

    [Fact]
    public async Task A_failed_build_has_no_files_whatever_it_claims()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any") with { Status = false });
        Assert.Empty(await Db.GetPackageFilesAsync(Foo));
    }

    [Fact]
    public async Task A_file_built_again_is_replaced_with_its_dependencies()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.LogBuildAsync(Built(Foo1, Cp39, Wheel(Foo1, "py3-none-any", 'a', ("pip", "old"), ("pip", "both"))));
        await Db.LogBuildAsync(Built(Foo1, Cp39, Wheel(Foo1, "py3-none-any", 'b', ("pip", "new"), ("pip", "both"))));
        var file = (await Db.GetProjectDataAsync(Foo))!.Versions.Single().Files.Single();
        Assert.Equal(new string('b', 64), file.FileHash);
        Assert.Equal(["both", "new"], file.PipDependencies);
    }

    [Fact]
    public async Task A_file_of_another_package_is_not_replaced()
    {
        var bar1 = new Release(Bar, "1.0");
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, bar1);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        await Assert.ThrowsAsync<DatabaseException>(
            () => Db.LogBuildAsync(Built(bar1, Cp39, Wheel(Foo1, "py3-none-any", 'b'))));
        Assert.Equal(new string('a', 64), (await Db.GetPackageFilesAsync(Foo)).Values.Single());
    }

    [Fact]
    public async Task A_release_whose_file_another_version_took_waits_again()
    {
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(Foo1, Foo2);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        Assert.Equal("cp39: foo 2.0", await QueueAsync());
        await Db.LogBuildAsync(Built(Foo2, Cp39, Wheel(Foo1, "py3-none-any", 'b')));
        Assert.Equal("cp311: foo 1.0", await QueueAsync());
    }

    [Fact]
    public async Task A_request_asked_again_records_no_second_build_and_is_answered_as_the_first_time()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        var (request, other) = (RequestNumber.Next(TimeProvider.System), RequestNumber.Next(TimeProvider.System));
        var id = await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"), request);
        await WritePagesAsync();
        Assert.Equal(id, await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"), request));
        Assert.Equal([id], await Db.GetAllBuildIdsAsync());
        Assert.Equal("", await OwedAsync());

        var second = await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"), other);
        Assert.Equal([id, second], await Db.GetAllBuildIdsAsync());
        await Db.DeleteVersionAsync(Foo1);
        Assert.Equal(id, await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"), request));
        Assert.Empty(await Db.GetAllBuildIdsAsync());
    }

    [Fact]
    public async Task A_request_that_was_refused_is_not_recorded_as_done()
    {
        await AddTargetsAsync(Cp39);
        var request = RequestNumber.Next(TimeProvider.System);
        await Assert.ThrowsAsync<DatabaseException>(() => Db.LogBuildAsync(Failed(Foo1, Cp39), request));
        await RegisterAsync(Foo1);
        Assert.Equal([await Db.LogBuildAsync(Failed(Foo1, Cp39), request)], await Db.GetAllBuildIdsAsync());
    }

    [Fact]
    public async Task A_request_asked_many_times_at_once_records_one_build()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        var request = RequestNumber.Next(TimeProvider.System);
        var ids = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Db.LogBuildAsync(Failed(Foo1, Cp39), request)));
        Assert.Equal(await Db.GetAllBuildIdsAsync(), ids.Distinct());
    }

    [Fact]
    public async Task A_deleted_build_is_built_again_before_all_others()
    {
        var old = new Release(Bar, "0.1");
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1);
        await Db.AddNewPackageAsync(Bar);
        await Db.AddNewPackageVersionAsync(old, LongAgo.AddYears(-1));
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        await WritePagesAsync();
        await Db.DeleteBuildAsync(Foo1);

        Assert.Equal("cp39: foo 1.0, bar 0.1", await QueueAsync());
        Assert.Equal("foo Both", await OwedAsync());
        Assert.Empty(await Db.GetPackageFilesAsync(Foo));
    }

    [Fact]
    public async Task An_import_without_abi_counts_for_the_lowest_active_one()
    {
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(Foo1);
        await Db.SkipTargetAsync(Cp39, "old");
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any") with { AbiTag = null, PlatformTag = null });
        var file = (await Db.GetProjectDataAsync(Foo))!.Versions.Single().Files.Single();
        Assert.Equal("cp311", file.BuilderAbi);
    }

    [Fact]
    public async Task An_import_without_platform_counts_for_the_one_its_wheel_was_made_for()
    {
        await AddTargetsAsync(Cp311, Cp311X86);
        await RegisterAsync(Foo1);
        await Db.LogBuildAsync(Built(Foo1, Cp311, "cp311-cp311-linux_x86_64") with { PlatformTag = null });
        var targets = (await Db.GetProjectDataAsync(Foo))!.Versions.Single().Targets;
        Assert.Equal(
            [(Cp311, TargetState.Pending), (Cp311X86, TargetState.Success)],
            targets.Select(target => (target.Target, target.State)));
    }

    [Fact]
    public async Task Builds_of_one_package_at_once_are_all_recorded()
    {
        var releases = Enumerable.Range(1, 20).Select(n => new Release(Foo, $"{n}.0")).ToArray();
        await AddTargetsAsync(Cp39, Cp311);
        await RegisterAsync(releases);
        await Task.WhenAll(releases.SelectMany(r => new[]
        {
            Db.LogBuildAsync(Built(r, Cp39, "cp39-cp39-linux_armv7l")), Db.LogBuildAsync(Failed(r, Cp311)),
        }));
        Assert.Equal("", await QueueAsync());
        Assert.Equal(40, (await Db.GetAllBuildIdsAsync()).Count);
        Assert.Equal(1, (await Db.GetStatisticsAsync()).PackagesBuilt);
    }

    private static Dictionary<string, IReadOnlyList<string>> Needs(string tool, string name) => new() { [tool] = [name] };
}
