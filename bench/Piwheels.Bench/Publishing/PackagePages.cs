using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Bench.Measuring;
using Piwheels.Master;
using Piwheels.Master.Publishing;

namespace Piwheels.Bench.Publishing;

/// <summary>
/// What the pages of one package take: project page and index, each in HTML and JSON. The limit is to write the very bytes
/// under the same names, by <see cref="File.WriteAllBytes(string, byte[])"/>.
/// </summary>
internal static class PackagePages
{
    private static readonly int[] Versions = [10, 100, 1_000];

    public static async Task<IReadOnlyList<Figure>> MeasureAsync(string folder, int rounds)
    {
        var figures = new List<Figure>();
        foreach (var versions in Versions) figures.AddRange(await MeasureAsync(folder, versions, rounds));
        return figures;
    }

    private static async Task<IReadOnlyList<Figure>> MeasureAsync(string folder, int versions, int rounds)
    {
        var (site, package) = (new SiteFolder(Path.Combine(folder, "pages")), new MadeUpPackage(versions));
        var pages = new PagesOfPackage(
            site, new WholeFile(flush: false), SiteFacts.SiteOf(new MasterConfiguration()), NullLogger.Instance);
        package.WriteMetadata(site);
        await WriteAsync(pages, package, 0, 1);
        var raw = new RawPages(
            Path.Combine(folder, "raw"),
            [
                Path.Combine(site.SimpleOf(package.Name), SiteFolder.PageFile),
                Path.Combine(site.SimpleOf(package.Name), SiteFolder.SimpleJsonFile),
                Path.Combine(site.ProjectOf(package.Name), SiteFolder.PageFile),
                Path.Combine(site.ProjectJsonOf(package.Name), "index.json"),
            ]);
        var repeats = Math.Max(1, 100 / versions);
        var (changed, limit) = await Rounds.AlternateAsync(
            rounds,
            round => WriteAsync(pages, package, (repeats * round) + 1, repeats),
            round =>
            {
                for (var i = 0; i < repeats; i++) raw.Write();
                return Task.CompletedTask;
            });
        var unchanged = await Rounds.RepeatAsync(rounds, async _ =>
        {
            for (var i = 0; i < repeats; i++) await WriteAsync(pages, package, 0, 1);
        });
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        await WriteAsync(pages, package, 1, 1);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        return
        [
            Figure.Time(
                $"The pages of a package of {versions:#,0} versions", Each(changed, repeats), Each(limit, repeats),
                "the same bytes raw",
                note: $"{Show.Number(raw.Bytes / 1024.0)} KB in four files; {Show.Number(allocated / 1024.0)} KB allocated"),
            Figure.Time($"The same, nothing changed, {versions:#,0} versions", Each(unchanged, repeats)),
        ];
    }

    private static async Task WriteAsync(PagesOfPackage pages, MadeUpPackage package, int round, int repeats)
    {
        for (var i = 0; i < repeats; i++)
        {
            var view = package.AsOf(round + i);
            pages.WriteSimple(view);
            await pages.WriteProjectAsync(view);
        }
    }

    private static Spread Each(List<double> milliseconds, int repeats) => Spread.Of(milliseconds.Select(each => each / repeats));

    /// <summary>The bytes of some pages, written as plainly as can be.</summary>
    private sealed class RawPages
    {
        private readonly List<(string Path, byte[] Content)> _files;

        public RawPages(string folder, IEnumerable<string> pages)
        {
            Directory.CreateDirectory(folder);
            _files = [.. pages.Select((path, number) => (Path.Combine(folder, $"{number}"), File.ReadAllBytes(path)))];
        }

        public long Bytes => _files.Sum(file => (long)file.Content.Length);

        public void Write()
        {
            foreach (var (path, content) in _files) File.WriteAllBytes(path, content);
        }
    }
}
