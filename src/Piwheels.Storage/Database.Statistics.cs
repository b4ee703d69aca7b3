using Piwheels.Core.Database;

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
}
