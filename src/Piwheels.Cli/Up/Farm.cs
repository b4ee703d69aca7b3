using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Slave.Python;
using Piwheels.Storage;
using Piwheels.Storage.Private;

namespace Piwheels.Cli.Up;

/// <summary>
/// A whole farm on one machine: the private database, master, slaves and web server, each a program of its own, kept
/// running and stopped in order: slaves first, the database last.
/// </summary>
internal sealed class Farm : IAsyncDisposable
{
    private const string ClusterCategory = "piw.cluster";

    private readonly UpOptions _options;
    private readonly DataFolder _folder;
    private readonly IPEndPoint _listen;
    private readonly PrivateCluster _cluster;
    private readonly Database _database;
    private readonly RunningBuilds _builds = new();
    private readonly List<FarmProcess> _processes = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly ZmqContext _zmq = new();
    private readonly StatusListener _listener;
    private readonly FarmWatch _watch;
    private Task _watching = Task.CompletedTask;
    private Task _keepingCluster = Task.CompletedTask;

    private Farm(
        UpOptions options, DataFolder folder, IPEndPoint listen, PrivateCluster cluster, IFarmView view,
        ILoggerFactory loggers, TimeProvider time)
    {
        _options = options;
        _folder = folder;
        _listen = listen;
        _cluster = cluster;
        _database = new Database(cluster.Dsn);
        _builds.Began = view.Began;
        _listener = new StatusListener(
            Queue("status"), Queue("control"), _builds, new TaskEnvironment(_zmq, time, loggers));
        var logger = loggers.CreateLogger("piw.up");
        _watch = new FarmWatch(_database, _builds, view, folder.Output, time, logger);
        foreach (var (name, arguments) in Programs())
        {
            var process = new FarmProcess(name, arguments, logger, time);
            process.Crashed = (program, reason) => view.Say($"{program} ended ({reason}); starting it again");
            _processes.Add(process);
        }
    }

    public IDatabase Database => _database;

    public FarmWatch Watch => _watch;

    public Uri Url => ListenAddress.UrlOf(_listen);

    public string Output => _folder.Output;

    /// <summary>
    /// Starts everything, and enters what is wanted and what the slaves build for. The data folder is the farm's from
    /// here on.
    /// </summary>
    public static async Task<Farm> StartAsync(
        UpOptions options, DataFolder folder, IPEndPoint listen, PythonFacts python, IFarmView view, ILoggerFactory loggers,
        TimeProvider time, CancellationToken stop)
    {
        var cluster = await PrivateCluster.EnsureAsync(
            folder.Cluster, loggers.CreateLogger(ClusterCategory), time, stop);
        var farm = new Farm(options, folder, listen, cluster, view, loggers, time);
        try
        {
            if (options.Wanted.Requirements.Count > 0)
                await farm._database.SetRequestsAsync(SelectionOrigin.Up, options.Wanted);
            await farm._database.AddTargetAsync(python.Target, python.Glibc);
            foreach (var process in farm._processes) process.Start();
            farm._listener.Start();
            farm._keepingCluster = cluster.KeepRunningAsync(view.Say, farm._stopping.Token);
            farm._watching = farm._watch.RunAsync(farm._stopping.Token);
            return farm;
        }
        catch
        {
            await farm.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops in order. Whatever is being built is given up, and will be built after the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _database.Abandon();
        await _watching;
        await _keepingCluster;
        await Task.WhenAll(_processes.Where(process => process.Name.StartsWith(SlaveName, StringComparison.Ordinal))
            .Select(process => process.StopAsync()));
        foreach (var process in _processes) await process.DisposeAsync();
        await _listener.DisposeAsync();
        _zmq.Dispose();
        await _database.DisposeAsync();
        await _cluster.DisposeAsync();
        _stopping.Dispose();
    }

    private const string SlaveName = "slave";

    /// <summary>A master on the same machine that says nothing for so long is being started again.</summary>
    private const string BusyTimeout = "30s";

    private IEnumerable<(string Name, IReadOnlyList<string> Arguments)> Programs()
    {
        yield return ("web", Program("web",
            "--output-path", _folder.Output, "--listen", _listen.ToString(), "--log-queue", Queue("log"),
            "--live-queue", Queue("live")));
        yield return ("master", Program("master", [
            "--dsn", _cluster.Dsn.ToString(), "--output-path", _folder.Output, "--site-url", Url.ToString().TrimEnd('/'),
            "--pypi-simple", _options.PypiSimple.ToString(), "--pypi-json", _options.PypiApi.ToString(),
            "--pypi-xmlrpc", _options.PypiApi.ToString(),
            "--status-queue", Queue("status"), "--control-queue", Queue("control"), "--import-queue", Queue("import"),
            "--log-queue", Queue("log"), "--live-queue", Queue("live"), "--slave-queue", Queue("slave"),
            "--file-queue", Queue("file"),
            .. FollowedNamesSettings.Arguments(_options.FollowOnly, _options.FollowNever),
            .. RecipeSettings.Arguments(_options.Recipes),
            .. KeySettings.Arguments(_options.SlaveKeys),
            .. _options.All ? Array.Empty<string>() : ["--follow-selection"],
            // Whoever waits for the end of it does not wait for tomorrow
            .. _options.Once ? (string[])["--retry-delays", "1m 5m"] : []]));
        for (var number = 1; number <= _options.Slaves; number++)
        {
            var name = $"{SlaveName}-{number.ToString(CultureInfo.InvariantCulture)}";
            var builds = Directory.CreateDirectory(Path.Combine(_folder.Builds, name)).FullName;
            yield return (name, Program("slave", [
                "--slave-queue", Queue("slave"), "--file-queue", Queue("file"), "--label", name,
                "--dir", builds, "--idle-interval", "1s", "--busy-timeout", BusyTimeout,
                "--timeout", $"{_options.BuildTimeout.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s",
                .. _options.Python.Length > 0 ? (string[])["--python", _options.Python] : [],
                .. _options.Containment],
                name));
        }
    }

    // Its configuration is all on its command line: what the user's files say is for farms put up by hand
    private string[] Program(string command, string[] arguments, string? name = null) =>
    [
        command, "--configuration", "/dev/null",
        "--log-file", Path.Combine(_folder.Logs, $"{name ?? command}.log"), .. arguments,
    ];

    private string[] Program(string command, params ReadOnlySpan<string> arguments) =>
        Program(command, arguments.ToArray(), name: null);

    private string Queue(string name) => $"ipc://{Path.Combine(_folder.Sockets, name)}";
}
