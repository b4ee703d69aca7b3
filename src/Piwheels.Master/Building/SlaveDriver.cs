using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Building;

/// <summary>
/// Speaks with the build slaves: hands out what TheArchitect pushes, takes in what was built. Driven by the slaves' own
/// requests. Has files expected and verified by FileJuggler, results recorded by the database, logs and pages written
/// by TheSecretary, and tells the main loop what goes on.
/// </summary>
/// <remarks>
/// Recording a build or verifying a file takes as long as it takes, and only its slave waits. After each such wait the
/// session is looked at again: the slave may have gone, the build may have been taken back. What a slave that has gone
/// left complete is recorded all the same.
/// </remarks>
public sealed partial class SlaveDriver : TaskLoop
{
    /// <summary>How often slaves that have fallen silent are looked for.</summary>
    public static readonly TimeSpan ExpiryInterval = TimeSpan.FromSeconds(5);

    /// <summary>How often the database is asked what is built for.</summary>
    public static readonly TimeSpan TargetsInterval = TimeSpan.FromMinutes(1);

    /// <summary>How often the lengths of the queues are told.</summary>
    public static readonly TimeSpan StatisticsInterval = TimeSpan.FromSeconds(10);

    /// <summary>How often recipes that have changed are looked for; they take effect at the second look.</summary>
    public static readonly TimeSpan RecipesInterval = TimeSpan.FromSeconds(5);

    /// <summary>How often the database is told what is not handed out.</summary>
    public static readonly TimeSpan HoldsInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often the free disk is looked at.</summary>
    public static readonly TimeSpan DiskInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Characters of logs of builds whose files are being sent, half a gigabyte; logs beyond are cut, never their builds.
    /// </summary>
    public const long LogLengthMax = 250_000_000;

    /// <summary>
    /// Lines on the coming and going of slaves in <see cref="LinesInterval"/>: a whole fleet's return is told, a flood of
    /// hellos does not fill the disk with lines.
    /// </summary>
    public const int LinesMax = 1_000;

    public static readonly TimeSpan LinesInterval = TimeSpan.FromMinutes(1);

    /// <summary>How often a file is verified while the disk fails: for some ten minutes.</summary>
    public const int VerifyAttemptsMax = 25;

    /// <summary>How long a request to FileJuggler may take: a large wheel is hashed in one.</summary>
    public static readonly TimeSpan FilesTimeout = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A slave has one request under way; more from one peer than this are not even read from the wire.
    /// </summary>
    private const int MessagesPerSlaveMax = 4;

    /// <summary>The largest message of a slave, in bytes; its log makes nearly all of it.</summary>
    private const int SlaveMessageBytesMax = 64 * 1024 * 1024;

    /// <summary>Characters of a log that are looked at while others wait.</summary>
    private const int LogLengthAtOnce = 256 * 1024;

    /// <summary>What is read of one slave before others have their turn: long logs come in pieces of it.</summary>
    private const int SlaveBufferBytes = 128 * 1024;

    private const int DeletionsAtATime = 16;

    /// <summary>Messages to monitors that may wait: a new one is told of each slave in three.</summary>
    private const int StatusMessagesMax = SlaveRoster.SlavesMax * 4;

    private readonly SlaveRoster _roster = new();
    private readonly PendingBuilds _pending = new();
    private readonly List<Task> _leaving = [];
    private readonly TargetList _targets;
    private readonly MasterConfiguration _configuration;
    private readonly RouterSocket<SlaveRequest, SlaveReply> _slaves;
    private readonly RouterSocket<SlaveRequest, SlaveReply>? _keyedSlaves;
    private readonly SlaveGate _keys;
    private readonly MessageSocket<NoMessages, StatusMessage> _status;
    private readonly MessageSocket<NoMessages, StatsMessage> _stats;
    private readonly FsClient _files;
    private readonly KeptBuilds _results;
    private readonly BuildRecorder _recorder;
    private readonly RecipeShelf _recipes;
    private readonly RecipeGate _gate;
    private readonly BuildHolds _holds;
    private readonly DropLog _refused;
    private readonly DiskGate _disk;
    private readonly LineLimit _lines;
    private readonly LossBook _losses = new();
    private readonly QueueDepth _depth;

