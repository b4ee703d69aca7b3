using System.Diagnostics;

namespace Piwheels.Bench.Measuring;

/// <summary>The first adding-up of a new day, when the downloads of a day leave the thirty; rolled back.</summary>
internal sealed class TurnOfTheDay : IMeasurement
{
    private const int RoundsMax = 5;

    public string Name => "turn-of-the-day";

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        await using var connection = await farm.Place.OpenAsync(cancel);
        var took = new List<double>();
        for (var round = 0; round < Math.Min(farm.Rounds, RoundsMax); round++)
        {
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await RunAsync("UPDATE download_window SET last_day = (now() AT TIME ZONE 'UTC')::date - 1");
            var began = Stopwatch.GetTimestamp();
            await RunAsync("SELECT fold_figures()");
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await transaction.RollbackAsync(cancel);
        }

        return
        [
            Figure.Time(
                "The first adding-up of a new day", Spread.Of(took), goal: Goal.AtMost(10_000), mayGrow: true),
        ];

        async Task RunAsync(string sql)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            await command.ExecuteNonQueryAsync(cancel);
        }
    }
}
