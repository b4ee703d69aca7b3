using System.Formats.Cbor;
using System.Security.Cryptography;
using Piwheels.Cli.Demo;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Outages;

/// <summary>
/// A master with all its tasks by the machine's clock, on a database that a test takes away; with an index, a slave and a
/// logger that the test plays.
/// </summary>
internal sealed class FarmAtWork : IAsyncDisposable
{
    public static readonly Target Target = new("cp311", "linux_armv7l");
    public static readonly Release Foo1 = new(PackageName.Parse("foo"), "1.0");

    public static readonly SlaveStats Stats = new(TimeProvider.System.GetUtcNow(), 32, 16, 8, 4, 2, 1, 0.5, 48.3);

    private const int DownloadsMax = 10_000;

    private readonly TemporaryFolder _folder = new();
    private readonly DistributionFolder _distributions = new();
    private readonly ZmqContext _zmq = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly MasterConfiguration _configuration;
    private readonly StandInIndex _index;
    private readonly ZmqSocket _logger;
    private readonly ZmqSocket _slave;
    private readonly Task<int> _master;
    private bool _greeted;

    private FarmAtWork(Dsn dsn, StandInIndex index, TimeProvider time)
    {
        _index = index;
        _configuration = new MasterConfiguration
        {
            // Short limits, so that a server that hangs is found out in seconds
            Dsn = $"Host={dsn.Host};Database={dsn.Database};Username={dsn.Username};"
                + "Command Timeout=2;Timeout=2;KeepAlive=2",
            OutputPath = Path.Combine(_folder.Path, "output"),
            RewriteDelay = TimeSpan.FromSeconds(1),
            PypiXmlRpc = index.Pypi,
            PypiJson = index.Pypi,
            PypiSimple = index.Simple,
            StatusQueue = Queue("status"),
            ControlQueue = Queue("control"),
            ImportQueue = Queue("import"),
            LogQueue = Queue("log"),
            SlaveQueue = Queue("slave"),
            FileQueue = Queue("file"),
        };
        _logger = _zmq.CreateSocket(ZmqSocketType.Push, new SocketOptions { HighWaterMark = DownloadsMax });
        _logger.Connect(_configuration.LogQueue);
        _slave = _zmq.CreateSocket(ZmqSocketType.Req);
        _slave.Connect(_configuration.SlaveQueue);
        _master = Task.Run(() => MasterProgram.RunAsync(_configuration, Log, time, _stop.Token));
    }

    public RecordedLog Log { get; } = new();

    /// <summary>Ends when the master does, with its exit code.</summary>
    public Task<int> Master => _master;

    public string Output => _configuration.OutputPath;

    /// <summary>What the index holds.</summary>
    public StandInCatalog Catalog => _index.Catalog;

    /// <summary>Begins with foo 1.0, which is to be built, in a database that has the target and nothing else.</summary>
    /// <param name="time">The master's clock; the machine's unless given.</param>
    public static async Task<FarmAtWork> StartAsync(Dsn dsn, TestDatabase store, TimeProvider? time = null)
    {
        await using (var database = new Database(store.UserDsn)) await database.AddTargetAsync(Target);
        var folder = new DistributionFolder();
        folder.AddSdist("foo", "1.0");
        var index = await StandInIndex.StartAsync(folder.Path, 0);
        folder.Dispose();
        return new FarmAtWork(dsn, index, time ?? TimeProvider.System);
    }

    /// <summary>Asks for work until there is some; answers what is to be built.</summary>
    public async Task<Release> GetWorkAsync()
    {
        if (!_greeted)
        {
            Assert.IsType<SlaveReply.Ack>(await AskAsync(new SlaveRequest.Hello(new SlaveHello(
                TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", "cp311", "linux_armv7l", "pi-1", "Debian", "12",
                "", ""))));
            _greeted = true;
        }

        while (true)
        {
            if (await AskAsync(new SlaveRequest.Idle(Stats)) is SlaveReply.Build { Release: var release }) return release;
        }
    }

