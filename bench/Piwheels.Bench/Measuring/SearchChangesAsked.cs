using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Bench.Measuring;

/// <summary>What keeps the search page's index up to date: what has changed in it since it was asked for.</summary>
internal sealed class SearchChangesAsked : IMeasurement
{
    private const int Downloads = 10_000;

    private static readonly Goal Goal = Goal.AtMost(50);

    public string Name => "search-changes";

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        var filenames = await farm.Place.ListAsync(
            $"SELECT filename FROM downloads ORDER BY accessed_at DESC LIMIT {Downloads}", r => r.GetString(0), cancel);
        var mark = (await farm.Master.GetSearchChangesAsync("")).Mark;
        var nothing = await Rounds.RepeatAsync(farm.Rounds, _ => farm.Master.GetSearchChangesAsync(mark));
        var now = TimeProvider.System.GetUtcNow();
        await farm.Master.LogAccessAsync(
            [.. filenames.Select(f => new DownloadState(f, "192.0.2.1", now, InstallerState.Unknown))]);
        SearchChanges found = null!;
        var much = await Rounds.RepeatAsync(
            farm.Rounds, async _ => found = await farm.Master.GetSearchChangesAsync(mark));
        if (found.Complete) throw new BenchFault("the changes of the search index were lost");
        return
        [
            Figure.Time("What changed in the search index: nothing", Spread.Of(nothing), goal: Goal),
            Figure.Time(
                $"What changed in the search index after {Show.Number(Downloads)} downloads", Spread.Of(much),
                goal: Goal, note: $"{found.Entries.Count} packages"),
        ];
    }
}
