using System.Net;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Proxies as the environment names them: which one is used for what, and that it is.</summary>
public sealed class EnvironmentProxyTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    [Theory]
    [InlineData("http_proxy=http://p:1", "http://index.test/", "http://p:1/")]
    [InlineData("http_proxy=http://p:1", "https://index.test/", null)]
    [InlineData("https_proxy=http://p:1", "https://index.test/", "http://p:1/")]
    [InlineData("https_proxy=http://p:1", "http://index.test/", null)]
    [InlineData("HTTP_PROXY=http://p:1", "http://index.test/", "http://p:1/")]
    [InlineData("HTTPS_PROXY=http://p:1", "https://index.test/", "http://p:1/")]
    [InlineData("ALL_PROXY=http://p:1", "https://index.test/", "http://p:1/")]
    [InlineData("all_proxy=http://p:1 https_proxy=http://q:2", "http://index.test/", "http://p:1/")]
    [InlineData("all_proxy=http://p:1 https_proxy=http://q:2", "https://index.test/", "http://q:2/")]
    [InlineData("http_proxy=http://p:1 HTTP_PROXY=http://q:2", "http://index.test/", "http://p:1/")]
    [InlineData("http_proxy= HTTP_PROXY=http://q:2", "http://index.test/", null)]
    [InlineData("http_proxy=p:3128", "http://index.test/", "http://p:3128/")]
    [InlineData("http_proxy=p", "http://index.test/", "http://p/")]
    [InlineData("http_proxy=https://p:1", "http://index.test/", "https://p:1/")]
    [InlineData("http_proxy=http://me:a%40b@p:1/x", "http://index.test/", "http://p:1/")]
    [InlineData("http_proxy=socks5://p:1", "http://index.test/", "socks5://p:1/")]
    [InlineData("http_proxy=socks5h://p", "http://index.test/", "socks5://p:1080/")]
    [InlineData("http_proxy=socks4a://p:1", "http://index.test/", "socks4a://p:1/")]
    [InlineData("http_proxy=http://[::1]:3128", "http://index.test/", "http://[::1]:3128/")]
    public void The_proxy_for_a_scheme_is_the_one_that_is_named_for_it(string set, string destination, string? proxy) =>
        Assert.Equal(proxy, Read(set).GetProxy(new Uri(destination))?.AbsoluteUri);

    [Theory]
    [InlineData("index.test", "http://index.test/", true)]
    [InlineData("INDEX.Test", "http://index.test/", true)]
    [InlineData("index.test", "http://index.test./", true)]
    [InlineData("index.test", "http://files.index.test/", true)]
    [InlineData(".index.test", "http://index.test/", true)]
    [InlineData("*.index.test", "http://files.index.test/", true)]
    [InlineData("index.test", "http://otherindex.test/", false)]
    [InlineData("test", "http://index.test/", true)]
    [InlineData("a.test,index.test", "http://index.test/", true)]
    [InlineData("a.test index.test", "http://index.test/", true)]
    [InlineData("*", "http://index.test/", true)]
    [InlineData("index.test:8080", "http://index.test:8080/", true)]
    [InlineData("index.test:8080", "http://index.test/", false)]
    [InlineData("index.test:80", "http://index.test/", true)]
    [InlineData("10.1.2.3", "http://10.1.2.3/", true)]
    [InlineData("10.1.2.3:81", "http://10.1.2.3:81/", true)]
    [InlineData("10.1.2.3:81", "http://10.1.2.3/", false)]
    [InlineData("10.0.0.0/8", "http://10.1.2.3/", true)]
    [InlineData("10.9.9.9/8", "http://10.1.2.3/", true)]
    [InlineData("10.0.0.0/12", "http://10.16.0.1/", false)]
    [InlineData("fd00::/8", "http://[fd12::1]/", true)]
    [InlineData("fd00::1", "http://[fd00::1]/", true)]
    [InlineData("[fd00::1]:81", "http://[fd00::1]:81/", true)]
    [InlineData("[fd00::1]:81", "http://[fd00::1]/", false)]
    [InlineData("fd00::1", "http://10.1.2.3/", false)]
    [InlineData("2.3", "http://10.1.2.3/", false)]
    [InlineData("", "http://index.test/", false)]
    [InlineData(",,/,:80,300.0.0.0/8,.", "http://index.test/", false)]
    [InlineData("", "http://localhost:8765/", true)]
    [InlineData("", "http://127.0.0.1:8765/", true)]
    [InlineData("", "http://127.9.9.9/", true)]
    [InlineData("", "http://[::1]/", true)]
    [InlineData("", "http://[::ffff:127.0.0.1]/", true)]
    public void What_is_asked_for_directly(string none, string destination, bool direct)
    {
        foreach (var name in new[] { "no_proxy", "NO_PROXY" })
        {
            var proxy = new EnvironmentProxy(n => n == name ? none : n == "all_proxy" ? "http://p:1" : null);
            Assert.Equal(direct, proxy.IsBypassed(new Uri(destination)));
            Assert.Equal(direct, proxy.GetProxy(new Uri(destination)) is null);
        }
    }

    [Theory]
    [InlineData("HTTPS_PROXY=http://", "HTTPS_PROXY: that is no address of a proxy")]
    [InlineData("http_proxy=http://me:secret@/", "http_proxy: that is no address of a proxy")]
    [InlineData("all_proxy=ftp://me:secret@p:1",
        "all_proxy: 'ftp' is no kind of proxy that is known here (http, https, socks4, socks4a, socks5, socks5h)")]
    public void What_is_no_proxy_is_told_by_its_variable_and_without_the_password(string set, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => Read(set)).Message);

    [Fact]
    public async Task A_page_and_a_call_go_through_a_proxy()
    {
        await using var bed = await StandInBed.StartAsync(folder => folder.AddSdist("foo", "1.0"));
        using var proxy = new StandInProxy(bed.Index.Root.Port);
        using var connection = Connect($"http_proxy=http://{proxy.Address}");
        var simple = new SimpleClient(connection, new Uri("http://index.test/simple"));
        var changelog = new ChangelogClient(connection, new Uri("http://index.test/pypi"));
        Assert.IsType<Fetched<IndexPage>.Found>(await simple.GetPageAsync(Foo, null, default).Within());
        Assert.IsType<Fetched<ChangelogBatch>.Found>(await changelog.SinceAsync(0, default).Within());
        Assert.Equal("GET http://index.test/simple/foo/", proxy.Asked[0]);
        Assert.Equal(1, bed.Asked("/simple/foo/"));
        Assert.Equal(1, bed.Asked("/pypi"));
    }

    [Theory]
    [InlineData(false, "http", "CONNECT index.test:443")]
    [InlineData(true, "socks5", "SOCKS index.test:443")]
    [InlineData(true, "socks5h", "SOCKS index.test:443")]
    public async Task A_page_by_https_goes_through_a_proxy_unseen(bool socks, string kind, string asked)
    {
        using var maker = new CertificateMaker();
        using var certificate = maker.ForServer();
        using var folder = new TemporaryFolder();
        var bundle = Path.Combine(folder.Path, "ca.pem");
        await File.WriteAllTextAsync(bundle, maker.Pem, TestContext.Current.CancellationToken);
        await using var bed = await StandInBed.StartAsync(f => f.AddSdist("foo", "1.0"), certificate: certificate);
        using var proxy = new StandInProxy(bed.Index.Root.Port, socks);
        using var connection = Connect($"https_proxy={kind}://{proxy.Address} PIP_CERT={bundle}");
        Assert.IsType<Fetched<IndexPage>.Found>(await new SimpleClient(connection, new Uri("https://index.test/simple"))
            .GetPageAsync(Foo, null, default).Within());
        Assert.Equal([asked], proxy.Asked);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("https")]
    public async Task A_proxy_that_wants_to_know_who_asks_is_told_and_one_that_sends_away_is_waited_for(string scheme)
    {
        await using var bed = await StandInBed.StartAsync(folder => folder.AddSdist("foo", "1.0"));
        using var proxy = new StandInProxy(bed.Index.Root.Port, user: "me:a@b");
        using var stranger = Connect($"all_proxy={proxy.Address}");
        var address = new Uri($"{scheme}://index.test/simple");
        var away = Assert.IsType<Fetched<IndexPage>.Away>(
            await new SimpleClient(stranger, address).GetPageAsync(Foo, null, default).Within());
        Assert.True(away.WholeIndex);
        Assert.Contains("407", away.Reason, StringComparison.Ordinal);
        if (scheme == "https") return;
        using var known = Connect($"all_proxy=me:a%40b@{proxy.Address}");
        Assert.IsType<Fetched<IndexPage>.Found>(
            await new SimpleClient(known, address).GetPageAsync(Foo, null, default).Within());
    }

    [Fact]
    public async Task A_proxy_that_is_not_there_is_waited_for()
    {
        var proxy = new StandInProxy(1);
        proxy.Dispose();
        using var connection = Connect($"http_proxy={proxy.Address}");
        var simple = new SimpleClient(connection, new Uri("http://index.test/simple"));
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await simple.GetPageAsync(Foo, null, default).Within());
        Assert.True(away.WholeIndex);
    }

    private static IndexConnection Connect(string set) =>
        new(TimeProvider.System, limits: StandInBed.Unpaced, variable: Variables(set));

    private static EnvironmentProxy Read(string set) => new(Variables(set));

    private static Func<string, string?> Variables(string set)
    {
        var all = set.Split(' ').Select(s => s.Split('=', 2)).ToDictionary(s => s[0], s => s[1]);
        return name => all.GetValueOrDefault(name);
    }
}
