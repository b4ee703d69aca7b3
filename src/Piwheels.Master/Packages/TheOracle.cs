using System.Text;
using Piwheels.Core.Database;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Packages;

/// <summary>
/// Answers requests for the database, one at a time; there are several, so that a slow query keeps but one of them
/// busy. Seraph shares the requests out among those that have said that they are there. A fault of the database goes
/// to the one who asked, and is never this task's end.
/// </summary>
public sealed class TheOracle : TaskLoop
{
    private readonly ZmqSocket _seraph;
    private readonly IDatabase _database;

    /// <param name="number">Tells the oracles apart in the log.</param>
    /// <param name="database">The real one; it may be shared by all oracles.</param>
    public TheOracle(int number, TaskEnvironment environment, IDatabase database)
        : base($"the_oracle_{number}", environment)
    {
        _database = database;
        _seraph = ConnectRpcServer<DbRequest, DbReply>(
            MasterConfiguration.OracleQueue, request => OracleAnswers.AnswerAsync(_database, request));
    }

    /// <summary>What an oracle says to Seraph before its first answer.</summary>
    internal static ReadOnlyMemory<byte> Ready { get; } = Encoding.ASCII.GetBytes("READY");

    /// <summary>What an oracle says when it ends: that its socket has gone is noticed later than the next request.</summary>
    internal static ReadOnlyMemory<byte> Gone { get; } = Encoding.ASCII.GetBytes("GONE");

    protected override Task OnceAsync() => _seraph.TrySend(Ready)
        ? Task.CompletedTask
        : throw new InvalidOperationException("Seraph is to be started before its oracles");

    protected override Task CloseAsync()
    {
        // Seraph may have gone first, when a fault ended it
        _ = _seraph.TrySend(Gone);
        return Task.CompletedTask;
    }
}
