namespace Piwheels.Bench.Measuring;

/// <summary>What the queue would cost if it were one plain query over everything: why it is kept instead.</summary>
internal sealed class PlainQueue : IMeasurement
{
    public string Name => "plain-queue";

    public bool TakesLong => true;

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        var took = await Rounds.TimeAsync(async () =>
            await farm.Place.AskAsync<long>("SELECT count(*) FROM builds_pending", cancel));
        return [Figure.Time("The queue by one plain query", Spread.Of([took]), mayGrow: true)];
    }
}
