using System.Collections.Concurrent;
using System.Globalization;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Bench.Measuring;

/// <summary>
/// A target more, while the farm goes on recording: how long until it has taken effect for all versions, by steps as
/// the master takes them, and whom it keeps waiting.
/// </summary>
internal sealed class NewTarget(string name, Target target) : IMeasurement
{
    private const double MinutesMax = 10;
    private const double WaitMaxMilliseconds = 1000;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public string Name => name;

    public bool TakesLong => true;

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        var builds = await Changes.SuccessesAsync(farm, 20_000, "py3-none-any");
        var packages = await farm.PackagesAsync(10_000);
        var waits = new ConcurrentBag<double>();
        var failures = new ConcurrentBag<string>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var recording = Task.WhenAll(
            GoOnAsync(i => builds[i % builds.Count](farm.Master)),
            GoOnAsync(i => farm.Master.AddNewPackageVersionAsync(farm.NewVersion(packages[i % packages.Count]))));
        var took = await Rounds.TimeAsync(() => AddAsync(farm.Place.ConnectMaster()));
        await end.CancelAsync();
        await recording;

        var waiting = (await farm.Master.GetBuildQueueLengthsAsync())[target];
        var sorted = waits.Order().ToList();
        var note = $"{Show.Number(waiting)} releases wait for it; "
            + $"{sorted.Count} changes meanwhile, {failures.Count} refused";
        return
        [
            Figure.Time(
                $"A new target, {target}", Spread.Of([took]), goal: Goal.AtMost(MinutesMax * 60_000), mayGrow: true,
                note: note),
            .. new[] { (0.5, "half"), (0.99, "1 in 100"), (1.0, "the longest") }.Select(p => Figure.Time(
                $"What changes wait for meanwhile, {target}: {p.Item2}", Spread.Of([Spread.At(sorted, p.Item1)]),
                goal: Goal.AtMost(WaitMaxMilliseconds), note: failures.FirstOrDefault())),
        ];

        async Task GoOnAsync(Func<int, Task> change)
        {
            for (var i = 0; !end.IsCancellationRequested; i++)
            {
                var wait = Rounds.TimeAsync(() => change(i));
                try
                {
                    waits.Add(await wait);
                }
                catch (DatabaseException e)
                {
                    failures.Add(e.Message);
                }

                await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
            }
        }
    }

    private async Task AddAsync(Database master)
    {
        await using (master)
        {
            await master.AddTargetAsync(target);
            while (await master.SettleTargetsAsync() is [var first, ..])
                await Task.Delay(first.Pause, TimeProvider.System);
        }
    }
}
