using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Master.Packages;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Administration;

/// <summary>
/// Serves the people who run the farm: piw-import, piw-add, piw-remove and piw-rebuild. Looks up and changes what the
/// database holds, has imported files taken in by FileJuggler, builds dropped by SlaveDriver, pages written by
/// TheSecretary.
/// </summary>
public sealed partial class MrChase : TaskLoop
{
    /// <summary>How long a tool may be silent before its import is given up: a large file takes its time.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromHours(1);

    /// <summary>How often silent tools are looked for.</summary>
    public static readonly TimeSpan ExpiryInterval = TimeSpan.FromMinutes(1);

    /// <summary>Tools at a time.</summary>
    public const int ToolsMax = 1_000;

    /// <summary>Characters of the logs of all imports under way; each log is kept until its build is recorded.</summary>
    public const long LogsLengthMax = 100_000_000;

    /// <summary>Verifying a large wheel takes the time to hash it.</summary>
    private static readonly TimeSpan FilesTimeout = TimeSpan.FromMinutes(10);

    private readonly Dictionary<PeerAddress, Tool> _tools = [];
    private readonly RouterSocket<ImportRequest, ImportReply> _socket;
    private readonly PackageChanges _changes;
    private readonly PriorityRaise _priority;
    private readonly FarmStatus _status;
    private readonly WheelImport _import;
    private readonly long _logsLengthMax;

    /// <param name="results">Where the results of imports are kept while they are being recorded.</param>
    /// <param name="facts">What is told of the farm to those who ask.</param>
    /// <param name="logsLengthMax">In the place of <see cref="LogsLengthMax"/>.</param>
    public MrChase(
        MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null,
        KeptBuilds? results = null, long logsLengthMax = LogsLengthMax, FarmFacts? facts = null)
        : base("mr_chase", environment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        _logsLengthMax = logsLengthMax;
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        _socket = BindRouter<ImportRequest, ImportReply>(configuration.ImportQueue);
        var secretary = ConnectRpc<SecretaryRequest, SecretaryReply>(configuration.WebQueue);
        var slaveDriver = ConnectRpc<SkipRequest, SkipReply>(MasterConfiguration.SkipQueue);
        var files = new FsClient(ConnectRpc<FsRequest, FsReply>(configuration.FsQueue, FilesTimeout));
        _changes = new PackageChanges(database, secretary, slaveDriver, Time, Logger);
        _priority = new PriorityRaise(database, Logger);
        _status = new FarmStatus(database, facts, Time);
        results ??= KeptBuilds.Open(configuration.OutputPath, Logger);
        _import = new WheelImport(database, files, _changes, results, Time, Logger, Quitting);
        Register(_socket, HandleRequest, ToolsMax, (_, reason) => new ImportReply.Error(reason));
        EveryEvenPaused(ExpiryInterval, ExpireAsync);
    }

    /// <summary>Tools that are remembered.</summary>
    internal int ToolsCount => _tools.Count;

    private async Task HandleRequest(PeerAddress from, ImportRequest request)
    {
        if (Admit(from) is not { } tool)
        {
            Answer(from, new ImportReply.Error("too many tools are at work"));
            return;
        }

        // A REQ peer waits for its answer; only something else asks again meanwhile
        if (tool.Busy)
        {
            Answer(from, new ImportReply.Error("another request of yours is under way"));
            return;
        }

        tool.Busy = true;
        try
        {
            Answer(from, await ReplyAsync(tool, request));
        }
        finally
        {
            tool.Busy = false;
            if (!tool.Session.Importing) tool.LogLength = 0;
            // One request was all that most tools had
            if (!tool.Session.Importing && !tool.Session.IsOld) _tools.Remove(from);
        }
    }

    private Tool? Admit(PeerAddress from)
    {
        if (_tools.TryGetValue(from, out var known)) return known;
        if (_tools.Count >= ToolsMax)
        {
            // Those who have nothing under way are remembered for their age alone
            var idle = _tools.Where(each => !each.Value.Busy && !each.Value.Session.Importing).ToList();
            if (idle.Count == 0) return null;
            _tools.Remove(idle.MinBy(each => each.Value.Session.LastHeard).Key);
        }

        return _tools[from] = new Tool();
    }

    private async Task<ImportReply> ReplyAsync(Tool tool, ImportRequest request)
    {
        try
        {
            if (request is ImportRequest.Import) await _import.DropAsync(tool.Session, tool.Owner);
            switch (tool.Session.Receive(request, Now))
            {
                case ImportStep.Change(ImportRequest.Status):
                    return await _status.AskAsync(Paused);
                case ImportStep.Change(ImportRequest.Priority priority):
                    return await _priority.DoAsync(priority);
                case ImportStep.Change(var change):
                    var reply = await _changes.DoAsync(change);
                    return tool.Session.IsOld && reply is ImportReply.Done ? new ImportReply.Done(null) : reply;
                case ImportStep.Begin begin:
                    if (_tools.Values.Sum(static each => each.LogLength) + begin.Build.Output.Length > _logsLengthMax)
                        return new ImportReply.Error("too much is imported at a time: try again when other imports are done");
                    tool.Owner = _import.NextOwner();
                    tool.LogLength = begin.Build.Output.Length;
                    return await _import.FollowAsync(tool.Session, tool.Owner, begin);
                case var step:
                    return await _import.FollowAsync(tool.Session, tool.Owner, step);
            }
        }
        catch (Exception failure) when (failure is DatabaseException or RpcException)
        {
            Failed(Logger, request.Name, failure.Message);
            return new ImportReply.Error(failure.Message);
        }
    }

    private void Answer(PeerAddress to, ImportReply reply)
    {
        if (reply is ImportReply.Error(var reason)) Refused(Logger, reason);
        if (!_socket.TrySend(to, reply)) ToolGone(Logger);
    }

    private async Task ExpireAsync()
    {
        foreach (var (address, tool) in _tools.ToList())
        {
            if (tool.Busy || tool.Session.LastHeard + SilenceMax > Now) continue;
            _tools.Remove(address);
            if (!tool.Session.Importing) continue;
            Silent(Logger, tool.Session.Package.Value);
            await _import.DropAsync(tool.Session, tool.Owner);
        }
    }

    private sealed class Tool
    {
        public ImportSession Session { get; } = new();

        public TransferOwner Owner { get; set; }

        public bool Busy { get; set; }

        /// <summary>Characters of the log of its import, from when that is looked at.</summary>
        public long LogLength { get; set; }
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Information, Message = "a tool is answered: {Reason}")]
    private static partial void Refused(ILogger logger, string reason);

    [LoggerMessage(EventId = 41, Level = LogLevel.Warning, Message = "{Request} could not be done: {Reason}")]
    private static partial void Failed(ILogger logger, string request, string reason);

    [LoggerMessage(EventId = 42, Level = LogLevel.Information,
        Message = "a tool has gone without waiting for its answer")]
    private static partial void ToolGone(ILogger logger);

    [LoggerMessage(EventId = 43, Level = LogLevel.Warning,
        Message = "an import of {Package} is given up: its tool has fallen silent")]
    private static partial void Silent(ILogger logger, string package);
}
