using Piwheels.Messaging.Protocols;

namespace Piwheels.Bench.Loading;

/// <summary>Many fake slaves of the farm's target, and what they have in common.</summary>
internal static class Fleet
{
    private const int GreetedAtATime = 500;

    /// <summary>Connects and greets them; some hundreds at a time, as connections come in.</summary>
    public static async Task<FakeSlave[]> GreetAsync(int slavePort, int filePort, int count, CancellationToken cancel)
    {
        var fleet = new FakeSlave[count];
        await Parallel.ForAsync(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = GreetedAtATime, CancellationToken = cancel },
            async (number, stop) => fleet[number] =
                await FakeSlave.GreetAsync(slavePort, filePort, LoadFarm.Target, number, stop));
        return fleet;
    }

    /// <summary>Has a slave ask until it gets work.</summary>
    public static async Task<SlaveReply.Build> WorkAsync(FakeSlave slave, CancellationToken cancel)
    {
        while (true)
        {
            if (await slave.SayIdleAsync(cancel) is SlaveReply.Build build) return build;
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancel);
        }
    }

    /// <summary>Has slaves talk by themselves, at times drawn from an interval, until it is cancelled.</summary>
    public static Task TalkAsync(
        IReadOnlyList<FakeSlave> fleet, Func<int, bool> isBusy, TimeSpan least, TimeSpan most, Latencies answers,
        CancellationToken cancel) =>
        Task.WhenAll(fleet.Select((slave, number) => TalkAsync(slave, isBusy(number), least, most, answers, cancel)));

    private static async Task TalkAsync(
        FakeSlave slave, bool isBusy, TimeSpan least, TimeSpan most, Latencies answers, CancellationToken cancel)
    {
        try
        {
            // So that they do not all begin at once
            await Task.Delay(most * Random.Shared.NextDouble(), TimeProvider.System, cancel);
            slave.Answers = answers;
            while (true)
            {
                _ = isBusy ? await slave.SayBusyAsync(cancel) : await slave.SayIdleAsync(cancel);
                await Task.Delay(
                    least + ((most - least) * Random.Shared.NextDouble()), TimeProvider.System, cancel);
            }
        }
        catch (OperationCanceledException)
        {
            // The end
        }
    }
}
