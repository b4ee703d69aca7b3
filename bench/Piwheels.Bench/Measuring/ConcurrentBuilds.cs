using Npgsql;

namespace Piwheels.Bench.Measuring;

/// <summary>
/// Builds recorded a second by several sessions at once, the disk waited for, against bare inserts of the same rows by
/// as many sessions.
/// </summary>
internal sealed class ConcurrentBuilds : IMeasurement
{
    private const int BuildsARound = 160;
    private const int RoundsMax = 7;

    private static readonly int[] Sessions = [1, 4, 16];

    public string Name => "concurrent-builds";

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        var rounds = Math.Min(farm.Rounds, RoundsMax);
        var all = await Changes.SuccessesAsync(farm, BuildsARound * 2 * (rounds + 1), "py3-none-any");
        var each = all.Count / (2 * (rounds + 1));
        var half = each * (rounds + 1);
        List<BareTransaction> bare;
        await using (var master = farm.Place.ConnectMaster(MeasuredFarm.Unsynced))
        {
            bare = await BareTransaction.WatchAsync(farm.Place, async () =>
            {
                foreach (var change in all[half..(2 * half)]) await change(master);
            });
        }

        var figures = new List<Figure>();
        foreach (var sessions in Sessions)
        {
            await farm.TakeBackAsync();
            await using var source = farm.Place.ConnectBare(MeasuredFarm.WithoutTriggers);
            var connections = new List<NpgsqlConnection>();
            for (var i = 0; i < sessions; i++) connections.Add(await source.OpenConnectionAsync(cancel));
            var (took, limit) = await Rounds.AlternateAsync(
                rounds,
                round => SharedAsync(sessions, all[(round * each)..((round + 1) * each)], (_, c) => c(farm.Master)),
                round => SharedAsync(
                    sessions, bare[(round * each)..((round + 1) * each)],
                    (n, rows) => rows.WriteAsync(connections[n])));
            foreach (var connection in connections) await connection.DisposeAsync();
            figures.Add(Figure.Rate(
                $"Builds recorded by {sessions} session{(sessions > 1 ? "s" : "")}",
                Spread.Of(took.Select(t => each * 1000 / t)), Spread.Of(limit.Select(t => each * 1000 / t)),
                "bare inserts of the same rows", Goal.TimesLimit(3)));
        }

        return figures;
    }

    /// <summary>Several sessions take work from one heap until it is done.</summary>
    private static Task SharedAsync<T>(int sessions, List<T> work, Func<int, T, Task> doAsync)
    {
        var next = -1;
        return Task.WhenAll(Enumerable.Range(0, sessions).Select(session => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < work.Count; i = Interlocked.Increment(ref next))
                await doAsync(session, work[i]);
        })));
    }
}
