using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>The audit of the build queue finds what somebody has made wrong by hand, and nothing else; and mends it.</summary>
public sealed class QueueAuditTests(ClusterFixture fixture) : IAsyncLifetime
{
    private static readonly PackageName Ant = PackageName.Parse("ant");
    private static readonly Release Ant1 = new(Ant, "1.0");
    private static readonly Release Ant2 = new(Ant, "2.0");
    private static readonly Target Cp39 = new("cp39", "linux_armv7l");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly Target Cp311X86 = new("cp311", "linux_x86_64");
    private static readonly DateTimeOffset LongAgo = new(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private TestDatabase _store = null!;
    private Database _database = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.Cluster.CreateDatabaseAsync();
        _database = new Database(_store.UserDsn);
        await _database.AddNewPackageAsync(Ant);
        foreach (var release in new[] { Ant1, Ant2 }) await _database.AddNewPackageVersionAsync(release, LongAgo);
        foreach (var target in new[] { Cp39, Cp311, Cp311X86 }) await _database.AddTargetAsync(target);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task A_queue_that_is_right_is_found_so_with_its_lengths()
    {
        var audit = await _database.AuditQueueAsync();
        Assert.True(audit.IsClean);
        Assert.Equal(
            [(Cp311, 0L, 0L), (Cp39, 2L, 2L), (Cp311X86, 2L, 2L)],
            audit.Lengths.Select(l => (l.Target!.Value, l.Kept, l.Counted))
                .OrderBy(l => l.Item1.Platform, StringComparer.Ordinal)
                .ThenBy(l => l.Item1.Abi, StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_row_that_is_missing()
    {
        await _store.RunAsync($"DELETE FROM build_queue WHERE version = '1.0' AND target_id = {IdOf(Cp39)}");
        Assert.Equal("cp39 on linux_armv7l: ant 1.0: kept nowhere, due at 2 2020", await FindingsAsync());
        Assert.Equal(1, await _database.FixQueueAsync(Ant1));
        await IsRightAsync();
    }

    [Fact]
    public async Task A_row_too_many()
    {
        await _store.RunAsync($"INSERT INTO build_queue VALUES ('ant', '1.0', {IdOf(Cp311)}, 0, '2021-01-01')");
        Assert.Equal("cp311 on linux_armv7l: ant 1.0: kept at 0 2021, due nowhere", await FindingsAsync());
        Assert.Equal(1, await _database.FixQueueAsync(Ant1));
        await IsRightAsync();
    }

    [Fact]
    public async Task A_release_on_the_wrong_target()
    {
        await _store.RunAsync(
            $"UPDATE build_queue SET target_id = {IdOf(Cp311)} WHERE version = '2.0' AND target_id = {IdOf(Cp39)}");
        Assert.Equal(
            "cp311 on linux_armv7l: ant 2.0: kept at 2 2020, due nowhere; "
            + "cp39 on linux_armv7l: ant 2.0: kept nowhere, due at 2 2020; cp311 on linux_armv7l: 1 kept, 0 counted; "
            + "cp39 on linux_armv7l: 1 kept, 2 counted",
            await FindingsAsync());
        Assert.Equal(2, await _database.FixQueueAsync(Ant2));
        Assert.Equal(2, await _database.FixQueueLengthsAsync());
        await IsRightAsync();
    }

    [Theory]
    [InlineData("priority = 0", "0 2020")]
    [InlineData("released = '1999-01-01'", "2 1999")]
    public async Task A_place_that_is_not_the_releases_own(string change, string place)
    {
        await _store.RunAsync($"UPDATE build_queue SET {change} WHERE version = '2.0' AND target_id = {IdOf(Cp311X86)}");
        Assert.Equal($"cp311 on linux_x86_64: ant 2.0: kept at {place}, due at 2 2020", await FindingsAsync());
        Assert.Equal(1, await _database.FixQueueAsync(Ant2));
        await IsRightAsync();
    }

    [Fact]
    public async Task A_queue_that_was_emptied_behind_the_counters_back()
    {
        await _store.RunAsync("TRUNCATE build_queue");
        Assert.Equal(6, (await FindingsAsync()).Split("; ").Length);
        Assert.Equal(2, await _database.FixQueueAsync(Ant1));
        Assert.Equal(2, await _database.FixQueueAsync(Ant2));
        Assert.Equal(2, await _database.FixQueueLengthsAsync());
        await IsRightAsync();
        Assert.Equal(2, (await _database.GetBuildQueueLengthsAsync())[Cp39]);
    }

    [Fact]
    public async Task A_count_that_is_wrong_whether_added_up_or_not()
    {
        await _store.RunAsync($"SELECT count_change('waiting:' || {IdOf(Cp39)}, 5)");
        await _store.RunAsync("SELECT fold_figures()");
        await _store.RunAsync($"SELECT count_change('waiting:' || {IdOf(Cp311X86)}, -1)");
        Assert.Equal(
            "cp311 on linux_x86_64: 2 kept, 1 counted; cp39 on linux_armv7l: 2 kept, 7 counted", await FindingsAsync());
        Assert.Equal(2, await _database.FixQueueLengthsAsync());
        Assert.Equal(0, await _database.FixQueueLengthsAsync());
        await IsRightAsync();
        await _store.RunAsync("SELECT fold_figures()");
        await IsRightAsync();
        var lengths = await _database.GetBuildQueueLengthsAsync();
        Assert.Equal((2L, 2L), (lengths[Cp39], lengths[Cp311X86]));
    }

    [Fact]
    public async Task A_count_of_a_target_that_is_gone()
    {
        await _store.RunAsync("SELECT count_change('waiting:4711', 3)");
        Assert.Equal("no target: 0 kept, 3 counted", await FindingsAsync());
        Assert.Equal(1, await _database.FixQueueLengthsAsync());
        await IsRightAsync();
    }

    [Fact]
    public async Task A_queue_that_is_wrong_because_of_what_is_remembered_of_wheels()
    {
        var wheel = new Core.States.FileState(
            "ant-1.0-py3-none-any.whl", 1, new string('a', 64), "ant", "1.0", "py3", "none", "any", null,
            Core.States.FileState.NoDependencies);
        await _database.LogBuildAsync(new(
            1, "ant", "1.0", "cp39", true, TimeSpan.FromSeconds(1), "", [wheel], "linux_armv7l"));
        await IsRightAsync();
        await _store.RunAsync("UPDATE wheel_tags SET target_ids = '{}'; SELECT refresh_queue('ant', '1.0')");
        Assert.Equal(
            "cp311 on linux_armv7l: ant 1.0: kept at 2 2020, due nowhere; "
            + "cp311 on linux_x86_64: ant 1.0: kept at 2 2020, due nowhere", await FindingsAsync());
        Assert.Equal(2, await _database.FixQueueAsync(Ant1));
        await IsRightAsync();

        await _store.RunAsync("DELETE FROM wheel_tags; SELECT refresh_queue('ant', '1.0')");
        Assert.Equal(2, await _database.FixQueueAsync(Ant1));
        await IsRightAsync();
    }

    [Fact]
    public async Task What_is_right_or_has_gone_since_is_left_alone()
    {
        Assert.Equal(0, await _database.FixQueueAsync(Ant1));
        Assert.Equal(0, await _database.FixQueueAsync(new Release(Ant, "3.0")));
        Assert.Equal(0, await _database.FixQueueAsync(new Release(PackageName.Parse("bee"), "1.0")));
        Assert.Equal(0, await _database.FixQueueLengthsAsync());
    }

    [Fact]
    public async Task A_repair_waits_for_a_change_of_the_package_that_is_under_way()
    {
        await _store.RunAsync("DELETE FROM build_queue WHERE version = '1.0'");
        await using var other = await _store.OpenAsync();
        await using var change = await other.BeginTransactionAsync();
        await using var skip = new Npgsql.NpgsqlCommand("SELECT skip_package_version('ant', '1.0', 'bad')", other, change);
        await skip.ExecuteNonQueryAsync();
        var repair = _database.FixQueueAsync(Ant1);
        await WaitForLockAsync();
        Assert.False(repair.IsCompleted);
        await change.CommitAsync();
        Assert.Equal(0, await repair.Within());
        await IsRightAsync();
    }

    [Fact]
    public async Task Of_two_who_repair_a_count_at_once_the_second_finds_it_right()
    {
        await _store.RunAsync("SELECT count_change('waiting:1', 5)");
        await using var other = await _store.OpenAsync();
        await using var change = await other.BeginTransactionAsync();
        await using var fix = new Npgsql.NpgsqlCommand("SELECT fix_queue_lengths()", other, change);
        Assert.Equal(1L, await fix.ExecuteScalarAsync());
        var repair = _database.FixQueueLengthsAsync();
        await WaitForLockAsync();
        await change.CommitAsync();
        Assert.Equal(0, await repair.Within());
        await IsRightAsync();
    }

    [Fact]
    public async Task A_deferred_build_that_is_in_the_queue_and_one_that_should_be()
    {
        var away = new Core.States.BuildState(1, "ant", "1.0", "cp39", false, TimeSpan.Zero, "", [], "linux_armv7l")
        {
            Failure = new BuildFailure(FailureClass.Network, "no route"),
        };
        await _database.DeferBuildAsync(away, [TimeSpan.FromHours(1)]);
        await IsRightAsync();
        await _store.RunAsync($"INSERT INTO build_queue VALUES ('ant', '1.0', {IdOf(Cp39)}, 2, '2020-01-02 03:04:05')");
        Assert.Equal("cp39 on linux_armv7l: ant 1.0: kept at 2 2020, due nowhere", await FindingsAsync());
        Assert.Equal(1, await _database.FixQueueAsync(Ant1));
        await IsRightAsync();

        await _store.RunAsync("UPDATE deferred_builds SET held = false");
        Assert.Equal("cp39 on linux_armv7l: ant 1.0: kept nowhere, due at 2 2020", await FindingsAsync());
        Assert.Equal(1, await _database.FixQueueAsync(Ant1));
        await IsRightAsync();
    }

    [Fact]
    public async Task Deferred_builds_are_listed_in_the_order_in_which_they_are_tried_again()
    {
        foreach (var (release, hours) in new[] { (Ant1, 5), (Ant2, 1) })
        {
            var away = new Core.States.BuildState(7, "ant", release.Version, "cp39", false, TimeSpan.Zero, "", [], "linux_armv7l")
            {
                Failure = new BuildFailure(FailureClass.DiskFull, "no space"),
            };
            await _database.DeferBuildAsync(away, [TimeSpan.FromHours(hours)]);
        }

        var listed = await _database.GetDeferredBuildsAsync();
        Assert.Equal([Ant2, Ant1], listed.Select(build => build.Release));
        Assert.All(listed, build => Assert.Equal(
            (Cp39, 1, true, 7, new BuildFailure(FailureClass.DiskFull, "no space")),
            (build.Target, build.Attempts, build.Held, build.BuiltBy, build.Failure)));
        Assert.Single(await _database.GetDeferredBuildsAsync(1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_farm_at_work_raises_no_false_alarm(int seed)
    {
        await new RandomHistory(_database, 2, 2).BeginAsync();
        using var ended = new CancellationTokenSource();
        var histories = Task.WhenAll(Enumerable.Range(0, 4).Select(async session =>
        {
            var random = new Random(seed * 100 + session);
            var history = new RandomHistory(_database, 2, 2);
            var numbers = new byte[4];
            for (var i = 0; i < 150; i++)
            {
                random.NextBytes(numbers);
                await history.StepAsync(numbers[0], numbers[1], numbers[2], numbers[3]);
                if (i % 10 == 0) await _store.RunAsync("SELECT fold_figures()");
            }
        }));
        var audits = 0;
        while (!histories.IsCompleted)
        {
            Assert.Equal("", await FindingsAsync());
            audits++;
        }

        await histories;
        Assert.True(audits > 3, $"{audits} audits are too few to tell");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Repairs_of_a_farm_at_work_leave_it_right_and_nobody_is_in_a_deadlock(int seed)
    {
        await new RandomHistory(_database, 2, 2).BeginAsync();
        var histories = Task.WhenAll(Enumerable.Range(0, 4).Select(async session =>
        {
            var random = new Random(seed * 100 + session);
            var history = new RandomHistory(_database, 2, 2);
            var numbers = new byte[4];
            for (var i = 0; i < 100; i++)
            {
                random.NextBytes(numbers);
                await history.StepAsync(numbers[0], numbers[1], numbers[2], numbers[3]);
            }
        }));
        var repairs = Task.WhenAll(Enumerable.Range(0, 2).Select(async _ =>
        {
            while (!histories.IsCompleted)
            {
                // The damage is done alone: it keeps to no order of locks
                await _store.RunAsync("""
                    SELECT lock_targets(); DELETE FROM build_queue WHERE version = '1.0';
                    SELECT count_change('waiting:1', 1)
                    """);
                var audit = await _database.AuditQueueAsync();
                foreach (var release in audit.Differences.Select(d => d.Release).Distinct().ToList())
                    await _database.FixQueueAsync(release);
                await _database.FixQueueLengthsAsync();
            }
        }));
        await histories;
        await repairs;
        foreach (var release in (await _database.AuditQueueAsync()).Differences.Select(d => d.Release).Distinct().ToList())
            await _database.FixQueueAsync(release);
        await IsRightAsync();
    }

    private static string IdOf(Target target) =>
        $"(SELECT target_id FROM targets WHERE abi_tag = '{target.Abi}' AND platform_tag = '{target.Platform}')";

    private async Task IsRightAsync() => Assert.Equal("", await FindingsAsync());

    private async Task<string> FindingsAsync()
    {
        var audit = await _database.AuditQueueAsync();
        var differences = audit.Differences
            .Select(d => $"{d.Target}: {d.Release}: kept {PlaceText(d.Kept)}, due {PlaceText(d.Due)}")
            .Order(StringComparer.Ordinal);
        var lengths = audit.Lengths.Where(l => !l.IsRight)
            .Select(l => $"{l.Target?.ToString() ?? "no target"}: {l.Kept} kept, {l.Counted} counted")
            .Order(StringComparer.Ordinal);
        Assert.Equal(audit.IsClean, !differences.Concat(lengths).Any());
        return string.Join("; ", differences.Concat(lengths));
    }

    private static string PlaceText(QueuePlace? place) =>
        place is { } there ? $"at {there.Priority} {there.Released.Year}" : "nowhere";

    private async Task WaitForLockAsync()
    {
        using var limit = new CancellationTokenSource(Waiting.Limit);
        while ((await _store.ColumnAsync("SELECT count(*) FROM pg_locks WHERE NOT granted"))[0] == "0")
            limit.Token.ThrowIfCancellationRequested();
    }
}
