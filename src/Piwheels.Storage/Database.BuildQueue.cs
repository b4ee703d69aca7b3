using Npgsql;
using NpgsqlTypes;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 40_build_queue.sql.</content>
public sealed partial class Database
{
    public async Task<IReadOnlySet<string>> GetBuildAbisAsync(bool excludeSkipped = false) =>
        await SetAsync(Call("SELECT abi_tag FROM get_build_abis($1)", Flag(excludeSkipped)), r => r.GetString(0));

    public async Task<IReadOnlyList<TargetRow>> GetTargetsAsync() =>
        await ListAsync(
            Call("SELECT abi_tag, platform_tag, skip, glibc FROM get_targets()"),
            r => new TargetRow(
                new Target(r.GetString(0), r.GetString(1)),
                r.GetString(2),
                r.IsDBNull(3) ? null : Glibc.OfNumber(r.GetInt32(3))));

    public async Task<bool> AddTargetAsync(Target target, Glibc? glibc = null)
    {
        var number = new NpgsqlParameter
        {
            Value = glibc is { } known ? known.Number : DBNull.Value,
            NpgsqlDbType = NpgsqlDbType.Integer,
        };
        return await AskAsync(
            Call("SELECT add_target($1, $2, $3)", Text(target.Abi), Text(target.Platform), number), r => r.GetBoolean(0));
    }

    public Task SkipTargetAsync(Target target, string reason) =>
        DoAsync(Call("SELECT skip_target($1, $2, $3)", Text(target.Abi), Text(target.Platform), Text(reason)));

    public Task RemoveTargetAsync(Target target) =>
        DoAsync(Call("SELECT remove_target($1, $2)", Text(target.Abi), Text(target.Platform)));

    /// <summary>
    /// Has changes of targets take effect for some more packages, unless it is too early for another step, and
    /// answers which are left: none, and all is done. Without anybody who calls this a large farm's change stays half
    /// way; any number of callers do no harm.
    /// </summary>
    /// <param name="versions">How many versions this step takes, at once; null for as many as take 50 ms.</param>
    public async Task<IReadOnlyList<SettlingTarget>> SettleTargetsAsync(
        int? versions = null, CancellationToken cancel = default)
    {
        var step = new NpgsqlParameter
        {
            Value = versions is { } count ? count : DBNull.Value,
            NpgsqlDbType = NpgsqlDbType.Integer,
        };
        return await ListAsync(
            Call("SELECT abi_tag, platform_tag, removed, versions_done, versions, pause FROM settle_targets($1)", step),
            Settling, cancel);
    }

    /// <summary>Targets whose change has not taken effect everywhere.</summary>
    public async Task<IReadOnlyList<SettlingTarget>> GetSettlingTargetsAsync() =>
        await ListAsync(
            Call("SELECT abi_tag, platform_tag, removed, versions_done, versions, pause FROM get_settling_targets()"),
            Settling);

    /// <summary>
    /// Sets whether a wheel for linux_armv7l counts as one for linux_armv6l too. The master says so at its start, as it
    /// was configured.
    /// </summary>
    public Task SetArmv6AliasAsync(bool on, CancellationToken cancel = default) =>
        DoAsync(Call("SELECT set_armv6_alias($1)", Flag(on)), cancel);

    public Task<IReadOnlyDictionary<Target, IReadOnlyList<Release>>> GetBuildQueueAsync(int limit = 1000) =>
        GetBuildQueueAsync(limit, CancellationToken.None);

    /// <summary>As <see cref="GetBuildQueueAsync(int)"/>; cancelling ends the query in the server too.</summary>
    public async Task<IReadOnlyDictionary<Target, IReadOnlyList<Release>>> GetBuildQueueAsync(
        int limit, CancellationToken cancel)
    {
        var queues = new Dictionary<Target, List<Release>>();
        await EachAsync(
            Call("SELECT abi_tag, platform_tag, package, version FROM get_build_queue($1)", Number(limit)),
            row =>
            {
                var target = new Target(row.GetString(0), row.GetString(1));
                if (!queues.TryGetValue(target, out var queue)) queues.Add(target, queue = []);
                if (!row.IsDBNull(2)) queue.Add(new Release(Name(row, 2), row.GetString(3)));
            },
            cancel);
        return queues.ToDictionary(q => q.Key, q => (IReadOnlyList<Release>)q.Value);
    }

    public async Task<IReadOnlyDictionary<Target, long>> GetBuildQueueLengthsAsync()
    {
        var lengths = new Dictionary<Target, long>();
        await EachAsync(
            Call("SELECT abi_tag, platform_tag, waiting FROM get_build_queue_lengths()"),
            r => lengths.Add(new Target(r.GetString(0), r.GetString(1)), r.GetInt64(2)),
            default);
        return lengths;
    }

    public Task HoldBuildsAsync(IReadOnlyList<HeldBuild> changes) => DoAsync(Call(
        "SELECT hold_builds($1, $2, $3, $4, $5, $6)",
        Texts(changes.Select(static change => change.Release.Package.Value)),
        Texts(changes.Select(static change => change.Release.Version)),
        Texts(changes.Select(static change => change.Target.Abi)),
        Texts(changes.Select(static change => change.Target.Platform)),
        Flags(changes.Select(static change => change.Skipped)),
        Texts(changes.Select(static change => change.Reason))));

    public async Task<IReadOnlyList<HeldBuild>> GetHeldBuildsAsync(PackageName? package = null) => await ListAsync(
        Call(
            "SELECT package, version, abi_tag, platform_tag, skipped, reason FROM get_held_builds($1)",
            Text(package?.Value)),
        row => new HeldBuild(
            new Release(Name(row, 0), row.GetString(1)), new Target(row.GetString(2), row.GetString(3)), row.GetBoolean(4),
            row.GetString(5)));

    private static SettlingTarget Settling(NpgsqlDataReader row) => new(
        new Target(row.GetString(0), row.GetString(1)), row.GetBoolean(2), row.GetInt64(3), row.GetInt64(4),
        row.GetTimeSpan(5));
}
