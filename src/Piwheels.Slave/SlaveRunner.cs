using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Slave.Building;
using Piwheels.Slave.Conversation;
using Piwheels.Slave.Failures;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Machine;
using Piwheels.Slave.Python;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Slave;

/// <summary>A slave cannot work on this machine, or not any more. The message is one line for people.</summary>
public class SlaveException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// A build slave: asks its master for releases, builds them by pip, hands the wheels over. Does what the
/// <see cref="SlaveConversation"/> says, and tells it what happened; everything that happens comes by one channel.
/// </summary>
public sealed partial class SlaveRunner : IAsyncDisposable
{
    private readonly SlaveConfiguration _configuration;
    private readonly PythonFacts _python;
    private readonly BuildContainment _containment;
    private readonly WheelInspector _inspector;
    private readonly TimeSpan? _importTime;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TaskEnvironment _environment;
    private readonly SocketOptions _socketOptions;
    private readonly SlaveConversation _conversation;
    private readonly Channel<Action> _events = Channel.CreateUnbounded<Action>(); // A few at a time: one build, one link
    private readonly InstalledPackages _apt = new();
    private MasterLink? _link;
    private RunningBuild? _build;
    private SlaveException? _fault;

    private SlaveRunner(
        SlaveConfiguration configuration, CurveClientKeys? keys, PythonFacts python, BuildContainment containment,
        TaskEnvironment environment)
    {
        _configuration = configuration;
        _python = python;
        _containment = containment;
        _inspector = new WheelInspector(python, configuration.Checks.Machine);
        _environment = environment;
        _time = environment.Time;
        _logger = environment.Loggers.CreateLogger("slave");
        _importTime = ImportChoice.Make(configuration.Checks, python, _logger);
        _socketOptions = new SocketOptions { CurveClient = keys };
        _conversation = new SlaveConversation(
            SlaveMachine.Introduce(configuration, python),
            new ConversationTimes
            {
                BusyTimeout = configuration.BusyTimeout,
                IdleInterval = configuration.IdleInterval,
                BusyInterval = configuration.BusyInterval,
            },
            new Random(),
            configuration.FileStates);
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>
    /// Runs a slave until it is stopped by the token (then it says BYE) or by its master. What a killed slave left in
    /// the folder for builds is removed first.
    /// </summary>
    /// <exception cref="SlaveException">
    /// It cannot run here: as root, without a Python that has pip, without its key, without a folder to build in, or not any
    /// more.
    /// </exception>
    public static async Task<SlaveEnd> RunAsync(
        SlaveConfiguration configuration,
        ILoggerFactory loggers,
        TimeProvider time,
        CancellationToken stop)
    {
        if (Environment.IsPrivilegedProcess)
        {
            throw new SlaveException(
                "a slave does not run as root: it runs what strangers put into their packages. "
                + "Start it as a user of its own, for instance after: adduser --system piwheels");
        }

        return await RunAnywayAsync(configuration, loggers, time, stop);
    }

    /// <summary>As <see cref="RunAsync"/>, as whoever it is.</summary>
    internal static async Task<SlaveEnd> RunAnywayAsync(
        SlaveConfiguration configuration,
        ILoggerFactory loggers,
        TimeProvider time,
        CancellationToken stop)
    {
        var logger = loggers.CreateLogger("slave");
        var keys = KeysOf(configuration);
        PrepareFolder(configuration.Dir, logger);
        PythonFacts python;
        BuildContainment containment;
        try
        {
            python = await PythonFacts.FindAsync(configuration.Python, time, stop);
            containment = await ContainAsync(configuration, python, time, logger, stop);
        }
        catch (OperationCanceledException)
        {
            return SlaveEnd.Stopped;
        }

        LogPython(logger, python.Executable, python.Version, python.Target, python.PipVersion);
        foreach (var warning in python.Warnings) LogWarning(logger, warning);
        using var zmq = new ZmqContext();
        await using var runner = new SlaveRunner(
            configuration, keys, python, containment, new TaskEnvironment(zmq, time, loggers));
        await using var registration = stop.Register(() => runner.Happen(() => runner._conversation.Stop(runner.Now)));
        return await runner.LiveAsync();
    }

    private static async Task<BuildContainment> ContainAsync(
        SlaveConfiguration configuration, PythonFacts python, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        var groups = ControlGroup.FindDelegated("/sys/fs/cgroup", File.ReadAllText("/proc/self/cgroup"));
        if (groups is not null) LogControlGroups(logger, groups);
        return new BuildContainment(
            await SandboxChoice.MakeAsync(
                configuration.Sandbox, python, configuration.Dir, configuration.SandboxFolders, time, logger, stop),
            groups);
    }

    private static void PrepareFolder(string folder, ILogger logger)
    {
        try
        {
            BuildFolder.RemoveAbandoned(folder, logger);
            BuildFolder.Create(folder, logger).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SlaveException($"{folder} is no folder to build in: {e.Message}", e);
        }
    }

    /// <summary>Drops the build, if there is one, and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_link is not null) await _link.DisposeAsync();
        await DropBuildAsync();
    }

