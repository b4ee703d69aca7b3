using System.CommandLine;
using System.Diagnostics;
using Piwheels.Bench.Measuring;

namespace Piwheels.Bench.Loading;

/// <summary>
/// `load outage`: whether other slaves notice that builds with long logs end while the database stands still.
/// </summary>
internal static class Outage
{
    private const double Wanted = 50;
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public static Command Create(LoadOptions options)
    {
        var slaves = new Option<int>("--slaves") { DefaultValueFactory = static _ => 1_000, Description = "How many others" };
        var builds = new Option<int>("--builds") { DefaultValueFactory = static _ => 8, Description = "Builds with long logs" };
        var log = new Option<int>("--log") { DefaultValueFactory = static _ => 50, Description = "Megabytes of each log" };
        var seconds = new Option<int>("--seconds") { DefaultValueFactory = static _ => 10, Description = "How long it stands" };
        var command = new Command("outage", "Measures replies while the database stands still and long logs come")
        {
            slaves, builds, log, seconds,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Limit);
            var count = parsed.GetValue(slaves) + parsed.GetValue(builds);
            await using var farm = await LoadFarm.StartAsync(options, parsed, count, limit.Token);
            await MeasureAsync(
                farm, count, parsed.GetValue(builds), FakeSlave.Failure(LogOf(parsed.GetValue(log) * 1_000_000)),
                TimeSpan.FromSeconds(parsed.GetValue(seconds)), limit.Token);
            return 0;
        });
        return command;
    }

    private static async Task MeasureAsync(
        LoadFarm farm, int count, int builds, byte[] failure, TimeSpan time, CancellationToken cancel)
    {
        var fleet = await Fleet.GreetAsync(farm.Master.SlavePort, farm.Master.FilePort, count, cancel);
        foreach (var slave in fleet) await Fleet.WorkAsync(slave, cancel);
        var answers = new Latencies();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var talking = Fleet.TalkAsync(fleet[builds..], static _ => true, Least, Most, answers, end.Token);
        await Task.Delay(Most + Most, TimeProvider.System, cancel);
        _ = answers.Take();
        await Task.Delay(Quiet, TimeProvider.System, cancel);
        Console.WriteLine($"before: {Latencies.Describe(answers.Take())}");
        farm.Cluster.Freeze(frozen: true);
        List<Task> failing;
        try
        {
            failing = [.. fleet[..builds].Select(slave => Task.Run(() => slave.FailAsync(failure, cancel), cancel))];
            await Task.Delay(time, TimeProvider.System, cancel);
        }
        finally
        {
            farm.Cluster.Freeze(frozen: false);
        }

        Console.WriteLine($"the database stands, {builds} logs of {failure.Length / 1_000_000} MB come: "
            + $"{Latencies.Describe(answers.Take())} (wanted: within {Wanted} ms)");
        var back = Stopwatch.GetTimestamp();
        await Task.WhenAll(failing);
        Console.WriteLine($"it goes on, all logs are in after {Stopwatch.GetElapsedTime(back).TotalSeconds:N1} s: "
            + $"{Latencies.Describe(answers.Take())}; {Places.ProcessFigures.ResidentMegabytes(farm.Master.Id).Most} MB "
            + "of the master at most");
        await end.CancelAsync();
        await talking;
        foreach (var slave in fleet) slave.Dispose();
    }

    /// <summary>Lines as a compiler has them.</summary>
    private static string LogOf(int length)
    {
        const string Line = "gcc -pthread -Wno-unused-result -O2 -Wall -fPIC -I/usr/include/python3.11 -c src/thing.c -o build/thing.o\n";
        return string.Create(length, Line, static (span, line) =>
        {
            for (var at = 0; at < span.Length; at += line.Length)
                line.AsSpan(0, Math.Min(line.Length, span.Length - at)).CopyTo(span[at..]);
        });
    }
}
