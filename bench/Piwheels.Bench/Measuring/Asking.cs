using System.Data.Common;
using Npgsql;
using Piwheels.Core.Database;

namespace Piwheels.Bench.Measuring;

/// <summary>A question that the farm asks, against bare queries of the same rows, all in one round trip.</summary>
/// <param name="name">What --only calls it.</param>
/// <param name="title">What is asked, in words.</param>
/// <param name="callsARound">How often it is asked in a round.</param>
/// <param name="ask">Asks once.</param>
/// <param name="bare">The bare queries.</param>
/// <param name="goal">What one question may take.</param>
/// <param name="parts">How many things one question asks for; figures are for one of them.</param>
/// <param name="mayGrow">Whether the answer is larger in a larger database.</param>
internal sealed class Asking(
    string name, string title, int callsARound, Func<IDatabase, Task> ask, string[] bare, Goal goal, int parts = 1,
    bool mayGrow = false) : IMeasurement
{
    public string Name => name;

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        await using var connection = await farm.Place.OpenAsync(cancel);
        var (took, limit) = await Rounds.AlternateAsync(
            farm.Rounds,
            async _ =>
            {
                for (var i = 0; i < callsARound; i++) await ask(farm.Master);
            },
            async _ =>
            {
                for (var i = 0; i < callsARound; i++) await ReadAsync(connection, bare);
            });
        var share = callsARound * parts;
        return
        [
            Figure.Time(
                title, Spread.Of(took.Select(t => t / share)), Spread.Of(limit.Select(t => t / share)),
                "bare queries of the same rows", goal, mayGrow),
        ];
    }

    /// <summary>Reads all columns of all rows, and keeps none.</summary>
    public static async Task ReadAsync(NpgsqlConnection connection, IEnumerable<string> queries)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var query in queries) batch.BatchCommands.Add(new NpgsqlBatchCommand(query));
        await using var reader = await batch.ExecuteReaderAsync();
        do
        {
            while (await reader.ReadAsync()) ReadColumns(reader);
        }
        while (await reader.NextResultAsync());
    }

    private static void ReadColumns(DbDataReader reader)
    {
        for (var i = 0; i < reader.FieldCount; i++)
        {
            if (reader.IsDBNull(i)) continue;
            var type = reader.GetFieldType(i);
            if (type == typeof(string)) reader.GetString(i);
            else if (type == typeof(long)) reader.GetInt64(i);
            else if (type == typeof(int)) reader.GetInt32(i);
            else reader.GetValue(i);
        }
    }
}
