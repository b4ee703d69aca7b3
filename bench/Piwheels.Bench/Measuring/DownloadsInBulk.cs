using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Bench.Measuring;

/// <summary>
/// Downloads recorded in batches, against copying the same rows into the same table in as many transactions. What they
/// add up to by project and day is left out of the limit.
/// </summary>
internal sealed class DownloadsInBulk : IMeasurement
{
    private const int DownloadsARound = 20_000;
    private const int RoundsMax = 10;

    private static readonly int[] BatchSizes = [1_000, 10_000];

    private static readonly InstallerState Installer = new(
        "armv7l", "Raspbian GNU/Linux", "12", "Linux", "6.12.47+rpt-rpi-v7", "CPython", "3.11.2", "pip", "23.0.1",
        "66.1.1");

    public string Name => "downloads-bulk";

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        // As they came: the last ones of a table that is in the order of time
        var filenames = await farm.Place.ListAsync(
            $"SELECT filename FROM downloads ORDER BY accessed_at DESC LIMIT {DownloadsARound}",
            r => r.GetString(0), cancel);
        var rounds = Math.Min(farm.Rounds, RoundsMax);
        var figures = new List<Figure>();
        foreach (var size in BatchSizes)
        {
            var batches = Downloads(filenames).Chunk(size).ToList();
            var bare = await BareCopy.WatchAsync(
                farm.Place, name => name.StartsWith("downloads_", StringComparison.Ordinal),
                async () =>
                {
                    foreach (var batch in batches) await farm.Master.LogAccessAsync(batch);
                });
            await farm.TakeBackAsync();
            await using var source = farm.Place.ConnectBare(MeasuredFarm.WithoutTriggers);
            await using var connection = await source.OpenConnectionAsync(cancel);
            var (took, limit) = await Rounds.AlternateAsync(
                rounds,
                async _ =>
                {
                    foreach (var batch in batches)
                        await farm.Master.LogAccessAsync(batch, RequestNumber.Next(TimeProvider.System));
                },
                async _ =>
                {
                    foreach (var rows in bare) await rows.WriteAsync(connection);
                });
            figures.Add(Figure.Rate(
                $"Downloads in batches of {Show.Number(size)}",
                Spread.Of(took.Select(t => filenames.Count * 1000 / t)),
                Spread.Of(limit.Select(t => filenames.Count * 1000 / t)),
                "copying the same rows", Goal.AtLeast(50_000)));
            await farm.TakeBackAsync();
        }

        return figures;
    }

    private static List<DownloadState> Downloads(List<string> filenames)
    {
        var now = TimeProvider.System.GetUtcNow();
        return [.. filenames.Select((f, i) => new DownloadState(f, $"10.0.{i / 250 % 250}.{i % 250}", now, Installer))];
    }
}
