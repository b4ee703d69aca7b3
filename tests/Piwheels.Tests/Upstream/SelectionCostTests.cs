using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>What a selection costs the index: it is in proportion to the selection, not to the index.</summary>
public sealed class SelectionCostTests
{
    private const int Wanted = 20;

    /// <summary>
    /// Twenty packages on an index of 300 with 5,000 events: every second one asked for names its requirements, and they
    /// share five dependencies.
    /// </summary>
    private static async Task<SelectionBed> StartAsync()
    {
        var bed = await SelectionBed.StartAsync(folder =>
        {
            for (var i = 0; i < Wanted; i++)
            {
                for (var version = 1; version <= 5; version++) folder.AddSdist($"wanted{i}", $"{version}.0");
                if (i % 2 == 0) folder.AddWheel($"wanted{i}", "5.0", null, "", $"needed{i % 5}>=1", "wanted1");
            }

            for (var i = 0; i < 5; i++) folder.AddSdist($"needed{i}", "1.0");
            for (var i = 0; i < 275; i++) folder.AddSdist($"noise{i}", "1.0");
        });
        for (var i = 0; i < 1_000; i++) bed.Index.Index.Catalog.Enter($"noise{i % 275}", null, "add Owner somebody");
        return bed;
    }

    private static string[] Names => [.. Enumerable.Range(0, Wanted).Select(i => $"wanted{i}")];

    [Fact]
    public async Task Twenty_packages_and_what_they_need_cost_two_requests_each_and_then_one_in_ten_minutes()
    {
        await using var bed = await StartAsync();
        await bed.SelectAsync(Names);
        await bed.FollowAsync();
        var entries = await bed.EntriesAsync();
        Assert.Equal(Wanted + 5, entries.Count);
        Assert.All(entries, entry => Assert.Contains(" resolved ", entry, StringComparison.Ordinal));

        var requests = bed.Index.Faults.Requests;
        // A page each; and metadata, which has the description too, or else the project's facts
        Assert.Equal(2 * entries.Count, requests.Count);
        Assert.Equal(Wanted / 2, requests.Count(r => r.EndsWith(".metadata", StringComparison.Ordinal)));
        Assert.DoesNotContain(requests, r => r.StartsWith("POST", StringComparison.Ordinal)
            || r.Contains("noise", StringComparison.Ordinal) || r == "GET /simple/");

        bed.Index.Time.Advance(SelectionFollower.RecheckInterval);
        await bed.FollowAsync();
        Assert.Equal(requests.Count + entries.Count, bed.Index.Faults.Requests.Count);
    }

    [Fact]
    public async Task A_restart_asks_for_the_pages_again_and_for_what_they_do_not_say()
    {
        await using var bed = await StartAsync();
        await bed.SelectAsync(Names);
        await bed.FollowAsync();
        var first = bed.Index.Faults.Requests.Count;
        bed.Restart();
        await bed.FollowAsync();
        Assert.InRange(bed.Index.Faults.Requests.Count - first, Wanted + 5, first);
    }

    [Fact]
    public async Task A_farm_that_begins_with_twenty_names_looks_them_up_and_reads_the_log_from_its_end_on()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed.Index) { Names = new FollowedNames(Names, []) };
        await follower.FollowAsync();
        Assert.Equal(Names.Select(PackageName.Parse).Order(), (await follower.Database.GetAllPackagesAsync()).Order());
        Assert.All(
            (await follower.ProjectAsync(PackageName.Parse("wanted7"))).Versions, v => Assert.Equal("", v.Skip));
        // A page and a description each; the log's last serial, now and when the log is read for the first time; and the
        // log twice: from a little before, and its end
        Assert.Equal((2 * Wanted) + 4, bed.Index.Faults.Requests.Count);
        Assert.Equal(bed.Index.Index.Catalog.LastSerial, await follower.Database.GetPypiSerialAsync());

        // New versions come with the log, and a restart looks up nothing again
        bed.Index.Publish(bed.Index.Folder.AddSdist("wanted3", "6.0"));
        bed.Index.Publish(bed.Index.Folder.AddSdist("noise3", "6.0"));
        var again = new Following(bed.Index, follower.Database) { Names = new FollowedNames(Names, []) };
        await again.RunAsync();
        Assert.Contains(("6.0", ""), again.Versions(await again.ProjectAsync(PackageName.Parse("wanted3"))));
        Assert.Equal(Wanted, (await again.Database.GetAllPackagesAsync()).Count);
        Assert.Equal(1, bed.Index.Asked("/simple/wanted3/"));
    }

    [Fact]
    public async Task Names_with_wildcards_cost_the_list_of_names_besides()
    {
        await using var bed = await StartAsync();
        var follower = new Following(bed.Index) { Names = new FollowedNames(["wanted1?", "need*"], ["*d3"]) };
        await follower.FollowAsync();
        Assert.Equal(10 + 4, (await follower.Database.GetAllPackagesAsync()).Count);
        Assert.Equal(1, bed.Index.Asked("/simple/"));
        Assert.Equal((2 * 14) + 5, bed.Index.Faults.Requests.Count);
    }
}