    /// <param name="recording">
    /// Where builds are recorded; by connections of its own, in batches: what every build needs is worth the shortest way.
    /// </param>
    /// <param name="depth">Is told how far the queues are to be read.</param>
    /// <param name="results">Where results are kept meanwhile, and what an earlier run left there.</param>
    public SlaveDriver(
        MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null,
        RecipeShelf? recipes = null, IDatabase? recording = null, QueueDepth? depth = null, SlaveGate? gate = null,
        KeptBuilds? results = null)
        : base("slave_driver", environment)
    {
        _depth = depth ?? new QueueDepth();
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        _configuration = configuration;
        _keys = gate ?? SlaveGate.Open("", Logger);
        _slaves = BindRouter<SlaveRequest, SlaveReply>(configuration.SlaveQueue, SlaveSocketOptions(configuration));
        _keyedSlaves = BindKeyed(configuration);
        var builds = Bind<BuildQueueMessage, NoMessages>(ZmqSocketType.Pull, configuration.BuildsQueue);
        BindRpc<SkipRequest, SkipReply>(MasterConfiguration.SkipQueue, HandleDelete, DeletionsAtATime);
        _status = Connect<NoMessages, StatusMessage>(
            ZmqSocketType.Push, MasterConfiguration.InnerStatusQueue,
            new SocketOptions { HighWaterMark = StatusMessagesMax });
        _stats = Connect<NoMessages, StatsMessage>(ZmqSocketType.Push, configuration.StatsQueue);
        _files = new FsClient(
            ConnectRpc<FsRequest, FsReply>(configuration.FsQueue, FilesTimeout, SlaveRoster.SlavesMax));
        var web = ConnectRpc<SecretaryRequest, SecretaryReply>(
            configuration.WebQueue, pendingMax: BuildRecorder.WaitingMax);
        _results = results ?? KeptBuilds.Open(configuration.OutputPath, Logger);
        _recorder = new BuildRecorder(recording ?? database, web, _results, configuration.RetryDelays, Time, Logger);
        _targets = new TargetList(database, Logger);
        _recipes = recipes ?? RecipeShelf.Open("", Logger);
        _gate = new RecipeGate(_recipes, configuration.RecipesForAll);
        _holds = new BuildHolds(database, _gate, _pending, _roster, Time, Logger);
        _refused = new DropLog(Logger, Time, configuration.SlaveQueue);
        _disk = new DiskGate(configuration.DiskMin, Logger);
        _lines = new LineLimit(Time, LinesMax, LinesInterval);
        _live = BindLive(configuration.LiveQueue);
        // Each slave has at most one request under way, so none waits for another's
        Register(_slaves, HandleSlave, SlaveRoster.SlavesMax * 2, RefusePayload);
        if (_keyedSlaves is not null)
            Register(_keyedSlaves, HandleSlave, SlaveRoster.SlavesMax * 2, RefusePayload, IsAdmitted);
        Register(builds, HandleBuilds);
        EveryEvenPaused(TargetsInterval, _targets.ReadAsync);
        EveryEvenPaused(ExpiryInterval, RemoveExpired);
        EveryEvenPaused(RecipesInterval, RefreshRecipesAsync);
        EveryEvenPaused(DiskInterval, LookAtDiskAsync);
        EveryEvenPaused(HoldsInterval, _holds.SettleAsync);
        EveryEvenPaused(StatisticsInterval, TellStatistics);
    }

    /// <summary>Whether the disk has room for what is built.</summary>
    internal bool GivesOutWork => _disk.IsOpen;

    private static SocketOptions SlaveSocketOptions(MasterConfiguration configuration) => new()
    {
        LoopbackOnly = !configuration.StrangersMayConnect,
        TellsPeers = true,
        CutsEndless = true,
        ReceiveHighWaterMark = MessagesPerSlaveMax,
        ReceiveBufferBytes = SlaveBufferBytes,
        MaxMessageBytes = SlaveMessageBytesMax,
    };

