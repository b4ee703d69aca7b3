using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>
/// Changes of targets in a farm that is too large for one step: each package has more versions than a step takes here,
/// so a step is a package, in the order of their names.
/// </summary>
public sealed class TargetChangeTests(ClusterFixture fixture) : IAsyncLifetime
{
    private static readonly Target Cp39 = new("cp39", "linux_armv7l");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly string[] Names = ["ant", "bee", "cat"];

    private TestDatabase _store = null!;
    private Database _database = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.Cluster.CreateDatabaseAsync();
        _database = new Database(_store.UserDsn);
        await _database.AddTargetAsync(Cp311);
        await _database.AddNewPackagesAsync([.. Names.Select(name => new NewPackage(PackageName.Parse(name)))]);
        await _database.AddNewPackageVersionsAsync(
            [.. Names.SelectMany(name => new[] { Of(name, "1.0"), Of(name, "2.0") }).Select(r => new NewVersion(r))]);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task A_small_farm_s_change_has_taken_effect_when_it_is_answered()
    {
        await _database.AddTargetAsync(Cp39);
        Assert.Empty(await _database.GetSettlingTargetsAsync());
        Assert.Equal("cp39: ant ant bee bee cat cat", await QueueAsync());
        await _database.RemoveTargetAsync(Cp39);
        Assert.Empty(await _database.GetSettlingTargetsAsync());
        Assert.Equal("cp311: ant ant bee bee cat cat", await QueueAsync());
        Assert.Equal(["1"], await _store.ColumnAsync("SELECT count(*) FROM targets"));
    }

    [Fact]
    public async Task A_new_target_takes_effect_package_by_package()
    {
        await MakeStepsSmallAsync();
        Assert.True(await _database.AddTargetAsync(Cp39));
        Assert.Equal("cp311: bee bee cat cat; cp39: ant ant", await QueueAsync());
        var half = Assert.Single(await _database.SettleTargetsAsync(1));
        Assert.Equal((Cp39, false, 4L, 6L, 66), (half.Target, half.Removed, half.VersionsDone, half.Versions, half.Percent));
        Assert.Equal("cp311: cat cat; cp39: ant ant bee bee", await QueueAsync());

        await SettleAsync();
        Assert.Equal("cp39: ant ant bee bee cat cat", await QueueAsync());
    }

    [Fact]
    public async Task What_happens_half_way_counts_the_target_where_it_has_taken_effect_and_not_elsewhere()
    {
        await MakeStepsSmallAsync();
        await _database.AddTargetAsync(Cp39);
        await _database.AddNewPackageVersionAsync(Of("ant", "3.0"));
        await _database.AddNewPackageVersionAsync(Of("cat", "3.0"));
        Assert.Equal("cp311: bee bee cat cat cat; cp39: ant ant ant", await QueueAsync());

        // Its tags are known for both at once
        await _database.LogBuildAsync(Built(Of("cat", "3.0"), Cp311, "cp39-abi3-linux_armv7l"));
        await SettleAsync();
        Assert.Equal("cp39: ant ant ant bee bee cat cat", await QueueAsync());
    }

    [Fact]
    public async Task A_change_taken_back_half_way_runs_back()
    {
        await MakeStepsSmallAsync();
        await _database.AddTargetAsync(Cp39);
        await _database.SettleTargetsAsync(1);
        await _database.SkipTargetAsync(Cp39, "a mistake");
        Assert.Equal("cp311: bee bee cat cat; cp39: ant ant", await QueueAsync(kept: true));
        Assert.Equal([(Cp39, "a mistake"), (Cp311, "")], (await _database.GetTargetsAsync()).Select(t => (t.Target, t.Skip)));

        await _database.SkipTargetAsync(Cp39, "");
        Assert.Equal("cp311: cat cat; cp39: ant ant bee bee", await QueueAsync());
        await _database.SkipTargetAsync(Cp39, "a mistake after all");
        await SettleAsync();
        Assert.Equal("cp311: ant ant bee bee cat cat", await QueueAsync());
    }

    [Fact]
    public async Task A_target_that_is_being_removed_is_told_of_no_more_and_can_be_added_again()
    {
        await _database.AddTargetAsync(Cp39);
        await MakeStepsSmallAsync();
        await _database.RemoveTargetAsync(Cp39);
        Assert.Equal([Cp311], (await _database.GetTargetsAsync()).Select(t => t.Target));
        Assert.Equal(["cp311"], await _database.GetBuildAbisAsync());
        Assert.Equal([Cp311], (await _database.GetBuildQueueAsync()).Keys);
        Assert.Equal([Cp311], (await _database.GetProjectDataAsync(PackageName.Parse("cat")))!.Versions[0].Targets.Select(t => t.Target));
        Assert.True(Assert.Single(await _database.GetSettlingTargetsAsync()).Removed);

        Assert.True(await _database.AddTargetAsync(Cp39));
        Assert.False(await _database.AddTargetAsync(Cp39));
        await SettleAsync();
        Assert.Equal("cp39: ant ant bee bee cat cat", await QueueAsync());

        await _database.RemoveTargetAsync(Cp39);
        await SettleAsync();
        Assert.Equal("cp311: ant ant bee bee cat cat", await QueueAsync());
        Assert.Equal(["1"], await _store.ColumnAsync("SELECT count(*) FROM targets"));
    }

    [Fact]
    public async Task A_skipped_target_goes_at_once()
    {
        await _database.AddTargetAsync(Cp39);
        await _database.SkipTargetAsync(Cp39, "old");
        await MakeStepsSmallAsync();
        await _database.RemoveTargetAsync(Cp39);
        Assert.Empty(await _database.GetSettlingTargetsAsync());
        Assert.Equal(["1"], await _store.ColumnAsync("SELECT count(*) FROM targets"));
    }

