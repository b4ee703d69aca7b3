using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;

namespace Piwheels.Bench.Measuring;

/// <summary>The search index as a task of the master asks for it: DbClient asks Seraph, and Seraph an oracle.</summary>
internal sealed class SearchIndexAsked : IMeasurement
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(2);

    public string Name => "search-index-asked";

    public async Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel)
    {
        using var zmq = new ZmqContext();
        await using var queues = new DatabaseQueues(
            farm.Master, new TaskEnvironment(zmq, TimeProvider.System, NullLoggerFactory.Instance), timeout: Timeout);
        var (took, limit) = await Rounds.AlternateAsync(
            farm.Rounds, _ => queues.Client.GetSearchIndexAsync(), _ => farm.Master.GetSearchIndexAsync());
        return
        [
            Figure.Time(
                "The search index, through the master's queues", Spread.Of(took), Spread.Of(limit),
                "straight from the database", Goal.AtMost(1000), mayGrow: true),
        ];
    }
}
