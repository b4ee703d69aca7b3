using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Packages;

public sealed class BuildBatchesTests
{
    private static readonly Target Target = new("cp311", "linux_armv7l");

    private readonly FakeDatabase _database = new(TimeProvider.System);
    private readonly List<(string Method, TaskCompletionSource Gate)> _calls = [];
    private readonly BuildBatches _batches;

    public BuildBatchesTests() => _batches = new BuildBatches(_database);

    [Fact]
    public async Task Builds_that_come_while_others_are_recorded_are_recorded_together()
    {
        await KnowAsync("a", "b", "c", "d", "e");

        var recorded = new[] { "a", "b", "c", "d", "e" }.Select(Record).ToList();
        Assert.Equal(["LogBuild", "LogBuild"], _calls.Select(static call => call.Method));
        Open(0);
        Assert.Equal(["LogBuild", "LogBuild", "LogBuilds"], _calls.Select(static call => call.Method));
        Open(2);
        Open(1);

        var numbers = await Task.WhenAll(recorded).Within();
        Assert.Equal(5, numbers.Distinct().Count());
        Assert.Equal(numbers.Order(), await AllBuildsAsync());
        Assert.All(_database.Builds, build => Assert.Equal(numbers["abcde".IndexOf(build.Package, StringComparison.Ordinal)], build.BuildId));
    }

    [Fact]
    public async Task What_is_refused_in_a_batch_keeps_no_other_from_being_recorded()
    {
        await KnowAsync("a", "b", "c", "d");

        var recorded = new[] { "a", "b", "c", "unknown", "d" }.Select(Record).ToList();
        for (var call = 0; call < _calls.Count; call++) Open(call);

        var refused = await Assert.ThrowsAsync<DatabaseException>(() => recorded[3]).Within();
        Assert.False(refused.Transient);
        recorded.RemoveAt(3);
        Assert.Equal((await Task.WhenAll(recorded).Within()).Order(), await AllBuildsAsync());
    }

    [Fact]
    public async Task While_the_database_is_away_all_hear_of_it_and_are_recorded_once_when_they_come_again()
    {
        await KnowAsync("a", "b", "c", "d");
        var requests = "abcd".Select(static _ => Guid.NewGuid()).ToList();
        var names = new[] { "a", "b", "c", "d" };
        var away = new DatabaseException("away", transient: true);

        var first = names.Zip(requests, Record).ToList();
        for (var call = 0; call < _calls.Count; call++) _calls[call].Gate.SetException(away);
        foreach (var recording in first)
            Assert.True((await Assert.ThrowsAsync<DatabaseException>(() => recording).Within()).Transient);

        _database.Before = static _ => Task.CompletedTask;
        var numbers = await Task.WhenAll(names.Zip(requests, Record)).Within();
        Assert.Equal(numbers, await Task.WhenAll(names.Zip(requests, Record)).Within());
        Assert.Equal(4, (await AllBuildsAsync()).Count);
    }

    private async Task KnowAsync(params string[] packages)
    {
        await _database.AddTargetAsync(Target);
        foreach (var package in packages)
        {
            await _database.AddNewPackageAsync(PackageName.Parse(package));
            await _database.AddNewPackageVersionAsync(new Release(PackageName.Parse(package), "1.0"));
        }

        // A gate goes on with its caller upon the thread that opens it, as a task would upon its own
        _database.Before = method =>
        {
            _calls.Add((method, new TaskCompletionSource()));
            return _calls[^1].Gate.Task;
        };
    }

    private async Task<IReadOnlyList<long>> AllBuildsAsync()
    {
        _database.Before = static _ => Task.CompletedTask;
        return await _database.GetAllBuildIdsAsync();
    }

    private void Open(int call) => _calls[call].Gate.SetResult();

    private Task<long> Record(string package) => Record(package, Guid.NewGuid());

    private Task<long> Record(string package, Guid request) => _batches.RecordAsync(
        new BuildState(1, package, "1.0", Target.Abi, false, TimeSpan.FromSeconds(1), "log", [], Target.Platform), request);
}