    /// <summary>Brings a wheel of foo 1.0 to the master, up to the word that all of it has been sent.</summary>
    public async Task BuildAsync()
    {
        Assert.Equal(Foo1, await GetWorkAsync());
        var path = new WheelMaker("foo", "1.0", "cp311-cp311-linux_armv7l").WriteTo(_folder.Path);
        var content = await File.ReadAllBytesAsync(path);
        var wheel = new FileState(
            Path.GetFileName(path), content.Length, Convert.ToHexStringLower(SHA256.HashData(content)), "foo", "1.0",
            "cp311", "cp311", "linux_armv7l", null, FileState.NoDependencies);
        Assert.IsType<SlaveReply.Send>(await AskAsync(
            new SlaveRequest.Built(Status: true, TimeSpan.FromSeconds(3), "built\n", [wheel])));
        await new FileSender(_zmq, TimeProvider.System, Log.CreateLogger("sender"))
            .SendAsync(_configuration.FileQueue, 1, path).Within();
    }

    public void Say(SlaveRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        Assert.True(_slave.TrySend(writer.Encode()));
    }

    /// <summary>What the slave is answered; waits as long as a slave does.</summary>
    public Task<SlaveReply> HearAsync() => Task.Run(() =>
    {
        Assert.True(_slave.WaitReadable(TimeSpan.FromMinutes(2)), "the master does not answer");
        Assert.True(_slave.TryReceive(out var frames));
        return SlaveReply.Read(frames[^1]);
    });

    /// <summary>Whether the slave has been answered already.</summary>
    public bool HasReply => _slave.WaitReadable(TimeSpan.Zero);

    /// <summary>Downloads as a logger tells of them, all within the last hour.</summary>
    public void Download(int count)
    {
        var at = TimeProvider.System.GetUtcNow();
        var pip = new InstallerState(null, null, null, null, null, null, null, "pip", "23.0", null);
        for (var number = 0; number < count; number++)
        {
            var writer = new CborWriter();
            LogEntry.Of(new DownloadState($"foo-{number}.whl", "192.0.2.1", at, pip)).Write(writer);
            Assert.True(_logger.TrySend(writer.Encode()));
        }
    }

    /// <summary>Puts a version on the index, by which all before it is old enough to take effect.</summary>
    public void Publish(string name, string version, string summary = "A test") =>
        _index.Catalog.Publish([StandInFile.Read(_distributions.AddSdist(name, version, summary: summary))]);

    /// <summary>Puts a version's wheel on the index.</summary>
    public void PublishWheel(string name, string version) =>
        _index.Catalog.Publish([StandInFile.Read(_distributions.AddWheel(name, version))]);

    /// <summary>Asks the master as a tool for the people who run the farm does.</summary>
    public Task<ImportReply> AskAsync(ImportRequest request) => Task.Run(() =>
    {
        using var tool = _zmq.CreateSocket(ZmqSocketType.Req);
        tool.Connect(_configuration.ImportQueue);
        var writer = new CborWriter();
        request.Write(writer);
        Assert.True(tool.TrySend(writer.Encode()));
        Assert.True(tool.WaitReadable(TimeSpan.FromMinutes(2)), "the master does not answer a tool");
        Assert.True(tool.TryReceive(out var frames));
        return ImportReply.Read(frames[^1]);
    });

    /// <summary>Waits until so many requests have failed for now since the start.</summary>
    public async Task FailedForNowAsync(int count)
    {
        var seen = 0;
        await Log.WhenAsync(line =>
            line.Message.Contains("failed for now", StringComparison.Ordinal) && ++seen >= count);
    }

    /// <summary>Asks again and again until something is so.</summary>
    public async Task UntilAsync(string what, Func<Task<bool>> isSo)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (!await isSo())
        {
            Assert.False(_master.IsCompleted, "the master has ended");
            Assert.False(limit.IsCancellationRequested, $"{what}: not within two minutes\n{string.Join('\n', Log.Entries)}");
        }
    }

    public void Stop() => _stop.Cancel();

    public async ValueTask DisposeAsync()
    {
        Stop();
        await _master.WaitAsync(TimeSpan.FromMinutes(1));
        _slave.Dispose();
        _logger.Dispose();
        _zmq.Dispose();
        await _index.DisposeAsync();
        _stop.Dispose();
        Log.Dispose();
        _distributions.Dispose();
        _folder.Dispose();
    }

    /// <summary>Says something as a slave, and answers what the master does.</summary>
    public async Task<SlaveReply> AskAsync(SlaveRequest request)
    {
        Say(request);
        return await HearAsync();
    }

    private string Queue(string name) => $"ipc://{_folder.Path}/{name}";
}
