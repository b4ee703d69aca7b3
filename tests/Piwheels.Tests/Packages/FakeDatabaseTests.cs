using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Packages;

/// <summary>What the tests of other tasks rely on in the fake database.</summary>
public sealed class FakeDatabaseTests
{
    private static readonly Release Six = new(PackageName.Parse("six"), "1.16.0");
    private static readonly Target Cp39 = new("cp39", "linux_armv7l");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly Target Cp311Arm64 = new("cp311", "linux_aarch64");

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly FakeDatabase _database;

    public FakeDatabaseTests() => _database = new FakeDatabase(_time);

    [Fact]
    public async Task Only_the_lowest_ABI_of_each_platform_waits()
    {
        await Prepare();
        var queue = await _database.GetBuildQueueAsync();
        Assert.Equal([Six], queue[Cp39]);
        Assert.Empty(queue[Cp311]);
        Assert.Equal([Six], queue[Cp311Arm64]);
    }

    [Fact]
    public async Task A_pure_wheel_covers_all_targets()
    {
        await Prepare();
        await _database.LogBuildAsync(Build(true, File("six-1.16.0-py2.py3-none-any.whl", "py2.py3", "none", "any")));
        Assert.All(await _database.GetBuildQueueLengthsAsync(), length => Assert.Equal(0, length.Value));
        var data = await _database.GetProjectDataAsync(Six.Package);
        Assert.All(data!.Versions[0].Targets, target => Assert.Equal(TargetState.Success, target.State));
    }

    [Fact]
    public async Task A_failure_lets_the_next_ABI_wait()
    {
        await Prepare();
        var id = await _database.LogBuildAsync(Build(false));
        var queue = await _database.GetBuildQueueAsync();
        Assert.Empty(queue[Cp39]);
        Assert.Equal([Six], queue[Cp311]);
        var data = await _database.GetProjectDataAsync(Six.Package);
        Assert.Equal(
            [
                new ProjectTarget(Cp311Arm64, TargetState.Pending, null),
                new ProjectTarget(Cp39, TargetState.Fail, id),
                new ProjectTarget(Cp311, TargetState.Pending, null),
            ],
            data!.Versions[0].Targets);
    }

    [Fact]
    public async Task An_abi3_wheel_covers_later_interpreters_of_its_platform_alone()
    {
        await Prepare();
        var file = File("six-1.16.0-cp37-abi3-manylinux_2_17_armv7l.whl", "cp37", "abi3", "manylinux_2_17_armv7l");
        await _database.LogBuildAsync(Build(true, file));
        var queue = await _database.GetBuildQueueAsync();
        Assert.Empty(queue[Cp39]);
        Assert.Empty(queue[Cp311]);
        Assert.Equal([Six], queue[Cp311Arm64]);
    }

    [Fact]
    public async Task A_success_without_files_is_refused()
    {
        await Prepare();
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => _database.LogBuildAsync(Build(true)));
        Assert.False(fault.Transient);
        Assert.Empty(_database.Builds);
    }

    [Fact]
    public async Task A_rewrite_asked_for_again_since_the_data_was_read_stays_owed()
    {
        await Prepare();
        var data = await _database.GetProjectDataAsync(Six.Package);
        await _database.YankVersionAsync(Six);
        await _database.RewriteDoneAsync(Six.Package, RewriteCommand.Both, data!.Revision);
        Assert.Single(await _database.LoadRewritesPendingAsync());

        data = await _database.GetProjectDataAsync(Six.Package);
        await _database.RewriteDoneAsync(Six.Package, RewriteCommand.Project, data!.Revision);
        Assert.Single(await _database.LoadRewritesPendingAsync());
        await _database.RewriteDoneAsync(Six.Package, RewriteCommand.Both, data.Revision);
        Assert.Empty(await _database.LoadRewritesPendingAsync());
    }

    [Fact]
    public async Task A_test_can_make_a_call_fail()
    {
        _database.Before = method => method == "GetPypiSerial"
            ? Task.FromException(new DatabaseException("gone", transient: true))
            : Task.CompletedTask;
        Assert.True((await Assert.ThrowsAsync<DatabaseException>(_database.GetPypiSerialAsync)).Transient);
        Assert.Empty(await _database.GetAllPackagesAsync());
    }

    private async Task Prepare()
    {
        foreach (var target in new[] { Cp311, Cp39, Cp311Arm64 }) Assert.True(await _database.AddTargetAsync(target));
        Assert.True(await _database.AddNewPackageAsync(Six.Package));
        Assert.True(await _database.AddNewPackageVersionAsync(Six, _time.GetUtcNow()));
        Assert.False(await _database.AddNewPackageVersionAsync(Six, _time.GetUtcNow()));
    }

    private static BuildState Build(bool status, params FileState[] files) => new(
        1, Six.Package.Value, Six.Version, Cp39.Abi, status, TimeSpan.FromSeconds(3), "", files, Cp39.Platform);

    private static FileState File(string name, string py, string abi, string platform) => new(
        name, 1000, new string('a', 64), "six", "1.16.0", py, abi, platform, null, FileState.NoDependencies);
}
