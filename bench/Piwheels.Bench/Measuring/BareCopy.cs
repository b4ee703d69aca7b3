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
            SELECT w.transaction, w.relation, (
                SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys((array_agg(w.after))[1]) AS k)
            FROM bench.written_by_changes w WHERE w.operation = 'INSERT'
            GROUP BY w.transaction, w.relation ORDER BY min(w.serial)
            """,
            r => (Transaction: r.GetString(0), Table: r.GetString(1), Columns: r.GetString(2)));
        var copies = new List<BareCopy>();
        await using var connection = await database.OpenAsync();
        foreach (var transaction in parts.GroupBy(p => p.Transaction))
        {
            var copy = new BareCopy();
            foreach (var part in transaction.Where(p => isWanted(p.Table)))
                copy._tables.Add(await ReadAsync(connection, part.Transaction, part.Table, part.Columns));
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

    /// <summary>The rows as the server sends them; columns that it fills itself are left to it.</summary>
    private static async Task<(string Table, byte[] Rows)> ReadAsync(
        NpgsqlConnection connection, string transaction, string table, string columns)
    {
        await using var copy = await connection.BeginRawBinaryCopyAsync($"""
            COPY (
                SELECT {columns} FROM bench.written_by_changes w
                    CROSS JOIN jsonb_populate_record(NULL::{table}, w.after) r
                WHERE w.transaction = '{transaction}' AND w.relation = '{table}' AND w.operation = 'INSERT'
                ORDER BY w.serial)
            TO STDOUT (FORMAT binary)
            """);
        using var memory = new MemoryStream();
        await copy.CopyToAsync(memory);
        return ($"{table} ({columns})", memory.ToArray());
    }
}
