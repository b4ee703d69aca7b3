using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.Ranges;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Transfers;

/// <summary>
/// Takes in the files of slaves and importers over the file queue. FsClients say what to expect of whom, have it
/// verified, and published when it is recorded. Tells BigBrother how full the disk is.
/// </summary>
public sealed partial class FileJuggler : TaskLoop
{
    /// <summary>
    /// Free disk, in bytes, that transfers leave, for pages, logs and the database; less where the operator's limit is
    /// lower.
    /// </summary>
    public const long DiskReserveBytes = 512L * 1024 * 1024;

    /// <summary>How often the disk is looked at.</summary>
    public static readonly TimeSpan StatisticsInterval = TimeSpan.FromSeconds(10);

    /// <summary>How often transfers that have come to nothing are looked for.</summary>
    public static readonly TimeSpan ExpiryInterval = TimeSpan.FromSeconds(10);

    /// <summary>How often it is looked whether what could not be published before now can.</summary>
    public static readonly TimeSpan SettleInterval = TimeSpan.FromSeconds(10);

    /// <summary>The longest time that an import waits for others.</summary>
    private static readonly TimeSpan ImportWaitMax = TimeSpan.FromMinutes(1);

    /// <summary>The largest message of a sender, in bytes; a chunk is 65,536.</summary>
    private const int MessageBytesMax = 256 * 1024;

    /// <summary>Messages that are read on for one peer: twice what it may be asked for at a time.</summary>
    private const int MessagesPerSenderMax = 20;

    /// <summary>Messages taken from the file queue before others have their turn.</summary>
    private const int MessagesPerTurn = 64;

    /// <summary>Requests of FsClients under way; each waits for the disk or for its turn.</summary>
    private const int RequestsMax = 10_000;

    private readonly TransferTable _transfers;
    private readonly OutputFolder _output;
    private readonly WheelPublisher _publisher;
    private readonly MasterConfiguration _configuration;
    private readonly ZmqSocket _senders;
    private readonly ZmqSocket? _keyedSenders;
    private readonly SlaveGate _keys;
    private readonly MessageSocket<NoMessages, StatsMessage> _stats;
    private readonly DropLog _ignored;
    private readonly DropLog _unstored;
    private readonly Func<(long Size, long Free)> _disk;
    private readonly long _reserve;
    private readonly LinkedList<DateTimeOffset> _importTurns = new();
    private TaskCompletionSource _importCame = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _diskFree = long.MaxValue;

    /// <param name="gate">Who may send with a key; nobody, unless given.</param>
    /// <param name="disk">Tells size and free bytes of the disk, instead of the disk itself.</param>
    public FileJuggler(
        MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null,
        Func<(long Size, long Free)>? disk = null, SlaveGate? gate = null)
        : base("file_juggler", environment)
    {
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        _configuration = configuration;
        _reserve = Math.Min(DiskReserveBytes, configuration.DiskMin);
        _output = new OutputFolder(configuration.OutputPath, configuration.FlushWheels);
        _publisher = new WheelPublisher(database, _output, Time, Logger);
        _disk = disk ?? _output.Disk;
        _transfers = new TransferTable(static incoming => incoming.Content?.Dispose());
        _keys = gate ?? SlaveGate.Open("", Logger);
        _senders = BindRaw(ZmqSocketType.Router, configuration.FileQueue, SenderSocketOptions(configuration));
        _keyedSenders = BindKeyed(configuration);
        BindRpc<FsRequest, FsReply>(configuration.FsQueue, HandleRequest, RequestsMax);
        _stats = Connect<NoMessages, StatsMessage>(ZmqSocketType.Push, configuration.StatsQueue);
        _ignored = new DropLog(Logger, Time, configuration.FileQueue);
        _unstored = new DropLog(Logger, Time, configuration.FileQueue);
        Register(_senders, HandleSenders);
        if (_keyedSenders is not null) Register(_keyedSenders, HandleSenders);
        EveryEvenPaused(StatisticsInterval, TellStatistics);
        EveryEvenPaused(SettleInterval, () => _publisher.SettleAsync(Quitting));
        EveryEvenPaused(ExpiryInterval, Expire);
    }

    internal TransferTable Transfers => _transfers;

    private static SocketOptions SenderSocketOptions(MasterConfiguration configuration) => new()
    {
        LoopbackOnly = !configuration.StrangersMayConnect,
        TellsPeers = true,
        CutsEndless = true,
        ReceiveHighWaterMark = MessagesPerSenderMax,
        MaxMessageBytes = MessageBytesMax,
    };

