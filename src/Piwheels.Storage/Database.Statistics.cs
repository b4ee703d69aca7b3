using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 70_statistics.sql.</content>
public sealed partial class Database
{
    public async Task<FarmStatistics> GetStatisticsAsync()
    {
        var statistics = await AskAsync(
            Call(
                "SELECT packages_built, files_count, builds_time, builds_size, new_last_hour, downloads_last_hour, "
                + "downloads_last_month, downloads_all, abi_tags, builds_last_hour FROM get_statistics()"),
            r => new FarmStatistics(
                r.GetInt64(0), r.GetInt64(1), r.GetFieldValue<TimeSpan>(2), r.GetInt64(3), r.GetInt64(4),
                r.GetInt64(5), r.GetInt64(6), r.GetInt64(7),
                r.GetFieldValue<string[]>(8).Zip(r.GetFieldValue<long[]>(9)).ToDictionary(p => p.First, p => p.Second)));
        return statistics!;
    }

    public async Task<IReadOnlyList<HistoryFigure>> GetHistoryAsync() => await ListAsync(
        Call("SELECT series, label, day, amount FROM get_history()"),
        row => new HistoryFigure(
            Enum.Parse<HistorySeries>(row.GetString(0), ignoreCase: true), row.GetString(1),
            row.GetFieldValue<DateOnly>(2), row.GetInt64(3)));

    public async Task<IReadOnlyList<NewBuild>> GetNewBuildsAsync(int limit) => await ListAsync(
        Call(
            "SELECT build_id, package, version, abi_tag, platform_tag, built_at, duration FROM get_new_builds($1)",
            Number(limit)),
        row => new NewBuild(
            row.GetInt32(0), new Release(Name(row, 1), row.GetString(2)), new Target(row.GetString(3), row.GetString(4)),
            row.GetFieldValue<DateTimeOffset>(5), row.GetFieldValue<TimeSpan>(6)));
}
