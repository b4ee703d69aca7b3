using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;
using Piwheels.Slave;
using Piwheels.Slave.Checking;
using Piwheels.Slave.Conversation;
using Piwheels.Testing;
using Piwheels.Tests.Keys;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>A slave with a key, and what it says where keys do not fit; it never waits in silence.</summary>
public sealed class KeyedSlaveTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder _folder = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly RecordedLog _log = new();
    private readonly SourceIndex _index = new();
    private readonly TaskTestbed _bed = new();
    private readonly CurveKeyPair _master = CurveKeyPair.Generate();
    private readonly CurveKeyPair _own;

    public KeyedSlaveTests() => _own = SecretKeyFile.Make(KeyFile, "a slave");

    private string KeyFile => _folder["slave.key"];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var line in _log.Entries) TestContext.Current.TestOutputHelper?.WriteLine(line.ToString());
        _stop.Dispose();
        _index.Dispose();
        await _bed.DisposeAsync();
        _folder.Dispose();
    }

    private SlaveConfiguration Configuration(string slaveQueue, string fileQueue, bool keyed = true) => new()
    {
        SlaveQueue = slaveQueue,
        FileQueue = fileQueue,
        MasterKey = keyed ? KeyOf(_master) : null,
        KeyFile = KeyFile,
        Dir = Directory.CreateDirectory(_folder["builds"]).FullName,
        Label = "test",
        Python = "/usr/bin/python3",
        IdleInterval = TimeSpan.FromMilliseconds(100),
        BusyInterval = TimeSpan.FromMilliseconds(500),
    };

    private static PublicKey KeyOf(CurveKeyPair pair)
    {
        Assert.True(PublicKey.TryParse(pair.PublicKey, out var key));
        return key;
    }

    private ZmqSocket Master(bool keyed)
    {
        var master = _bed.Zmq.CreateSocket(
            ZmqSocketType.Router, new() { CurveServerSecretKey = keyed ? _master.SecretKey : null });
        master.Bind("tcp://127.0.0.1:*");
        return master;
    }

    /// <summary>Runs a slave until it has said why it does not come in.</summary>
    private async Task<string> WhySentAwayAsync(SlaveConfiguration configuration)
    {
        var slave = SlaveRunner.RunAnywayAsync(configuration, _log, TimeProvider.System, _stop.Token).WaitAsync(Limit);
        var line = await Task.WhenAny(slave, _log.WhenSaidAsync("starting over: ")) is Task<LogLine> said ? await said : null;
        await _stop.CancelAsync();
        Assert.Equal(SlaveEnd.Stopped, await slave);
        Assert.DoesNotContain(_log.Entries, entry => $"{entry}".Contains(_own.SecretKey, StringComparison.Ordinal));
        return line!.Message;
    }

    [Fact]
    public async Task A_release_is_built_and_handed_over_by_CURVE()
    {
        _index.Add("tiny", requires: "Requires-Python: >=3.7\n");
        await using var master = await ScriptedMaster.StartAsync(
            _index, $$""" "builds": [["tiny", "1.0"]], "curve": "{{_master.SecretKey}}" """);
        var slave = SlaveRunner.RunAnywayAsync(
            Configuration(master.SlaveQueue, master.FileQueue), _log, TimeProvider.System, _stop.Token).WaitAsync(Limit);
        _ = master.With(slave);
        await master.EndAsync();
        Assert.Equal(SlaveEnd.Dismissed, await slave);
        Assert.Equal("HELLO IDLE BUILT SENT IDLE BYE", master.Requests);
        Assert.True(Assert.Single(master.Files).Json.GetProperty("sound").GetBoolean());
    }

    [Fact]
    public async Task One_whose_key_is_not_known_says_so_and_how_to_enter_it()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Refusal());
        using var master = Master(keyed: true);
        var why = await WhySentAwayAsync(Configuration(master.Endpoints[0], master.Endpoints[0]));
        Assert.Contains("does not know this slave's key", why, StringComparison.Ordinal);
        Assert.Contains($"piw slave-key add NAME '{_own.PublicKey}'", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_without_a_key_where_keys_are_wanted_says_so()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome("anybody"));
        using var master = Master(keyed: true);
        var why = await WhySentAwayAsync(Configuration(master.Endpoints[0], master.Endpoints[0], keyed: false));
        Assert.Contains("--master-key", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_with_a_key_where_none_are_taken_says_so()
    {
        using var master = Master(keyed: false);
        var why = await WhySentAwayAsync(Configuration(master.Endpoints[0], master.Endpoints[0]));
        Assert.Contains("for slaves without keys", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_knows_another_key_of_the_master_says_so()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome("anybody"));
        using var master = Master(keyed: true);
        var why = await WhySentAwayAsync(
            Configuration(master.Endpoints[0], master.Endpoints[0]) with { MasterKey = KeyOf(CurveKeyPair.Generate()) });
        Assert.Contains("the master's key is another than --master-key says", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_key_a_slave_does_not_start()
    {
        File.SetUnixFileMode(KeyFile, SecretKeyFile.Mode | UnixFileMode.GroupRead);
        var fault = await Assert.ThrowsAsync<SlaveException>(() => SlaveRunner.RunAnywayAsync(
            Configuration("tcp://127.0.0.1:1", "tcp://127.0.0.1:1"), _log, TimeProvider.System, _stop.Token));
        Assert.Contains("chmod 600", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_a_key_it_knocks_at_the_ports_for_keys()
    {
        var plain = new SlaveConfiguration { Master = "wheels.example.org" };
        Assert.Equal(("tcp://wheels.example.org:5555", "tcp://wheels.example.org:5556"), (plain.SlaveAddress, plain.FileAddress));
        var keyed = plain with { MasterKey = KeyOf(_master) };
        Assert.Equal(("tcp://wheels.example.org:5557", "tcp://wheels.example.org:5558"), (keyed.SlaveAddress, keyed.FileAddress));
    }

    [Fact]
    public async Task The_check_shows_the_key_to_the_master_and_tells_what_it_makes_of_it()
    {
        using var door = new ScriptedDoor(
            _bed.Zmq, request => request.Key!.Value.Text == _own.PublicKey ? request.Welcome("one") : request.Refusal());
        using var master = Master(keyed: true);
        var configuration = Configuration(master.Endpoints[0], master.Endpoints[0]);
        var good = await CheckAsync(configuration);
        Assert.Equal(CheckGrade.Good, good["key"].Grade);
        Assert.Contains("takes this key", good["slave queue"].Fact, StringComparison.Ordinal);
        Assert.Contains("takes this key", good["file queue"].Fact, StringComparison.Ordinal);
        Assert.False(master.WaitReadable(TimeSpan.Zero)); // And says no word

        SecretKeyFile.Make(_folder["other.key"], "another");
        var refused = await CheckAsync(configuration with { KeyFile = _folder["other.key"] });
        Assert.Equal(CheckGrade.Fatal, refused["slave queue"].Grade);
        Assert.Contains("piw slave-key add", refused["slave queue"].Fact, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_check_tells_of_a_key_that_is_missing_or_open_to_others()
    {
        var configuration = Configuration("tcp://127.0.0.1:1", "tcp://127.0.0.1:1");
        File.SetUnixFileMode(KeyFile, SecretKeyFile.Mode | UnixFileMode.OtherRead);
        var open = (await CheckAsync(configuration))["key"];
        Assert.Equal((CheckGrade.Fatal, $"chmod 600 {KeyFile}"), (open.Grade, open.Mending));
        var missing = (await CheckAsync(configuration with { KeyFile = _folder["none.key"] }))["key"];
        Assert.Equal((CheckGrade.Fatal, $"piw slave-key make --key-file {_folder["none.key"]}"), (missing.Grade, missing.Mending));
        Assert.DoesNotContain("key", (await CheckAsync(configuration with { MasterKey = null })).Keys);
    }

    private static async Task<Dictionary<string, CheckFinding>> CheckAsync(SlaveConfiguration configuration) =>
        (await SlaveCheck.RunAsync(configuration, TimeProvider.System, TestContext.Current.CancellationToken))
        .ToDictionary(finding => finding.Subject);
}
