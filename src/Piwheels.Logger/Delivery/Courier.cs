using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Logger.Delivery;

/// <summary>
/// Tells the master of batches, in their order. A master of this farm answers each when it is recorded; those that it does not
/// answer are sent again, with the same number. Another master is told hit by hit, and answers nothing. While nobody is there,
/// nothing is handed to libzmq, which could not give it back.
/// </summary>
/// <remarks>To be used by one thread, which calls <see cref="Turn"/> now and then.</remarks>
internal sealed partial class Courier : IDisposable
{
    /// <summary>Batches sent and not answered.</summary>
    public const int Window = 4;

    /// <summary>How long answers are waited for before the master is looked for again.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);

    /// <summary>How long a log queue is seen without a hits queue before it is taken for another master's: ours may just be
    /// ending.</summary>
    public static readonly TimeSpan PlainFor = TimeSpan.FromSeconds(2);

    /// <summary>Hits that libzmq holds for a master that answers nothing.</summary>
    public const int PlainAhead = 1_000;

    /// <summary>How long libzmq goes on sending to such a master after the end.</summary>
    public static readonly TimeSpan PlainLinger = TimeSpan.FromSeconds(10);

    private const int PlainHitsATurn = 1_000;

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PlainLookInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SayInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SayAfter = TimeSpan.FromSeconds(3);

    private readonly string _logQueue;
    private readonly ZmqContext _zmq;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly List<HitBatch> _batches = [];
    private ZmqSocket? _socket;
    private Taking _taking = Taking.Nobody;
    private DateTimeOffset _nextLook = DateTimeOffset.MinValue;
    private DateTimeOffset? _plainSince;
    private DateTimeOffset _lastHeard;
    private DateTimeOffset _nextSaying;
    private DateTimeOffset _aloneSince;
    private DateTimeOffset _lastProgress;
    private Taking _said = Taking.Nobody;
    private int _sent;
    private int _entriesSent;

    public Courier(string logQueue, ZmqContext zmq, TimeProvider time, ILogger logger)
    {
        (_logQueue, _zmq, _time, _logger) = (logQueue, zmq, time, logger);
        _aloneSince = time.GetUtcNow();
        _nextSaying = _aloneSince + SayAfter;
    }

    /// <summary>Batches that are not delivered yet, the oldest first.</summary>
    public IReadOnlyList<HitBatch> Batches => _batches;

    /// <summary>Hits that the master has or, if it answers nothing, that libzmq has.</summary>
    public long Delivered { get; private set; }

    /// <summary>Hits that the master could not record, or that no protocol tells of.</summary>
    public long LeftOut { get; private set; }

    /// <summary>Hits that are not delivered yet.</summary>
    public long Undelivered => _batches.Where(static batch => !batch.IsDone).Sum(static batch => (long)batch.Entries.Count) - _entriesSent;

    /// <summary>Whether it is a master that answers nothing, so that libzmq may hold hits when this ends.</summary>
    public bool IsPlain => _taking == Taking.Plain;

    /// <summary>How long nobody has been there, or taken anything.</summary>
    public TimeSpan Alone => _taking == Taking.Answered ? TimeSpan.Zero : _time.GetUtcNow() - _aloneSince;

    /// <summary>Takes a batch, to be delivered after those before.</summary>
    public void Give(HitBatch batch)
    {
        if (_batches.Count == 0) _lastProgress = _time.GetUtcNow();
        _batches.Add(batch);
    }

    /// <summary>Does what can be done now, without waiting.</summary>
    public void Turn()
    {
        var now = _time.GetUtcNow();
        if (_taking == Taking.Nobody) Look(now);
        if (_taking == Taking.Answered) TurnAnswered(now);
        if (_taking == Taking.Plain) TurnPlain(now);
        if (_batches.Count > 0 && now >= _nextSaying) TellWaiting(now);
    }

    /// <summary>Waits until the master says something, a file descriptor can be read, or the time is over.</summary>
    /// <returns>Whether the descriptor can be read.</returns>
    public bool Wait(TimeSpan limit, int descriptor = -1) =>
        ZmqSocket.WaitReadable(_taking == Taking.Answered ? _socket : null, descriptor, limit);

    /// <summary>Closes. What a master that answers nothing has not been sent is sent within libzmq's time.</summary>
    public void Dispose() => _socket?.Dispose();

    private void TellWaiting(DateTimeOffset now)
    {
        if (_taking == Taking.Nobody) Waiting(_logger, _logQueue, Undelivered);
        else if (now - _lastProgress >= SayInterval) NothingTaken(_logger, _logQueue, Undelivered);
        else return;
        _nextSaying = now + SayInterval;
    }