    private async Task<SlaveEnd> LiveAsync()
    {
        _ = Link;
        while (true)
        {
            if (_apt.HaveChanged) _conversation.FactsChanged();
            LookForShortage();
            var step = _conversation.Next(Now);
            if (step is SlaveStep.End end)
            {
                LogEnd(_logger, end.Why);
                return _fault is null ? end.Why : throw _fault;
            }

            await DoAsync(step);
        }
    }

    private async Task DoAsync(SlaveStep step)
    {
        switch (step)
        {
            case SlaveStep.Wait wait:
                await WaitAsync(wait.Until);
                break;
            case SlaveStep.Say say:
                LogSaid(_logger, say.Request.Name);
                Link.Say(say.Request);
                break;
            case SlaveStep.SayIdle:
                Link.Say(new SlaveRequest.Idle(Statistics()));
                break;
            case SlaveStep.SayFacts say:
                Link.Say(new SlaveRequest.Facts(_apt.Among(say.AptAsked), say.Tail));
                break;
            case SlaveStep.SayPrinted say:
                Link.Say(new SlaveRequest.Printed(
                    _build?.Output.Newest(say.From, OutputTail.PieceBytesMax) ?? new OutputPiece(say.From, default)));
                break;
            case SlaveStep.SayBusy:
                Link.Say(new SlaveRequest.Busy(Statistics()));
                break;
            case SlaveStep.StartBuild start:
                StartBuild(start.Release, start.Index, start.Recipe ?? Recipe.None);
                break;
            case SlaveStep.SendFile send:
                StartSending(send.SlaveId, send.Filename);
                break;
            case SlaveStep.DropBuild:
                await DropBuildAsync();
                break;
            case SlaveStep.StartOver startOver:
                LogStartOver(_logger, startOver.Reason);
                if (_link is not null) await _link.DisposeAsync();
                _link = null;
                break;
        }
    }

    /// <summary>A slave that is short of something says so, once, and takes no work until it is not.</summary>
    private void LookForShortage()
    {
        if (_build is not null) return;
        var shortage = _configuration.Needs.ShortageOf(Statistics());
        if (shortage is not null && _conversation.Shortage is null) LogShort(_logger, shortage, _configuration.Dir);
        if (shortage is null && _conversation.Shortage is not null) LogEnough(_logger);
        _conversation.Shortage = shortage;
    }

    private SlaveStats Statistics() => SlaveMachine.Measure(_configuration.Dir, Now);

    /// <summary>Waits for something to happen, and lets the conversation know all that has.</summary>
    private async Task WaitAsync(DateTimeOffset until)
    {
        _configuration.Heartbeat?.Beat();
        var rest = until - Now;
        if (_configuration.Heartbeat is { } heart && heart.Interval != Timeout.InfiniteTimeSpan && heart.Interval < rest)
            rest = heart.Interval;
        using (var limit = new CancellationTokenSource(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, _time))
        {
            try
            {
                await _events.Reader.WaitToReadAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                // The time is over
            }
        }

        while (_events.Reader.TryRead(out var happening)) happening();
    }

    private void Happen(Action happening) => _events.Writer.TryWrite(happening);

    /// <summary>The connection to the master; a new one where there is none, at the first word.</summary>
    private MasterLink Link => _link ??= OpenLink();

