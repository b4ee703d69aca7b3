using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Messaging.Tasks;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>A farm that is far behind takes many events at once.</summary>
public sealed class ChangelogBacklogTests
{
    private static readonly PackageName First = PackageName.Parse("pack-age0");

    /// <summary>A log of some two hundred events, of all kinds, that the index gives out in seven parts.</summary>
    private static async Task<StandInBed> StartAsync()
    {
        var bed = await StandInBed.StartAsync(folder =>
        {
            for (var i = 0; i < 25; i++)
            {
                folder.AddSdist($"Pack.Age{i}", "1.0", null, $"Number {i}");
                if (i % 3 == 0) folder.AddWheel($"pack_age{i}", "2.0");
                if (i % 4 == 0) folder.AddSdist($"pack-age{i}", "2.0");
            }
        });
        bed.Index.RowsMax = 30;
        for (var i = 0; i < 25; i += 5)
        {
            bed.Index.Catalog.Enter($"pack-age{i}", "1.0", i % 2 == 0 ? "remove release" : "yank release");
            if (i % 10 == 0) bed.Index.Catalog.Enter($"pack-age{i + 1}", null, "remove project");
            if (i == 20) bed.Publish(bed.Folder.AddSdist("PACK_AGE1", "9.0"));
        }

        return bed;
    }

    [Fact]
    public async Task It_leaves_the_same_rows_as_one_by_one_and_asks_for_no_description_meanwhile()
    {
        await using var bed = await StartAsync();
        var behind = new Behind(bed);
        await behind.FollowAsync();
        Assert.DoesNotContain(bed.Faults.Requests, r => r.EndsWith("/json", StringComparison.Ordinal));
        await behind.CatchUpAsync();
        var oneByOne = new Behind(bed) { BacklogFrom = int.MaxValue };
        await oneByOne.CatchUpAsync();
        Assert.Equal(await oneByOne.RowsAsync(), await behind.RowsAsync());
    }

    [Fact]
    public async Task Descriptions_come_later_one_at_a_time()
    {
        await using var bed = await StartAsync();
        var behind = new Behind(bed);
        await behind.CatchUpAsync();
        var owed = (await behind.Database.GetDescriptionsOwedAsync(100)).Count;
        Assert.InRange(owed, 10, 25);
        for (var i = 0; i < owed; i++)
        {
            Assert.Equal(owed - i, (await behind.Database.GetDescriptionsOwedAsync(100)).Count);
            await behind.IdleAsync();
        }

        Assert.Empty(await behind.Database.GetDescriptionsOwedAsync(100));
        Assert.Equal(
            "Number 7", await behind.Database.GetPackageDescriptionAsync(PackageName.Parse("pack-age7")));
    }

    [Fact]
    public async Task What_it_removes_is_marked_then_forgotten_by_the_others_then_removed()
    {
        await using var bed = await StandInBed.StartAsync(folder => folder.AddSdist("pack-age0", "1.0"));
        var behind = new Behind(bed) { BacklogFrom = 2 };
        await behind.CatchUpAsync();
        bed.Index.Catalog.Enter("pack-age0", null, "remove project");
        bed.Publish(bed.Folder.AddSdist("pack-age0", "5.0"));
        behind.Farm.Before = what =>
        {
            Assert.Equal($"forget {First}", what);
            Assert.Equal(SkipReasons.Deleted, behind.Database.GetPackageSkipAsync(First).GetAwaiter().GetResult());
            throw new RpcException("nobody there", transient: true);
        };
        await behind.CatchUpAsync();
        Assert.True(await behind.Database.TestPackageVersionAsync(new Release(First, "1.0")));

        behind.Farm.Before = _ => { };
        await behind.CatchUpAsync();
        Assert.Equal([$"forget {First}"], behind.Farm.Asked);
        Assert.Equal([new Release(First, "5.0")], await behind.Database.GetAllPackageVersionsAsync());
    }

    [Fact]
    public async Task The_next_part_is_read_while_this_one_takes_effect()
    {
        await using var bed = await StartAsync();
        var behind = new Behind(bed);
        behind.Database.Before = async method =>
        {
            if (method != nameof(IDatabase.ApplyIndexChangesAsync)[..^"Async".Length]) return;
            behind.Database.Before = _ => Task.CompletedTask;
            while (bed.Asked("/pypi") < 2) await Task.Yield();
        };
        await behind.CatchUpAsync().Within();
        Assert.NotEmpty(await behind.Database.GetAllPackagesAsync());
    }

