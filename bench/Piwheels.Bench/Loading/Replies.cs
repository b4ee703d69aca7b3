using System.CommandLine;
using System.Diagnostics;
using Piwheels.Bench.Measuring;

namespace Piwheels.Bench.Loading;

/// <summary>`load replies`: how fast a master answers a large fleet, half of which builds and half of which waits.</summary>
internal static class Replies
{
    private const double Wanted = 10;
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public static Command Create(LoadOptions options)
    {
        var slaves = new Option<int>("--slaves") { DefaultValueFactory = static _ => 10_000, Description = "How many slaves" };
        var seconds = new Option<int>("--seconds") { DefaultValueFactory = static _ => 60, Description = "How long" };
        var command = new Command("replies", "Measures how fast slaves are answered that speak every 5 to 10 s")
        {
            slaves, seconds,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Limit);
            var (count, time) = (parsed.GetValue(slaves), TimeSpan.FromSeconds(parsed.GetValue(seconds)));
            await using (var echo = await EchoServer.StartAsync(0, limit.Token))
            {
                var (alone, _) = await MeasureAsync(echo.SlavePort, echo.FilePort, count, time / 2, () => { }, limit.Token);
                Console.WriteLine($"a master that does nothing: {Latencies.Describe(alone)}");
            }

            // As many as build at a time, and not one more: the other half gets no work
            await using var farm = await LoadFarm.StartAsync(options, parsed, count / 2, limit.Token);
            var before = Places.ProcessFigures.ResidentMegabytes(farm.Master.Id).Now;
            var (answers, greeted) = await MeasureAsync(
                farm.Master.SlavePort, farm.Master.FilePort, count, time, farm.BeginCounting, limit.Token);
            var (master, server, own) = farm.Counted;
            Console.WriteLine($"{count:N0} slaves were greeted within {greeted.TotalSeconds:N1} s");
            Console.WriteLine($"replies: {Latencies.Describe(answers)} (wanted: 99 % within {Wanted} ms)");
            Console.WriteLine($"of the processor: {master / time:P0} for the master, {server / time:P0} PostgreSQL, "
                + $"{own / time:P0} the load program; {(Places.ProcessFigures.ResidentMegabytes(farm.Master.Id).Now - before) * 1024.0 / count:N1} KB "
                + "of the master's memory a slave");
            farm.TellThreads(answers.Count);
            return 0;
        });
        return command;
    }

    private static async Task<(List<double> Answers, TimeSpan Greeted)> MeasureAsync(
        int slavePort, int filePort, int count, TimeSpan time, Action begin, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        var fleet = await Fleet.GreetAsync(slavePort, filePort, count, cancel);
        var greeted = Stopwatch.GetElapsedTime(began);
        try
        {
            await Parallel.ForEachAsync(
                fleet.Take(count / 2), new ParallelOptions { MaxDegreeOfParallelism = count, CancellationToken = cancel },
                async (slave, stop) => await Fleet.WorkAsync(slave, stop));
            var answers = new Latencies();
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var talking = Fleet.TalkAsync(fleet, number => number < count / 2, Least, Most, answers, end.Token);
            // Until all have said something once
            await Task.Delay(Most, TimeProvider.System, cancel);
            _ = answers.Take();
            begin();
            await Task.Delay(time, TimeProvider.System, cancel);
            var taken = answers.Take();
            await end.CancelAsync();
            await talking;
            return (taken, greeted);
        }
        finally
        {
            foreach (var slave in fleet) slave.Dispose();
        }
    }
}
