using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Upstream;
using Piwheels.Testing;

namespace Piwheels.Tests.Upstream;

/// <summary>
/// A follower of the change log, between a stand-in index and a database in memory; one more of the same database is the
/// farm after a restart.
/// </summary>
internal sealed class Following(StandInBed bed, FakeDatabase? database = null, RecordedFarm? farm = null)
{
    private ChangelogFollower? _follower;

    internal FakeDatabase Database { get; } = database ?? new FakeDatabase(bed.Time);
    internal RecordedFarm Farm { get; } = farm ?? new RecordedFarm();
    internal RecordedLog Log { get; } = new();
    internal FollowedNames Names { get; set; } = FollowedNames.All;
    internal int BacklogFrom { get; init; } = ChangelogFollower.BacklogMin;
    internal int BacklogSlice { get; init; } = ChangelogFollower.BacklogSliceMax;

    /// <summary>
    /// An index with some two hundred events of all kinds, several for a package, that it gives out in parts.
    /// </summary>
    internal static async Task<StandInBed> StartEventfulAsync(int rowsMax)
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
        bed.Index.RowsMax = rowsMax;
        for (var i = 0; i < 25; i += 5)
        {
            bed.Index.Catalog.Enter($"pack-age{i}", "1.0", i % 2 == 0 ? "remove release" : "yank release");
            if (i % 10 == 0) bed.Index.Catalog.Enter($"pack-age{i + 1}", null, "remove project");
            if (i == 20) bed.Publish(bed.Folder.AddSdist("PACK_AGE1", "9.0"));
        }

        return bed;
    }

    /// <summary>Follows to the log's end, as often as needed for what its quiet tail holds back.</summary>
    internal async Task RunAsync()
    {
        for (var i = 0; i < 3; i++) await LaterAsync();
    }

    /// <summary>Follows once every wait of ours is over.</summary>
    internal Task LaterAsync()
    {
        bed.Time.Advance(RetryGate.DelayMax);
        return FollowAsync();
    }

    /// <summary>A moment at the log's end.</summary>
    internal Task IdleAsync()
    {
        bed.Time.Advance(TimeSpan.FromMilliseconds(1));
        return FollowAsync();
    }

    internal Task FollowAsync() => OneThread.RunAsync(() =>
    {
        _follower ??= new ChangelogFollower(
            Database,
            bed.Changelog,
            bed.Simple,
            bed.Projects,
            new Registry(Database, Farm),
            Names,
            bed.Time,
            Log.CreateLogger("test"))
        { BacklogFrom = BacklogFrom, BacklogSlice = BacklogSlice };
        return _follower.FollowAsync(() => true, default);
    });

    internal async Task<ProjectData> ProjectAsync(PackageName package) =>
        await Database.GetProjectDataAsync(package) ?? throw new InvalidOperationException($"no {package}");

    internal IEnumerable<(string Version, string Skip)> Versions(ProjectData project) =>
        project.Versions.OrderBy(v => v.Version, StringComparer.Ordinal).Select(v => (v.Version, v.Skip));

    /// <summary>Everything that following writes, in order.</summary>
    /// <param name="descriptions">Those of a backlog come later, one at a time.</param>
    internal static async Task<List<string>> RowsAsync(FakeDatabase database, bool descriptions = true)
    {
        var rows = new List<string> { $"serial {await database.GetPypiSerialAsync()}" };
        foreach (var package in (await database.GetAllPackagesAsync()).Order())
        {
            var data = (await database.GetProjectDataAsync(package))!;
            rows.Add($"{package} {data.DisplayName} '{(descriptions ? data.Description : "")}' '{data.Skip}'");
            rows.AddRange(data.Aliases.Order(StringComparer.Ordinal).Select(a => $"{package} alias {a}"));
            rows.AddRange(data.Versions.OrderBy(v => v.Version, StringComparer.Ordinal)
                .Select(v => $"{package} {v.Version} {v.Released:O} {v.Yanked} '{v.Skip}'"));
        }

        return rows;
    }

    /// <summary>The process is gone.</summary>
    internal sealed class KilledException : Exception;
}
