using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A whole master on a real database, the commands as people run them, and one slave to see what it is given.</summary>
public sealed class PriorityTests(DatabaseFixture fixture) : IAsyncLifetime
{
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");

    private readonly TaskTestbed _bed = new();
    private readonly CancellationTokenSource _stop = new();
    private TestDatabase _store = null!;
    private Task<int> _master = null!;
    private MasterConfiguration _configuration = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.CreateDatabaseAsync();
        _configuration = new MasterConfiguration
        {
            Dsn = _store.UserDsn.ToString(),
            OutputPath = Path.Combine(_bed.Folder, "www"),
            FollowSelection = true,
            PypiSimple = new Uri("http://127.0.0.1:1/simple"),
            PypiJson = new Uri("http://127.0.0.1:1/pypi"),
            StatusQueue = _bed.Ipc("status"),
            ControlQueue = _bed.Ipc("control"),
            ImportQueue = _bed.Ipc("import"),
            LogQueue = _bed.Ipc("log"),
            SlaveQueue = _bed.Ipc("slave"),
            FileQueue = _bed.Ipc("file"),
        };
        _master = MasterProgram.RunAsync(_configuration, _bed.Log, TimeProvider.System, _stop.Token);
        await _bed.Log.WhenSaidAsync("started");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Assert.Equal(0, await _master.Within());
        _stop.Dispose();
        await _bed.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task What_somebody_asks_for_is_built_next()
    {
        await PiwAsync("Added", "target", "add", "cp311", "linux_armv7l", "--dsn", _configuration.Dsn);
        await AddAsync("a", "2020-01-01");
        await AddAsync("b", "2021-01-01");
        await using var database = new Database(_store.UserDsn);
        Assert.Equal(["a 1.0", "b 1.0"], await QueueAsync(database));
        await PiwAsync("b 1.0 goes first.", "add", "b", "--priority", "--import-queue", _configuration.ImportQueue);
        Assert.Equal(["b 1.0", "a 1.0"], await QueueAsync(database));

        // SlaveDriver counts the third only when it knows the order of all
        await AddAsync("c", "2022-01-01");
        HearOfWaiting(3);
        using var slave = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        slave.Connect(_configuration.SlaveQueue);
        Assert.IsType<SlaveReply.Ack>(Ask(slave, new SlaveRequest.Hello(new SlaveHello(
            TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", Cp311.Abi, Cp311.Platform, "pi-1", "Debian", "12", "", ""))));
        var build = Assert.IsType<SlaveReply.Build>(Ask(slave, new SlaveRequest.Idle(
            new SlaveStats(DateTimeOffset.UnixEpoch, 32, 16, 8, 4, 2, 1, 0.5, 48.3))));
        Assert.Equal("b 1.0", build.Release.ToString());

        await PiwAsync("The queue is right.", "audit", "queue", "--dsn", _configuration.Dsn);
    }

    private async Task AddAsync(string name, string released)
    {
        await PiwAsync(
            $"Added package {name}.",
            "add", name, "--yes", "--description", "a thing", "--import-queue", _configuration.ImportQueue);
        await PiwAsync(
            $"Added {name} 1.0.",
            "add", name, "1.0", "--yes", "--released", released, "--import-queue", _configuration.ImportQueue);
    }

    private static async Task PiwAsync(string said, params string[] arguments)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(arguments);
        Assert.True(exitCode == 0, output);
        Assert.Contains(said, output, StringComparison.Ordinal);
    }

    private static async Task<IEnumerable<string>> QueueAsync(Database database) =>
        (await database.GetBuildQueueAsync())[Cp311].Select(release => release.ToString());

    private void HearOfWaiting(long count)
    {
        using var monitor = _bed.Zmq.CreateSocket(ZmqSocketType.Sub);
        monitor.Connect(_configuration.StatusQueue);
        while (true)
        {
            Assert.True(monitor.WaitReadable(Waiting.Limit), "the master tells monitors nothing");
            while (monitor.TryReceive(out var frames))
            {
                if (StatusMessage.Read(frames[0]) is StatusMessage.Stats(var figures)
                    && figures.BuildsPending.GetValueOrDefault(Cp311.Abi) == count)
                {
                    return;
                }
            }
        }
    }

    private static SlaveReply Ask(ZmqSocket slave, SlaveRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        Assert.True(slave.TrySend(writer.Encode()));
        Assert.True(slave.WaitReadable(Waiting.Limit));
        Assert.True(slave.TryReceive(out var frames));
        return SlaveReply.Read(frames[0]);
    }
}
