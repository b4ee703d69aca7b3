using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Master.Publishing;
using Piwheels.Pages;

namespace Piwheels.Browser.Tests;

/// <summary>What the pages under test tell of: a package of every state, a huge one, and one that means harm.</summary>
internal static class SampleFarm
{
    internal const int ManyReleases = 1000;

    internal static readonly DateTimeOffset Day = new(2026, 1, 31, 12, 34, 0, TimeSpan.Zero);

    private static readonly Target[] Targets =
    [
        new("cp39", "linux_armv7l"), new("cp311", "linux_armv7l"), new("cp311", "linux_aarch64"),
        new("cp313", "linux_aarch64"),
    ];

    internal static readonly SearchEntry[] Names =
    [
        Entry("numpy", 40_000, 900_000), Entry("numpy-stl", 200, 3_000), Entry("my-numpy", 900, 1_000),
        Entry("xnumpyx", 90_000, 90_000), Entry("scipy", 20_000, 400_000), Entry("many-releases", 0, 1),
        Entry("evil", 0, 0),
    ];

    internal static Site Site(string url) => new(
        "Wheels & more",
        url,
        [new SiteLink("Contact", "mailto:farm@wheels.example")],
        "Run by <nobody> in particular.",
        "https://pypi.org",
        new Dictionary<string, string> { ["cp39"] = "Bullseye, Python 3.9", ["cp311"] = "Bookworm, Python 3.11" });

    internal static StatisticsPage Statistics(Site site) => new(
        site,
        new FarmStatistics(
            1_234_567, 7_654_321, TimeSpan.FromDays(4000), 12_345_678_901_234, 321, 45_678, 32_100_000, 1_234_567_890,
            new Dictionary<string, long> { ["cp39"] = 12, ["cp311"] = 345, ["cp313"] = 0 }),
        Day)
    {
        History =
        [
            .. Enumerable.Range(0, 60).Select(ago => Figure(HistorySeries.Builds, "good", Today.AddDays(-ago), 4000 + (ago * 7919 % 3001))),
            .. Enumerable.Range(0, 40).Select(ago => Figure(HistorySeries.Builds, "failed", Today.AddDays(-ago), 100 + (ago * 7919 % 997))),
            .. Enumerable.Range(0, 14).Select(
                ago => Figure(HistorySeries.Downloads, "", new DateOnly(2026, 1, 1).AddMonths(-ago), 30_000_000 - (ago * 1_500_000))),
            Figure(HistorySeries.Pythons, "3.9", Today, 5_000_000), Figure(HistorySeries.Pythons, "3.11", Today, 20_000_000),
            Figure(HistorySeries.Pythons, "3.13", Today, 7_000_000), Figure(HistorySeries.Pythons, "other", Today, 100_000),
            Figure(HistorySeries.Machines, "armv7l", Today, 18_000_000), Figure(HistorySeries.Machines, "aarch64", Today, 14_000_000),
            Figure(HistorySeries.Machines, "other", Today, 100_000),
        ],
        Queue = Targets.Select((target, index) => (target, index)).ToDictionary(each => each.target, each => 1000L * each.index),
    };

    internal static IReadOnlyList<NewBuild> NewBuilds() =>
        [new NewBuild(1_000, new Release(PackageName.Parse("numpy"), "2.3.0"), Targets[1], Day, TimeSpan.FromMinutes(12))];

    internal static IEnumerable<PackageView> Packages() =>
    [
        PackageView.Of(Numpy(), armv6Alias: false) with { Recipes = Recipes() },
        PackageView.Of(Many(), armv6Alias: false),
        PackageView.Of(Evil(), armv6Alias: false),
    ];

    private static ProjectData Numpy() => new(
        PackageName.Parse("numpy"), "NumPy", "Fundamental package for array computing in Python", "", [],
        [
            Version("2.3.0", TargetState.Success, TargetState.Success, TargetState.Success, TargetState.Success),
            Version("2.2.1", TargetState.Fail, TargetState.Pending, TargetState.Upstream, TargetState.Linked),
            Version("2.2.0rc1", TargetState.Error, TargetState.Skip, TargetState.Pending, TargetState.Fail),
            Version("2.1.0", TargetState.Fail, TargetState.Success, TargetState.Success, TargetState.Success) with { Yanked = true },
            .. Enumerable.Range(0, 40).Select(
                minor => Version(
                    $"1.{minor}.0", TargetState.Success, TargetState.Success, minor % 4 > 0 ? TargetState.Success : TargetState.Fail,
                    TargetState.Success)),
        ]);

    private static ProjectData Many() => new(
        PackageName.Parse("many-releases"), "many-releases", "Released every day", "", [],
        [
            .. Enumerable.Range(1, ManyReleases).Select(
                number => Version($"0.{number}", TargetState.Success, TargetState.Success, TargetState.Fail, TargetState.Pending)),
        ]);

    // Nothing of it may act, or break out of its place
    private static ProjectData Evil() => new(
        PackageName.Parse("evil"), "Evil\u202e<script>document.title='broken'</script>",
        "</p><img src=x onerror=\"document.title='broken'\"> " + new string('x', 200), "\"><script>document.title='broken'</script>",
        [], [Version("1.0+<b>", TargetState.Success, TargetState.Fail, TargetState.Skip, TargetState.Error)]);

    private static ProjectVersion Version(string version, params TargetState[] states) => new(
        version, Day, Yanked: false, Skip: states.Contains(TargetState.Skip) ? "binary only" : "",
        [.. Targets.Zip(states).Where(pair => pair.Second == TargetState.Success).Select(pair => File(version, pair.First))],
        [.. Targets.Zip(states).Select((pair, index) => StateOf(pair.First, pair.Second, index))]);

    private static ProjectTarget StateOf(Target target, TargetState state, int index) => new(
        target, state, state is TargetState.Success or TargetState.Fail ? 1_000 + index : null)
    {
        Failure = state == TargetState.Fail
            ? new BuildFailure(FailureClass.MissingHeader, "x.c:2: fatal error: <cblas.h>: No such file", "libatlas-base-dev")
            : null,
    };

    private static ProjectFile File(string version, Target target)
    {
        var name = $"numpy-{version}-{target.Abi}-{target.Abi}-{target.Platform}.whl";
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        return new ProjectFile(
            name, 5_678_901, hash, target.Abi, target.Abi, target.Platform, ">=3.9", "/simple", Day,
            ["libopenblas0", "libgfortran5"], ["scipy", "typing-extensions"]);
    }

    private static DateOnly Today => DateOnly.FromDateTime(Day.UtcDateTime);

    private static HistoryFigure Figure(HistorySeries series, string label, DateOnly day, long amount) =>
        new(series, label, day, amount);

    private static SearchEntry Entry(string name, long recent, long all) => new(PackageName.Parse(name), recent, all);

    private static IReadOnlyList<RecipeSection> Recipes()
    {
        const string Text = "[numpy]\napt = libopenblas-dev\nenvironment.NPY_BLAS = openblas\n";
        var book = new RecipeBook(RecipeFile.Read("numpy.conf", Text, static _ => throw new InvalidOperationException()));
        return [.. book.SectionsOf(PackageName.Parse("numpy"))];
    }
}
