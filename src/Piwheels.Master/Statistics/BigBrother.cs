using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Machine;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Statistics;

/// <summary>
/// Gathers the farm's figures: the database's counts, the disk from FileJuggler, the queues from SlaveDriver, its own
/// machine. Tells monitors of them by way of the main loop, and has TheSecretary rewrite the home page when they have
/// changed.
/// </summary>
public sealed partial class BigBrother : TaskLoop
{
    /// <summary>How often monitors hear the figures.</summary>
    public static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(10);

    /// <summary>How often the home page follows the figures at most.</summary>
    public static readonly TimeSpan HomeInterval = TimeSpan.FromMinutes(1);

    /// <summary>
    /// After a count of the database that took long, it rests this many times as long: counting must not be all it
    /// does.
    /// </summary>
    private const int RestFactor = 5;

    private readonly FarmBoard _board = new();
    private readonly MachineFacts _machine = new();
    private readonly IDatabase _database;
    private readonly string _outputPath;
    private readonly RpcClient<SecretaryRequest, SecretaryReply> _secretary;
    private readonly MessageSocket<NoMessages, StatusMessage> _status;
    private readonly TroubleLog _homeTrouble;
    private DateTimeOffset _nextCount;
    private bool _homeIsOld;

    public BigBrother(MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null)
        : base("big_brother", environment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        _outputPath = configuration.OutputPath;
        var stats = Bind<StatsMessage, NoMessages>(ZmqSocketType.Pull, configuration.StatsQueue);
        _status = Connect<NoMessages, StatusMessage>(ZmqSocketType.Push, MasterConfiguration.InnerStatusQueue);
        _secretary = ConnectRpc<SecretaryRequest, SecretaryReply>(configuration.WebQueue);
        _database = database;
        _homeTrouble = new TroubleLog(Logger, "refreshing the home page");
        Register(stats, HandleStats);
        EveryEvenPaused(ReportInterval, Report);
        EveryEvenPaused(ReportInterval, CountAsync);
        Every(HomeInterval, RefreshHomeAsync);
    }

    /// <summary>The last figures that monitors heard; null while there are none. From any thread.</summary>
    public MasterStats? Latest => _board.Latest;

    /// <summary>A monitor came: the last reports are told again. From any thread.</summary>
    public void ReplayHistory() => Post(() =>
    {
        foreach (var report in _board.History) Tell(new StatusMessage.Stats(report));
    });

    private Task HandleStats(StatsMessage message)
    {
        _board.Receive(message);
        return Task.CompletedTask;
    }

    private async Task CountAsync()
    {
        var start = Now;
        if (start < _nextCount) return;
        try
        {
            var figures = await _database.GetStatisticsAsync();
            _nextCount = Now + ((Now - start) * RestFactor);
            var first = _board.History.Count == 0;
            _homeIsOld |= _board.Receive(figures);
            if (!first) return;
            // Nobody shall wait for the first figures
            Force(Report);
            Force(RefreshHomeAsync);
        }
        catch (DatabaseException failure)
        {
            NotCounted(Logger, failure.Transient ? LogLevel.Debug : LogLevel.Warning, failure.Message);
        }
    }

    private Task Report()
    {
        if (_board.Report(_machine.Stats(Now, _outputPath)) is { } report) Tell(new StatusMessage.Stats(report));
        return Task.CompletedTask;
    }

    private async Task RefreshHomeAsync()
    {
        if (!_homeIsOld) return;
        _homeIsOld = false;
        try
        {
            await _secretary.AskAsync(new SecretaryRequest.Home());
            _homeTrouble.Worked();
        }
        catch (RpcException failure)
        {
            _homeIsOld = true;
            _homeTrouble.Failed(failure.Message);
        }
    }

    private void Tell(StatusMessage message)
    {
        if (!_status.TrySend(message)) StatusFull(Logger);
    }

    [LoggerMessage(EventId = 20, Message = "the database does not tell its counts: {Reason}")]
    private static partial void NotCounted(ILogger logger, LogLevel level, string reason);

    [LoggerMessage(EventId = 22, Level = LogLevel.Debug, Message = "a report for monitors is dropped: nobody takes it")]
    private static partial void StatusFull(ILogger logger);
}
