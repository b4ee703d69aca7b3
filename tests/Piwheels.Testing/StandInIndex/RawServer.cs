using System.Net;
using System.Net.Sockets;

namespace Piwheels.Testing;

/// <summary>
/// A server on loopback that says exactly the bytes that a test has it say, after the request's head; for what a web
/// server would not do.
/// </summary>
public sealed class RawServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _closing = new();
    private readonly Func<Socket, CancellationToken, Task> _answer;
    private int _connections;

    /// <param name="answer">
    /// Called for each connection with a request on it; the connection ends when it does.
    /// </param>
    public RawServer(Func<Socket, CancellationToken, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Root => new($"http://{_listener.LocalEndpoint}/");

    /// <summary>How many connections there were with a request on them.</summary>
    public int Connections => Volatile.Read(ref _connections);

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
            while (true) _ = ServeAsync(await _listener.AcceptSocketAsync(_closing.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                await socket.ReceiveAsync(new byte[16 << 10], SocketFlags.None, _closing.Token);
                Interlocked.Increment(ref _connections);
                await _answer(socket, _closing.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
            }
        }
    }
}
