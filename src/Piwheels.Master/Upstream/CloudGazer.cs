using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Follows the package index: registers what appears there, and removes what vanishes; all of it by the index's
/// change log, or a selection with what it depends on. Asks SlaveDriver to drop builds of what was removed, and
/// TheSecretary to write or remove pages. A fault of the index is waited for, never passed on.
/// </summary>
public sealed partial class CloudGazer : TaskLoop
{
    /// <summary>
    /// How often it is looked whether there is something to do; what is asked of the index then is less.
    /// </summary>
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    private readonly RpcClient<SecretaryRequest, SecretaryReply> _secretary;
    private readonly RpcClient<SkipRequest, SkipReply> _slaveDriver;
    private readonly UpstreamMeter _meter;
    private readonly IndexConnection _connection;
    private readonly PolicyWatch _policies;
    private readonly Func<Task> _follow;
    private Func<Task> _readWheels = () => Task.CompletedTask;

    /// <param name="limits">How much is taken from the index; null for what suits PyPI.</param>
    public CloudGazer(
        MasterConfiguration configuration,
        TaskEnvironment environment,
        IDatabase? database = null,
        UpstreamLimits? limits = null)
        : base("cloud_gazer", environment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        _secretary = ConnectRpc<SecretaryRequest, SecretaryReply>(configuration.WebQueue);
        _slaveDriver = ConnectRpc<SkipRequest, SkipReply>(MasterConfiguration.SkipQueue);
        _meter = new UpstreamMeter(Time);
        _connection = new IndexConnection(Time, configuration.SiteUrl, limits, _meter);
        var projects = new ProjectClient(_connection, configuration.PypiJson);
        _policies = new PolicyWatch(database, Time);
        var registry = new Registry(database, new OtherTasks(this), _policies);
        var simple = new SimpleClient(_connection, configuration.PypiSimple);
        var names = new FollowedNames(configuration.FollowOnly, configuration.FollowNever);
        _follow = configuration.FollowSelection
            ? FollowSelection(configuration, database, simple, projects, registry, names)
            : FollowChangelog(configuration, database, simple, projects, registry, names);
        Every(Step, () => UntilQuittingAsync(_follow));
        Every(Step, () => UntilQuittingAsync(_readWheels));
        var report = new FollowReport(_meter, Time, Logger);
        Every(FollowReport.Interval, () =>
        {
            report.Tell();
            return Task.CompletedTask;
        });
    }

    /// <summary>Where following the index stands; null where its log is not followed, or not read yet. From any thread.</summary>
    public UpstreamState? State => _meter.State is { } state
        ? new UpstreamState(state.Serial, state.LagSerials, state.LagAt(Now))
        : null;

    protected override Task CloseAsync()
    {
        _connection.Dispose();
        _meter.Dispose();
        return Task.CompletedTask;
    }

    private Func<Task> FollowChangelog(
        MasterConfiguration configuration,
        IDatabase database,
        SimpleClient simple,
        ProjectClient projects,
        Registry registry,
        FollowedNames names)
    {
        var changelog = new ChangelogClient(_connection, configuration.PypiXmlRpc);
        var follower = new ChangelogFollower(
            database, changelog, simple, projects, registry, names, Time, Logger, _meter);
        // Pages are kept for nobody: what owes a package has changed its page
        var wheels = new UpstreamWheelReader(
            database,
            (package, ct) => new SelectionPages(simple, Time).GetAsync(package, ifChanged: false, ct),
            _policies,
            Time,
            Logger);
        // Before, a package's page would be read for each of its events
        _readWheels = () => wheels.ReadAsync(() => GoesOn() && follower.IsCaughtUp, Quitting);
        return () => follower.FollowAsync(GoesOn, Quitting);
    }

    private Func<Task> FollowSelection(
        MasterConfiguration configuration,
        IDatabase database,
        SimpleClient simple,
        ProjectClient projects,
        Registry registry,
        FollowedNames names)
    {
        var requirements = new ReleaseRequirements(database, new OwnWheels(configuration.OutputPath), simple, projects);
        var pages = new SelectionPages(simple, Time, _policies);
        // A page that was just read for the selection is not asked for again
        var wheels = new UpstreamWheelReader(
            database, (package, ct) => pages.GetAsync(package, ifChanged: false, ct), _policies, Time, Logger);
        _readWheels = () => wheels.ReadAsync(GoesOn, Quitting);
        var follower = new SelectionFollower(
            database, pages, projects, requirements, registry, names,
            configuration.FollowAllVersions, Time, Logger);
        return () => follower.FollowAsync(GoesOn, Quitting);
    }

    private async Task UntilQuittingAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException) when (Quitting.IsCancellationRequested)
        {
            Stopped(Logger);
        }
    }

    private bool GoesOn() => !Paused && !Quitting.IsCancellationRequested;

    /// <summary>What following asks of the other tasks, by their queues.</summary>
    private sealed class OtherTasks(CloudGazer gazer) : IFarmTasks
    {
        public Task RequestPagesAsync(PackageName package, CancellationToken ct) =>
            gazer._secretary.AskAsync(new SecretaryRequest.Both(package), ct);

        public async Task ForgetAsync(PackageName package, CancellationToken ct)
        {
            // SlaveDriver first: a build that ends now must not bring files back
            await gazer._slaveDriver.AskAsync(new SkipRequest.DeletePackage(package), ct);
            await gazer._secretary.AskAsync(new SecretaryRequest.DeletePackage(package), ct);
        }

        public async Task ForgetAsync(Release release, CancellationToken ct)
        {
            await gazer._slaveDriver.AskAsync(new SkipRequest.DeleteVersion(release), ct);
            await gazer._secretary.AskAsync(new SecretaryRequest.DeleteVersion(release), ct);
        }
    }

    [LoggerMessage(21, LogLevel.Debug, "stopped following; the rest is done after the next start")]
    private static partial void Stopped(ILogger logger);
}
