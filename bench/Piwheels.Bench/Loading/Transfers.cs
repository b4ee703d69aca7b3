using System.CommandLine;
using System.Diagnostics;
using Piwheels.Bench.Measuring;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Loading;

/// <summary>`load transfers`: how fast large wheels come in, until they are verified and recorded.</summary>
internal static class Transfers
{
    private const double Wanted = 0.6;
    private const double Megabyte = 1e6;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    public static Command Create(LoadOptions options)
    {
        var files = new Option<int[]>("--files")
        {
            Description = "How many at a time; as often as --megabytes",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = static _ => [1, 32],
        };
        var megabytes = new Option<int[]>("--megabytes")
        {
            Description = "Of each of them",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = static _ => [1_000, 50],
        };
        var rounds = new Option<int>("--rounds") { Description = "How often", DefaultValueFactory = static _ => 3 };
        var command = new Command("transfers", "Measures how fast large wheels come in") { files, megabytes, rounds };
        options.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Limit);
            var cases = parsed.GetValue(files)!.Zip(parsed.GetValue(megabytes)!).ToList();
            var times = parsed.GetValue(rounds);
            await using var farm = await LoadFarm.StartAsync(options, parsed, cases.Sum(each => each.First) * times, limit.Token);
            foreach (var (count, size) in cases) await MeasureAsync(farm, count, size, times, limit.Token);
            return 0;
        });
        return command;
    }

    private static async Task MeasureAsync(LoadFarm farm, int count, int megabytes, int rounds, CancellationToken cancel)
    {
        var limits = new List<double>();
        var rates = new List<double>();
        var before = ProcessFigures.ResidentMegabytes(farm.Master.Id).Now;
        var most = before;
        var processor = TimeSpan.Zero;
        for (var round = 0; round < rounds; round++)
        {
            var limit = await TransferLimit.MeasureAsync(farm.Www, count, (long)(megabytes * Megabyte), cancel);
            limits.Add(count * megabytes / limit.TotalSeconds);
            farm.BeginCounting();
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var watching = WatchAsync(farm.Master.Id, end.Token);
            var took = await SendAsync(farm, count, megabytes, cancel);
            await end.CancelAsync();
            most = Math.Max(most, await watching);
            processor += farm.Counted.Master;
            rates.Add(count * megabytes / took.TotalSeconds);
        }

        var (rate, least) = (Spread.Of(rates), Spread.Of(limits));
        Console.WriteLine(
            $"{count} x {megabytes:N0} MB: {rate.Median:N0} MB/s ({rate.P10:N0} to {rate.P90:N0}), from HELLO to recorded; "
            + $"TCP, SHA-256 and writing alone: {least.Median:N0} MB/s, so {rate.Median / least.Median:P0} of it (wanted: {Wanted:P0}); "
            + $"{processor.TotalSeconds * 1000 / (count * megabytes * rounds / 1000.0):N0} ms of the master's processor a GB; "
            + $"{before} MB of its memory before, {most} at most");
    }

    /// <summary>Answers how long all of them took, from the first BUILT to the last DONE.</summary>
    private static async Task<TimeSpan> SendAsync(LoadFarm farm, int count, int megabytes, CancellationToken cancel)
    {
        var fleet = await Fleet.GreetAsync(farm.Master.SlavePort, farm.Master.FilePort, count, cancel);
        var wheels = new LoadWheel[count];
        for (var number = 0; number < count; number++)
        {
            var build = await Fleet.WorkAsync(fleet[number], cancel);
            wheels[number] = LoadWheel.Make(
                LoadRelease.NumberOf(build.Release), LoadFarm.Target, (int)(megabytes * Megabyte));
        }

        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(fleet.Zip(wheels, (slave, wheel) => Task.Run(() => slave.DeliverAsync(wheel, cancel), cancel)));
        var took = Stopwatch.GetElapsedTime(began);
        foreach (var slave in fleet) slave.Dispose();
        return took;
    }

    private static async Task<long> WatchAsync(int pid, CancellationToken end)
    {
        var most = 0L;
        while (!end.IsCancellationRequested)
        {
            most = Math.Max(most, ProcessFigures.ResidentMegabytes(pid).Now);
            await Task.WhenAny(Task.Delay(LookInterval, TimeProvider.System, end));
        }

        return most;
    }
}
