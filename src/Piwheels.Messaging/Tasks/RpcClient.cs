using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>What a loop needs to know of an RPC client, whatever its messages are.</summary>
internal interface IRpcClient : IDisposable
{
    /// <summary>Fails everything under way: no answer will come any more.</summary>
    void Abandon(string reason);
}

/// <summary>
/// Asks another task. Many requests may be under way at a time; each has a time limit, and a late answer is dropped.
/// </summary>
public sealed class RpcClient<TRequest, TReply> : IRpcClient
    where TRequest : class, IWireMessage<TRequest>
    where TReply : class, IWireMessage<TReply>
{
    /// <summary>From which length on a request is encoded beside the others.</summary>
    private const int LargeFrom = 256 * 1024;

    private readonly ZmqSocket _socket;
    private readonly LoopContext _context;
    private readonly DropLog _dropped;
    private readonly TimeProvider _time;
    private readonly string _address;
    private readonly TimeSpan _timeout;
    private readonly int _pendingMax;
    private readonly WireEncoder _encoder = new();
    private readonly Dictionary<ulong, TaskCompletionSource<TReply>> _pending = [];
    private readonly Queue<(ulong Id, DateTimeOffset Until)> _deadlines = new();
    private readonly ITimer _timer;
    private ulong _lastId;
    private bool _timerSet;
    private string? _abandoned;

    internal RpcClient(RpcClientSetup setup)
    {
        _socket = setup.Socket;
        _context = setup.Context;
        _time = setup.Time;
        _address = setup.Address;
        _timeout = setup.Timeout;
        _pendingMax = setup.PendingMax;
        _dropped = new DropLog(setup.Logger, setup.Time, setup.Address);
        _timer = _time.CreateTimer(
            _ => _context.Post(static self => ((RpcClient<TRequest, TReply>)self!).Expire(), this),
            null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many requests are under way.</summary>
    public int Pending => _pending.Count;

    /// <summary>Asks, and waits for the answer upon the task's thread. From any thread.</summary>
    /// <exception cref="RpcException">The other side failed, too many are under way, or the time is over.</exception>
    public Task<TReply> AskAsync(TRequest request, CancellationToken ct = default)
    {
        if (_context.OnThread)
            return Ask(request, ct);
        var asked = new TaskCompletionSource<Task<TReply>>(TaskCreationOptions.RunContinuationsAsynchronously);
        return _context.TryPost(_ => asked.SetResult(Ask(request, ct)))
            ? asked.Task.Unwrap()
            : Refuse("the task that asks has ended");
    }

    private Task<TReply> Ask(TRequest request, CancellationToken ct) =>
        request is ILargeMessage { Length: > LargeFrom } ? AskLargeAsync(request, ct) : Ask(_encoder.Encode(request), ct);

    // Encoded on another thread, so that nobody waits for that whom the task serves meanwhile
    private async Task<TReply> AskLargeAsync(TRequest request, CancellationToken ct)
    {
        var payload = await Task.Run(() => new WireEncoder().Encode(request).ToArray(), ct);
        return await Ask(payload, ct);
    }

    private Task<TReply> Ask(ReadOnlySpan<byte> payload, CancellationToken ct)
    {
        if (ct.IsCancellationRequested)
            return Task.FromCanceled<TReply>(ct);
        if (_abandoned is { } reason)
            return Refuse(reason);
        if (_pending.Count >= _pendingMax)
            return Refuse($"{_pendingMax} requests are under way at {_address}");
        Span<byte> id = stackalloc byte[RpcFrames.IdBytes];
        BinaryPrimitives.WriteUInt64BigEndian(id, ++_lastId);
        if (!_socket.TrySendFrame(id, more: true) || !_socket.TrySendFrame(payload))
            return Refuse($"{_address} takes in nothing");
        var answer = new TaskCompletionSource<TReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending.Add(_lastId, answer);
        _deadlines.Enqueue((_lastId, _time.GetUtcNow() + _timeout));
        SetTimer();
        return ct.CanBeCanceled ? WithCancellation(_lastId, answer, ct) : answer.Task;
    }

    private async Task<TReply> WithCancellation(ulong id, TaskCompletionSource<TReply> answer, CancellationToken ct)
    {
        await using var registration = ct.Register(() =>
        {
            if (answer.TrySetCanceled(ct))
                _context.Post(_ => _pending.Remove(id), null);
        });
        return await answer.Task;
    }

    private static Task<TReply> Refuse(string reason) =>
        Task.FromException<TReply>(new RpcException(reason, transient: true));

    internal void ReadReplies()
    {
        for (var count = 0; count < SocketReader.MessagesPerTurn && _socket.TryReceive(out var frames); count++)
        {
            if (frames is [{ Length: RpcFrames.IdBytes } id, { Length: 1 } status, var payload])
                Complete(BinaryPrimitives.ReadUInt64BigEndian(id.Span), status.Span[0], payload);
            else
                _dropped.Add($"{frames.Length} frames are no answer");
        }
    }

    private void Complete(ulong id, byte status, ReadOnlyMemory<byte> payload)
    {
        // Not there: given up before, for its time was over
        if (!_pending.Remove(id, out var answer))
            return;
        if (status != RpcFrames.Done)
        {
            var text = Encoding.UTF8.GetString(payload.Span);
            answer.TrySetException(new RpcException(text, transient: status == RpcFrames.FailedForNow));
            return;
        }

        if (WirePayload.Read<TReply>(payload, _dropped, out var reason) is { } reply)
            answer.TrySetResult(reply);
        else
            answer.TrySetException(new RpcException($"{_address} answered nonsense: {reason}", transient: false));
    }

    private void Expire()
    {
        _timerSet = false;
        var now = _time.GetUtcNow();
        while (_deadlines.TryPeek(out var first) && (first.Until <= now || !_pending.ContainsKey(first.Id)))
        {
            _deadlines.Dequeue();
            if (_pending.Remove(first.Id, out var answer))
            {
                answer.TrySetException(
                    new RpcException($"{_address} did not answer within {_timeout}", transient: true));
            }
        }

        SetTimer();
    }

    // One timer for the oldest request: all have the same limit, so they expire in their order
    private void SetTimer()
    {
        while (_deadlines.TryPeek(out var answered) && !_pending.ContainsKey(answered.Id))
            _deadlines.Dequeue();
        if (_timerSet || !_deadlines.TryPeek(out var first))
            return;
        _timerSet = true;
        var rest = first.Until - _time.GetUtcNow();
        _timer.Change(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    void IRpcClient.Abandon(string reason)
    {
        _abandoned = reason;
        foreach (var answer in _pending.Values)
            answer.TrySetException(new RpcException(reason, transient: true));
        _pending.Clear();
    }

    void IDisposable.Dispose() => _timer.Dispose();
}

/// <summary>What an RPC client is made of.</summary>
internal sealed record RpcClientSetup(
    ZmqSocket Socket,
    LoopContext Context,
    ILogger Logger,
    TimeProvider Time,
    string Address,
    TimeSpan Timeout,
    int PendingMax);

/// <summary>Takes in an RPC client's answers, also while its task quits.</summary>
internal sealed class RpcReplyReader(ZmqSocket socket, Action read) : SocketReader(socket)
{
    public override bool WhileQuitting => true;

    public override bool Wanted => true;

    public override void Read() => read();
}
