using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Piwheels.Testing;

/// <summary>
/// A proxy on loopback: HTTP with and without CONNECT, or SOCKS5. Wherever it is asked to go, it goes to one port of
/// this machine, so that a test may use names that nobody knows.
/// </summary>
public sealed class StandInProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentQueue<string> _asked = new();
    private readonly int _port;
    private readonly bool _socks;
    private readonly string? _authorization;

    /// <param name="port">Where everything goes.</param>
    /// <param name="user">Name and password with a colon between; null when anybody may use it.</param>
    public StandInProxy(int port, bool socks = false, string? user = null)
    {
        (_port, _socks) = (port, socks);
        _authorization = user is null ? null : $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(user))}";
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Its host and port.</summary>
    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>
    /// What it was asked for: <c>CONNECT host:port</c>, <c>GET http://host/path</c>, <c>SOCKS host:port</c>.
    /// </summary>
    public IReadOnlyList<string> Asked => [.. _asked];

    public void Dispose()
    {
        _closing.Cancel();
        _listener.Dispose();
        _closing.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_closing.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                var stream = client.GetStream();
                using var server = new TcpClient();
                await server.ConnectAsync(IPAddress.Loopback, _port, _closing.Token);
                var upstream = server.GetStream();
                if (!await (_socks ? GreetSocksAsync(stream) : GreetHttpAsync(stream, upstream))) return;
                await Task.WhenAny(
                    stream.CopyToAsync(upstream, _closing.Token), upstream.CopyToAsync(stream, _closing.Token));
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
        }
    }

    /// <summary>Answers a CONNECT, or hands a request on; only the first one of a connection is looked at.</summary>
    private async Task<bool> GreetHttpAsync(Stream stream, Stream upstream)
    {
        var head = await ReadHeadAsync(stream);
        var line = head[0].Split(' ');
        _asked.Enqueue($"{line[0]} {line[1]}");
        if (_authorization is not null && !head.Contains($"Proxy-Authorization: {_authorization}"))
        {
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes(
                    "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"p\"\r\n" +
                    "Content-Length: 0\r\nConnection: close\r\n\r\n"),
                _closing.Token);
            return false;
        }

        if (line[0] == "CONNECT")
        {
            await stream.WriteAsync("HTTP/1.1 200 Go on\r\n\r\n"u8.ToArray(), _closing.Token);
            return true;
        }

        head[0] = $"{line[0]} {new Uri(line[1]).PathAndQuery} {line[2]}";
        await upstream.WriteAsync(Encoding.ASCII.GetBytes(string.Join("\r\n", head) + "\r\n\r\n"), _closing.Token);
        return true;
    }

    private async Task<List<string>> ReadHeadAsync(Stream stream)
    {
        var head = new StringBuilder();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            head.Append((char)(await ReadAsync(stream, 1))[0]);
        return [.. head.ToString()[..^4].Split("\r\n")];
    }

    /// <summary>RFC 1928, without authentication, to a host by its name.</summary>
    private async Task<bool> GreetSocksAsync(Stream stream)
    {
        var greeting = await ReadAsync(stream, 2);
        await ReadAsync(stream, greeting[1]);
        await stream.WriteAsync(new byte[] { 5, 0 }, _closing.Token);
        var request = await ReadAsync(stream, 5);
        if (request is not [5, 1, 0, 3, var length]) return false;
        var host = Encoding.ASCII.GetString(await ReadAsync(stream, length));
        var port = await ReadAsync(stream, 2);
        _asked.Enqueue($"SOCKS {host}:{(port[0] << 8) + port[1]}");
        await stream.WriteAsync(new byte[] { 5, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, _closing.Token);
        return true;
    }

    private async Task<byte[]> ReadAsync(Stream stream, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, _closing.Token);
        return bytes;
    }
}
