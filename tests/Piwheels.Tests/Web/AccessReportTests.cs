using System.Net;
using Microsoft.AspNetCore.Http;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

public sealed class AccessReportTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Accesses_are_told_over_the_log_queue()
    {
        using var folder = new TemporaryFolder();
        folder.Write("site/index.html", "home");
        folder.Write("site/simple/foo/foo-1.0-py3-none-any.whl", "wheel");
        using var zmq = new ZmqContext();
        var queue = $"ipc://{folder["log"]}";
        var told = new List<AccessState>();
        var all = new TaskCompletionSource();
        await using var lumberjack = Listen(zmq, queue, told, all, count: 2);

        await using var server = await WebServer.StartAsync(
            new WebConfiguration { OutputPath = folder["site"], Listen = "127.0.0.1:0", LogQueue = queue },
            new RecordedLog(), TimeProvider.System, Ct);
        using var client = new HttpClient { BaseAddress = server.Address };
        client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "pip/23.0 {\"cpu\":\"armv7l\"}");
        foreach (var path in (string[])["/missing.html", "/", "/simple/foo/foo-1.0-py3-none-any.whl"])
            (await client.GetAsync(new Uri(path, UriKind.Relative), Ct)).Dispose();

        await all.Task.Within();
        Assert.Equal("home", Assert.IsType<PageState>(told[0]).Page);
        var download = Assert.IsType<DownloadState>(told[1]);
        Assert.Equal(
            ("foo-1.0-py3-none-any.whl", "127.0.0.1", "armv7l"),
            (download.Filename, download.Host, download.Installer.Arch));
    }

    [Fact]
    public async Task Searches_pages_and_json_are_told_with_the_client_that_a_trusted_proxy_names()
    {
        using var folder = new TemporaryFolder();
        folder.Write("site/simple/foo/index.html", "foo");
        folder.Write("site/project/foo/index.html", "foo");
        folder.Write("site/project/foo/json/index.json", "{}");
        using var zmq = new ZmqContext();
        var queue = $"ipc://{folder["log"]}";
        var told = new List<AccessState>();
        var all = new TaskCompletionSource();
        await using var lumberjack = Listen(zmq, queue, told, all, count: 3);
        var configuration = new WebConfiguration
        {
            OutputPath = folder["site"],
            Listen = "127.0.0.1:0",
            LogQueue = queue,
            TrustedProxies = [IPNetwork.Parse("127.0.0.0/8")],
        };
        await using var server = await WebServer.StartAsync(configuration, new RecordedLog(), TimeProvider.System, Ct);
        using var client = new HttpClient { BaseAddress = server.Address };
        client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "pip/23.0 {}");
        client.DefaultRequestHeaders.TryAddWithoutValidation("X-Forwarded-For", "198.51.100.7, 203.0.113.9");
        // The one that leads elsewhere counts once, where it leads
        foreach (var path in (string[])["/simple/Foo", "/project/foo/", "/project/foo/json/", "/logs/", "/.git/config"])
            (await client.GetAsync(new Uri(path, UriKind.Relative), Ct)).Dispose();

        await all.Task.Within();
        Assert.Equal([typeof(SearchState), typeof(ProjectState), typeof(JsonState)], told.Select(access => access.GetType()));
        Assert.All(told, access => Assert.Equal("203.0.113.9", access.Host));
    }

    [Fact]
    public async Task Nobody_who_listens_is_no_reason_to_answer_later()
    {
        using var folder = new TemporaryFolder();
        folder.Write("site/index.html", "home");
        await using var server = await WebServer.StartAsync(
            new WebConfiguration
            {
                OutputPath = folder["site"],
                Listen = "127.0.0.1:0",
                LogQueue = $"ipc://{folder["nobody"]}",
            },
            new RecordedLog(), TimeProvider.System, Ct);
        using var client = new HttpClient { BaseAddress = server.Address };
        client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "Mozilla/5.0");
        for (var request = 0; request < 50; request++)
            Assert.Equal("home", await client.GetStringAsync(new Uri("/", UriKind.Relative), Ct));
    }

    [Theory]
    [InlineData("10.0.0.1", "203.0.113.9", "203.0.113.9")]
    [InlineData("10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9")]
    [InlineData("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9")]
    [InlineData("10.0.0.1", "nonsense", "10.0.0.1")]
    [InlineData("10.0.0.1", "", "10.0.0.1")]
    [InlineData("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1")]
    [InlineData("203.0.113.1", "198.51.100.7", "203.0.113.1")]
    public void Only_a_trusted_proxy_may_name_the_client(string peer, string forwarded, string client)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
        context.Request.Headers["X-Forwarded-For"] = forwarded;
        Assert.Equal(client, new ClientAddress([IPNetwork.Parse("10.0.0.0/8")]).Of(context));
    }

    /// <summary>Stands for Lumberjack, and takes down what it is told until there are so many.</summary>
    private static ScriptedTask Listen(
        ZmqContext zmq, string queue, List<AccessState> told, TaskCompletionSource all, int count)
    {
        var lumberjack = new ScriptedTask(
            "lumberjack", new TaskEnvironment(zmq, TimeProvider.System, new RecordedLog()));
        lumberjack.Register(lumberjack.Bind<LogEntry, NoMessages>(ZmqSocketType.Pull, queue), entry =>
        {
            told.Add(entry.Access);
            if (told.Count == count) all.SetResult();
            return Task.CompletedTask;
        });
        lumberjack.Start();
        return lumberjack;
    }
}