    private ZmqSocket? BindKeyed(MasterConfiguration configuration)
    {
        if (_keys.Keys is not { } own) return null;
        _keys.WhenChanged(() => Post(() => _transfers.ForgetKeys(key => !_keys.AdmitsKey(key))));
        return BindRaw(
            ZmqSocketType.Router, configuration.KeyedFileQueue,
            SenderSocketOptions(configuration) with { LoopbackOnly = false, CurveServerSecretKey = own.SecretKey });
    }

    protected override Task OnceAsync()
    {
        var left = _output.Clean();
        if (left > 0) LeftoversRemoved(Logger, left);
        _publisher.TakeOver(_output.Held());
        if (!_configuration.StrangersMayConnect && LoopbackAddresses.Concerns(_configuration.FileQueue))
            OnLoopbackOnly(Logger, _configuration.FileQueue);
        return Task.CompletedTask;
    }

    protected override Task CloseAsync()
    {
        _transfers.Clear();
        return Task.CompletedTask;
    }

    private void HandleSenders(ZmqSocket socket)
    {
        for (var count = 0; count < MessagesPerTurn && socket.TryReceive(out var frames, out var sender); count++)
        {
            if (frames.Length == 0)
            {
                _ignored.Add("too large");
                continue;
            }

            if (!_keys.Admits(sender))
            {
                _ignored.Add("its sender may not connect any more");
                continue;
            }

            var message = new ArraySegment<ReadOnlyMemory<byte>>(frames, 1, frames.Length - 1);
            try
            {
                CarryOut(sender, _transfers.Receive(sender, FileRequest.Read(message), Now));
            }
            catch (WireException wrong)
            {
                _ignored.Add(wrong.Message);
            }
        }
    }

    private void CarryOut(PeerAddress sender, TransferStep step)
    {
        switch (step)
        {
            case TransferStep.Fetch(var ranges):
                Fetch(sender, ranges);
                ReleaseImports();
                break;
            case TransferStep.Store(var incoming, var chunk):
                Store(incoming, chunk);
                break;
            case TransferStep.Complete:
                Send(sender, new FileReply.Done());
                break;
            case TransferStep.Ignore(var reason):
                _ignored.Add(reason);
                break;
        }
    }

    private void Fetch(PeerAddress sender, IReadOnlyList<ByteRange> ranges)
    {
        foreach (var range in ranges) Send(sender, new FileReply.Fetch(range.Start, (int)range.Length));
    }

    private void Send(PeerAddress sender, FileReply reply)
    {
        // One that has gone, or does not read, says HELLO again if it comes to itself
        var socket = sender.Key is null ? _senders : _keyedSenders!;
        if (!socket.TrySend([sender.Bytes, .. reply.ToFrames()])) _ignored.Add("the sender does not listen");
    }

    private async Task<FsReply> HandleRequest(FsRequest request)
    {
        switch (request)
        {
            case FsRequest.Expect expect:
                await ExpectAsync(OwnerOf(expect.Owner), expect);
                return new FsReply.Ok();
            case FsRequest.Verify verify:
                return await VerifyAsync(OwnerOf(verify.Owner), verify.Package);
            case FsRequest.Publish publish:
                await _publisher.PublishAsync(OwnerOf(publish.Owner), Quitting);
                return new FsReply.Ok();
            case FsRequest.Forget forget:
                _transfers.Forget(OwnerOf(forget.Owner));
                _publisher.Forget(OwnerOf(forget.Owner));
                ReleaseImports();
                return new FsReply.Ok();
            case FsRequest.Disk:
                var (size, free) = _disk();
                return new FsReply.Room(size, free);
            default:
                throw new InvalidOperationException($"{request} is no request");
        }
    }

    private static TransferOwner OwnerOf(int number) => number == 0
        ? throw new RpcException("0 is no slave, and no import in particular", transient: false)
        : TransferOwner.OfNumber(number);

    private async Task ExpectAsync(TransferOwner owner, FsRequest.Expect asked)
    {
        if (owner.IsImport) await WaitForOtherImports();
        try
        {
            Expect(owner, asked.File, asked.Origin, asked.Key);
        }
        finally
        {
            // The next one's turn may have come: this import was refused, or came first and let it through at once
            if (owner.IsImport) ReleaseImports();
        }
    }

