using Npgsql;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>The audit of 40_build_queue.sql, for people who run the farm; no task asks for it.</content>
public sealed partial class Database
{
    /// <summary>
    /// The longest time for an audit. With all of PyPI, whose 8 million versions it looks at, it takes a few minutes.
    /// </summary>
    public static readonly TimeSpan AuditTimeout = TimeSpan.FromHours(2);

    /// <summary>Compares the queue, and what is counted of it, with a plain query over everything. Locks nothing.</summary>
    public async Task<QueueAudit> AuditQueueAsync(CancellationToken cancel = default)
    {
        var differences = new List<QueueDifference>();
        var lengths = new List<QueueLength>();
        var command = Call("""
            SELECT abi_tag, platform_tag, package, version, kept_priority, kept_released, due_priority, due_released,
                kept_length, counted_length
            FROM audit_queue()
            """);
        command.CommandTimeout = (int)AuditTimeout.TotalSeconds;
        await EachAsync(
            command,
            row =>
            {
                Target? target = row.IsDBNull(0) ? null : new Target(row.GetString(0), row.GetString(1));
                if (row.IsDBNull(2)) lengths.Add(new QueueLength(target, row.GetInt64(8), row.GetInt64(9)));
                else
                    differences.Add(new QueueDifference(
                        target!.Value, new Release(Name(row, 2), row.GetString(3)), Place(row, 4), Place(row, 6)));
            },
            cancel);
        return new QueueAudit(differences, lengths);
    }

    /// <summary>
    /// Brings the queue up to date with one release, in a transaction of its own. Answers how many of its rows were
    /// wrong: none where an audit's finding has gone since.
    /// </summary>
    public Task<long> FixQueueAsync(Release release, CancellationToken cancel = default) =>
        AskAsync(
            Call("SELECT fix_queue($1, $2)", Text(release.Package), Text(release.Version)),
            r => r.GetInt64(0),
            cancel);

    /// <summary>Sets the counted lengths right, whatever is under way; answers how many were wrong.</summary>
    public Task<long> FixQueueLengthsAsync(CancellationToken cancel = default)
    {
        var command = Call("SELECT fix_queue_lengths()");
        command.CommandTimeout = (int)AuditTimeout.TotalSeconds;
        return AskAsync(command, r => r.GetInt64(0), cancel);
    }

    private static QueuePlace? Place(NpgsqlDataReader row, int column) => row.IsDBNull(column)
        ? null
        : new QueuePlace(row.GetInt16(column), row.GetFieldValue<DateTimeOffset>(column + 1));
}
