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

    /// <summary>Follows to the log's end, as often as needed for what its quiet tail holds back.</summary>
    internal async Task RunAsync()
    {
        for (var i = 0; i < 3; i++)
        {
            bed.Time.Advance(RetryGate.DelayMax);
            await FollowAsync();
        }
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
            Log.CreateLogger("test"));
        return _follower.FollowAsync(() => true, default);
    });

    internal async Task<ProjectData> ProjectAsync(PackageName package) =>
        await Database.GetProjectDataAsync(package) ?? throw new InvalidOperationException($"no {package}");

    internal IEnumerable<(string Version, string Skip)> Versions(ProjectData project) =>
        project.Versions.OrderBy(v => v.Version, StringComparer.Ordinal).Select(v => (v.Version, v.Skip));

    /// <summary>Everything that following writes, in order.</summary>
    internal static async Task<List<string>> RowsAsync(FakeDatabase database)
    {
        var rows = new List<string> { $"serial {await database.GetPypiSerialAsync()}" };
        foreach (var package in (await database.GetAllPackagesAsync()).Order())
        {
            var data = (await database.GetProjectDataAsync(package))!;
            rows.Add($"{package} {data.DisplayName} '{data.Description}' '{data.Skip}'");
            rows.AddRange(data.Aliases.Order(StringComparer.Ordinal).Select(a => $"{package} alias {a}"));
            rows.AddRange(data.Versions.OrderBy(v => v.Version, StringComparer.Ordinal)
                .Select(v => $"{package} {v.Version} {v.Released:O} {v.Yanked} '{v.Skip}'"));
        }

        return rows;
    }

    /// <summary>The process is gone.</summary>
    internal sealed class KilledException : Exception;
}
