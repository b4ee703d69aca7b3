using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Piwheels.Slave.Limits;

namespace Piwheels.Slave.Sandboxing;

/// <summary>
/// The only way out of a sandbox: an HTTP proxy on a unix socket in the build folder, which connects to the hosts of an
/// allow list and to no others. It goes through this machine's own proxy where the environment names one.
/// </summary>
internal sealed partial class BuildProxy : IAsyncDisposable
{
    public const int HeadBytesMax = 16 * 1024;
    public const int ConnectionsMax = 64;

    /// <summary>Different hosts that were refused, of which the build's log tells.</summary>
    public const int RefusedHostsMax = 20;

    public static readonly TimeSpan HeadTimeout = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(60);

    /// <summary>The longest silence in both directions.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(500);
    private const int BufferBytes = 64 * 1024;

    private readonly AllowedHosts _allowed;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _free = new(ConnectionsMax);
    private readonly Lock _gate = new();
    private readonly List<string> _refused = [];
    private readonly HashSet<Task> _connections = [];
    private readonly int _folder;
    private Task _accepting = Task.CompletedTask;

    private BuildProxy(int folder, AllowedHosts allowed, TimeProvider time, ILogger logger)
    {
        _folder = folder;
        _allowed = allowed;
        _time = time;
        _logger = logger;
    }

    /// <summary>What was refused so far, as HOST:PORT, in the order in which it was asked for.</summary>
    public IReadOnlyList<string> Refused
    {
        get
        {
            lock (_gate) return [.. _refused];
        }
    }

    /// <summary>Listens.</summary>
    /// <param name="path">Of the socket, which is made; however long it is.</param>
    /// <exception cref="SocketException">There is something at the path, or no folder for it.</exception>
    public static BuildProxy Start(string path, AllowedHosts allowed, TimeProvider time, ILogger logger)
    {
        // A socket's path has no more than 107 bytes (unix(7)): its folder goes by a handle
        var folder = FolderCalls.OpenPath(Path.GetDirectoryName(path)!);
        var proxy = new BuildProxy(folder, allowed, time, logger);
        try
        {
            proxy._listener.Bind(new UnixDomainSocketEndPoint($"/proc/self/fd/{folder}/{Path.GetFileName(path)}"));
            proxy._listener.Listen(ConnectionsMax);
        }
        catch
        {
            proxy.Close();
            throw;
        }

        proxy._accepting = proxy.AcceptAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        Task[] open;
        lock (_gate) open = [.. _connections];
        await Task.WhenAll(open);
        Close();
    }

