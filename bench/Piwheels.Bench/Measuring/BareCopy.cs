using Npgsql;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Measuring;

/// <summary>The rows that a transaction inserted, to be written again by COPY in binary form.</summary>
internal sealed class BareCopy
{
    private readonly List<(string Table, byte[] Rows)> _tables = [];

    private BareCopy()
    {
    }

    /// <summary>As <see cref="BareTransaction.WatchAsync"/>, of the tables that are wanted.</summary>
    public static async Task<List<BareCopy>> WatchAsync(
        BenchDatabase database, Func<string, bool> isWanted, Func<Task> work)
    {
        await WrittenRow.WatchAsync(database, work);
        var parts = await database.ListAsync(
            """
            SELECT transaction, relation FROM bench.written WHERE operation = 'INSERT'
            GROUP BY transaction, relation ORDER BY min(serial)
            """,
            r => (Transaction: r.GetString(0), Table: r.GetString(1)));
        var copies = new List<BareCopy>();
        await using var connection = await database.OpenAsync();
        foreach (var transaction in parts.GroupBy(p => p.Transaction))
        {
            var copy = new BareCopy();
            foreach (var (_, table) in transaction.Where(p => isWanted(p.Table)))
                copy._tables.Add((table, await ReadAsync(connection, transaction.Key, table)));
            if (copy._tables.Count > 0) copies.Add(copy);
        }

        return copies;
    }

    /// <summary>Writes the rows, in a transaction of its own.</summary>
    public async Task WriteAsync(NpgsqlConnection connection)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        foreach (var (table, rows) in _tables)
        {
            await using var copy = await connection.BeginRawBinaryCopyAsync($"COPY {table} FROM STDIN (FORMAT binary)");
            await copy.WriteAsync(rows);
        }

        await transaction.CommitAsync();
    }

    private static async Task<byte[]> ReadAsync(NpgsqlConnection connection, string transaction, string table)
    {
        await using var copy = await connection.BeginRawBinaryCopyAsync($"""
            COPY (
                SELECT r.* FROM bench.written w CROSS JOIN jsonb_populate_record(NULL::{table}, w.after) r
                WHERE w.transaction = '{transaction}' AND w.relation = '{table}' AND w.operation = 'INSERT'
                ORDER BY w.serial)
            TO STDOUT (FORMAT binary)
            """);
        using var memory = new MemoryStream();
        await copy.CopyToAsync(memory);
        return memory.ToArray();
    }
}