    private async Task HandleSlave(PeerAddress from, SlaveRequest request)
    {
        if (request is SlaveRequest.Hello hello)
        {
            await GreetAsync(from, hello.Slave);
            return;
        }

        if (request is SlaveRequest.Built { Output.Length: > LogLengthAtOnce } built)
        {
            // Beside the others, who would wait for it
            request = await Task.Run(() => built with { Output = BuiltCheck.CleanLog(built.Output) });
        }

        if (!_roster.TryFind(from, out var slave))
        {
            // The slave hears nothing, and starts over with HELLO after its busy timeout
            if (!_roster.IsNewStranger(from)) return;
            _refused.Add($"{request.Name} of {from}, which has not said HELLO to this master");
            return;
        }

        var step = slave.Receive(request, Now);
        if (step is SlaveStep.Ignore(var reason))
        {
            RequestIgnored(Logger, slave.Id, reason);
            return;
        }

        // All logs are added up only where there is one to be cut
        if (request is SlaveRequest.Built && slave.Built is { Output.Length: > BuildRecorder.CutLogLength }
            && _roster.LogLength > LogLengthMax)
        {
            slave.CutLog();
        }

        if (request is SlaveRequest.Facts) _holds.Reconsider();
        if (request is SlaveRequest.Idle or SlaveRequest.Busy) Tell(slave, Now, new SlaveEvent.Stats(slave.Stats!));
        await CarryOutAsync(slave, step);
    }

    /// <summary>What comes from a slave and is no message loses it its build: it may have been any.</summary>
    private SlaveReply? RefusePayload(PeerAddress from, string reason)
    {
        if (!_roster.TryFind(from, out var slave)) return new SlaveReply.Die();
        if (slave.Working) return null;
        if (slave.Release is { } release)
        {
            CountLoss(slave);
            _leaving.Add(DropAsync(slave, release, $"it talks nonsense: {reason}"));
        }

        slave.Replied(new SlaveReply.Die(), Now);
        Tell(slave, Now, new SlaveEvent.Die());
        return new SlaveReply.Die();
    }

    private async Task GreetAsync(PeerAddress from, SlaveHello said)
    {
        // It may have been read aside, and its key revoked meanwhile
        if (!_keys.Admits(from)) return;
        if (HelloCheck.Refusal(said) is { } reason)
        {
            _refused.Add($"HELLO of {from}: {reason}");
            TrySend(from, new SlaveReply.Die());
            return;
        }

        var hello = HelloCheck.Clean(said);
        if (_roster.Greet(from, hello, Now, out var gone) is not { } slave)
        {
            _refused.Add($"HELLO of {from}, too soon or beyond the {SlaveRoster.SlavesMax} slaves there may be");
            return;
        }

        var key = KeyOf(from);
        if (MaySay()) Greeted(Logger, slave.Id, hello.Label, hello.Target, key);
        Tell(slave, slave.FirstSeen, new SlaveEvent.Hello(slave.Hello));
        TrySend(from, slave.Welcome(_configuration.PypiSimple.ToString(), _gate.AptAsked, _live is not null));
        _holds.Reconsider();
        if (gone is not null) await AbandonAsync(gone, "it said HELLO again");
    }

    /// <summary>Does what a step calls for, and what follows from it, up to the reply.</summary>
    private async Task CarryOutAsync(SlaveSession slave, SlaveStep first)
    {
        slave.BeginWork();
        for (var step = first; ;)
        {
            switch (step)
            {
                case SlaveStep.Answer(var reply):
                    Reply(slave, reply);
                    return;
                case SlaveStep.Drop(var reply, var release, var reason):
                    if (reply is SlaveReply.Die) CountLoss(slave);
                    await DropAsync(slave, release, reason);
                    Reply(slave, reply);
                    return;
                case SlaveStep.PassOn(var piece):
                    _live?.Printed(slave, piece);
                    Reply(slave, new SlaveReply.Cont());
                    return;
                case SlaveStep.FindWork:
                    Reply(slave, FindWork(slave));
                    return;
                case SlaveStep.Leave:
                    _roster.Remove(slave);
                    slave.EndWork();
                    await AbandonAsync(slave, "it said BYE");
                    return;
                case SlaveStep.ExpectFile(var file):
                    step = await ExpectAsync(slave, file);
                    break;
                case SlaveStep.VerifyFile(var file):
                    step = await VerifyAsync(slave, file);
                    break;
                case SlaveStep.RecordFailure(var build):
                    step = await RecordAsync(slave, build);
                    break;
                case SlaveStep.RecordSuccess(var build):
                    step = await RecordAsync(slave, build);
                    break;
                default:
                    throw new InvalidOperationException($"{step} is no step to carry out");
            }
        }
    }

