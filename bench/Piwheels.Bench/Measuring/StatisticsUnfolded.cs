using System.Diagnostics;
using Piwheels.Storage;

namespace Piwheels.Bench.Measuring;

/// <summary>The farm's figures when much has happened since they were asked for last, and while much happens.</summary>
internal sealed class StatisticsUnfolded : IMeasurement
{
    private const int ChangesWaiting = 300_000;
    private const int ChangesATransaction = 100;
    private const int Sessions = 4;

    private static readonly Goal Goal = Goal.AtMost(10);
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(5);

    public string Name => "statistics-unfolded";

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        var asked = await AskAfterChangesAsync(farm);
        var meanwhile = await AskMeanwhileAsync(farm, cancel);
        return
        [
            Figure.Time($"The farm's figures after {Show.Number(ChangesWaiting)} changes", asked, goal: Goal),
            Figure.Time($"The farm's figures while {Sessions} sessions add versions", meanwhile, goal: Goal),
        ];
    }

    /// <summary>As many up as down, so that the figures are the same in the end.</summary>
    private static async Task<Spread> AskAfterChangesAsync(MeasuredFarm farm)
    {
        var took = new List<double>();
        for (var round = 0; round <= farm.Rounds; round++)
        {
            await farm.Place.RunAsync($"""
                DO $do$
                BEGIN
                    FOR i IN 1..{ChangesWaiting / ChangesATransaction} LOOP
                        INSERT INTO counter_changes (counter, period, at, amount)
                        SELECT (ARRAY['files', 'builds_time', 'builds_size', 'waiting:1', 'waiting:2'])[1 + n / 2 % 5],
                            'total', '1970-01-01', 1 - n % 2 * 2
                        FROM generate_series(1, {ChangesATransaction}) AS n;
                        COMMIT;
                    END LOOP;
                END
                $do$
                """);
            took.Add(await Rounds.TimeAsync(farm.Master.GetStatisticsAsync));
        }

        return Spread.Of(took[1..]);
    }

    private static async Task<Spread> AskMeanwhileAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        await using var others = farm.Place.ConnectMaster(MeasuredFarm.Unsynced);
        var packages = await farm.PackagesAsync(1000);
        var took = new List<double>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var work = Enumerable.Range(0, Sessions).Select(session => Task.Run(
            () => AddVersionsAsync(farm, others, [.. packages.Where((_, i) => i % Sessions == session)], end.Token),
            cancel)).ToList();
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < Watched)
            took.Add(await Rounds.TimeAsync(farm.Master.GetStatisticsAsync));
        await end.CancelAsync();
        await Task.WhenAll(work);
        return Spread.Of(took);
    }

    private static async Task AddVersionsAsync(
        MeasuredFarm farm, Database database, List<Core.Packaging.PackageName> packages, CancellationToken end)
    {
        for (var i = 0; !end.IsCancellationRequested; i++)
            await database.AddNewPackageVersionAsync(farm.NewVersion(packages[i % packages.Count]));
    }
}
