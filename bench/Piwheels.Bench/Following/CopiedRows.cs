using System.Diagnostics;
using Npgsql;
using Piwheels.Bench.Measuring;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Following;

/// <summary>
/// The limit of a first sync: the rows that it left, written by COPY in binary form into the same tables with the same
/// keys, in as many transactions; without triggers and without looking at foreign keys.
/// </summary>
internal static class CopiedRows
{
    private static readonly string[] Tables =
    [
        "packages", "package_names", "versions", "build_queue", "rewrites_pending", "descriptions_owed",
        "package_downloads", "search_changes",
    ];

    /// <summary>Answers how long the writing took, the reading left out, and how many rows it was.</summary>
    public static async Task<(TimeSpan Took, long Rows)> MeasureAsync(
        BenchDatabase from, BenchDatabase to, int transactions, CancellationToken cancel)
    {
        await to.RunAsync(
            "INSERT INTO targets (abi_tag, platform_tag) SELECT 'cp3' || n, 'linux_armv7l' FROM generate_series(1, 9) n",
            cancel);
        await using var source = to.ConnectBare("-c session_replication_role=replica");
        await using var writing = await source.OpenConnectionAsync(cancel);
        await using var reading = await from.OpenAsync(cancel);
        var pages = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in Tables)
        {
            pages[table] = await from.AskAsync<long>(
                $"SELECT pg_relation_size('{table}') / current_setting('block_size')::bigint", cancel);
        }

        var (took, rows) = (TimeSpan.Zero, 0L);
        for (var part = 0; part < transactions; part++)
        {
            var data = new List<(string Table, byte[] Rows)>();
            foreach (var table in Tables)
            {
                var (first, end) = (pages[table] * part / transactions, pages[table] * (part + 1) / transactions);
                data.Add((table, await ReadAsync(reading, table, first, end, cancel)));
            }

            var began = Stopwatch.GetTimestamp();
            await using var transaction = await writing.BeginTransactionAsync(cancel);
            foreach (var (table, bytes) in data)
            {
                await using var copy = await writing.BeginRawBinaryCopyAsync(
                    $"COPY {table} FROM STDIN (FORMAT binary)", cancel);
                await copy.WriteAsync(bytes, cancel);
            }

            await transaction.CommitAsync(cancel);
            took += Stopwatch.GetElapsedTime(began);
        }

        foreach (var table in Tables) rows += await to.AskAsync<long>($"SELECT count(*) FROM {table}", cancel);
        return (took, rows);
    }

    /// <summary>The rows of some of a table's pages, in their order.</summary>
    private static async Task<byte[]> ReadAsync(
        NpgsqlConnection connection, string table, long firstPage, long endPage, CancellationToken cancel)
    {
        await using var copy = await connection.BeginRawBinaryCopyAsync(
            $"COPY (SELECT * FROM {table} WHERE ctid >= '({firstPage},0)' AND ctid < '({endPage},0)') "
            + "TO STDOUT (FORMAT binary)",
            cancel);
        using var memory = new MemoryStream();
        await copy.CopyToAsync(memory, cancel);
        return memory.ToArray();
    }
}