    private void Look(DateTimeOffset now)
    {
        if (now < _nextLook) return;
        _nextLook = now + LookInterval;
        var seen = MasterProbe.Look(_logQueue);
        if (seen == Taking.Plain && HitsQueue.AddressOf(_logQueue) is not null)
        {
            _plainSince ??= now;
            if (now - _plainSince < PlainFor) return;
        }

        _plainSince = null;
        if (seen == Taking.Nobody) return;
        Open(seen, now);
    }

    private void Open(Taking taking, DateTimeOffset now)
    {
        _taking = taking;
        (_sent, _lastHeard) = (0, now);
        _nextLook = now + PlainLookInterval;
        if (taking == Taking.Answered)
        {
            // What waits unsent is sent again anyway
            _socket = _zmq.CreateSocket(
                ZmqSocketType.Dealer, new SocketOptions { HighWaterMark = 2 * Window, Linger = TimeSpan.Zero });
            _socket.Connect(HitsQueue.AddressOf(_logQueue)!);
            if (_said != taking) Answers(_logger, _logQueue);
        }
        else
        {
            _socket = _zmq.CreateSocket(
                ZmqSocketType.Push, new SocketOptions { HighWaterMark = PlainAhead, Linger = PlainLinger });
            _socket.Connect(_logQueue);
            if (_said != taking) AnswersNothing(_logger, _logQueue);
        }

        _said = taking;
    }

    private void Close(DateTimeOffset now)
    {
        _socket?.Dispose();
        _socket = null;
        _taking = Taking.Nobody;
        _nextLook = now;
        _aloneSince = _lastHeard;
        if (_nextSaying < now + SayAfter) _nextSaying = now + SayAfter;
    }

    private void TurnAnswered(DateTimeOffset now)
    {
        while (_socket!.TryReceive(out var frames))
        {
            _lastHeard = now;
            if (frames is [{ IsEmpty: true }, var payload]) Hear(payload);
        }

        while (_batches is [{ IsDone: true }, ..])
        {
            _batches.RemoveAt(0);
            _sent--;
        }

        if (_sent > 0 && now - _lastHeard >= Silence)
        {
            Silent(_logger, _logQueue);
            Close(now);
            return;
        }

        for (; _sent < Math.Min(Window, _batches.Count); _sent++)
        {
            var batch = _batches[_sent];
            if (!batch.IsDone && !_socket.TrySend(ReadOnlyMemory<byte>.Empty, HitsQueue.Encode(batch.Request, batch.Entries))) return;
            if (_sent == 0) _lastHeard = now;
        }
    }

    private void Hear(ReadOnlyMemory<byte> payload)
    {
        HitsReply.Done done;
        try
        {
            done = (HitsReply.Done)HitsReply.Read(payload);
        }
        catch (WireException wrong)
        {
            Nonsense(_logger, wrong.Message);
            return;
        }

        if (_batches.Find(batch => batch.Request == done.Request) is not { IsDone: false } answered) return;
        answered.IsDone = true;
        _lastProgress = _time.GetUtcNow();
        Delivered += answered.Entries.Count - done.LeftOut;
        LeftOut += done.LeftOut;
    }

    private void TurnPlain(DateTimeOffset now)
    {
        for (var count = 0; count < PlainHitsATurn && _batches.Count > 0; count++)
        {
            var batch = _batches[0];
            if (_entriesSent < batch.Entries.Count)
            {
                if (!_socket!.TrySendFrame(batch.Entries[_entriesSent].Span)) break;
                _entriesSent++;
                Delivered++;
                (_aloneSince, _lastProgress) = (now, now);
            }

            if (_entriesSent < batch.Entries.Count) continue;
            batch.IsDone = true;
            _batches.RemoveAt(0);
            _entriesSent = 0;
        }

        if (now < _nextLook || _entriesSent > 0) return;
        _nextLook = now + PlainLookInterval;
        // A master of ours may have taken the place of another
        if (MasterProbe.Look(_logQueue) == Taking.Answered) Close(now);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "{Address}: the master answers, so nothing is lost or doubled")]
    private static partial void Answers(ILogger logger, string address);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information,
        Message = "{Address}: a master that answers nothing; what is on its way when it ends may be lost")]
    private static partial void AnswersNothing(ILogger logger, string address);

    [LoggerMessage(EventId = 3, Level = LogLevel.Debug, Message = "{Address}: no answer; looking for the master again")]
    private static partial void Silent(ILogger logger, string address);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "the master's answer is none: {Reason}")]
    private static partial void Nonsense(ILogger logger, string reason);

    [LoggerMessage(EventId = 6, Level = LogLevel.Warning,
        Message = "{Address}: the master has taken nothing for a minute; {Count} hits wait for it")]
    private static partial void NothingTaken(ILogger logger, string address, long count);

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning, Message = "{Address}: no master is there; {Count} hits wait for it")]
    private static partial void Waiting(ILogger logger, string address, long count);
}