    [Fact]
    public async Task Several_targets_take_effect_one_after_the_other()
    {
        var x86 = new Target("cp311", "linux_x86_64");
        await MakeStepsSmallAsync();
        await _database.AddTargetAsync(Cp39);
        await _database.AddTargetAsync(x86);
        Assert.Equal([Cp39, x86], (await _database.GetSettlingTargetsAsync()).Select(t => t.Target));
        await SettleAsync();
        Assert.Equal("cp311: ant ant bee bee cat cat; cp39: ant ant bee bee cat cat", await QueueAsync());
    }

    [Fact]
    public async Task Between_two_steps_all_others_have_their_turn_whoever_asks()
    {
        await MakeStepsSmallAsync();
        await _database.AddTargetAsync(Cp39);
        await _store.RunAsync("UPDATE targets SET step_after = (now() AT TIME ZONE 'UTC') + interval '1 hour'");
        for (var asked = 0; asked < 3; asked++)
        {
            var change = Assert.Single(await _database.SettleTargetsAsync());
            Assert.Equal(2, change.VersionsDone);
            Assert.InRange(change.Pause, TimeSpan.FromMinutes(58), TimeSpan.FromMinutes(60));
        }

        await _store.RunAsync("UPDATE targets SET step_after = (now() AT TIME ZONE 'UTC') - interval '1 ms'");
        Assert.Equal(4, Assert.Single(await _database.SettleTargetsAsync()).VersionsDone);
    }

    [Fact]
    public async Task A_step_is_as_large_as_takes_50_ms()
    {
        Assert.Equal(
            ["500", "2000", "100", "20000"],
            await _store.ColumnAsync("""
                SELECT step_length(versions, took) FROM (VALUES
                    (1000, interval '100 ms'), (1000, interval '1 ms'), (1000, interval '1 min'), (15000, interval '1 ms'))
                    AS steps (versions, took)
                """));
    }

    [Fact]
    public async Task After_a_step_all_others_have_their_turn_for_half_as_long_as_it_took()
    {
        Assert.Equal(["00:00:00.025"], await _store.ColumnAsync("SELECT step_pause(interval '50 ms')"));

        await MakeStepsSmallAsync();
        await _store.RunAsync("""
            CREATE OR REPLACE FUNCTION step_pause(p_took interval) RETURNS interval
            LANGUAGE sql IMMUTABLE AS $$SELECT interval '1 hour'$$
            """);
        await _database.AddTargetAsync(Cp39);
        var change = Assert.Single(await _database.SettleTargetsAsync());
        Assert.Equal(2, change.VersionsDone);
        Assert.InRange(change.Pause, TimeSpan.FromMinutes(58), TimeSpan.FromMinutes(61));
    }

    [Fact]
    public async Task A_selection_is_not_settled_before_its_targets_are()
    {
        await MakeStepsSmallAsync();
        await _database.SkipTargetAsync(Cp311, "old");
        await SettleAsync();
        Assert.Equal("", await QueueAsync(kept: true));
        await _database.SkipPackageAsync(PackageName.Parse("ant"), "bad");
        await _database.SkipTargetAsync(Cp311, "");
        await _store.RunAsync("DELETE FROM rewrites_pending");
        Assert.Equal("", await QueueAsync(kept: true));
        Assert.False((await _database.GetSelectionStatusAsync()).Settled);
        await SettleAsync();
        Assert.Equal("cp311: bee bee cat cat", await QueueAsync());
    }

    private static Release Of(string package, string version) => new(PackageName.Parse(package), version);

    private static BuildState Built(Release release, Target target, string tags)
    {
        var parts = tags.Split('-');
        var file = new FileState(
            $"{release.Package}-{release.Version}-{tags}.whl", 1000, new string('a', 64), release.Package.Value,
            release.Version, parts[0], parts[1], parts[2], null, FileState.NoDependencies);
        return new BuildState(
            1, release.Package.Value, release.Version, target.Abi, true, TimeSpan.FromSeconds(1), "", [file],
            target.Platform);
    }

    /// <summary>From here on a step takes a package.</summary>
    private Task MakeStepsSmallAsync() => _store.RunAsync("""
        ALTER TABLE targets ALTER step_versions SET DEFAULT 1;
        UPDATE targets SET step_versions = 1;
        CREATE OR REPLACE FUNCTION step_length(p_versions integer, p_took interval) RETURNS integer
        LANGUAGE sql IMMUTABLE AS 'SELECT 1'
        """);

    private async Task SettleAsync()
    {
        var steps = 0;
        while (await _database.SettleTargetsAsync(1) is { Count: > 0 }) Assert.True(++steps < 20, "no end of steps");
    }

    /// <summary>
    /// What waits, by ABI; where it is, it also is as the plain query says. As kept: with targets that are not active.
    /// </summary>
    private async Task<string> QueueAsync(bool kept = false)
    {
        Assert.Empty(await _store.ColumnAsync(KeptFiguresTests.QueueDifferences));
        var rows = await _store.QueryAsync($"""
            SELECT t.abi_tag, string_agg(q.package, ' ' ORDER BY q.package) FROM build_queue q JOIN targets t USING (target_id)
            WHERE t.skip = '' OR {kept} GROUP BY t.target_id, t.abi_tag ORDER BY t.abi_tag, t.target_id
            """);
        return string.Join("; ", rows.Select(row => $"{row[0]}: {row[1]}"));
    }
}
