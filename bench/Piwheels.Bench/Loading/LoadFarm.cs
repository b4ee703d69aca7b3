using System.CommandLine;
using Piwheels.Bench.Places;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Bench.Loading;

/// <summary>What all scenarios under load are told.</summary>
internal sealed class LoadOptions
{
    public Option<string> Data { get; } = new("--data")
    {
        Description = "A folder for the server, the pages and the master's log; what an earlier run left is replaced",
        Required = true,
    };

    public Option<string> Program { get; } = new("--piw")
    {
        Description = "The program to measure; that of this build unless named",
        DefaultValueFactory = static _ => Path.GetFullPath(Path.Combine(
            AppContext.BaseDirectory, "../../../../../src/Piwheels.Cli/bin/Release/net10.0/piw")),
    };

    public Option<string[]> Master { get; } = new("--master")
    {
        Description = "A further option for the master, as --master=--oracles=8",
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = static _ => [],
    };

    public Option<bool> Threads { get; } = new("--threads")
    {
        Description = "Tell which threads of the master took its processor's time",
    };

    public void AddTo(Command command)
    {
        command.Add(Data);
        command.Add(Program);
        command.Add(Master);
        command.Add(Threads);
    }
}

/// <summary>A farm to be put under load: a server of its own, releases that wait to be built, and a master.</summary>
internal sealed class LoadFarm : IAsyncDisposable
{
    private const string DatabaseName = "load";
    private const int BatchRows = 10_000;
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    public static readonly Target Target = new("cp311", "linux_armv7l");

    private readonly bool _tellsThreads;
    private IReadOnlyDictionary<string, TimeSpan> _threads = new Dictionary<string, TimeSpan>();
    private TimeSpan _masterBefore;
    private TimeSpan _serverBefore;
    private TimeSpan _ownBefore;

    private LoadFarm(BenchCluster cluster, BenchDatabase database, MasterProcess master, string www, bool tellsThreads)
    {
        (Cluster, Database, Master, Www) = (cluster, database, master, www);
        _tellsThreads = tellsThreads;
    }

    public BenchCluster Cluster { get; }

    public BenchDatabase Database { get; }

    public MasterProcess Master { get; }

    /// <summary>The folder that the master publishes.</summary>
    public string Www { get; }

    /// <param name="releases">How many wait to be built.</param>
    public static async Task<LoadFarm> StartAsync(
        LoadOptions options, ParseResult parsed, int releases, CancellationToken cancel)
    {
        var folder = Path.GetFullPath(parsed.GetValue(options.Data)!);
        var www = Path.Combine(folder, "www");
        if (Directory.Exists(www)) Directory.Delete(www, recursive: true);
        var cluster = await BenchCluster.StartAsync(folder, BenchClusterUse.New, cancel);
        BenchDatabase? database = null;
        try
        {
            await Unprivileged.CreateFolderAsync(www, cancel);
            database = await cluster.CreateDatabaseAsync(DatabaseName, cancel);
            await FillAsync(database, releases);
            // Not those that are empty: what is planned for a table known to be empty looks at all of it, when it is not any more
            await database.RunAsync("VACUUM ANALYZE packages, versions, build_queue, package_downloads", cancel);
            await database.RunAsync("CHECKPOINT", cancel);
            var master = await MasterProcess.StartAsync(
                parsed.GetValue(options.Program)!, folder, database.Superuser.WithUser(DatabaseOptions.OrdinaryUser),
                parsed.GetValue(options.Master)!, cancel);
            return new LoadFarm(cluster, database, master, www, parsed.GetValue(options.Threads));
        }
        catch
        {
            if (database is not null) await database.DisposeAsync();
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>From here on what is taken of the processor is counted.</summary>
    public void BeginCounting()
    {
        _masterBefore = Master.ProcessorTime;
        _serverBefore = Cluster.ProcessorTime;
        _ownBefore = Environment.CpuUsage.TotalTime;
        if (_tellsThreads) _threads = ProcessFigures.ProcessorTimeOfThreads(Master.Id);
    }

    /// <summary>What was taken since <see cref="BeginCounting"/>.</summary>
    public (TimeSpan Master, TimeSpan Server, TimeSpan Own) Counted => (
        Master.ProcessorTime - _masterBefore, Cluster.ProcessorTime - _serverBefore,
        Environment.CpuUsage.TotalTime - _ownBefore);

    /// <summary>Tells what the master's threads took since <see cref="BeginCounting"/>, where that is wanted.</summary>
    public void TellThreads(int builds)
    {
        if (!_tellsThreads) return;
        foreach (var (name, time) in ProcessFigures.ProcessorTimeOfThreads(Master.Id)
            .Select(thread => (thread.Key, thread.Value - _threads.GetValueOrDefault(thread.Key)))
            .OrderByDescending(static thread => thread.Item2))
        {
            if (time > TimeSpan.Zero) Console.WriteLine($"    {name,-16} {time.TotalMicroseconds / builds,7:N0} µs each");
        }
    }

    /// <summary>Until no package's pages are owed any more.</summary>
    public async Task WaitForPagesAsync(CancellationToken cancel)
    {
        while (await Database.AskAsync<long>("SELECT count(*) FROM rewrites_pending", cancel) > 0)
            await Task.Delay(LookInterval, TimeProvider.System, cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await Master.DisposeAsync();
        await Database.DisposeAsync();
        await Cluster.DisposeAsync();
    }

    private static async Task FillAsync(BenchDatabase database, int releases)
    {
        await using var master = database.ConnectMaster();
        await master.AddTargetAsync(Target);
        for (var first = 0; first < releases; first += BatchRows)
        {
            var batch = Enumerable.Range(first, Math.Min(BatchRows, releases - first)).Select(LoadRelease.At).ToList();
            await master.AddNewPackagesAsync([.. batch.Select(static release => new NewPackage(release.Package))]);
            await master.AddNewPackageVersionsAsync([.. batch.Select(static release => new NewVersion(release))]);
        }
    }
}
