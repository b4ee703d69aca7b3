using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Slave.Sandboxing;
using Xunit;

namespace Piwheels.Tests.Slave;

public sealed class BuildProxyTests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-proxy-");
    private readonly SourceIndex _index = new SourceIndex().Add("tiny");
    private readonly BuildProxy _proxy;
    private readonly string _path;

    public BuildProxyTests()
    {
        // Longer than the address of a unix socket may be
        _path = Path.Combine(_folder.CreateSubdirectory(new string('x', 150)).FullName, "proxy");
        _proxy = BuildProxy.Start(_path, new AllowedHosts([_index.Url], []), TimeProvider.System, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        Assert.False(File.Exists(_path));
        _index.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task<string> AskAsync(string request, bool isAll = true)
    {
        // By a link, since the path is too long
        var link = Path.Combine(_folder.FullName, "p");
        if (!Directory.Exists(link)) Directory.CreateSymbolicLink(link, Path.GetDirectoryName(_path)!);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(link, "proxy"))).WaitAsync(Limit);
        await socket.SendAsync(Encoding.Latin1.GetBytes(request)).WaitAsync(Limit);
        if (isAll) socket.Shutdown(SocketShutdown.Send); // To a web server, that is somebody who has left
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer).WaitAsync(Limit) is > 0 and var count)
            answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
        return answer.ToString();
    }

    [Fact]
    public async Task The_index_is_reached_in_both_ways()
    {
        var host = $"127.0.0.1:{_index.Url.Port}";

        var plain = await AskAsync($"GET {_index.Url}/tiny/ HTTP/1.1\r\nHost: evil.example\r\nProxy-Connection: keep-alive\r\n\r\n", isAll: false);
        var tunnel = await AskAsync($"CONNECT {host} HTTP/1.1\r\n\r\nGET /simple/tiny/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", isAll: false);

        Assert.StartsWith("HTTP/1.1 200", plain, StringComparison.Ordinal);
        Assert.Contains("tiny-1.0.tar.gz", plain, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200", tunnel, StringComparison.Ordinal);
        Assert.Empty(_proxy.Refused);
    }

    [Theory]
    [InlineData("GET http://evil.example/ HTTP/1.1\r\n\r\n", "evil.example:80")]
    [InlineData("CONNECT evil.example:443 HTTP/1.1\r\n\r\n", "evil.example:443")]
    [InlineData("CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", "127.0.0.1:22")]
    [InlineData("CONNECT [::1]:22 HTTP/1.1\r\n\r\n", "[::1]:22")]
    public async Task Nothing_else_is_and_it_is_noted_once(string request, string host)
    {
        for (var time = 0; time < 2; time++)
            Assert.StartsWith("HTTP/1.1 403 Forbidden\r\n", await AskAsync(request), StringComparison.Ordinal);

        Assert.Equal([host], _proxy.Refused);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://user@127.0.0.1/ HTTP/1.1\r\n\r\n")]
    [InlineData("CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n")]
    [InlineData("CONNECT 127.0.0.1:99999 HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://127.0.0.1/ HTTP/1.1\r\n folded\r\n\r\n")]
    [InlineData("GET http://127.0.0.1/ HTTP/1.1\r\nA: b\nHost: c\r\n\r\n")]
    [InlineData("GET http://127.0.0.1/\u00ff HTTP/1.1\r\n\r\n")]
    [InlineData("GET http://127.0.0.1/ HTTP/1.1\r\n")]
    public async Task What_is_no_request_is_refused(string request) =>
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", await AskAsync(request), StringComparison.Ordinal);

    [Fact]
    public async Task A_head_without_end_is_refused()
    {
        var request = "GET http://127.0.0.1/ HTTP/1.1\r\nA: " + new string('a', BuildProxy.HeadBytesMax - 36);

        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", await AskAsync(request), StringComparison.Ordinal);
    }

    [Fact]
    public void Hosts_are_allowed_with_their_ports()
    {
        var allowed = new AllowedHosts(
            [new Uri("https://pypi.org/simple"), new Uri("http://127.0.0.1:8080/simple")],
            ["extra.example", "other.example:8443", "*.cdn.example"]);

        foreach (var host in (string[])[
            "pypi.org:443", "files.pythonhosted.org:443", "127.0.0.1:8080", "extra.example:443", "extra.example:80",
            "other.example:8443", "a.cdn.example:443", "a.b.cdn.example:80"])
        {
            Assert.True(Contains(host), host);
        }

        foreach (var host in (string[])[
            "pypi.org:22", "127.0.0.1:5555", "127.0.0.1:80", "localhost:8080", "other.example:443", "cdn.example:443",
            "evilcdn.example:443", "a.cdn.example:22", "pypi.org.evil.example:443"])
        {
            Assert.False(Contains(host), host);
        }

        bool Contains(string text) => HostAndPort.TryParse(text, out var host) && allowed.Contains(host);
    }

    [Fact]
    public void A_further_proxy_is_spoken_to_in_its_own_way()
    {
        Assert.True(ProxyRequest.TryParse("GET http://pypi.org/simple/?a=b HTTP/1.1\r\nHost: x\r\nAccept: text/html"u8, out var request));

        Assert.Equal(
            "GET /simple/?a=b HTTP/1.1\r\nHost: pypi.org\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
            Encoding.ASCII.GetString(request.Write(toProxy: false, authorization: null)));
        Assert.Equal(
            "GET http://pypi.org/simple/?a=b HTTP/1.1\r\nHost: pypi.org\r\nAccept: text/html\r\nProxy-Authorization: Basic eA==\r\nConnection: close\r\n\r\n",
            Encoding.ASCII.GetString(request.Write(toProxy: true, authorization: "Basic eA==")));
        Assert.True(ProxyRequest.TryParse("CONNECT pypi.org:443 HTTP/1.1\r\nHost: x"u8, out var tunnel));
        Assert.Equal(
            "CONNECT pypi.org:443 HTTP/1.1\r\nHost: pypi.org:443\r\n\r\n",
            Encoding.ASCII.GetString(tunnel.Write(toProxy: true, authorization: null)));
    }
}
