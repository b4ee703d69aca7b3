using System.Globalization;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>The search among very many packages. What it takes is told in the test's output.</summary>
public sealed class LargeSearchTests(PublishedSite site)
{
    // PyPI has 740,000: somebody who wants to know what they take says so
    private static readonly int Packages =
        int.TryParse(Environment.GetEnvironmentVariable("PIW_PACKAGES"), CultureInfo.InvariantCulture, out var asked) ? asked : 200_000;
    private const string Needle = "needle-in-the-hay";

    // From a key to its result, as somebody at the keyboard meets it, in milliseconds
    private const string TimeKeys = """
        async (text) => {
            const input = document.getElementById("q"), status = document.getElementById("search-status");
            const times = [];
            for (let length = 1; length <= text.length; length++) {
                const start = performance.now();
                const answered = new Promise(done => new MutationObserver(done).observe(status, { childList: true }));
                input.value = text.slice(0, length);
                input.dispatchEvent(new Event("input", { bubbles: true }));
                await answered;
                times.push(performance.now() - start);
            }
            return times;
        }
        """;

    private static readonly string[] Words = ["data", "django", "numpy", "tools", "client", "aws", "test", "api", "sensor", "hay"];

    [Fact]
    public async Task One_name_of_very_many_is_found()
    {
        using var folder = new TemporaryFolder();
        var pages = new SitePages(new SiteFolder(folder.Path), new WholeFile(flush: false), SampleFarm.Site(""));
        await pages.WriteFixedAsync();
        pages.WriteSearch([.. Names()]);
        await using var server = await WebServer.StartAsync(
            new WebConfiguration { OutputPath = folder.Path, Listen = "127.0.0.1:0" }, new RecordedLog(), TimeProvider.System,
            TestContext.Current.CancellationToken);
        await using var visitor = await site.VisitAsync(address: server.Address.GetLeftPart(UriPartial.Authority));
        await visitor.OpenAsync("/packages.html");
        await Expect(visitor.Find("#search-status")).ToHaveTextAsync(
            string.Create(CultureInfo.InvariantCulture, $"{Packages:N0} packages, the 100 best are shown"));
        await Expect(visitor.Find("#results tbody tr").First).ToContainTextAsync(
            string.Create(CultureInfo.InvariantCulture, $"{Packages - 2:N0}"));

        var times = await visitor.Page.EvaluateAsync<double[]>(TimeKeys, Needle);
        TestContext.Current.TestOutputHelper?.WriteLine(
            "ms for each key: " + string.Join(' ', times.Select(time => time.ToString("0", CultureInfo.InvariantCulture))));
        await Expect(visitor.Find("#results tbody a")).ToHaveTextAsync([Needle]);
    }

    private static IEnumerable<SearchEntry> Names() => Enumerable.Range(0, Packages - 1)
        .Select(number => new SearchEntry(
            PackageName.Parse($"{Words[number / 10 % 10]}-{Words[number % 10]}-{number / 100}"), number, 2L * number))
        .Append(new SearchEntry(PackageName.Parse(Needle), 0, 0));
}
