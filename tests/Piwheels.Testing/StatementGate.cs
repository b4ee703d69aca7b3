using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Piwheels.Testing;

/// <summary>
/// Stands between clients and a PostgreSQL server, by unix sockets, and stops at one statement: it holds it back, or
/// holds back the answer to it. So a test can kill a client, or cut it off, at a place that it chooses. Speaks as much of
/// the protocol as that takes (PostgreSQL documentation 55.7): a statement is a Parse or a Query.
/// </summary>
public sealed class StatementGate : IAsyncDisposable
{
    private const int ProtocolVersion = 3 << 16;

    private readonly TemporaryFolder _folder = new();
    private readonly Socket _listener;
    private readonly string _serverSocket;
    private readonly Func<int, string, bool> _isStop;
    private readonly bool _holdsAnswer;
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();
    private readonly List<Socket> _sockets = [];
    private readonly Task _accepting;
    private int _statements;

    /// <param name="serverFolder">Where the server's socket is.</param>
    /// <param name="isStop">Given a statement's number, from 1, and its text: whether to stop at it.</param>
    /// <param name="holdsAnswer">Hold back the answer, not the statement.</param>
    public StatementGate(string serverFolder, Func<int, string, bool> isStop, bool holdsAnswer = false)
    {
        _serverSocket = Path.Combine(serverFolder, ".s.PGSQL.5432");
        (_isStop, _holdsAnswer) = (isStop, holdsAnswer);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(Folder, ".s.PGSQL.5432")));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary>Where its socket is, as a server's.</summary>
    public string Folder => _folder.Path;

    /// <summary>Done when the statement is held back, or has been answered and the answer is held back.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Lets the statement through that was held back, and all that come after it.</summary>
    public void Open() => _opened.TrySetResult();

    /// <summary>Cuts all connections, on both sides. Once is enough.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_closing.IsCancellationRequested) return;
        await _closing.CancelAsync();
        _listener.Dispose();
        lock (_sockets) _sockets.ForEach(socket => socket.Dispose());
        await _accepting;
        _folder.Dispose();
    }

    private async Task AcceptAsync()
    {
        var pumps = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync(_closing.Token);
                var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                lock (_sockets) _sockets.AddRange([client, server]);
                await server.ConnectAsync(new UnixDomainSocketEndPoint(_serverSocket), _closing.Token);
                pumps.Add(ServeAsync(new NetworkStream(client, true), new NetworkStream(server, true)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(pumps);
        }
    }

    /// <summary>One connection, until one side leaves; the other is told then.</summary>
    private async Task ServeAsync(NetworkStream client, NetworkStream server)
    {
        var state = new Connection();
        try
        {
            await Task.WhenAny(PassRequestsAsync(client, server, state), PassAnswersAsync(server, client, state));
        }
        finally
        {
            await client.DisposeAsync();
            await server.DisposeAsync();
        }
    }

    private async Task PassRequestsAsync(NetworkStream client, NetworkStream server, Connection state)
    {
        try
        {
            while (true)
            {
                var message = await ReadAsync(client, typed: state.Started);
                if (!state.Started)
                {
                    state.Started = Code(message) == ProtocolVersion;
                }
                else
                {
                    if (StatementIn(message) is { } sql && !_opened.Task.IsCompleted && _isStop(++_statements, sql))
                        await StopAsync(state);
                    if (message[0] is (byte)'Q' or (byte)'S') state.Asked++;
                }

                await server.WriteAsync(message, _closing.Token);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // the client has left
        }
    }

    private async Task StopAsync(Connection state)
    {
        if (_holdsAnswer)
        {
            state.HeldFrom = state.Asked;
            return;
        }

        _stopped.TrySetResult();
        await _opened.Task.WaitAsync(_closing.Token);
    }

    /// <summary>What was asked before is answered, as when a connection of a pool is used again.</summary>
    private async Task PassAnswersAsync(NetworkStream server, NetworkStream client, Connection state)
    {
        var answered = 0L;
        try
        {
            var type = new byte[1];
            while (true)
            {
                await server.ReadExactlyAsync(type, _closing.Token);
                // Whether there is encryption, which there is not, is answered by one byte
                if (!state.Started) await client.WriteAsync(type, _closing.Token);
                else answered += await PassAsync(type[0], server, client, held: answered >= state.HeldFrom);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // the server has left
        }
    }

    /// <summary>Passes a message on, unless it is held back; 1 where it is the last of an answer (ReadyForQuery).</summary>
    private async Task<int> PassAsync(byte type, NetworkStream server, NetworkStream client, bool held)
    {
        var message = await ReadAsync(server, typed: false);
        if (held) _stopped.TrySetResult();
        else await client.WriteAsync((byte[])[type, .. message], _closing.Token);
        return type == 'Z' ? 1 : 0;
    }

    private async Task<byte[]> ReadAsync(NetworkStream stream, bool typed)
    {
        var head = new byte[typed ? 5 : 4];
        await stream.ReadExactlyAsync(head, _closing.Token);
        var length = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(typed ? 1 : 0));
        var message = new byte[length + (typed ? 1 : 0)];
        head.CopyTo(message, 0);
        await stream.ReadExactlyAsync(message.AsMemory(head.Length), _closing.Token);
        return message;
    }

    private static int Code(byte[] message) => BinaryPrimitives.ReadInt32BigEndian(message.AsSpan(4));

    private static string? StatementIn(byte[] message)
    {
        if (message[0] is not ((byte)'Q' or (byte)'P')) return null;
        var text = message.AsSpan(5);
        if (message[0] == 'P') text = text[(text.IndexOf((byte)0) + 1)..];
        return Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]);
    }

    private static bool IsEnd(Exception e) =>
        e is IOException or OperationCanceledException or ObjectDisposedException or SocketException;

    private sealed class Connection
    {
        public bool Started { get; set; }

        /// <summary>How many answers were asked for: by the start, each Query and each Sync.</summary>
        public long Asked { get; set; } = 1;

        /// <summary>How many answers pass before one is held back.</summary>
        public long HeldFrom { get; set; } = long.MaxValue;
    }
}
