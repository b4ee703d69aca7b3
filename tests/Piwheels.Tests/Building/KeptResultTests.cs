using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Building;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>
/// What becomes of a result when the master is killed: the folder as it is at that moment is all that the next one has, which
/// has the same database.
/// </summary>
public sealed class KeptResultTests
{
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);

    [Fact]
    public async Task Before_the_database_is_asked_the_result_is_on_the_disk()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var kept = 0;
        farm.Database.Before = method =>
        {
            if (method == "LogBuild") kept = Kept(farm);
            return Task.CompletedTask;
        };

        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());

        Assert.Equal(1, kept);
        Assert.Equal(0, Kept(farm));
    }

    [Fact]
    public async Task What_waited_for_the_database_is_recorded_by_the_next_master_with_its_log()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        farm.Database.Before = Away;
        slave.Say(Slaves.Failed());
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        await using var next = new NextMaster(farm);

        Assert.Empty(farm.Database.Builds);
        farm.Database.Before = _ => Task.CompletedTask;
        next.Start();

        var log = await next.LogAsync();
        var build = Assert.Single(farm.Database.Builds);
        Assert.Equal(build.BuildId, log.BuildId);
        Assert.Equal(((SlaveRequest.Built)Slaves.Failed()).Output, log.Text);
        await next.DoneAsync();
    }

    [Fact]
    public async Task What_was_recorded_is_not_recorded_again_but_gets_its_log()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var lost = true;
        farm.Database.After = method => method == "LogBuild" && lost ? Away(method) : Task.CompletedTask;
        slave.Say(Slaves.Failed());
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        var recorded = Assert.Single(farm.Database.Builds);
        await using var next = new NextMaster(farm);

        lost = false;
        next.Start();

        Assert.Equal(recorded.BuildId, (await next.LogAsync()).BuildId);
        await next.DoneAsync();
        Assert.Single(farm.Database.Builds);
    }

    [Fact]
    public async Task What_is_being_recorded_is_handed_to_nobody()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        farm.Database.Before = Away;
        slave.Say(Slaves.Failed());
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        await using var next = new NextMaster(farm);
        next.Start();
        var other = new Release(Slaves.Numpy.Package, "2.2.0");

        // It counts as being built; only the other one waits
        Assert.Equal(1, await next.PushAsync(Slaves.Numpy, other));
        using var idle = next.Slave();
        idle.Ask(new SlaveRequest.Hello(Slaves.Hello));
        Assert.Equal(other, idle.AssertReply<SlaveReply.Build>(Idle).Release);
        idle.AssertReply<SlaveReply.Cont>(new SlaveRequest.Busy(Slaves.Stats));
    }

    [Fact]
    public async Task A_log_that_the_secretary_did_not_take_is_written_by_the_next_master()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        farm.PagesFail = true;
        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());
        Assert.Equal(1, Kept(farm));
        await using var next = new NextMaster(farm);

        next.Start();

        Assert.Equal(Assert.Single(farm.Database.Builds).BuildId, (await next.LogAsync()).BuildId);
        await next.DoneAsync();
    }

    [Fact]
    public async Task What_is_not_wanted_is_not_kept()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        await farm.Database.DeletePackageAsync(Slaves.Numpy.Package);

        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());

        Assert.Equal(0, Kept(farm));
    }

    [Fact]
    public async Task Where_the_disk_does_not_take_it_a_build_is_recorded_all_the_same()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        File.WriteAllText(farm.Output(KeptBuilds.FolderName), "no folder");

        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());

        Assert.Single(farm.Database.Builds);
        Assert.True(farm.Log.Says("is not kept"));
    }

    /// <summary>What a master that is killed now leaves.</summary>
    private static int Kept(FarmBench farm)
    {
        using var left = new TemporaryFolder();
        Copy(farm, left.Path);
        return KeptBuilds.Open(left.Path, farm.Log.CreateLogger("test")).TakeOver().Count();
    }

    private static void Copy(FarmBench farm, string output)
    {
        var kept = Directory.CreateDirectory(Path.Combine(output, KeptBuilds.FolderName)).FullName;
        if (!Directory.Exists(farm.Output(KeptBuilds.FolderName))) return;
        foreach (var path in Directory.GetFiles(farm.Output(KeptBuilds.FolderName)))
            File.Copy(path, Path.Combine(kept, Path.GetFileName(path)));
    }

    private static Task Away(string method) => throw new DatabaseException($"{method}: away", transient: true);

    /// <summary>SlaveDriver with what a killed one left: a copy of its folder, since that one goes on in here.</summary>
    private sealed class NextMaster : IAsyncDisposable
    {
        private readonly TaskTestbed _bed = new();
        private readonly TestInbox<SecretaryRequest> _pages = new();
        private readonly TestInbox<StatsMessage> _stats = new();
        private readonly MessageSocket<NoMessages, BuildQueueMessage> _architect;
        private readonly ScriptedTask _others;
        private readonly SlaveDriver _driver;
        private readonly string _kept;

        public NextMaster(FarmBench killed)
        {
            Copy(killed, Path.Combine(_bed.Folder, "output"));
            _kept = Path.Combine(_bed.Folder, "output", KeptBuilds.FolderName);
            var configuration = new MasterConfiguration
            {
                OutputPath = Path.Combine(_bed.Folder, "output"),
                SlaveQueue = "tcp://127.0.0.1:*",
            };
            _others = _bed.Task("others");
            _others.Bind<StatusMessage, NoMessages>(ZmqSocketType.Pull, MasterConfiguration.InnerStatusQueue);
            var stats = _others.Bind<StatsMessage, NoMessages>(ZmqSocketType.Pull, configuration.StatsQueue);
            _others.Register(stats, _stats.Take);
            _others.BindRpc<FsRequest, FsReply>(configuration.FsQueue, _ => Task.FromResult<FsReply>(new FsReply.Room(1L << 40, 1L << 39)));
            _others.BindRpc<SecretaryRequest, SecretaryReply>(configuration.WebQueue, async request =>
            {
                await _pages.Take(request);
                return new SecretaryReply.Done();
            });
            _driver = _bed.Add(new SlaveDriver(configuration, _bed.Environment, killed.Database));
            _architect = _others.Connect<NoMessages, BuildQueueMessage>(ZmqSocketType.Push, configuration.BuildsQueue);
        }

        public void Start()
        {
            _driver.Start();
            _others.Start();
        }

        public SlavePeer Slave() => new(_bed.Zmq, FarmBench.TcpAddresses(_driver).First(), false);

        /// <summary>How many of them wait to be built.</summary>
        public async Task<long> PushAsync(params Release[] releases)
        {
            _others.Post(() => _architect.TrySend(new BuildQueueMessage.Queue(
                new Dictionary<Target, IReadOnlyList<Release>> { [Slaves.Hello.Target] = releases })));
            while (true)
            {
                _bed.Time.Advance(SlaveDriver.StatisticsInterval);
                var told = (StatsMessage.BuildQueue)await _stats.NextAsync(message => message is StatsMessage.BuildQueue);
                if (told.Lengths.TryGetValue(Slaves.Hello.Target, out var length)) return length;
            }
        }

        public async Task<SecretaryRequest.Log> LogAsync() =>
            (SecretaryRequest.Log)await _pages.NextAsync(request => request is SecretaryRequest.Log);

        public async Task DoneAsync()
        {
            await _bed.Log.WhenAsync(line => line.Message.Contains("an earlier run", StringComparison.Ordinal));
            // A file of an earlier run goes with the last that is in it
            Assert.Empty(Directory.GetFiles(_kept));
        }

        public ValueTask DisposeAsync() => _bed.DisposeAsync();
    }
}
