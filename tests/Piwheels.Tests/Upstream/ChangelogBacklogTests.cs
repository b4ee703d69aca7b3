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

    private static Task<StandInBed> StartAsync() => Following.StartEventfulAsync(rowsMax: 30);

    /// <summary>A follower to which some events are a backlog already.</summary>
    private static Following Behind(StandInBed bed, FakeDatabase? database = null, int from = 2) =>
        new(bed, database) { BacklogFrom = from, BacklogSlice = 10 };

    private static Following OneByOne(StandInBed bed) => Behind(bed, from: int.MaxValue);

    /// <summary>All rows but the descriptions.</summary>
    private static Task<List<string>> RowsAsync(Following following) =>
        Following.RowsAsync(following.Database, descriptions: false);

    [Fact]
    public async Task It_leaves_the_same_rows_as_one_by_one_and_asks_for_no_description_meanwhile()
    {
        await using var bed = await StartAsync();
        var behind = Behind(bed);
        await behind.FollowAsync();
        Assert.DoesNotContain(bed.Faults.Requests, r => r.EndsWith("/json", StringComparison.Ordinal));
        await behind.RunAsync();
        var oneByOne = OneByOne(bed);
        await oneByOne.RunAsync();
        Assert.Equal(await RowsAsync(oneByOne), await RowsAsync(behind));
    }

    [Fact]
    public async Task Descriptions_come_later_one_at_a_time()
    {
        await using var bed = await StartAsync();
        var behind = Behind(bed);
        await behind.RunAsync();
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
        var behind = Behind(bed);
        await behind.RunAsync();
        bed.Index.Catalog.Enter("pack-age0", null, "remove project");
        bed.Publish(bed.Folder.AddSdist("pack-age0", "5.0"));
        behind.Farm.Before = what =>
        {
            Assert.Equal($"forget {First}", what);
            Assert.Equal(SkipReasons.Deleted, behind.Database.GetPackageSkipAsync(First).GetAwaiter().GetResult());
            throw new RpcException("nobody there", transient: true);
        };
        await behind.RunAsync();
        Assert.True(await behind.Database.TestPackageVersionAsync(new Release(First, "1.0")));

        behind.Farm.Before = _ => { };
        await behind.RunAsync();
        Assert.Equal([$"forget {First}"], behind.Farm.Asked);
        Assert.Equal([new Release(First, "5.0")], await behind.Database.GetAllPackageVersionsAsync());
    }

    [Fact]
    public async Task The_next_part_is_read_while_this_one_takes_effect()
    {
        await using var bed = await StartAsync();
        var behind = Behind(bed);
        behind.Database.Before = async method =>
        {
            if (method != nameof(IDatabase.ApplyIndexChangesAsync)[..^"Async".Length]) return;
            behind.Database.Before = _ => Task.CompletedTask;
            while (bed.Asked("/pypi") < 2) await Task.Yield();
        };
        await behind.RunAsync().Within();
        Assert.NotEmpty(await behind.Database.GetAllPackagesAsync());
    }

    [Theory]
    [InlineData(ChangelogFollower.BacklogRestMin, 2)]
    [InlineData(ChangelogFollower.BacklogRestMin / 2, 1)]
    public async Task The_rest_of_a_backlog_goes_in_bulk_down_to_a_few(int rest, int runs)
    {
        await using var bed = await StandInBed.StartAsync(_ => { });
        // Each with one that moves the clock; the last two or so are held back
        bed.Index.RowsMax = ChangelogFollower.BacklogMin + 2;
        for (var i = 0; i < (ChangelogFollower.BacklogMin + rest) / 2; i++)
            bed.Index.Catalog.Enter($"pack-age{i}", "1.0", $"add source file pack-age{i}-1.0.tar.gz");
        bed.Index.Catalog.Enter("other", null, "add Owner somebody");
        var behind = new Following(bed);
        var (bulk, single) = (0, 0);
        behind.Database.Before = method =>
        {
            if (method == "ApplyIndexChanges") bulk++;
            if (method == "AddNewPackageVersion") single++;
            return Task.CompletedTask;
        };
        await behind.RunAsync();
        Assert.Equal((runs, runs == 1), (bulk, single > 0));
        Assert.Equal(
            (ChangelogFollower.BacklogMin + rest) / 2, (await behind.Database.GetAllPackageVersionsAsync()).Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_run_that_fails_for_now_is_the_next_again_whatever_was_prepared_meanwhile(bool isAnswerLost)
    {
        await using var bed = await StartAsync();
        var behind = Behind(bed);
        var calls = 0;
        Func<string, Task> fail = method => method == "ApplyIndexChanges" && ++calls % 3 == 2
            ? throw new DatabaseException("away", transient: true)
            : Task.CompletedTask;
        if (isAnswerLost) behind.Database.After = fail;
        else behind.Database.Before = fail;
        for (var i = 0; i < 20; i++) await behind.RunAsync();
        Assert.InRange(calls, 20, 60);
        var oneByOne = OneByOne(bed);
        await oneByOne.RunAsync();
        Assert.Equal(await RowsAsync(oneByOne), await RowsAsync(behind));
    }

    [Fact]
    public async Task What_the_database_refuses_at_once_is_taken_one_by_one()
    {
        await using var bed = await StartAsync();
        var behind = Behind(bed);
        behind.Database.Before = method => method == "ApplyIndexChanges"
            ? throw new DatabaseException("too odd", transient: false)
            : Task.CompletedTask;
        await behind.RunAsync();
        var oneByOne = OneByOne(bed);
        await oneByOne.RunAsync();
        Assert.Equal(await RowsAsync(oneByOne), await RowsAsync(behind));
        Assert.Contains(behind.Log.Entries, l => l.Message.Contains("too odd", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_serial_that_somebody_has_moved_is_taken_up()
    {
        await using var bed = await StartAsync();
        var behind = Behind(bed);
        behind.Database.Before = async method =>
        {
            if (method != "ApplyIndexChanges") return;
            behind.Database.Before = _ => Task.CompletedTask;
            await behind.Database.SetPypiSerialAsync(bed.Index.Catalog.LastSerial + 100);
        };
        await behind.RunAsync();
        Assert.Contains(behind.Log.Entries, l => l.Level == LogLevel.Error);
        Assert.Empty(await behind.Database.GetAllPackagesAsync());
    }

    /// <summary>Before serial 628,000 times jump by days: what came first may have the highest serial.</summary>
    [Theory]
    [InlineData("undisturbed")]
    [InlineData("killed")]
    [InlineData("away")]
    public async Task Events_of_the_first_years_go_in_bulk_in_the_order_of_their_times(string what)
    {
        await using var bed = await StandInBed.StartAsync(_ => { });
        var rows = Enumerable.Range(1, 60).Select(serial => Row($"Name_{serial % 7}", 90_000 - (serial * 500), serial))
            .Append(Row("clock", 1_000_000, EventBuffer.SerialEpoch + 1));
        bed.Faults.Spoil("/pypi", IndexFaults.Body("text/xml", Answer(rows)));
        var behind = Behind(bed);
        var calls = what == "undisturbed" ? 0 : 3;
        behind.Database.After = method => method == "ApplyIndexChanges" && --calls == 0
            ? throw (what == "killed" ? new Following.KilledException() : new DatabaseException("away", transient: true))
            : Task.CompletedTask;
        if (what == "killed")
        {
            await Assert.ThrowsAsync<Following.KilledException>(behind.FollowAsync);
            behind = Behind(bed, behind.Database);
        }
        else if (what == "away")
        {
            await behind.FollowAsync();
            Assert.Equal(0, calls);
            bed.Time.Advance(RetryGate.DelayMax);
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
        var undisturbed = OneByOne(bed);
        await undisturbed.RunAsync();

        var random = new Random(seed);
        var database = new FakeDatabase(bed.Time);
        for (var kills = 0; kills < 12; kills++)
        {
            var calls = random.Next(1, kills % 4 == 3 ? 60 : 8);
            Func<string, Task> count = _ => --calls < 0 ? throw new Following.KilledException() : Task.CompletedTask;
            var answered = random.Next(2) == 0;
            (database.Before, database.After) = (answered ? Go : count, answered ? count : Go);
            try
            {
                await Behind(bed, database, from: random.Next(2, 40)).RunAsync();
            }
            catch (Following.KilledException)
            {
            }
        }

        (database.Before, database.After) = (Go, Go);
        var last = Behind(bed, database);
        await last.RunAsync();
        Assert.Equal(await RowsAsync(undisturbed), await RowsAsync(last));
    }

    private static Task Go(string method) => Task.CompletedTask;
}
