using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Playwright;
using Piwheels.Browser.Tests;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

[assembly: AssemblyFixture(typeof(PublishedSite))]

namespace Piwheels.Browser.Tests;

/// <summary>The pages of a farm as the master writes them, served by the farm's web server, and a browser.</summary>
public sealed class PublishedSite : IAsyncLifetime
{
    private const string Browser = "/usr/bin/chromium";

    // Nothing of Chromium's own goes anywhere; what a page would ask of another host fails
    private static readonly string[] Flags =
    [
        "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--disable-gpu", "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly RecordedLog _log = new();
    private RunningWebServer _server = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    /// <summary>All pages, one of each kind.</summary>
    public static readonly IReadOnlyList<string> Pages =
    [
        "/", "/packages.html", "/packages.html?q=numpy", "/stats.html", "/faq.html", "/json.html", "/404.html",
        "/project/numpy/", "/project/many-releases/", "/project/evil/", "/logs/0000/0000/1001.txt.gz",
    ];

    public string Address => _server.Address.GetLeftPart(UriPartial.Authority);

    public async ValueTask InitializeAsync()
    {
        var site = SampleFarm.Site("https://wheels.example");
        var folder = new SiteFolder(_folder.Path);
        var files = new WholeFile(flush: false);
        var pages = new SitePages(folder, files, site);
        await pages.WriteFixedAsync();
        await pages.WriteStatisticsAsync(SampleFarm.Statistics(site));
        pages.WriteFeed(SampleFarm.NewBuilds());
        pages.WriteSearch(SearchIndex.Of(SampleFarm.Names));
        var packages = new PagesOfPackage(folder, files, site, NullLogger.Instance);
        foreach (var package in SampleFarm.Packages())
        {
            packages.WriteSimple(package);
            await packages.WriteProjectAsync(package);
        }

        pages.WriteLog(1_000, PackageName.Parse("numpy"), "built well\n");
        pages.WriteLog(LogPageTests.FailedBuild, PackageName.Parse("numpy"), LogPageTests.FailedLog);
        _server = await WebServer.StartAsync(
            new WebConfiguration { OutputPath = _folder.Path, Listen = "127.0.0.1:0" }, _log, TimeProvider.System,
            TestContext.Current.CancellationToken);
        Assertions.SetDefaultExpectTimeout((float)Waiting.Limit.TotalMilliseconds);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Browser,
            ChromiumSandbox = false,
            Args = Flags,
            Timeout = (float)(4 * Waiting.Limit).TotalMilliseconds,
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (_server is not null) await _server.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Somebody new: nothing remembered, nothing cached.</summary>
    /// <param name="address">The site that is visited, if it is not this one.</param>
    public async Task<Visitor> VisitAsync(
        ColorScheme colours = ColorScheme.Light, int width = 1280, bool scripts = true, string? address = null)
    {
        address ??= Address;
        var context = await _browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = address,
            ColorScheme = colours,
            JavaScriptEnabled = scripts,
            ReducedMotion = ReducedMotion.Reduce,
            ViewportSize = new ViewportSize { Width = width, Height = 800 },
        });
        context.SetDefaultTimeout((float)Waiting.Limit.TotalMilliseconds);
        return new Visitor(context, await context.NewPageAsync(), address);
    }
}
