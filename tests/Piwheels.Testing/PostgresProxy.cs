using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Piwheels.Storage;

namespace Piwheels.Testing;

/// <summary>
/// Stands between a client and a PostgreSQL server, passes on what both say (PostgreSQL documentation, chapter 55), and
/// loses answers where a test says so: the server has committed, and its client is cut off before it hears so.
/// </summary>
public sealed class PostgresProxy : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dsn _server;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentDictionary<Session, Task> _sessions = [];
    private readonly ConcurrentDictionary<string, Loss> _losses = new(StringComparer.Ordinal);
    private readonly Task _accepting;
    private volatile bool _refusing;

    private PostgresProxy(Dsn server)
    {
        _server = server;
        _listener.Bind(new UnixDomainSocketEndPoint(SocketOf(_folder.Path)));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary>The server's database, by way of the proxy.</summary>
    public Dsn Dsn => Dsn.Parse(
        $"postgresql://{_server.Username}@{Uri.EscapeDataString(_folder.Path)}/{Uri.EscapeDataString(_server.Database)}");

    public static PostgresProxy Before(Dsn server) => new(server);

    /// <summary>
    /// Loses the answer to the next statement that calls a function: it takes effect, and the connection is cut.
    /// </summary>
    /// <returns>Ends when that has happened.</returns>
    public Task LoseAnswerOf(string function, int times = 1)
    {
        var loss = new Loss(times);
        _losses[function] = loss;
        return loss.Done.Task.Within();
    }

    /// <summary>From now on connections are cut as soon as they are made, or are not any more.</summary>
    public void Refuse(bool refused) => _refusing = refused;

    /// <summary>Cuts all connections.</summary>
    public void Cut()
    {
        foreach (var session in _sessions.Keys) session.Dispose();
    }

    /// <summary>
    /// Nothing passes any more on the connections that there are, as when a line is broken; new ones are as before.
    /// </summary>
    public void Mute()
    {
        foreach (var session in _sessions.Keys) session.Mute();
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Dispose();
        await _accepting;
        Cut();
        await Task.WhenAll(_sessions.Values);
        _ending.Dispose();
        _folder.Dispose();
    }

    private static string SocketOf(string folder) => Path.Combine(folder, ".s.PGSQL.5432");

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync(_ending.Token);
                if (_refusing)
                {
                    client.Dispose();
                    continue;
                }

                var session = new Session(this, client);
                var running = session.RunAsync(SocketOf(_server.Host));
                _sessions[session] = running;
                _ = running.ContinueWith(_ => _sessions.TryRemove(session, out Task? _), TaskScheduler.Default);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed
        }
    }

    private Loss? LossOf(string sql) =>
        _losses.FirstOrDefault(each => sql.Contains(each.Key + "(", StringComparison.Ordinal)).Value is { } loss && loss.Take()
            ? loss
            : null;

    /// <summary>Answers that are still to be lost.</summary>
    private sealed class Loss(int times)
    {
        private int _left = times;
        private int _toHappen = times;

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Take() => Interlocked.Decrement(ref _left) >= 0;

        public void Happened()
        {
            if (Interlocked.Decrement(ref _toHappen) == 0) Done.TrySetResult();
        }
    }

    /// <summary>One client's connection and its own to the server.</summary>
    private sealed class Session(PostgresProxy proxy, Socket client) : IDisposable
    {
        private const int SslRequest = 80877103;
        private const int GssRequest = 80877104;
        private const int CancelRequest = 80877102;

        private readonly Socket _server = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly Dictionary<string, string> _statements = new(StringComparer.Ordinal);
        private volatile Loss? _loss;

        // Of ReadyForQuery, which answers the start, each Query and each Sync
        private long _due = 1;
        private long _come;
        private long _lossAt;
        private volatile bool _mute;

        public void Mute() => _mute = true;

        public void Dispose()
        {
            client.Dispose();
            _server.Dispose();
        }

        public async Task RunAsync(string serverSocket)
        {
            try
            {
                await _server.ConnectAsync(new UnixDomainSocketEndPoint(serverSocket));
                await using var fromClient = new NetworkStream(client);
                await using var fromServer = new NetworkStream(_server);
                if (!await StartAsync(fromClient, fromServer)) return;
                await Task.WhenAny(
                    PassAsync(fromClient, fromServer, Heed), PassAsync(fromServer, fromClient, MayPass));
            }
            catch (Exception end) when (end is IOException or SocketException or ObjectDisposedException)
            {
                // One of both has gone, and so does the other
            }
            finally
            {
                Dispose();
            }
        }

        /// <summary>The start has messages without a type. False when it was all.</summary>
        private static async Task<bool> StartAsync(NetworkStream client, NetworkStream server)
        {
            while (true)
            {
                var length = new byte[4];
                await client.ReadExactlyAsync(length);
                var body = new byte[BinaryPrimitives.ReadInt32BigEndian(length) - 4];
                await client.ReadExactlyAsync(body);
                await server.WriteAsync(length);
                await server.WriteAsync(body);
                switch (BinaryPrimitives.ReadInt32BigEndian(body))
                {
                    case SslRequest or GssRequest:
                        var answer = new byte[1];
                        await server.ReadExactlyAsync(answer);
                        await client.WriteAsync(answer);
                        break;
                    case CancelRequest:
                        return false;
                    default:
                        return true;
                }
            }
        }

        /// <summary>Passes whole messages on, until one may not pass.</summary>
        private async Task PassAsync(NetworkStream from, NetworkStream to, Func<byte, byte[], bool> mayPass)
        {
            var head = new byte[5];
            while (true)
            {
                await from.ReadExactlyAsync(head);
                var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1)) - 4];
                await from.ReadExactlyAsync(body);
                if (_mute || !mayPass(head[0], body)) continue;
                await to.WriteAsync(head);
                await to.WriteAsync(body);
            }
        }

        /// <summary>Which statement comes: Parse names it, Bind has it run.</summary>
        private bool Heed(byte type, byte[] body)
        {
            if (type == 'P')
            {
                var (name, at) = Text(body, 0);
                _statements[name] = Text(body, at).Value;
            }
            else if (type == 'B' && _loss is null)
            {
                var (_, at) = Text(body, 0);
                if (_statements.TryGetValue(Text(body, at).Value, out var sql) && proxy.LossOf(sql) is { } loss)
                {
                    _lossAt = _due + 1;
                    _loss = loss;
                }
            }
            else if (type == 'Q' || type == 'S')
            {
                _due++;
            }

            return true;
        }

        /// <summary>
        /// ReadyForQuery comes after the commit (55.2.3): nothing of the answer has passed, and now nobody is left to
        /// take it. What was asked before, as when a connection of a pool is used again, is answered.
        /// </summary>
        private bool MayPass(byte type, byte[] body)
        {
            if (type == 'Z') _come++;
            if (_loss is not { } loss || _come < _lossAt - 1) return true;
            if (type != 'Z') return false;
            if (_come < _lossAt) return true;
            Dispose();
            loss.Happened();
            return false;
        }

        private static (string Value, int Next) Text(byte[] body, int at)
        {
            var end = Array.IndexOf(body, (byte)0, at);
            return (Encoding.UTF8.GetString(body, at, end - at), end + 1);
        }
    }
}