    private void Close()
    {
        _listener.Dispose(); // Removes the socket's file, by the handle
        _ = FolderCalls.Close(_folder);
        _stop.Dispose();
        _free.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _free.WaitAsync(_stop.Token);
                var connection = ServeAsync(await _listener.AcceptAsync(_stop.Token));
                lock (_gate) _connections.Add(connection);
                _ = connection.ContinueWith(Forget, TaskScheduler.Default);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e)
            {
                LogNotAccepted(_logger, e.Message); // Out of files, for one: that passes
                _free.Release();
                await Task.Delay(AcceptPause, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Forget(Task connection)
    {
        lock (_gate) _connections.Remove(connection);
    }

    /// <summary>Never throws: what a build does on its connection is the build's matter.</summary>
    private async Task ServeAsync(Socket client)
    {
        await Task.Yield();
        try
        {
            using (client) await AnswerAsync(client);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or HttpRequestException)
        {
            LogBroken(_logger, e.Message);
        }
        finally
        {
            _free.Release();
        }
    }

    private async Task AnswerAsync(Socket client)
    {
        var buffer = new byte[HeadBytesMax];
        var (head, count) = await ReadHeadAsync(client, buffer);
        if (head < 0 || !ProxyRequest.TryParse(buffer.AsSpan(0, head), out var request))
        {
            await RefuseAsync(client, "400 Bad Request", "this is no request to a proxy, or too long a one");
            return;
        }

        if (!_allowed.Contains(request.Target))
        {
            Note(request.Target);
            await RefuseAsync(
                client, "403 Forbidden", $"builds may not connect to {request.Target}, only to {_allowed}; see --build-hosts");
            return;
        }

        Socket server;
        try
        {
            server = await ConnectAsync(client, request);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException && !_stop.IsCancellationRequested)
        {
            await RefuseAsync(client, "502 Bad Gateway", $"cannot connect to {request.Target}: {e.Message}");
            return;
        }

        using (server)
        {
            // What came right after the head belongs to the target
            await SendAsync(server, buffer.AsMemory(head + 4, count - head - 4), _stop.Token);
            await CarryBothWaysAsync(client, server);
        }
    }

    /// <summary>Where the head ends, below 0 when it does not, and how many bytes were read.</summary>
    private async Task<(int Head, int Count)> ReadHeadAsync(Socket client, byte[] buffer)
    {
        using var limit = new CancellationTokenSource(HeadTimeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token);
        var count = 0;
        while (count < buffer.Length)
        {
            var read = await client.ReceiveAsync(buffer.AsMemory(count), both.Token);
            if (read == 0) break;
            count += read;
            var end = buffer.AsSpan(0, count).IndexOf("\r\n\r\n"u8);
            if (end >= 0) return (end, count);
        }

        return (-1, count);
    }

    /// <summary>Connects, and says what has to be said before the bytes of both sides can pass.</summary>
    private async Task<Socket> ConnectAsync(Socket client, ProxyRequest request)
    {
        using var limit = new CancellationTokenSource(ConnectTimeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token);
        var further = FurtherProxy(request);
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (further is null) await server.ConnectAsync(request.Target.Host, request.Target.Port, both.Token);
            else await server.ConnectAsync(further.IdnHost, further.Port, both.Token);
            // A further proxy answers CONNECT itself, in the words that the build waits for
            if (further is not null || !request.IsTunnel)
                await SendAsync(server, request.Write(further is not null, Authorization(further)), both.Token);
            else
                await SendAsync(client, "HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), both.Token);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>As the environment says: http_proxy, https_proxy, no_proxy. This machine's own services need none.</summary>
    private static Uri? FurtherProxy(ProxyRequest request)
    {
        if (request.Target.IsLoopback) return null;
        var url = new Uri($"{(request.IsTunnel ? "https" : "http")}://{request.Target}/");
        var proxy = HttpClient.DefaultProxy;
        return !proxy.IsBypassed(url) && proxy.GetProxy(url) is { Scheme: "http" } further ? further : null;
    }

    private static string? Authorization(Uri? proxy) => proxy is { UserInfo.Length: > 0 }
        ? "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(proxy.UserInfo)))
        : null;

    private async Task CarryBothWaysAsync(Socket client, Socket server)
    {
        using var idle = new CancellationTokenSource(IdleTimeout, _time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, _stop.Token);
        await Task.WhenAll(CarryAsync(client, server, idle, stop), CarryAsync(server, client, idle, stop));
    }

    private static async Task CarryAsync(
        Socket from, Socket to, CancellationTokenSource idle, CancellationTokenSource stop)
    {
        try
        {
            var buffer = new byte[BufferBytes];
            while (await from.ReceiveAsync(buffer, stop.Token) is > 0 and var count)
            {
                idle.CancelAfter(IdleTimeout);
                await SendAsync(to, buffer.AsMemory(0, count), stop.Token);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            await stop.CancelAsync(); // The other direction has nothing to wait for
            throw;
        }
    }

    private static async Task SendAsync(Socket to, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        while (bytes.Length > 0) bytes = bytes[await to.SendAsync(bytes, stop)..];
    }

    private async Task RefuseAsync(Socket client, string status, string reason)
    {
        var body = $"piw-slave: {reason}\n";
        var answer = $"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n"
            + $"Connection: close\r\n\r\n{body}";
        await SendAsync(client, Encoding.UTF8.GetBytes(answer), _stop.Token);
        client.Shutdown(SocketShutdown.Send);
    }

    private void Note(HostAndPort target)
    {
        lock (_gate)
        {
            if (_refused.Count >= RefusedHostsMax || _refused.Contains($"{target}")) return;
            _refused.Add($"{target}");
        }

        LogRefused(_logger, $"{target}");
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the build wanted to connect to {Target} and was not let")]
    private static partial void LogRefused(ILogger logger, string target);

    [LoggerMessage(Level = LogLevel.Debug, Message = "a connection of the build ended: {Reason}")]
    private static partial void LogBroken(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a connection of the build was not taken: {Reason}")]
    private static partial void LogNotAccepted(ILogger logger, string reason);
}
