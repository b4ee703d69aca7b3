using Piwheels.Core.Database;
using Piwheels.Master;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Testing;

/// <summary>
/// A database behind the master's queues: Seraph, some oracles, and a client that asks them. Other tasks of the same
/// environment reach it at the configuration's db queue.
/// </summary>
public sealed class DatabaseQueues : IAsyncDisposable
{
    private readonly List<TaskLoop> _tasks = [];

    /// <summary>Starts them, Seraph first.</summary>
    /// <param name="timeout">How long the client waits for an answer, by the environment's clock.</param>
    /// <param name="patient">Whether the client asks again what fails for now.</param>
    public DatabaseQueues(
        IDatabase database,
        TaskEnvironment environment,
        MasterConfiguration? configuration = null,
        int oracles = 3,
        TimeSpan? timeout = null,
        bool patient = false)
    {
        configuration ??= new MasterConfiguration();
        _tasks.Add(new Seraph(configuration, environment));
        _tasks.AddRange(Enumerable.Range(1, oracles).Select(number => new TheOracle(number, environment, database)));
        var asker = new ScriptedTask("asker", environment);
        Client = new DbClient(
            asker.ConnectRpc<DbRequest, DbReply>(configuration.DbQueue, timeout),
            patient ? environment.Time : null,
            asker.Ending);
        _tasks.Add(asker);
        foreach (var task in _tasks) task.Start();
    }

    /// <summary>May be used from any thread.</summary>
    public DbClient Client { get; }

    /// <summary>Seraph, the oracles and the one that asks, in this order.</summary>
    public IReadOnlyList<TaskLoop> Tasks => _tasks;

    /// <summary>Ends them, Seraph last.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var task in Enumerable.Reverse(_tasks)) await task.DisposeAsync();
    }
}
