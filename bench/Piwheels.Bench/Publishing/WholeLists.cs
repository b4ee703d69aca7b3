using Piwheels.Bench.Measuring;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Publishing;

namespace Piwheels.Bench.Publishing;

/// <summary>
/// What the lists of all packages take when one package is new, which they are written for once in a buffer period: the
/// index in HTML and JSON, and the list for searching with the sitemaps. The limit is to write the very bytes.
/// </summary>
internal static class WholeLists
{
    public static async Task<IReadOnlyList<Figure>> MeasureAsync(string folder, int packages, int rounds)
    {
        var (site, files) = (new SiteFolder(Path.Combine(folder, "lists")), new WholeFile(flush: false));
        site.Ensure(site.Simple);
        var root = new RootIndex(site, files);
        var names = Enumerable.Range(0, packages).Select(NameOf).ToList();
        foreach (var name in names) root.Add(name);
        WriteRoot(root);
        var entries = SearchIndex.Of(names.Select((name, number) => new SearchEntry(name, number % 1_000, number)));
        var pages = new SitePages(site, files, SiteFacts.SiteOf(new MasterConfiguration { SiteUrl = "https://wheels.example" }));
        pages.WriteSearch(entries);
        return
        [
            await MeasureAsync(
                $"The index of {packages:#,0} packages when one is new", Path.Combine(folder, "raw"), rounds,
                round =>
                {
                    root.Add(NameOf(packages + round));
                    WriteRoot(root);
                },
                [Path.Combine(site.Simple, SiteFolder.PageFile), Path.Combine(site.Simple, SiteFolder.SimpleJsonFile)]),
            await MeasureAsync(
                $"The search list and sitemaps of {packages:#,0} packages when one is new", Path.Combine(folder, "raw"), rounds,
                round => pages.WriteSearch(entries.With(new SearchChanges(
                    "", Complete: false, SearchIndex.Of([new SearchEntry(NameOf(packages + round), round, round)]), []))),
                [site.Page("packages.json"), .. Directory.GetFiles(site.Root, "sitemap*.xml")]),
        ];
    }

    private static async Task<Figure> MeasureAsync(
        string name, string raw, int rounds, Action<int> write, string[] paths)
    {
        Directory.CreateDirectory(raw);
        var contents = paths.Select(File.ReadAllBytes).ToList();
        var (allocated, processor) = (0L, TimeSpan.Zero);
        var (subject, limit) = await Rounds.AlternateAsync(
            rounds,
            round =>
            {
                var (bytesBefore, timeBefore) = (GC.GetTotalAllocatedBytes(precise: true), Environment.CpuUsage.TotalTime);
                write(round);
                allocated = GC.GetTotalAllocatedBytes(precise: true) - bytesBefore;
                processor = Environment.CpuUsage.TotalTime - timeBefore;
                return Task.CompletedTask;
            },
            _ =>
            {
                for (var i = 0; i < contents.Count; i++) File.WriteAllBytes(Path.Combine(raw, $"list{i}"), contents[i]);
                return Task.CompletedTask;
            });
        return Figure.Time(
            name, Spread.Of(subject), Spread.Of(limit), "the same bytes raw", mayGrow: true,
            note: $"{Show.Number(contents.Sum(each => (double)each.Length) / (1 << 20))} MB; processor "
                + $"{Show.Number(processor.TotalMilliseconds)} ms, {Show.Number(allocated / (double)(1 << 20))} MB allocated");
    }

    private static void WriteRoot(RootIndex root)
    {
        var list = root.Settle();
        root.Write(list);
        root.Written(list);
    }

    private static PackageName NameOf(int number) => PackageName.Parse($"project-{number * 2_654_435_761L % 4_294_967_296:x}");
}
