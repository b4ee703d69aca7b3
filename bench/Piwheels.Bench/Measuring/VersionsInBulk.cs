using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Bench.Measuring;

/// <summary>
/// New versions registered in batches, a few of each package, against copying the very rows that this writes (versions,
/// queue, pages owed, changes of figures) in as many transactions.
/// </summary>
internal sealed class VersionsInBulk : IMeasurement
{
    private const int VersionsARound = 10_000;
    private const int VersionsAPackage = 5;
    private const int RoundsMax = 8;

    private static readonly int[] BatchSizes = [1_000, 10_000];

    public string Name => "versions-bulk";

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        const int PackagesARound = VersionsARound / VersionsAPackage;
        var rounds = Math.Min(farm.Rounds, RoundsMax);
        var packages = await farm.PackagesAsync(2 * (rounds + 1) * PackagesARound);
        if (packages.Count < 2 * (rounds + 1) * PackagesARound) return [];

        // No package twice, so that each page is owed anew
        var parts = packages.Chunk(PackagesARound).ToList();
        var figures = new List<Figure>();
        foreach (var size in BatchSizes)
        {
            var bare = new List<List<BareCopy>>();
            foreach (var part in parts.Skip(rounds + 1))
            {
                var batches = Batches(farm, part, size);
                bare.Add(await BareCopy.WatchAsync(farm.Place, static _ => true, () => AddAsync(farm, batches)));
            }

            await farm.TakeBackAsync();
            await using var source = farm.Place.ConnectBare(MeasuredFarm.WithoutTriggers);
            await using var connection = await source.OpenConnectionAsync(cancel);
            var (took, limit) = await Rounds.AlternateAsync(
                rounds,
                round => AddAsync(farm, Batches(farm, parts[round], size)),
                async round =>
                {
                    foreach (var rows in bare[round]) await rows.WriteAsync(connection);
                });
            figures.Add(Figure.Rate(
                $"New versions in batches of {Show.Number(size)}",
                Spread.Of(took.Select(t => VersionsARound * 1000 / t)),
                Spread.Of(limit.Select(t => VersionsARound * 1000 / t)),
                "copying the same rows", Goal.AtLeast(20_000)));
            await farm.TakeBackAsync();
        }

        return figures;
    }

    private static async Task AddAsync(MeasuredFarm farm, IEnumerable<NewVersion[]> batches)
    {
        foreach (var batch in batches) await farm.Master.AddNewPackageVersionsAsync(batch);
    }

    private static List<NewVersion[]> Batches(MeasuredFarm farm, PackageName[] packages, int size) =>
    [
        .. packages.SelectMany(p => Enumerable.Range(0, VersionsAPackage).Select(_ => new NewVersion(farm.NewVersion(p))))
            .Chunk(size),
    ];
}
