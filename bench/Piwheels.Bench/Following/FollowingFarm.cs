using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Master;
using Piwheels.Master.Upstream;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;

namespace Piwheels.Bench.Following;

/// <summary>
/// The part of a master that follows an index: CloudGazer, which asks the database through Seraph and its oracles. The
/// tasks that drop builds and pages answer that it is done.
/// </summary>
internal sealed class FollowingFarm : IAsyncDisposable
{
    private readonly ZmqContext _zmq = new();
    private readonly DatabaseQueues _queues;
    private readonly ScriptedTask _others;
    private readonly CloudGazer _gazer;

    public FollowingFarm(IDatabase database, Uri root)
    {
        var configuration = new MasterConfiguration
        {
            PypiXmlRpc = new Uri(root, "pypi"),
            PypiJson = new Uri(root, "pypi"),
            PypiSimple = new Uri(root, "simple"),
        };
        var environment = new TaskEnvironment(_zmq, TimeProvider.System, NullLoggerFactory.Instance);
        _queues = new DatabaseQueues(database, environment, configuration, patient: true);
        _others = new ScriptedTask("others", environment);
        _others.BindRpc<SecretaryRequest, SecretaryReply>(
            configuration.WebQueue, _ => Task.FromResult<SecretaryReply>(new SecretaryReply.Done()));
        _others.BindRpc<SkipRequest, SkipReply>(
            MasterConfiguration.SkipQueue, _ => Task.FromResult<SkipReply>(new SkipReply.Ok()));
        _gazer = new CloudGazer(configuration, environment, limits: Unpaced);
    }

    /// <summary>PyPI is asked every two seconds at most, which is 25,000 events a second; this index is our own.</summary>
    public static UpstreamLimits Unpaced { get; } = new() { ChangelogInterval = TimeSpan.Zero };

    public void Start()
    {
        _others.Start();
        _gazer.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _gazer.DisposeAsync();
        await _others.DisposeAsync();
        await _queues.DisposeAsync();
        _zmq.Dispose();
    }
}
