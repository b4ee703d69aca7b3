using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Text;
using Microsoft.Extensions.Logging;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>What no honest client sends, and what stands in the folder that should not.</summary>
public sealed class HostileRequestTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static string Get(string target, string headers = "") =>
        $"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n";

    [Theory]
    [InlineData("/%2e%2e/secret")]
    [InlineData("/simple/%2e%2e/%2e%2e/secret")]
    [InlineData("/simple/foo/%2E%2E%2f%2E%2E%2fsecret")]
    [InlineData("/simple/..%5c..%5csecret")]
    [InlineData("/simple/foo.html%00.whl")]
    [InlineData("/%252e%252e/secret")]
    [InlineData("/%25252e%25252e/secret")]
    [InlineData("/simple/..;/..;/secret")]
    [InlineData("/.%0a./secret")]
    [InlineData("/%ff%fe")]
    [InlineData("/%c0%ae%c0%ae/secret")]
    [InlineData("/\u00e9")]
    [InlineData("/~root/")]
    [InlineData("/index.html/")]
    [InlineData("/index.html/secret")]
    [InlineData("/pipe")]
    [InlineData("/simple")]
    public async Task What_leads_nowhere_is_told_so_and_the_server_goes_on(string target)
    {
        await using var site = await ServedSite.StartAsync();
        site.Folder.Write("secret", "the secret");
        site.Write("index.html", "home");
        site.Write(".hidden", "the secret");
        using (var maker = Process.Start("mkfifo", site.Folder["site/pipe"])) await maker.WaitForExitAsync(Ct);
        var answer = await site.SendRawAsync(Get(target));
        Assert.Matches("^HTTP/1.1 40[04] ", answer);
        Assert.DoesNotContain("the secret", answer, StringComparison.Ordinal);
        Assert.Equal("home", await site.TextAsync("/"));
        Assert.DoesNotContain(site.Log.Entries, entry => entry.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task Very_long_paths_and_absurd_headers_are_refused()
    {
        await using var site = await ServedSite.StartAsync();
        site.Write("index.html", "home");
        var long255 = new string('a', 255);
        var deep = string.Concat(Enumerable.Repeat("/" + new string('d', 200), 30));
        var chain = string.Concat(Enumerable.Repeat("/a", 3000));
        foreach (var (request, status) in ((string, string)[])
        [
            (Get("/" + long255), "404"),
            (Get("/" + long255 + "a"), "404"),
            (Get(deep), "404"),
            (Get(chain), "404"),
            (Get("/" + new string('a', 100_000)), "414"),
            (Get("/", $"X: {new string('x', 100_000)}\r\n"), "431"),
            (Get("/", string.Concat(Enumerable.Range(0, 500).Select(n => $"X-{n}: 1\r\n"))), "431"),
            (Get("/", "Content-Length: -1\r\n"), "400"),
            (Get("/", "X : y\r\n"), "400"),
            (Get("/", "Host: y\r\n"), "400"),
            ("GET / HTTP/1.1\r\n\r\n", "400"),
            ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", "505"),
            ("\u0016\u0003\u0001\u0002\0\u0001", "400|"),
            ("GET\r\n\r\n", "400"),
        ])
        {
            var answer = await site.SendRawAsync(request);
            Assert.Matches($"^(HTTP/1.1 ({status})|{(status.EndsWith('|') ? "$" : "HTTP/1.1 413")})", answer);
        }

        foreach (var (name, value) in ((string, string)[])
        [
            ("Accept", string.Join(',', Enumerable.Repeat("a/b;q=0.1", 2000))),
            ("Accept-Encoding", string.Join(',', Enumerable.Repeat("x;q=1", 4000))),
            ("If-None-Match", string.Join(',', Enumerable.Repeat("\"a\"", 4000))),
            ("If-None-Match", "\"" + new string('a', 20_000)),
            ("If-Modified-Since", "yesterday"),
            ("Range", "bytes=" + string.Join(',', Enumerable.Repeat("0-0", 5000))),
            ("Range", "bytes=9999999999999999999999-"),
            ("Range", "lines=1-2"),
            ("Cookie", new string(';', 20_000)),
        ])
        {
            using var response = await site.SendAsync("/", (name, value));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal("home", await response.Content.ReadAsStringAsync(Ct));
        }
    }

    [Fact]
    public async Task A_body_is_not_read()
    {
        await using var site = await ServedSite.StartAsync();
        site.Write("index.html", "home");
        var answer = await site.SendRawAsync(
            $"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nConnection: close\r\n\r\nmuch");
        Assert.StartsWith("HTTP/1.1 405", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_goes_away_is_no_fault()
    {
        await using var site = await ServedSite.StartAsync();
        site.Write("simple/foo/big.whl", new string('x', 20_000_000));
        using (var tcp = await site.ConnectAsync())
        {
            await tcp.GetStream().WriteAsync(Encoding.Latin1.GetBytes(Get("/simple/foo/big.whl")), Ct);
            await tcp.GetStream().ReadExactlyAsync(new byte[1000], Ct);
            tcp.LingerState = new System.Net.Sockets.LingerOption(true, 0);
        }

        await using (var server = site.Server)
        {
            // Stopped: whatever was to be said of it has been
        }

        Assert.DoesNotContain(site.Log.Entries, entry => entry.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task A_client_that_is_slow_to_ask_is_cut_off()
    {
        await using var site = await ServedSite.StartAsync(new WebConfiguration
        {
            Limits = new WebLimits { HeadersTimeout = TimeSpan.FromSeconds(1) },
        });
        var answer = await site.SendRawAsync("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        Assert.StartsWith("HTTP/1.1 408", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_takes_nothing_of_a_large_file_is_cut_off()
    {
        // Whatever a client takes is too little, once the first seconds are over; this one has taken nothing by then
        await using var site = await ServedSite.StartAsync(new WebConfiguration
        {
            Limits = new WebLimits { ClientBytesPerSecondMin = 1e12, ClientGrace = TimeSpan.FromSeconds(2) },
        });
        const string Path = "simple/foo/foo-1.0-py3-none-any.whl";
        site.Write(Path, "");
        // More than the buffers of both sides hold
        await using (var file = File.OpenWrite(site.Folder["site/" + Path])) file.SetLength(1L << 28);
        using var client = await site.ConnectAsync();
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Get("/" + Path)), Ct);
        var own = (IPEndPoint)client.Client.LocalEndPoint!;

        // The client takes the beginning of the answer, and nothing more until the server has closed its end
        var piece = new byte[1 << 16];
        var taken = (long)await client.GetStream().ReadAsync(piece.AsMemory(0, 1), Ct);
        using var limit = new CancellationTokenSource(4 * Waiting.Limit);
        while (IsEstablished(site.Server.Address.Port, own.Port)) limit.Token.ThrowIfCancellationRequested();
        try
        {
            while (await client.GetStream().ReadAsync(piece, Ct) is var read and > 0) taken += read;
        }
        catch (IOException)
        {
            // Reset, and not closed
        }

        Assert.InRange(taken, 0, (1L << 28) - 1);
    }

    private static bool IsEstablished(int server, int client) =>
        IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections().Any(connection =>
            connection.State == TcpState.Established && connection.LocalEndPoint.Port == server
            && connection.RemoteEndPoint.Port == client);

    [Fact]
    public async Task A_client_that_asks_for_nothing_more_is_cut_off()
    {
        await using var site = await ServedSite.StartAsync(new WebConfiguration
        {
            Limits = new WebLimits { IdleTimeout = TimeSpan.FromSeconds(1) },
        });
        site.Write("index.html", "home");
        var answer = await site.SendRawAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.EndsWith("home", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_client_has_so_many_connections_at_a_time_and_a_trusted_proxy_any_number()
    {
        var limits = new WebLimits { AddressConnectionsMax = 3 };
        await using (var site = await ServedSite.StartAsync(new WebConfiguration { Limits = limits }))
        {
            site.Write("index.html", "home");
            var open = new List<System.Net.Sockets.TcpClient>();
            for (var each = 0; each < 3; each++)
            {
                open.Add(await site.ConnectAsync());
                await AskAsync(open[^1]);
            }

            Assert.Equal("", await site.SendRawAsync(Get("/")));
            // One that ends makes room for another
            open[0].Dispose();
            string answer;
            do answer = await site.SendRawAsync(Get("/"));
            while (answer.Length == 0 && !Ct.IsCancellationRequested);
            Assert.EndsWith("home", answer, StringComparison.Ordinal);
            foreach (var each in open) each.Dispose();
        }

        await using var trusting = await ServedSite.StartAsync(
            new WebConfiguration { Limits = limits, TrustedProxies = [IPNetwork.Parse("127.0.0.0/8")] });
        trusting.Write("index.html", "home");
        var many = new List<System.Net.Sockets.TcpClient>();
        for (var each = 0; each < 10; each++)
        {
            many.Add(await trusting.ConnectAsync());
            await AskAsync(many[^1]);
        }

        foreach (var each in many) each.Dispose();
    }

    private static async Task AskAsync(System.Net.Sockets.TcpClient tcp)
    {
        await tcp.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Ct);
        await tcp.GetStream().ReadExactlyAsync(new byte[12], Ct).AsTask().Within();
    }
}