    [Fact]
    public async Task What_the_database_refuses_at_once_is_taken_one_by_one()
    {
        await using var bed = await StartAsync();
        var behind = new Behind(bed);
        behind.Database.Before = method => method == "ApplyIndexChanges"
            ? throw new DatabaseException("too odd", transient: false)
            : Task.CompletedTask;
        await behind.CatchUpAsync();
        var oneByOne = new Behind(bed) { BacklogFrom = int.MaxValue };
        await oneByOne.CatchUpAsync();
        Assert.Equal(await oneByOne.RowsAsync(), await behind.RowsAsync());
        Assert.Contains(behind.Log.Entries, l => l.Message.Contains("too odd", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_serial_that_somebody_has_moved_is_taken_up()
    {
        await using var bed = await StartAsync();
        var behind = new Behind(bed);
        behind.Database.Before = async method =>
        {
            if (method != "ApplyIndexChanges") return;
            behind.Database.Before = _ => Task.CompletedTask;
            await behind.Database.SetPypiSerialAsync(bed.Index.Catalog.LastSerial + 100);
        };
        await behind.CatchUpAsync();
        Assert.Contains(behind.Log.Entries, l => l.Level == LogLevel.Error);
        Assert.Empty(await behind.Database.GetAllPackagesAsync());
    }

    /// <summary>Before serial 628,000 times jump by days: what came first may have the highest serial.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Events_of_the_first_years_go_in_bulk_in_the_order_of_their_times(bool isKilled)
    {
        await using var bed = await StandInBed.StartAsync(_ => { });
        var rows = Enumerable.Range(1, 60).Select(serial => Row($"Name_{serial % 7}", 90_000 - (serial * 500), serial))
            .Append(Row("clock", 1_000_000, EventBuffer.SerialEpoch + 1));
        bed.Faults.Spoil("/pypi", IndexFaults.Body("text/xml", Answer(rows)));
        var behind = new Behind(bed);
        if (isKilled)
        {
            var calls = 3;
            behind.Database.After = method =>
                method == "ApplyIndexChanges" && --calls == 0 ? throw new KilledException() : Task.CompletedTask;
            await Assert.ThrowsAsync<KilledException>(behind.FollowAsync);
            behind.Database.After = Go;
            behind = new Behind(bed, behind.Database);
        }

        await behind.FollowAsync();
        Assert.Equal(60, await behind.Database.GetPypiSerialAsync());
        Assert.Equal(
            Enumerable.Range(1, 60), (await behind.Database.GetAllPackageVersionsAsync()).Select(r => int.Parse(r.Version)).Order());
        // The first of the log is the last to have happened
        Assert.Equal("Name_1", await behind.Database.GetProjectDisplayNameAsync(PackageName.Parse("name-1")));
    }

    private static string Row(string name, int seconds, long serial) =>
        $"<value><array><data><value>{name}</value><value>{serial}</value><value><int>{seconds}</int></value>"
        + $"<value>add source file x</value><value><int>{serial}</int></value></data></array></value>";

    private static string Answer(IEnumerable<string> rows) =>
        "<methodResponse><params><param><value><array><data>" + string.Concat(rows)
        + "</data></array></value></param></params></methodResponse>";

    /// <summary>
    /// Killed at any call of the database, before it or after, any number of times, far behind or not.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Killed_anywhere_it_ends_with_the_same_rows(int seed)
    {
        await using var bed = await StartAsync();
        var undisturbed = new Behind(bed) { BacklogFrom = int.MaxValue };
        await undisturbed.CatchUpAsync();

        var random = new Random(seed);
        var database = new FakeDatabase(bed.Time);
        for (var kills = 0; kills < 12; kills++)
        {
            var calls = random.Next(1, kills % 4 == 3 ? 60 : 8);
            Func<string, Task> count = _ => --calls < 0 ? throw new KilledException() : Task.CompletedTask;
            var answered = random.Next(2) == 0;
            (database.Before, database.After) = (answered ? Go : count, answered ? count : Go);
            try
            {
                await new Behind(bed, database) { BacklogFrom = random.Next(2, 40) }.CatchUpAsync();
            }
            catch (KilledException)
            {
            }
        }

        (database.Before, database.After) = (Go, Go);
        var last = new Behind(bed, database);
        await last.CatchUpAsync();
        Assert.Equal(await undisturbed.RowsAsync(), await last.RowsAsync());
    }

    private static Task Go(string method) => Task.CompletedTask;

    private sealed class KilledException : Exception;

    private sealed class Behind(StandInBed bed, FakeDatabase? database = null)
    {
        private ChangelogFollower? _follower;

        internal FakeDatabase Database { get; } = database ?? new FakeDatabase(bed.Time);
        internal RecordedFarm Farm { get; } = new();
        internal RecordedLog Log { get; } = new();
        internal int BacklogFrom { get; init; } = 2;

        /// <summary>Follows to the log's end, as often as needed for what its quiet tail holds back.</summary>
        internal async Task CatchUpAsync()
        {
            for (var i = 0; i < 3; i++)
            {
                bed.Time.Advance(RetryGate.DelayMax);
                await FollowAsync();
            }
        }

        /// <summary>A second at the log's end.</summary>
        internal Task IdleAsync()
        {
            bed.Time.Advance(TimeSpan.FromMilliseconds(1));
            return FollowAsync();
        }

        internal Task FollowAsync() => OneThread.RunAsync(() =>
        {
            _follower ??= new ChangelogFollower(
                Database, bed.Changelog, bed.Simple, bed.Projects, new Registry(Database, Farm), FollowedNames.All,
                bed.Time, Log.CreateLogger("test"))
            { BacklogFrom = BacklogFrom, BacklogSlice = 10 };
            return _follower.FollowAsync(() => true, default);
        });

        /// <summary>All rows but the descriptions.</summary>
        internal async Task<List<string>> RowsAsync()
        {
            var rows = new List<string> { $"serial {await Database.GetPypiSerialAsync()}" };
            foreach (var package in (await Database.GetAllPackagesAsync()).Order())
            {
                var data = (await Database.GetProjectDataAsync(package))!;
                rows.Add($"{package} {data.DisplayName} '{data.Skip}'");
                rows.AddRange(data.Aliases.Order(StringComparer.Ordinal).Select(a => $"{package} alias {a}"));
                rows.AddRange(data.Versions.OrderBy(v => v.Version, StringComparer.Ordinal)
                    .Select(v => $"{package} {v.Version} {v.Released:O} {v.Yanked} '{v.Skip}'"));
            }

            return rows;
        }
    }
}