    private void Reply(SlaveSession slave, SlaveReply reply)
    {
        slave.Replied(reply, Now);
        if (!_roster.IsCurrent(slave)) return;
        if (SlaveEvent.Of(reply) is { } told) Tell(slave, slave.LastReplyAt, told);
        if (TrySend(slave.Address, reply)) return;
        // Its connection has gone, and with it the address: it will never come back under that one
        _roster.Remove(slave);
        _leaving.Add(AbandonAsync(slave, $"it cannot be sent its {reply.Name}"));
    }

    private SlaveReply FindWork(SlaveSession slave)
    {
        if (Paused || !_disk.IsOpen) return new SlaveReply.Sleep(Paused: true);
        _targets.Note(slave.Target);
        if (!_recorder.HasRoom || !_losses.MayBuild(slave.Origin, Now)
            || slave.HasJustAsked(_pending.Revision, Now))
        {
            return new SlaveReply.Sleep(Paused: false);
        }

        if (slave.Question(_gate.AptAsked) is { } question) return question;
        if (!_pending.TryTake(slave.Target, Now, out var release, waiting => _gate.MayBuild(slave, waiting)))
        {
            slave.FoundNothing(_pending.Revision, Now);
            return new SlaveReply.Sleep(Paused: false);
        }

        _depth.Note(_pending.MostActive);
        BuildGiven(Logger, slave.Id, release);
        var recipe = _gate.For(release, slave.Target);
        var build = slave.Assign(release, Now, recipe == Recipe.None ? null : recipe);
        _live?.Began(slave);
        return build;
    }

    private async Task<SlaveStep> RecordAsync(SlaveSession slave, BuildState build)
    {
        var release = slave.Release!.Value;
        if (!build.Status && slave.HasFiles) await ForgetAsync(slave);
        switch (await _recorder.RecordAsync(build, () => PublishAsync(slave), Quitting))
        {
            case RecordOutcome.Recorded(var buildId):
                _losses.Ended(slave.Origin);
                _live?.Ended(slave, release, buildId, build.Status);
                BuildRecorded(Logger, slave.Id, release, build.Status, buildId, build.Duration);
                _pending.Finished(slave.Target, release, Now);
                return new SlaveStep.Answer(new SlaveReply.Done());
            case RecordOutcome.Deferred(var retryAt):
                _losses.Ended(slave.Origin);
                _live?.Ended(slave, release);
                BuildDeferred(Logger, slave.Id, release, build.Failure!, retryAt);
                _pending.Finished(slave.Target, release, Now);
                return new SlaveStep.Answer(new SlaveReply.Done());
            case RecordOutcome.Refused(var reason) when build.Status && slave.TakenBack is null:
                // As a failure it may be taken, and then does not come back for ever
                return new SlaveStep.RecordFailure(BuiltCheck.Failed(build, reason));
            case RecordOutcome.Refused(var reason):
                return new SlaveStep.Drop(new SlaveReply.Done(), release, reason);
            default:
                throw new InvalidOperationException("no such outcome");
        }
    }

    private static SlaveStep.Drop Gone(Release release) => new(new SlaveReply.Done(), release, "its slave has gone");

    /// <summary>
    /// Ends a build without a result: what has arrived of it goes, and it may be handed out again later.
    /// </summary>
    private async Task DropAsync(SlaveSession slave, Release release, string reason)
    {
        BuildLost(Logger, slave.Id, release, reason);
        _live?.Ended(slave, release);
        _pending.Lost(slave.Target, release, Now);
        if (slave.HasFiles) await ForgetAsync(slave);
    }

    /// <summary>A session has ended: its build is lost, unless all of it has arrived.</summary>
    private async Task AbandonAsync(SlaveSession slave, string reason)
    {
        Tell(slave, Now, new SlaveEvent.Die());
        if (slave.Release is not null || MaySay()) SlaveGone(Logger, slave.Id, reason);
        // What is being worked on for it is ended by that work
        if (slave.Working || slave.Release is not { } release) return;
        if (slave is not { Phase: SlavePhase.Sending, FileExpected: { } file, TakenBack: null })
        {
            if (slave.TakenBack is null) CountLoss(slave);
            await DropAsync(slave, release, reason);
            return;
        }

        // Its last file may be here already
        await CarryOutAsync(slave, await SalvageAsync(slave, release, file));
    }

    private void Tell(SlaveSession slave, DateTimeOffset at, SlaveEvent told)
    {
        // Nobody has to listen; monitors that come later are told again
        _ = _status.TrySend(new StatusMessage.Slave(slave.Id, at, told));
    }
}
