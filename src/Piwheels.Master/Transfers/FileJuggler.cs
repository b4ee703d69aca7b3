using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Core.Ranges;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Transfers;

/// <summary>
/// Takes in the files of slaves and importers over the file queue. FsClients say what to expect of whom, and have it
/// verified: only then is it published. Tells BigBrother how full the disk is.
/// </summary>
public sealed partial class FileJuggler : TaskLoop
{
    /// <summary>Free disk, in bytes, that transfers leave: for pages, logs and the database.</summary>
    public const long DiskReserveBytes = 512L * 1024 * 1024;

    /// <summary>How often the disk is looked at.</summary>
    public static readonly TimeSpan StatisticsInterval = TimeSpan.FromSeconds(10);

    /// <summary>How often transfers that have come to nothing are looked for.</summary>
    public static readonly TimeSpan ExpiryInterval = TimeSpan.FromSeconds(10);

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
    private readonly MasterConfiguration _configuration;
    private readonly ZmqSocket _senders;
    private readonly MessageSocket<NoMessages, StatsMessage> _stats;
    private readonly DropLog _ignored;
    private readonly Func<(long Size, long Free)> _disk;
    private readonly LinkedList<DateTimeOffset> _importTurns = new();
    private TaskCompletionSource _importCame = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _diskFree = long.MaxValue;

    /// <param name="disk">Tells size and free bytes of the disk, instead of the disk itself.</param>
    public FileJuggler(
        MasterConfiguration configuration, TaskEnvironment environment, Func<(long Size, long Free)>? disk = null)
        : base("file_juggler", environment)
    {
        _configuration = configuration;
        _output = new OutputFolder(configuration.OutputPath);
        _disk = disk ?? _output.Disk;
        _transfers = new TransferTable(static incoming => incoming.Content?.Dispose());
        _senders = BindRaw(ZmqSocketType.Router, configuration.FileQueue, new SocketOptions
        {
            LoopbackOnly = !configuration.StrangersMayConnect,
            TellsPeers = true,
            ReceiveHighWaterMark = MessagesPerSenderMax,
            MaxMessageBytes = MessageBytesMax,
        });
        BindRpc<FsRequest, FsReply>(configuration.FsQueue, HandleRequest, RequestsMax);
        _stats = Connect<NoMessages, StatsMessage>(ZmqSocketType.Push, configuration.StatsQueue);
        _ignored = new DropLog(Logger, Time, configuration.FileQueue);
        Register(_senders, HandleSenders);
        EveryEvenPaused(StatisticsInterval, TellStatistics);
        EveryEvenPaused(ExpiryInterval, Expire);
    }

    protected override Task OnceAsync()
    {
        var left = _output.Clean();
        if (left > 0) LeftoversRemoved(Logger, left);
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
            case TransferStep.Store(var incoming, var offset, var data):
                Store(incoming, offset, data.Span);
                break;
            case TransferStep.Complete:
                Send(sender, new FileReply.Done());
                break;
            case TransferStep.Ignore(var reason):
                _ignored.Add(reason);
                break;
        }
    }

    private void Store(IncomingFile incoming, long offset, ReadOnlySpan<byte> data)
    {
        try
        {
            _diskFree -= data.Length;
            if (_diskFree < DiskReserveBytes) throw new IOException("the disk is full");
            incoming.Content ??= _output.CreateTemporary();
            incoming.Content.Write(offset, data);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The sender hears nothing more, says HELLO again, and may be luckier then
            StoreFailed(Logger, incoming.Expected.Owner, incoming.Expected.File.Filename, failure.Message);
            _transfers.Drop(incoming);
            return;
        }

        if (incoming.State.Done)
        {
            Send(incoming.Sender, new FileReply.Done());
        }
        else
        {
            Fetch(incoming.Sender, incoming.State.Fetch());
        }
    }

    private void Fetch(PeerAddress sender, IReadOnlyList<ByteRange> ranges)
    {
        foreach (var range in ranges) Send(sender, new FileReply.Fetch(range.Start, (int)range.Length));
    }

    private void Send(PeerAddress sender, FileReply reply)
    {
        // One that has gone, or does not read, says HELLO again if it comes to itself
        if (!_senders.TrySend([sender.Bytes, .. reply.ToFrames()])) _ignored.Add("the sender does not listen");
    }

    private async Task<FsReply> HandleRequest(FsRequest request)
    {
        switch (request)
        {
            case FsRequest.Expect expect:
                await ExpectAsync(OwnerOf(expect.Owner), expect.File);
                return new FsReply.Ok();
            case FsRequest.Verify verify:
                return await VerifyAsync(OwnerOf(verify.Owner), verify.Package);
            case FsRequest.Forget forget:
                _transfers.Forget(OwnerOf(forget.Owner));
                ReleaseImports();
                return new FsReply.Ok();
            case FsRequest.Withdraw withdraw:
                _output.Withdraw(withdraw.Package, WheelFileName.Parse(withdraw.Filename));
                return new FsReply.Ok();
            default:
                throw new InvalidOperationException($"{request} is no request");
        }
    }

    private static TransferOwner OwnerOf(int number) => number == 0
        ? throw new RpcException("0 is no slave, and no import in particular", transient: false)
        : TransferOwner.OfNumber(number);

    private async Task ExpectAsync(TransferOwner owner, FileState file)
    {
        if (owner.IsImport) await WaitForOtherImports();
        try
        {
            Expect(owner, file);
        }
        finally
        {
            // The next one's turn may have come: this import was refused, or came first and let it through at once
            if (owner.IsImport) ReleaseImports();
        }
    }

    private void Expect(TransferOwner owner, FileState file)
    {
        var free = _disk().Free;
        if (free - _transfers.BytesDue - file.FileSize < DiskReserveBytes)
        {
            DiskFull(Logger, owner, file.Filename, file.FileSize, free);
            throw new RpcException($"there is no room for {file.FileSize} bytes", transient: true);
        }

        if (_transfers.Expect(owner, file, Now) is { } reason) throw new RpcException(reason, transient: false);
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
            var result = await VerifyAsync(expected, package);
            _transfers.End(expected);
            ReleaseImports();
            return result switch
            {
                VerifyResult.Mismatched(var reason) => new FsReply.Mismatched(reason),
                VerifyResult.Refused(var reason) => new FsReply.Refused(reason),
                _ => new FsReply.Verified(),
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
        VerifyResult result = new VerifyResult.Mismatched("not all of it has come");
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
            return await Task.Run(
                () => WheelIntake.TakeIn(incoming.Content!, incoming.Expected.File, package, _output), Quitting);
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

    [LoggerMessage(EventId = 12, Level = LogLevel.Error,
        Message = "no room for {Filename} of {Owner}: {Size} bytes, with {Free} free")]
    private static partial void DiskFull(ILogger logger, TransferOwner owner, string filename, long size, long free);

    [LoggerMessage(EventId = 13, Level = LogLevel.Error, Message = "{Filename} of {Owner} cannot be stored: {Reason}")]
    private static partial void StoreFailed(ILogger logger, TransferOwner owner, string filename, string reason);
}
