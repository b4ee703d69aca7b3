using Deque.AxeCore.Playwright;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Piwheels.Browser.Tests;

/// <summary>A running build in a browser.</summary>
public sealed class LivePageTests(PublishedSite site)
{
    private const int PhoneWidth = 360;

    [Fact]
    public async Task The_page_of_a_running_build_fills_itself_and_ends_with_the_log()
    {
        using var folder = new TemporaryFolder();
        using var master = new LiveMaster();
        await new SitePages(new SiteFolder(folder.Path), new WholeFile(flush: false), SampleFarm.Site("")).WriteFixedAsync();
        await using var server = await WebServer.StartAsync(
            new WebConfiguration { OutputPath = folder.Path, Listen = "127.0.0.1:0", LiveQueue = master.Address },
            new RecordedLog(), TimeProvider.System, TestContext.Current.CancellationToken);
        var address = server.Address.GetLeftPart(UriPartial.Authority);
        await using var visitor = await site.VisitAsync(address: address, width: PhoneWidth);
        var opening = visitor.OpenAsync(LiveMaster.Path);
        master.Hear();
        master.Tell(LiveMaster.Running(), LiveMaster.Kept((0, "collecting\n")));
        await opening;
        await Expect(visitor.Find("#live-text")).ToHaveTextAsync("collecting");
        await Expect(visitor.Find("#live-end")).ToBeHiddenAsync();

        master.Tell(LiveMaster.Printed(11, "building <b>wheel</b>\n" + new string('x', 500) + "\n"));
        await Expect(visitor.Find("#live-text")).ToContainTextAsync("building <b>wheel</b>");
        await Expect(visitor.Find("#live-text b")).ToHaveCountAsync(0);
        Assert.Equal(PhoneWidth, await visitor.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        await AssertAccessibleAsync(visitor);
        await visitor.PictureAsync("live");

        await using var reader = await site.VisitAsync(address: address, scripts: false);
        await reader.OpenAsync(LiveMaster.Path);
        await Expect(reader.Find("#live-text")).ToContainTextAsync("building <b>wheel</b>");
        await Expect(reader.Find("noscript a")).ToHaveAttributeAsync("href", LiveMaster.Path);

        master.Tell(LiveMaster.Printed(534, "the last"), new LiveMessage.Ended(7, Status: true));
        await Expect(visitor.Find("#live-status")).ToHaveTextAsync("It has been built.");
        await Expect(visitor.Find("#live-text")).ToContainTextAsync("the last");
        await Expect(visitor.Find("#live-end a")).ToHaveAttributeAsync("href", "/logs/0000/0000/0007.txt.gz");
        await Expect(visitor.Find("#live-end")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_list_of_running_builds_leads_to_them()
    {
        using var folder = new TemporaryFolder();
        using var master = new LiveMaster();
        await new SitePages(new SiteFolder(folder.Path), new WholeFile(flush: false), SampleFarm.Site("")).WriteFixedAsync();
        await using var server = await WebServer.StartAsync(
            new WebConfiguration { OutputPath = folder.Path, Listen = "127.0.0.1:0", LiveQueue = master.Address },
            new RecordedLog(), TimeProvider.System, TestContext.Current.CancellationToken);
        await using var visitor = await site.VisitAsync(
            address: server.Address.GetLeftPart(UriPartial.Authority), width: PhoneWidth);
        var opening = visitor.OpenAsync("/live/");
        master.Hear();
        var lengthy = new LiveTopic(
            new Release(PackageName.Parse(new string('a', 80)), "1.0"), new Target("cp311", "linux_armv7l"));
        master.Tell(LiveTopic.All, new LiveMessage.Builds(2,
        [
            new LiveBuild(LiveMaster.Numpy, "pi-1", LiveMaster.Since, LiveReach.Followed),
            new LiveBuild(lengthy, new string('b', 80), LiveMaster.Since, LiveReach.Mute),
        ]));
        await opening;
        await Expect(visitor.Find("tbody tr").First.Locator("a")).ToHaveAttributeAsync("href", LiveMaster.Path);
        Assert.Equal(PhoneWidth, await visitor.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        await AssertAccessibleAsync(visitor);
        await visitor.PictureAsync("list");
    }

    private static async Task AssertAccessibleAsync(Visitor visitor)
    {
        var result = await visitor.Page.RunAxe();
        Assert.NotEmpty(result.Passes);
        Assert.Empty(
            from fault in result.Violations
            where fault.Impact is "serious" or "critical"
            from node in fault.Nodes
            select $"{fault.Id}: {node.Html}");
    }
}
