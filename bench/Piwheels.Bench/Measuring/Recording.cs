using Npgsql;
using Piwheels.Bench.Places;
using Piwheels.Core.Database;
using Piwheels.Storage;

namespace Piwheels.Bench.Measuring;

/// <summary>
/// One change at a time as the master records it, against bare inserts of the very rows that such a change writes: with
/// the same number of transactions and round trips, prepared, and with the disk waited for at each commit or not.
/// </summary>
/// <param name="changes">That many changes; none may depend on another.</param>
/// <param name="before">What is to be done before any of them; nothing unless said otherwise.</param>
internal sealed class Recording(
    string name, string title, Func<MeasuredFarm, int, Task<List<Change>>> changes, Change? before = null)
    : IMeasurement
{
    private const int ChangesARound = 50;

    private static readonly Goal Goal = Goal.TimesLimit(3);

    public string Name => name;

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        var all = await changes(farm, ChangesARound * 2 * (farm.Rounds + 1));
        var each = all.Count / (2 * (farm.Rounds + 1));
        if (each == 0) throw new BenchFault($"{name}: the database is too small for {farm.Rounds} rounds; try fewer");
        var half = each * (farm.Rounds + 1);
        var recorded = all[..half];
        if (before is not null) await before(farm.Master);
        List<BareTransaction> bare;
        await using (var master = farm.Place.ConnectMaster(MeasuredFarm.Unsynced))
        {
            bare = await BareTransaction.WatchAsync(farm.Place, async () =>
            {
                foreach (var change in all[half..(2 * half)]) await change(master);
            });
        }

        if (bare.Count != half) throw new BenchFault($"{name}: {half} changes made {bare.Count} transactions");
        var rows = bare.GroupBy(b => b.Summary).MaxBy(g => g.Count())!.Key;
        var figures = new List<Figure>();
        foreach (var (label, settings) in new[]
        {
            ("", ""), (", the disk not waited for", MeasuredFarm.Unsynced),
        })
        {
            await farm.TakeBackAsync();
            if (before is not null) await before(farm.Master);
            await using var master = farm.Place.ConnectMaster(settings);
            await using var source = farm.Place.ConnectBare($"{MeasuredFarm.WithoutTriggers} {settings}");
            await using var connection = await source.OpenConnectionAsync(cancel);
            var (took, limit) = await Rounds.AlternateAsync(
                farm.Rounds,
                async round =>
                {
                    foreach (var change in recorded[(round * each)..((round + 1) * each)]) await change(master);
                },
                async round =>
                {
                    foreach (var rows in bare[(round * each)..((round + 1) * each)]) await rows.WriteAsync(connection);
                });
            figures.Add(Figure.Time(
                title + label, Spread.Of(took.Select(t => t / each)), Spread.Of(limit.Select(t => t / each)),
                "bare inserts of the same rows", Goal, note: $"writes {rows}"));
        }

        return figures;
    }
}

/// <summary>One thing that the master records.</summary>
internal delegate Task Change(IDatabase master);
