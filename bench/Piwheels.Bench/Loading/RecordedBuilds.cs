using System.CommandLine;
using System.Diagnostics;
using Piwheels.Bench.Measuring;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Bench.Loading;

/// <summary>`load builds`: how many builds a second a master takes in and records, from slaves that build in no time.</summary>
internal static class RecordedBuilds
{
    private const int WheelBytes = 20_000;
    private const double Wanted = 700;
    private const double ProcessorWanted = 1;

    /// <summary>Builds before the first that is counted, until all code has been compiled at its best.</summary>
    private const int LeadMin = 6_000;

    /// <summary>How long a slave sleeps that gets no work; in earnest it is 5 to 10 s.</summary>
    private static readonly TimeSpan Sleep = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    public static Command Create(LoadOptions options)
    {
        var slaves = new Option<int>("--slaves") { DefaultValueFactory = static _ => 1_000, Description = "How many slaves" };
        var builds = new Option<int>("--builds")
        {
            Description = "How many builds are counted",
            DefaultValueFactory = static _ => 20_000,
        };
        var pages = new Option<bool>("--pages")
        {
            Description = "Count until all pages are written too; with --master=--dev-mode they are not held for a minute",
        };
        var command = new Command("builds", "Measures how many builds a second a master records") { slaves, builds, pages };
        options.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Limit);
            var (fleet, count) = (parsed.GetValue(slaves), parsed.GetValue(builds));
            var all = LeadOf(fleet) + count + fleet;
            var wheels = LoadWheel.MakeAll(all, LoadFarm.Target, WheelBytes);
            var own = await MeasureEchoAsync(fleet, count, wheels[0], limit.Token);
            await using var farm = await LoadFarm.StartAsync(options, parsed, all, limit.Token);
            await MeasureAsync(farm, wheels, fleet, count, parsed.GetValue(pages), own, limit.Token);
            return 0;
        });
        return command;
    }

    private static int LeadOf(int slaves) => Math.Max(LeadMin, 2 * slaves);

    /// <summary>The load program's own limit: builds a second with a master that does nothing.</summary>
    private static async Task<double> MeasureEchoAsync(int slaves, int builds, LoadWheel wheel, CancellationToken cancel)
    {
        await using var echo = await EchoServer.StartAsync(wheel.Content.Length, cancel);
        var work = new Work(_ => wheel, LeadOf(slaves), builds);
        var fleet = await Fleet.GreetAsync(echo.SlavePort, echo.FilePort, slaves, cancel);
        var running = RunAsync(fleet, work, cancel);
        await work.Began.WaitAsync(cancel);
        var (own, others, began) = (Environment.CpuUsage.TotalTime, echo.ProcessorTime, Stopwatch.GetTimestamp());
        await work.Ended.WaitAsync(cancel);
        var took = Stopwatch.GetElapsedTime(began);
        var (ownTook, othersTook) = (Environment.CpuUsage.TotalTime - own, echo.ProcessorTime - others);
        work.Stop();
        await running;
        Console.WriteLine($"a master that does nothing: {builds / took.TotalSeconds:N0} builds a second, "
            + $"{othersTook.TotalMilliseconds / builds:N3} ms of its processor each, {ownTook.TotalMilliseconds / builds:N3} of the load program's");
        return builds / took.TotalSeconds;
    }

    private static async Task MeasureAsync(
        LoadFarm farm, LoadWheel[] wheels, int slaves, int builds, bool pages, double own, CancellationToken cancel)
    {
        var work = new Work(release => wheels[release], LeadOf(slaves), builds);
        var fleet = await Fleet.GreetAsync(farm.Master.SlavePort, farm.Master.FilePort, slaves, cancel);
        var running = RunAsync(fleet, work, cancel);
        await work.Began.WaitAsync(cancel);
        farm.BeginCounting();
        var began = Stopwatch.GetTimestamp();
        var rates = await CountAsync(work, builds, cancel);
        if (pages)
        {
            work.Stop();
            await running;
            await farm.WaitForPagesAsync(cancel);
        }

        var took = Stopwatch.GetElapsedTime(began);
        var (master, server, bench) = farm.Counted;
        var counted = pages ? work.Done - (LeadOf(slaves)) : builds;
        work.Stop();
        await running;
        var name = $"Builds of {slaves:N0} slaves recorded" + (pages ? ", with all their pages" : "");
        var rate = counted / took.TotalSeconds;
        var spread = pages ? new Spread(rate, rate, rate) : Spread.Of(rates) with { Median = rate };
        Console.WriteLine(Report.Line(Figure.Rate(
            name, spread, new Spread(own, own, own), "a master that does nothing", Goal.AtLeast(Wanted),
            $"{work.Slept:N0} times a slave got no work")));
        var each = master.TotalMilliseconds / counted;
        Console.WriteLine($"processor's time a build: {each:N2} ms of the master (wanted: {ProcessorWanted:N2}), "
            + $"{server.TotalMilliseconds / counted:N2} of PostgreSQL, {bench.TotalMilliseconds / counted:N2} of the load program; "
            + $"{Places.ProcessFigures.ResidentMegabytes(farm.Master.Id).Most} MB of the master at most");
        Console.WriteLine($"from BUILT to DONE: {Latencies.Describe(work.Deliveries.Take())}");
        farm.TellThreads(counted);
    }

    /// <summary>Builds a second, second by second.</summary>
    private static async Task<List<double>> CountAsync(Work work, int builds, CancellationToken cancel)
    {
        var rates = new List<double>();
        var (last, lastAt) = (work.Done, Stopwatch.GetTimestamp());
        while (!work.Ended.IsCompleted)
        {
            await Task.WhenAny(work.Ended, Task.Delay(LookInterval, TimeProvider.System, cancel));
            cancel.ThrowIfCancellationRequested();
            var passed = Stopwatch.GetElapsedTime(lastAt);
            if (passed < TimeSpan.FromSeconds(1) && (rates.Count > 0 || !work.Ended.IsCompleted)) continue;
            rates.Add((work.Done - last) / passed.TotalSeconds);
            (last, lastAt) = (work.Done, Stopwatch.GetTimestamp());
        }

        return rates;
    }

    private static Task RunAsync(FakeSlave[] fleet, Work work, CancellationToken cancel) =>
        Task.WhenAll(fleet.Select(slave => Task.Run(() => RunAsync(slave, work, cancel), cancel)));

    private static async Task RunAsync(FakeSlave slave, Work work, CancellationToken cancel)
    {
        using (slave)
        {
            while (!work.Stopped)
            {
                if (await slave.SayIdleAsync(cancel) is not SlaveReply.Build build)
                {
                    work.AddSlept();
                    await Task.Delay(Sleep, TimeProvider.System, cancel);
                    continue;
                }

                var began = Stopwatch.GetTimestamp();
                await slave.DeliverAsync(work.WheelOf(LoadRelease.NumberOf(build.Release)), cancel);
                work.Deliveries.Add(began);
                work.AddDone();
            }
        }
    }

    /// <summary>What the slaves do, and how far they are.</summary>
    private sealed class Work(Func<int, LoadWheel> wheelOf, int lead, int builds)
    {
        private readonly TaskCompletionSource _began = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _done;
        private int _slept;

        public Latencies Deliveries { get; } = new();

        public Task Began => _began.Task;

        public Task Ended => _ended.Task;

        public int Done => Volatile.Read(ref _done);

        public int Slept => Volatile.Read(ref _slept);

        public bool Stopped { get; private set; }

        public LoadWheel WheelOf(int release) => wheelOf(release);

        public void Stop() => Stopped = true;

        public void AddSlept() => Interlocked.Increment(ref _slept);

        public void AddDone()
        {
            var done = Interlocked.Increment(ref _done);
            if (done == lead) _began.TrySetResult();
            if (done == lead + builds) _ended.TrySetResult();
        }
    }
}
