using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
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
public sealed partial class Lumberjack : TaskLoop
{
    /// <summary>The longest time that an access waits for a batch to become full.</summary>
    public static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);

    /// <summary>How long the database is left alone after it was away.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(10);

    /// <summary>The largest message of a logger, in bytes; one access takes about 300.</summary>
    private const int MessageBytesMax = 256 * 1024;

    private const int QueueMax = 10_000;

    private readonly AccessBuffer _buffer;
    private readonly DropLog _dropped;
    private readonly MessageSocket<LogEntry, NoMessages> _loggers;
    private readonly IDatabase _database;
    private DateTimeOffset _notBefore = DateTimeOffset.MinValue;
    private TaskCompletionSource? _room;
    private bool _saidFull;

    public Lumberjack(MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null)
        : base("lumberjack", environment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
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

    private async Task HandleEntry(LogEntry entry)
    {
        Keep(entry);
        if (_buffer.HasBatch && Now >= _notBefore) Force(FlushAsync);
        if (!_buffer.IsFull) return;
        // One entry is handled at a time, so the others wait in the socket, and then with whoever sends them
        if (!_saidFull) Full(Logger, _buffer.Count);
        _saidFull = true;
        var room = _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var quitting = Quitting.UnsafeRegister(_ => room.TrySetResult(), null);
        await room.Task;
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
            }
            catch (DatabaseException away) when (away.Transient)
            {
                _buffer.PutBack(batch);
                _notBefore = Now + RetryPause;
                DatabaseAway(Logger, _buffer.Count, away.Message);
            }
            catch (DatabaseException refusal)
            {
                if (!_buffer.PutBackHalved(batch)) _dropped.Add($"the database refuses it: {refusal.Message}");
            }

            if (!_buffer.IsFull) _room?.TrySetResult();
            _saidFull &= _buffer.Count > AccessBuffer.KeptMax / 2;
        }
    }

    /// <summary>What loggers have sent already is written too, in one attempt.</summary>
    protected override async Task CloseAsync()
    {
        while (_loggers.TryReceive(out var entry)) Keep(entry);
        _notBefore = DateTimeOffset.MinValue;
        await FlushAsync();
        if (_buffer.Count > 0) LeftBehind(Logger, _buffer.Count);
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
}
