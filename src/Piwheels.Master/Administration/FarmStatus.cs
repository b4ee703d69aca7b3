using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Administration;

/// <summary>Answers how the farm is: what other tasks know, and what waits to be built.</summary>
internal sealed class FarmStatus(IDatabase database, FarmFacts? facts, TimeProvider time)
{
    /// <summary>A task that ends answers nobody any more.</summary>
    private static readonly TimeSpan CountMax = TimeSpan.FromSeconds(5);

    /// <param name="paused">Whether somebody has paused the tasks.</param>
    public async Task<ImportReply> AskAsync(bool paused)
    {
        if (facts is null) return new ImportReply.Error("nothing is known of this farm");
        var trouble = "";
        IReadOnlyList<WaitingReleases> queue = [];
        try
        {
            queue =
            [
                .. (await database.GetBuildQueueLengthsAsync()).Select(static each => new WaitingReleases(each.Key, each.Value))
                    .OrderBy(static each => each.Target.Platform, StringComparer.Ordinal)
                    .ThenBy(static each => each.Target.Abi, StringComparer.Ordinal),
            ];
        }
        catch (DatabaseException fault)
        {
            trouble = fault.Message;
        }

        return new ImportReply.State(new FarmState(
            facts.Started, paused, !facts.GivesOutWork(), trouble, queue, await CountSlavesAsync(facts), facts.Upstream(),
            facts.Stats()));
    }

    private async Task<IReadOnlyDictionary<string, long>> CountSlavesAsync(FarmFacts known)
    {
        try
        {
            return await known.CountSlaves().WaitAsync(CountMax, time);
        }
        catch (TimeoutException)
        {
            return new Dictionary<string, long>();
        }
    }
}
