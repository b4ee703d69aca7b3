using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Building;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>
/// SlaveDriver and FileJuggler with a database in memory and everybody else played by the test: TheArchitect,
/// TheSecretary, BigBrother, CloudGazer and the main loop.
/// </summary>
internal sealed class FarmBench : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();
    private readonly ScriptedTask _others;
    private readonly MessageSocket<NoMessages, BuildQueueMessage> _architect;
    private readonly RpcClient<SkipRequest, SkipReply> _gazer;
    private readonly TestInbox<StatusMessage> _status = new();
    private readonly TestInbox<SecretaryRequest> _pages = new();
    private readonly TestInbox<StatsMessage> _stats = new();

    private FarmBench(bool strangersMayConnect, string? recipes, bool recipesForAll, bool keyed, bool live)
    {
        if (recipes is not null) WriteRecipes(recipes);
        Keys = new KeyFolder(Path.Combine(_bed.Folder, "keys"));
        Gate = SlaveGate.Open(keyed ? Keys.Path : "", _bed.Log.CreateLogger("master.slave_keys"));
        Configuration = new MasterConfiguration
        {
            OutputPath = Path.Combine(_bed.Folder, "output"),
            SlaveQueue = "tcp://*:*",
            FileQueue = "tcp://*:*",
            KeyedSlaveQueue = "tcp://127.0.0.1:*",
            KeyedFileQueue = "tcp://127.0.0.1:*",
            StrangersMayConnect = strangersMayConnect,
            Recipes = recipes is null ? "" : RecipeFolder,
            RecipesForAll = recipesForAll,
            LiveQueue = live ? _bed.Ipc("live") : "",
        };
        Database = new FakeDatabase(_bed.Time);
        var desk = _bed.Task("desk");
        var status = desk.Bind<StatusMessage, NoMessages>(ZmqSocketType.Pull, MasterConfiguration.InnerStatusQueue);
        var stats = desk.Bind<StatsMessage, NoMessages>(ZmqSocketType.Pull, Configuration.StatsQueue);
        desk.Register(status, _status.Take);
        desk.Register(stats, _stats.Take);
        desk.BindRpc<SecretaryRequest, SecretaryReply>(Configuration.WebQueue, async request =>
        {
            if (PagesFail) throw new RpcException("not taken", transient: false);
            await _pages.Take(request);
            return new SecretaryReply.Done();
        });
        Juggler = _bed.Add(new FileJuggler(
            Configuration, _bed.Environment, Database, () => (Size: 1L << 40, Free: DiskFree), Gate));
        Driver = _bed.Add(new SlaveDriver(
            Configuration, _bed.Environment, Database,
            RecipeShelf.Open(Configuration.Recipes, _bed.Log.CreateLogger("master.recipes")), gate: Gate));
        if (keyed) Doorkeeper = _bed.Add(new Doorkeeper(_bed.Environment, Gate));
        _others = _bed.Task("others");
        _architect = _others.Connect<NoMessages, BuildQueueMessage>(ZmqSocketType.Push, Configuration.BuildsQueue);
        _gazer = _others.ConnectRpc<SkipRequest, SkipReply>(MasterConfiguration.SkipQueue);
        Files = new FsClient(_others.ConnectRpc<FsRequest, FsReply>(Configuration.FsQueue));
        desk.Start();
    }

    public MasterConfiguration Configuration { get; }

    public FakeDatabase Database { get; }

    public FileJuggler Juggler { get; }

    public SlaveDriver Driver { get; }

    public KeyFolder Keys { get; }

    public SlaveGate Gate { get; }

    public Doorkeeper? Doorkeeper { get; }

    /// <summary>Waits until SlaveDriver has done what it was about, timers included: the clock may move then.</summary>
    public Task SettleAsync()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Driver.Post(() => Driver.Post(reached.SetResult));
        return reached.Task.Within();
    }

    /// <summary>Moves the clock when SlaveDriver has set all its timers, and so notices.</summary>
    public async Task AdvanceAsync(TimeSpan time)
    {
        await SettleAsync();
        _bed.Time.Advance(time);
    }

    /// <summary>The same of FileJuggler.</summary>
    public Task SettleJugglerAsync()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Juggler.Post(() => Juggler.Post(reached.SetResult));
        return reached.Task.Within();
    }

    public FsClient Files { get; }

    /// <summary>Whether TheSecretary takes nothing.</summary>
    public bool PagesFail { get; set; }

    public long DiskFree { get; set; } = 1L << 39;

    public RecordedLog Log => _bed.Log;

    public TaskTestbed Bed => _bed;

    public TestInbox<StatusMessage> Status => _status;

    public TestInbox<SecretaryRequest> Pages => _pages;

    public TestInbox<StatsMessage> Stats => _stats;

    /// <summary>The next log of a build that TheSecretary is given.</summary>
    public async Task<string> LogPublishedAsync() =>
        ((SecretaryRequest.Log)await _pages.NextAsync(request => request is SecretaryRequest.Log)).Text;

    public string SlaveAddress => TcpAddresses(Driver).First();

    public string KeyedSlaveAddress => TcpAddresses(Driver).Last();

    public string KeyedFileAddress => TcpAddresses(Juggler).Last();

    public string FileAddress => TcpAddresses(Juggler).First();

    /// <summary>A farm for cp311 on linux_armv7l that knows numpy 2.1.0.</summary>
    public static async Task<FarmBench> StartAsync(
        bool strangersMayConnect = false, Action<FarmBench>? prepare = null, string? recipes = null,
        bool recipesForAll = false, bool keyed = false, bool live = false)
    {
        var farm = new FarmBench(strangersMayConnect, recipes, recipesForAll, keyed, live);
        await farm.Database.AddTargetAsync(Slaves.Hello.Target);
        await farm.Database.AddNewPackageAsync(Slaves.Numpy.Package);
        await farm.Database.AddNewPackageVersionAsync(Slaves.Numpy);
        prepare?.Invoke(farm);
        farm.Doorkeeper?.Start();
        farm.Juggler.Start();
        farm.Driver.Start();
        farm._others.Start();
        return farm;
    }

    /// <summary>What TheArchitect says; returns once SlaveDriver has it.</summary>
    public async Task PushAsync(params Release[] releases)
    {
        Push(releases);
        // Lengths are told every 10 seconds: then it is known to have arrived
        while (true)
        {
            await AdvanceAsync(SlaveDriver.StatisticsInterval);
            var told = await _stats.NextAsync(message => message is StatsMessage.BuildQueue);
            var lengths = ((StatsMessage.BuildQueue)told).Lengths;
            if (lengths.GetValueOrDefault(Slaves.Hello.Target) == releases.Length) return;
        }
    }

    private string RecipeFolder => Path.Combine(_bed.Folder, "recipes");

    /// <summary>Writes the farm's one file of recipes; SlaveDriver sees it when its time has come.</summary>
    public void WriteRecipes(string text)
    {
        var file = Path.Combine(Directory.CreateDirectory(RecipeFolder).FullName, "test.conf");
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>As <see cref="PushAsync"/>, where what is pushed may leave the queue at once.</summary>
    public void Push(params Release[] releases) => _others.Post(() => _architect.TrySend(new BuildQueueMessage.Queue(
        new Dictionary<Target, IReadOnlyList<Release>> { [Slaves.Hello.Target] = releases })));

    public Task DeleteAsync(SkipRequest request) => _gazer.AskAsync(request).Within();

    /// <summary>A new key, entered in the list under this name.</summary>
    public CurveClientKeys NewSlaveKeys(string name)
    {
        var keys = Strangers(CurveKeyPair.Generate());
        Assert.True(PublicKey.TryParse(keys.PublicKey, out var key));
        Keys.Add(name, key);
        ReadList();
        return keys;
    }

    /// <summary>A key that is not in the list.</summary>
    public CurveClientKeys Strangers(CurveKeyPair pair) => new(Gate.Keys!.PublicKey, pair.PublicKey, pair.SecretKey);

    /// <summary>Has the list read again, as the doorkeeper does when its time has come.</summary>
    public void ReadList()
    {
        Gate.Refresh();
        Gate.Refresh();
    }

    public SlavePeer Slave(CurveClientKeys keys, bool dealer = false, PeerAddress? name = null) =>
        new(_bed.Zmq, KeyedSlaveAddress, dealer, keys, name);

    public SlavePeer Slave(bool dealer = false) => new(_bed.Zmq, SlaveAddress, dealer);

    /// <summary>A slave that has been given numpy to build.</summary>
    public async Task<SlavePeer> BuildingSlaveAsync(bool dealer = false)
    {
        await PushAsync(Slaves.Numpy);
        var slave = Slave(dealer);
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello));
        slave.AssertReply<SlaveReply.Build>(new SlaveRequest.Idle(Slaves.Stats));
        return slave;
    }

    /// <summary>
    /// Writes a wheel of numpy, or what claims to be one, and answers its path and what a slave says of it.
    /// </summary>
    public (string Path, FileState State) Wheel(WheelMaker? maker = null)
    {
        maker ??= new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l");
        var path = maker.WriteTo(_bed.Folder);
        return (path, Slaves.FileOf(path));
    }

    /// <summary>Has a verified file's build recorded, and the file published.</summary>
    public async Task PublishAsync(TransferOwner owner, params FileState[] files)
    {
        await RecordAsync(files);
        await Files.PublishAsync(owner).Within();
    }

    public Task RecordAsync(params FileState[] files) => Database.LogBuildAsync(new BuildState(
        1, Slaves.Numpy.Package.Value, Slaves.Numpy.Version, Slaves.Hello.Abi, Status: true, TimeSpan.Zero, "", files,
        Slaves.Hello.Platform));

    public Task SendAsync(int slaveId, string path) =>
        Sender().SendAsync(FileAddress, slaveId, path).Within();

    public FileSender Sender() => new(_bed.Zmq, _bed.Time, _bed.Log.CreateLogger("sender"));

    public Task SendAsync(int slaveId, string path, CurveClientKeys keys, CancellationToken cancel = default) =>
        new FileSender(_bed.Zmq, _bed.Time, _bed.Log.CreateLogger("sender"), new SocketOptions { CurveClient = keys })
            .SendAsync(KeyedFileAddress, slaveId, path, ct: cancel).Within();

    public static IEnumerable<string> TcpAddresses(TaskLoop task) =>
        task.Endpoints.Where(address => address.StartsWith("tcp://", StringComparison.Ordinal));

    public string Output(string relative) => Path.Combine(Configuration.OutputPath, relative);

    /// <summary>All files below the output folder, the transfer folder's too; but for where results are kept.</summary>
    public IReadOnlyList<string> OutputFiles() =>
    [
        .. Directory.EnumerateFiles(Configuration.OutputPath, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Configuration.OutputPath, path))
            .Where(path => !path.StartsWith(KeptBuilds.FolderName, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    public ValueTask DisposeAsync() => _bed.DisposeAsync();
}
