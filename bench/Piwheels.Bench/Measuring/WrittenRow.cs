using System.Text.Json;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Measuring;

/// <summary>A row that a transaction wrote: its columns before and after, as texts that the server reads.</summary>
/// <param name="Operation">INSERT, UPDATE or DELETE.</param>
internal sealed record WrittenRow(
    string Table, string Operation, Dictionary<string, string?> Before, Dictionary<string, string?> After)
{
    /// <summary>Does some work, and has every row that it writes kept in bench.written.</summary>
    public static async Task WatchAsync(BenchDatabase database, Func<Task> work)
    {
        await database.RunAsync("SELECT bench.begin_writing_down()");
        try
        {
            await work();
        }
        finally
        {
            await database.RunAsync("SELECT bench.end_writing_down()");
        }
    }

    /// <summary>What has been kept, by transactions in their order.</summary>
    public static async Task<IEnumerable<IEnumerable<WrittenRow>>> ReadAsync(BenchDatabase database)
    {
        var rows = await database.ListAsync(
            "SELECT transaction, relation, operation, before::text, after::text FROM bench.written_by_changes",
            r => (Transaction: r.GetString(0), Row: new WrittenRow(
                r.GetString(1), r.GetString(2),
                r.IsDBNull(3) ? [] : ReadColumns(r.GetString(3)), r.IsDBNull(4) ? [] : ReadColumns(r.GetString(4)))));
        return rows.GroupBy(r => r.Transaction, r => r.Row);
    }

    private static Dictionary<string, string?> ReadColumns(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.EnumerateObject().ToDictionary(c => c.Name, c => c.Value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.String => c.Value.GetString(),
            JsonValueKind.Array => $"{{{string.Join(',', c.Value.EnumerateArray())}}}",
            _ => c.Value.GetRawText(),
        });
    }
}