    private void Expect(TransferOwner owner, FileState file, string origin, string? key)
    {
        var free = _disk().Free;
        // Promises count for half of what is free at most: they may be lies, and shall not keep everybody else's files out
        if (free - Math.Min(_transfers.BytesDue, free / 2) - file.FileSize < _reserve)
        {
            _unstored.Add($"no room for {file.Filename} of {owner}: {file.FileSize} bytes, with {free} free");
            throw new RpcException($"there is no room for {file.FileSize} bytes", transient: true);
        }

        if (_publisher.Count >= WheelPublisher.KeptMax)
            throw new RpcException($"{WheelPublisher.KeptMax} files wait for their builds to be recorded", transient: true);
        if (_transfers.Expect(owner, file, Now, origin, key) is { } reason) throw new RpcException(reason, transient: false);
    }

    /// <summary>
    /// Importers cannot be told apart: the sender that comes next belongs to the import asked for last.
    /// </summary>
    private async Task WaitForOtherImports()
    {
        var until = Now + ImportWaitMax;
        var turn = _importTurns.AddLast(until);
        try
        {
            while (_transfers.ImportIsDue(Now) || _importTurns.First != turn)
            {
                if (Now >= until) throw new RpcException("other imports are under way", transient: true);
                using var over = CancellationTokenSource.CreateLinkedTokenSource(Quitting);
                await Task.WhenAny(_importCame.Task, Task.Delay(TransferTable.ImportComesWithin, Time, over.Token));
                await over.CancelAsync();
                Quitting.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            _importTurns.Remove(turn);
        }
    }

    /// <summary>Lets imports go on that wait for the sender of another one.</summary>
    private void ReleaseImports()
    {
        if (_transfers.ImportIsDue(Now)) return;
        var came = _importCame;
        _importCame = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        came.TrySetResult();
    }

    private async Task<FsReply> VerifyAsync(TransferOwner owner, PackageName package)
    {
        if (_transfers.Find(owner) is not { } expected)
        {
            throw new RpcException($"nothing is expected of {owner}", transient: false);
        }

        if (expected.Verifying) throw new RpcException($"the file of {owner} is being verified", transient: false);
        expected.Verifying = true;
        try
        {
            await Task.WhenAll(expected.Incoming.Select(static incoming => incoming.Writing));
            var result = await VerifyAsync(expected, package);
            _transfers.End(expected);
            ReleaseImports();
            return result switch
            {
                VerifyResult.Mismatched(var reason) => new FsReply.Mismatched(reason),
                VerifyResult.Refused(var reason) => new FsReply.Refused(reason),
                VerifyResult.Verified(var requiresPython) => new FsReply.Verified(requiresPython),
                _ => throw new InvalidOperationException($"{result} is no result"),
            };
        }
        finally
        {
            // Where the disk failed it may be verified once more
            expected.Verifying = false;
        }
    }

    /// <summary>Several may have sent the file, strangers among them; the one that is right counts.</summary>
    private async Task<VerifyResult> VerifyAsync(ExpectedFile expected, PackageName package)
    {
        VerifyResult result = new VerifyResult.Mismatched(expected.Problem ?? "not all of it has come");
        foreach (var incoming in expected.Incoming.Where(static incoming => incoming.State.Done).ToList())
        {
            result = await TakeInAsync(incoming, package);
            if (result is not VerifyResult.Mismatched) break;
        }

        return result;
    }

    private async Task<VerifyResult> TakeInAsync(IncomingFile incoming, PackageName package)
    {
        try
        {
            // Hashing and flushing take their time; the others' transfers go on meanwhile
            var (result, held) = await Task.Run(
                () => WheelIntake.TakeInAsync(incoming.Content!, incoming.Expected.File, package, _output), Quitting);
            if (held is null) return result;
            if (_transfers.IsCurrent(incoming.Expected))
            {
                _publisher.Keep(incoming.Expected.Owner, held);
                return result;
            }

            File.Delete(held.Path);
            return new VerifyResult.Mismatched("nobody waits for it any more");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RpcException($"{incoming.Expected.File.Filename}: {failure.Message}", transient: true, failure);
        }
    }

    private Task TellStatistics()
    {
        var (size, free) = _disk();
        _diskFree = free;
        _ = _stats.TrySend(new StatsMessage.Disk(size, free));
        return Task.CompletedTask;
    }

    private Task Expire()
    {
        _transfers.Expire(Now);
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Information,
        Message = "without keys files are taken on loopback only, whatever {Address} says")]
    private static partial void OnLoopbackOnly(ILogger logger, string address);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information,
        Message = "removed {Count} broken transfers of an earlier run")]
    private static partial void LeftoversRemoved(ILogger logger, int count);
}
