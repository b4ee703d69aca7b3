using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Measuring;

/// <summary>
/// The rows that a transaction wrote, and the barest way to write them again: one prepared statement a table, all in
/// one round trip. It is what the farm's own recording is held against.
/// </summary>
internal sealed class BareTransaction
{
    private readonly List<(string Sql, List<string?> Values)> _statements = [];

    private BareTransaction(string summary) => Summary = summary;

    /// <summary>Like "builds +1, build_queue -1".</summary>
    public string Summary { get; }

    /// <summary>
    /// Has the rows of some transactions written down while they are done, one after the other; answers them in order.
    /// </summary>
    public static async Task<List<BareTransaction>> WatchAsync(BenchDatabase database, Func<Task> work)
    {
        await WrittenRow.WatchAsync(database, work);
        var keys = await database.ListAsync(
            """
            SELECT c.relname::text, array(
                SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey))
            FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
            WHERE c.relnamespace = 'public'::regnamespace
            """,
            r => (Table: r.GetString(0), Columns: r.GetFieldValue<string[]>(1)));
        var keyOf = keys.ToDictionary(k => k.Table, k => k.Columns);
        return [.. (await WrittenRow.ReadAsync(database)).Select(rows => Build([.. rows], keyOf))];
    }

    /// <summary>Writes the rows, in a transaction of its own.</summary>
    public async Task WriteAsync(NpgsqlConnection connection)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var (sql, values) in _statements)
        {
            var command = new NpgsqlBatchCommand(sql);
            foreach (var value in values)
            {
                command.Parameters.Add(new NpgsqlParameter
                {
                    Value = (object?)value ?? DBNull.Value,
                    NpgsqlDbType = NpgsqlDbType.Unknown, // the column says what it is
                });
            }

            batch.BatchCommands.Add(command);
        }

        await batch.ExecuteNonQueryAsync();
    }

    private static BareTransaction Build(List<WrittenRow> rows, Dictionary<string, string[]> keyOf)
    {
        var transaction = new BareTransaction(Summarize(rows));
        List<WrittenRow> inserts = [];
        foreach (var row in rows)
        {
            if (inserts.Count > 0 && (row.Operation != "INSERT" || row.Table != inserts[0].Table))
            {
                transaction.AddInsert(inserts);
                inserts = [];
            }

            if (row.Operation == "INSERT") inserts.Add(row);
            else transaction.AddChange(row, keyOf[row.Table]);
        }

        if (inserts.Count > 0) transaction.AddInsert(inserts);
        return transaction;
    }

    private static string Summarize(List<WrittenRow> rows) => string.Join(", ", rows
        .GroupBy(r => (r.Table, Sign: r.Operation switch { "INSERT" => "+", "DELETE" => "-", _ => "~" }))
        .OrderBy(g => g.Key.Table, StringComparer.Ordinal)
        .Select(g => $"{g.Key.Table} {g.Key.Sign}{g.Count()}"));

    /// <summary>Rows that follow each other into one table are one statement.</summary>
    private void AddInsert(List<WrittenRow> rows)
    {
        var columns = rows[0].After.Keys.ToList();
        var values = new List<string?>();
        var tuples = string.Join(
            ", ", rows.Select(row => $"({string.Join(", ", columns.Select(c => Place(values, row.After[c])))})"));
        _statements.Add(($"INSERT INTO {rows[0].Table} ({string.Join(", ", columns)}) VALUES {tuples}", values));
    }

    private void AddChange(WrittenRow row, string[] key)
    {
        var values = new List<string?>();
        var isUpdate = row.Operation == "UPDATE";
        var changed = isUpdate ? row.After.Where(c => c.Value != row.Before[c.Key]).ToList() : [];
        if (isUpdate && changed.Count == 0) return;
        var changes = string.Join(", ", changed.Select(c => $"{c.Key} = {Place(values, c.Value)}"));
        var which = string.Join(" AND ", key.Select(c => $"{c} = {Place(values, row.Before[c])}"));
        _statements.Add((
            isUpdate ? $"UPDATE {row.Table} SET {changes} WHERE {which}" : $"DELETE FROM {row.Table} WHERE {which}",
            values));
    }

    private static string Place(List<string?> values, string? value)
    {
        values.Add(value);
        return "$" + values.Count.ToString(CultureInfo.InvariantCulture);
    }
}
