using Npgsql;
using NpgsqlTypes;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Storage;

/// <content>Functions of 42_retries.sql.</content>
public sealed partial class Database
{
    public Task<DateTimeOffset?> DeferBuildAsync(
        BuildState build, IReadOnlyList<TimeSpan> delays, Guid? request = null)
    {
        ArgumentNullException.ThrowIfNull(build);
        var failure = build.Failure ?? throw new ArgumentException("it has no class", nameof(build));
        return AskAsync(
            Call(
                "SELECT defer_build($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                Text(build.Package), Text(build.Version), Number(build.SlaveId), Text(build.AbiTag),
                Text(build.PlatformTag), Text(failure.Class.Word()), Text(failure.Evidence), Durations(delays),
                Uuid(request)),
            row => (DateTimeOffset?)row.GetFieldValue<DateTimeOffset>(0));
    }

    public Task<long> ResumeBuildsAsync(int limit = 1000) =>
        AskAsync(Call("SELECT resume_builds($1)", Number(limit)), row => row.GetInt64(0));

    /// <summary>Builds that are tried again: those that are in the queue again, then the others by their time.</summary>
    public async Task<IReadOnlyList<DeferredBuild>> GetDeferredBuildsAsync(int limit = 1000) =>
        await ListAsync(
            Call(
                "SELECT package, version, abi_tag, platform_tag, attempts, held, retry_at, failed_at, built_by, class, "
                + "evidence FROM get_deferred_builds($1)",
                Number(limit)),
            row => new DeferredBuild(
                new Release(Name(row, 0), row.GetString(1)), new Target(row.GetString(2), row.GetString(3)),
                row.GetInt32(4), row.GetBoolean(5), row.GetFieldValue<DateTimeOffset>(6),
                row.GetFieldValue<DateTimeOffset>(7), row.GetInt32(8), FailureOf(row.GetString(9), row.GetString(10), null)));

    private async Task<ProjectFailures> GetProjectFailuresAsync(PackageName package)
    {
        var failures = new ProjectFailures();
        await EachAsync(
            Call(
                "SELECT build_id, version, abi_tag, platform_tag, class, evidence, apt_package, retry_at "
                + "FROM get_project_failures($1)",
                Text(package)),
            row =>
            {
                var failure = FailureOf(row.GetString(4), row.GetString(5), row.IsDBNull(6) ? null : row.GetString(6));
                if (!row.IsDBNull(0))
                {
                    failures.Add(row.GetInt32(0), failure);
                    return;
                }

                var target = new Target(row.GetString(2), row.GetString(3));
                failures.Add(row.GetString(1), target, failure, row.GetFieldValue<DateTimeOffset>(7));
            },
            default);
        return failures;
    }

    /// <summary>As stored; a later master may have written a class that this one does not know.</summary>
    private static BuildFailure FailureOf(string word, string evidence, string? aptPackage) =>
        new(FailureClasses.TryParse(word, out var failure) ? failure : FailureClass.Unknown, evidence, aptPackage);

    private static NpgsqlParameter<TimeSpan[]> Durations(IEnumerable<TimeSpan> values) => new NpgsqlParameter<TimeSpan[]>
    {
        TypedValue = [.. values],
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Interval,
    };
}