    private MasterLink OpenLink()
    {
        LogConnecting(_logger, _configuration.SlaveAddress);
        var trouble = new HandshakeTrouble(_configuration.SlaveAddress, _socketOptions.CurveClient?.PublicKey);
        var link = new MasterLink(
            _environment, _configuration.SlaveAddress, _socketOptions, Hear,
            (met, handshake) => Happen(() => Meet(met, trouble.After(handshake))));
        try
        {
            link.Start();
        }
        catch (ZmqException e)
        {
            throw new SlaveException(e.Message, e);
        }

        Watch(link);
        return link;
    }

    private void Meet(MasterLink link, string? trouble)
    {
        if (link == _link && trouble is not null) _conversation.TurnedAway(trouble, Now);
    }

    private static CurveClientKeys? KeysOf(SlaveConfiguration configuration)
    {
        try
        {
            return configuration.ReadKeys();
        }
        catch (KeyException e)
        {
            throw new SlaveException(e.Message, e);
        }
    }

    /// <summary>A link never ends by itself, unless it has a bug: without it the slave is deaf.</summary>
    private async void Watch(MasterLink link)
    {
        await link.Completion.ContinueWith(static _ => { }, TaskScheduler.Default);
        if (link.Completion.Exception?.InnerException is { } e) Happen(() => Fail("the connection to the master failed", e));
    }

    private void Hear(MasterLink link, SlaveReply reply) => Happen(() =>
    {
        if (link != _link) return; // A late answer to a slave that has started over
        LogHeard(_logger, reply.Name);
        _conversation.Receive(reply, Now);
    });

    private void StartBuild(Release release, Uri index, Recipe recipe)
    {
        LogBuilding(_logger, release);
        try
        {
            _build = new RunningBuild(BuildFolder.Create(_configuration.Dir, _logger), release);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail($"cannot make a folder to build in below {_configuration.Dir}: {e.Message}", e);
            return;
        }

        var rules = new BuildRules(_configuration.Limits, _configuration.ExtraIndexes)
        {
            Network = _configuration.BuildNetwork,
            Hosts = _configuration.BuildHosts,
            ImportTime = _importTime,
        }.With(recipe);
        var build = _build;
        var pip = new PipBuild(_python, rules, _containment, _inspector.Of(release), _time, _logger);
        Follow(build, ExplainAsync(release, build.StartAsync(pip, index)), result =>
        {
            LogBuilt(_logger, release, result.Status ? "built" : "failed", result.Duration, result.Files.Count);
            _conversation.BuildEnded(result);
        });
    }

    /// <summary>A failed build's log ends with why it failed.</summary>
    private static async Task<BuildResult> ExplainAsync(Release release, Task<BuildResult> building)
    {
        var result = await building;
        return result.Status
            ? result
            : result with { Output = new FailureReader(new AptCatalog()).Read(release, result).AppendTo(result.Output) };
    }

    private void StartSending(int slaveId, string filename)
    {
        LogSending(_logger, filename);
        var sender = new FileSender(_environment.Zmq, _time, _logger, _socketOptions);
        var sending = _build!.SendAsync(
            sender, _configuration.FileAddress, slaveId, filename, _configuration.BusyTimeout);
        Follow(_build, SentAsync(sending), _ => _conversation.FileSent());

        static async Task<bool> SentAsync(Task sending)
        {
            await sending;
            return true;
        }
    }

    /// <summary>Tells the conversation how a piece of work ended, unless its build has been dropped since.</summary>
    private async void Follow<T>(RunningBuild build, Task<T> work, Action<T> ended)
    {
        await work.ContinueWith(static _ => { }, TaskScheduler.Default);
        Happen(() =>
        {
            if (build != _build) return;
            switch (work.Exception?.InnerException)
            {
                case FileSendException e:
                    _conversation.FileNotSent(e.Message, Now);
                    break;
                case { } e:
                    Fail($"{build.Release} cannot be built here: {e.Message}", e);
                    break;
                case null when work.IsCompletedSuccessfully:
                    ended(work.Result);
                    break;
            }
        });
    }

    /// <summary>This machine is at fault, not the package: a slave that takes no more work does less harm.</summary>
    private void Fail(string reason, Exception e)
    {
        _fault ??= new SlaveException(reason, e);
        _conversation.Stop(Now);
    }

    private async Task DropBuildAsync()
    {
        if (_build is not { } build) return;
        _build = null;
        await build.DisposeAsync();
    }
}
