using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.AccessLog;

/// <summary>
/// Takes what piw-logger reads in the web server's log, and has the database record it in batches, each once. While the
/// database is away, accesses are kept up to a limit; then no more are read, and piw-logger waits or drops as it was told
/// to. What is dropped here is counted.
/// </summary>
/// <remarks>
/// On the log queue nothing is answered. On the hits queue beside it, a logger hears of each of its batches when that is
/// recorded, and sends those again of which it does not hear: so a master may end at any moment, and nothing is lost.
/// </remarks>
public sealed partial class Lumberjack : TaskLoop
{
    /// <summary>The longest time that an access waits for a batch to become full.</summary>
    public static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);

    /// <summary>How long the database is left alone after it was away.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    /// <summary>The largest message of a logger, in bytes; one access takes about 300.</summary>
    private const int MessageBytesMax = 256 * 1024;

    private const int QueueMax = 10_000;

    /// <summary>Batches of one logger that wait unread.</summary>
    private const int BatchesAhead = 16;

    /// <summary>How long nothing comes from loggers before what they had sent is taken to be read.</summary>
    private static readonly TimeSpan DrainSilence = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(1);

    private readonly AccessBuffer _buffer;
    private readonly DropLog _dropped;
    private readonly MessageSocket<LogEntry, NoMessages> _loggers;
    private readonly RouterSocket<HitsRequest, HitsReply>? _hits;
    private readonly Dictionary<Guid, OwedAnswer> _owed = [];
    private readonly IDatabase _database;
    private DateTimeOffset _notBefore = DateTimeOffset.MinValue;
    private TaskCompletionSource? _room;
    private bool _saidFull;

    public Lumberjack(MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null)
        : base("lumberjack", environment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        // First, so that whoever finds the log queue without it knows that this is another master
        if (HitsQueue.AddressOf(configuration.LogQueue) is { } hits)
        {
            _hits = BindRouter<HitsRequest, HitsReply>(
                hits, new SocketOptions { MaxMessageBytes = HitsQueue.MessageBytesMax, ReceiveHighWaterMark = BatchesAhead });
            Register(_hits, HandleHits);
        }

        _loggers = Bind<LogEntry, NoMessages>(ZmqSocketType.Pull, configuration.LogQueue, new SocketOptions
        {
            HighWaterMark = QueueMax,
            MaxMessageBytes = MessageBytesMax,
        });
        _database = database;
        _buffer = new AccessBuffer(Time);
        _dropped = new DropLog(Logger, Time, configuration.LogQueue);
        Register(_loggers, HandleEntry);
        EveryEvenPaused(FlushInterval, FlushAsync);
    }

    private Task HandleEntry(LogEntry entry)
    {
        Keep(entry);
        if (_buffer.HasBatch && Now >= _notBefore) Force(FlushAsync);
        return RoomAsync();
    }

    private Task HandleHits(PeerAddress from, HitsRequest request)
    {
        var hits = (HitsRequest.Hits)request;
        if (_owed.TryGetValue(hits.Request, out var known))
        {
            known.Logger = from;
            return Task.CompletedTask;
        }

        var accesses = new List<AccessState>(hits.Entries.Count);
        foreach (var bytes in hits.Entries)
        {
            if (Read(bytes) is { } access) accesses.Add(access);
        }

        var owed = new OwedAnswer(hits.Request, from, hits.Entries.Count - accesses.Count);
        _owed.Add(hits.Request, owed);
        _buffer.Add(new AccessBatch(hits.Request, accesses, owed));
        if (Now >= _notBefore) Force(FlushAsync);
        return RoomAsync();
    }

    private AccessState? Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var entry = LogEntry.Read(bytes);
            if (_buffer.FaultOf(entry.Access) is not { } fault) return entry.Access;
            _dropped.Add($"{entry.Name}: {fault}");
        }
        catch (WireException wrong)
        {
            _dropped.Add(wrong.Message);
        }

        return null;
    }

    /// <summary>Ends at once, or when there is room again: one message of a socket is handled at a time, so the others wait
    /// in the socket, and then with whoever sends them.</summary>
    private async Task RoomAsync()
    {
        if (!_buffer.IsFull) return;
        if (!_saidFull) Full(Logger, _buffer.Count);
        _saidFull = true;
        var room = _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var quitting = Quitting.UnsafeRegister(_ => room.TrySetResult(), null);
        await room.Task;
    }

    private void LetIn()
    {
        _room?.TrySetResult();
        _room = null;
    }

    private void Keep(LogEntry entry)
    {
        if (_buffer.Add(entry.Access) is { } reason) _dropped.Add($"{entry.Name}: {reason}");
    }

    private async Task FlushAsync()
    {
        while (Now >= _notBefore && _buffer.Take() is { } batch)
        {
            try
            {
                var all = batch.Accesses.Count;
                var refused = all - await _database.LogAccessAsync(batch.Accesses, batch.Request);
                if (refused > 0) Refused(Logger, refused, all);
                End(batch, refused);
            }
            catch (DatabaseException away) when (away.Transient)
            {
                _buffer.PutBack(batch);
                _notBefore = Now + RetryPause;
                DatabaseAway(Logger, _buffer.Count, away.Message);
            }
            catch (DatabaseException refusal)
            {
                if (!_buffer.PutBackHalved(batch))
                {
                    _dropped.Add($"the database refuses it: {refusal.Message}");
                    End(batch, batch.Accesses.Count);
                }
            }

            if (!_buffer.IsFull) LetIn();
            _saidFull &= _buffer.Count > AccessBuffer.KeptMax / 2;
        }
    }

    private void End(AccessBatch batch, int leftOut)
    {
        if (batch.Owed is not { } owed || !owed.EndPart(leftOut)) return;
        _owed.Remove(owed.Request);
        // A logger that has gone sends it again, and is answered then
        _hits!.TrySend(owed.Logger, owed.Answer);
    }

    /// <summary>
    /// What loggers have sent already is written too, in one attempt. Whoever is to be answered sends again what is not.
    /// </summary>
    protected override async Task CloseAsync()
    {
        Drain();
        _notBefore = DateTimeOffset.MinValue;
        await FlushAsync();
        if (_buffer.CountWithoutOwner is var lost and > 0) LeftBehind(Logger, lost);
        if (_owed.Count > 0) SentAgain(Logger, _owed.Count);
    }

    /// <summary>Lets nobody else in, and reads what comes by the connections that are there until they fall silent.</summary>
    private void Drain()
    {
        foreach (var endpoint in _loggers.Socket.Endpoints.ToList()) _loggers.Socket.Unbind(endpoint);
        var began = TimeProvider.System.GetTimestamp();
        do
        {
            while (_loggers.TryReceive(out var entry)) Keep(entry);
        }
        while (TimeProvider.System.GetElapsedTime(began) < DrainLimit && _loggers.Socket.WaitReadable(DrainSilence));
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Debug,
        Message = "{Count} accesses wait for the database, which is away: {Reason}")]
    private static partial void DatabaseAway(ILogger logger, int count, string reason);

    [LoggerMessage(EventId = 22, Level = LogLevel.Warning,
        Message = "{Count} of {All} accesses are left out: the database takes no such name, address or date")]
    private static partial void Refused(ILogger logger, int count, int all);

    [LoggerMessage(EventId = 23, Level = LogLevel.Warning,
        Message = "{Count} accesses wait for the database: until there are fewer, loggers are kept waiting")]
    private static partial void Full(ILogger logger, int count);

    [LoggerMessage(EventId = 21, Level = LogLevel.Warning,
        Message = "{Count} accesses could not be recorded, and are lost")]
    private static partial void LeftBehind(ILogger logger, int count);

    [LoggerMessage(EventId = 24, Level = LogLevel.Information,
        Message = "{Count} batches of loggers could not be recorded; they send them again")]
    private static partial void SentAgain(ILogger logger, int count);
}
