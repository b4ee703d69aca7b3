using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Administration;

/// <summary>What a master tells of the farm, also when parts of it do not answer.</summary>
public sealed class FarmStatusTests
{
    private static readonly DateTimeOffset Started = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly FakeDatabase _database = new(TimeProvider.System);

    [Fact]
    public async Task What_tasks_know_and_what_waits()
    {
        await _database.AddTargetAsync(new Target("cp313", "linux_armv7l"));
        await _database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
        await _database.AddNewPackageAsync(PackageName.Parse("foo"));
        await _database.AddNewPackageVersionAsync(new Release(PackageName.Parse("foo"), "1.0"));
        var upstream = new UpstreamState(7, 1, TimeSpan.FromSeconds(3));

        var state = await AskAsync(Facts(counts: new() { ["building"] = 2 }) with { Upstream = () => upstream }, paused: true);

        Assert.Equal(
            // A wheel for cp311 may do for both
            [new WaitingReleases(new Target("cp311", "linux_armv7l"), 1), new WaitingReleases(new Target("cp313", "linux_armv7l"), 0)],
            state.Queue);
        Assert.Equal((Started, true, false, ""), (state.Started, state.Paused, state.DiskLow, state.DatabaseTrouble));
        Assert.Equal(2, state.Slaves["building"]);
        Assert.Equal(upstream, state.Upstream);
        Assert.Null(state.Stats);
    }

    [Fact]
    public async Task A_database_that_is_away_is_told_and_the_rest_all_the_same()
    {
        _database.Before = _ => throw new DatabaseException("no route to host", transient: true);
        var state = await AskAsync(Facts(counts: new() { ["sleeping"] = 1 }) with { GivesOutWork = () => false });
        Assert.Contains("no route to host", state.DatabaseTrouble, StringComparison.Ordinal);
        Assert.Empty(state.Queue);
        Assert.True(state.DiskLow);
        Assert.Equal(1, state.Slaves["sleeping"]);
    }

    [Fact]
    public async Task A_task_that_has_ended_and_answers_nobody_is_not_waited_for_for_ever()
    {
        var clock = new FastClock(100);
        var never = new TaskCompletionSource<IReadOnlyDictionary<string, long>>();
        var state = await AskAsync(Facts([]) with { CountSlaves = () => never.Task }, time: clock);
        Assert.Empty(state.Slaves);
    }

    private static FarmFacts Facts(Dictionary<string, long> counts) => new()
    {
        Started = Started,
        CountSlaves = () => Task.FromResult<IReadOnlyDictionary<string, long>>(counts),
        GivesOutWork = () => true,
        Upstream = () => null,
        Stats = () => null,
    };

    private async Task<FarmState> AskAsync(FarmFacts facts, bool paused = false, TimeProvider? time = null)
    {
        var status = new FarmStatus(_database, facts, time ?? TimeProvider.System);
        return Assert.IsType<ImportReply.State>(await status.AskAsync(paused).Within()).Farm;
    }
}
