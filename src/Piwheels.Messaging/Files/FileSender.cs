using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Files;

/// <summary>
/// Sends one file to the master's file queue: a slave after SEND, an importer likewise. Runs on a thread of its own, so
/// that its caller can go on talking to the master.
/// </summary>
public sealed partial class FileSender
{
    /// <summary>The longest wait before a cancellation is looked for.</summary>
    private static readonly TimeSpan PollMax = TimeSpan.FromMilliseconds(200);

    private readonly ZmqContext _zmq;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SocketOptions _options;
    private readonly Action<long>? _sent;

    /// <param name="options">Keys, if the file queue wants any.</param>
    /// <param name="sent">Told, on the sender's thread, up to where in the file a chunk was sent.</param>
    public FileSender(
        ZmqContext zmq, TimeProvider time, ILogger logger, SocketOptions? options = null, Action<long>? sent = null)
    {
        _sent = sent;
        _zmq = zmq;
        _time = time;
        _logger = logger;
        _options = options ?? new SocketOptions();
    }

    /// <summary>Sends the file, and returns once the master has every byte.</summary>
    /// <param name="address">The file queue, e.g. <c>tcp://localhost:5556</c>.</param>
    /// <param name="slaveId">The number from the master's ACK; 0 for an import.</param>
    /// <param name="path">The file.</param>
    /// <param name="silenceMax">How long the master may be silent; 5 minutes unless given.</param>
    /// <exception cref="FileSendException">The master stayed silent, or asked without end.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The sending was called off.</exception>
    public Task SendAsync(
        string address, int slaveId, string path, TimeSpan? silenceMax = null, CancellationToken ct = default) =>
        Task.Factory.StartNew(
            () => Send(address, slaveId, path, silenceMax, ct),
            ct,
            TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
            TaskScheduler.Default);

    private void Send(string address, int slaveId, string path, TimeSpan? silenceMax, CancellationToken ct)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        using var socket = _zmq.CreateSocket(ZmqSocketType.Dealer, _options);
        socket.Connect(address);
        var session = new SendingSession(RandomAccess.GetLength(file), _time.GetUtcNow(), silenceMax);
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            var step = Next(socket, session);
            switch (step)
            {
                case SendStep.SayHello:
                    // Not sent: the next silence says it again
                    socket.TrySend([.. new FileRequest.Hello(slaveId).ToFrames()]);
                    break;
                case SendStep.SendChunk chunk:
                    var bytes = new byte[chunk.Length];
                    if (RandomAccess.Read(file, bytes, chunk.Offset) != bytes.Length)
                    {
                        throw new FileSendException($"{path} became shorter while it was being sent");
                    }

                    socket.TrySend([.. new FileRequest.Chunk(chunk.Offset, bytes).ToFrames()]);
                    _sent?.Invoke(chunk.Offset + chunk.Length);
                    break;
                case SendStep.Finish:
                    return;
                case SendStep.GiveUp(var reason):
                    throw new FileSendException(reason);
                case SendStep.Wait(var limit):
                    socket.WaitReadable(limit < PollMax ? limit : PollMax);
                    break;
                case SendStep.Ignore(var reason):
                    ReplyIgnored(_logger, address, reason);
                    break;
            }
        }
    }

    private SendStep Next(ZmqSocket socket, SendingSession session)
    {
        if (!socket.TryReceive(out var frames)) return session.Tick(_time.GetUtcNow());
        try
        {
            return session.Receive(FileReply.Read(frames), _time.GetUtcNow());
        }
        catch (WireException wrong)
        {
            return new SendStep.Ignore(wrong.Message);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "{Address}: {Reason}")]
    private static partial void ReplyIgnored(ILogger logger, string address, string reason);
}

/// <summary>A file could not be sent; the text says why.</summary>
public sealed class FileSendException(string message) : Exception(message);
