using System.Text;
using Microsoft.Extensions.Logging;
using Piwheels.Master;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Keys;

/// <summary>Who answers libzmq, and the list that it answers by.</summary>
public sealed class DoorkeeperTests : IAsyncDisposable
{
    private static readonly CurveKeyPair Known = SlavePair();
    private static readonly CurveKeyPair Stranger = SlavePair();

    private readonly TaskTestbed _bed = new();
    private readonly KeyFolder _folder;
    private readonly SlaveGate _gate;
    private readonly Doorkeeper _doorkeeper;
    private readonly ZmqSocket _asker;

    public DoorkeeperTests()
    {
        _folder = new KeyFolder(Path.Combine(_bed.Folder, "keys"));
        _folder.Add("pi-1", KeyOf(Known));
        _gate = SlaveGate.Open(_folder.Path, _bed.Log.CreateLogger("master.slave_keys"));
        _doorkeeper = _bed.Add(new Doorkeeper(_bed.Environment, _gate));
        _doorkeeper.Start();
        // A REQ socket is what libzmq itself asks with, as it seems from there
        _asker = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        _asker.Connect(ZapRequest.Address);
    }

    public ValueTask DisposeAsync()
    {
        _asker.Dispose();
        return _bed.DisposeAsync();
    }

    private static CurveKeyPair SlavePair() => CurveKeyPair.Generate();

    private static PublicKey KeyOf(CurveKeyPair pair)
    {
        Assert.True(PublicKey.TryParse(pair.PublicKey, out var key));
        return key;
    }

    private static byte[] Bytes(CurveKeyPair pair)
    {
        // By the sample of RFC 32 and TryParse, Of is the inverse; here from text to bytes
        const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
        return
        [
            .. pair.PublicKey.Chunk(5).SelectMany(part =>
            {
                var number = part.Aggregate(0u, (value, letter) => (value * 85) + (uint)Alphabet.IndexOf(letter, StringComparison.Ordinal));
                return new[] { (byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number };
            }),
        ];
    }

    private static byte[][] Question(CurveKeyPair pair, string domain = SocketOptions.KeysDomain) =>
        ["1.0"u8.ToArray(), "7"u8.ToArray(), Encoding.ASCII.GetBytes(domain), "192.0.2.1"u8.ToArray(), [], "CURVE"u8.ToArray(), Bytes(pair)];

    private void Ask(params byte[][] frames) =>
        Assert.True(_asker.TrySend([ReadOnlyMemory<byte>.Empty, .. frames.Select(frame => (ReadOnlyMemory<byte>)frame)]));

    private string[] Hear()
    {
        Assert.True(_asker.WaitReadable(Waiting.Limit));
        Assert.True(_asker.TryReceive(out var frames));
        return [.. frames.Skip(1).Select(frame => Encoding.ASCII.GetString(frame.Span))];
    }

    /// <summary>Has the clock go on until this has been said.</summary>
    private async Task PassAsync(string words)
    {
        var said = _bed.Log.WhenSaidAsync(words);
        while (!said.IsCompleted)
        {
            _bed.Time.Advance(Doorkeeper.LookInterval);
            Ask(Question(Known));
            Hear();
        }

        await said;
    }

    [Fact]
    public void A_key_of_the_list_is_let_in_and_its_name_is_the_key()
    {
        Ask(Question(Known));
        Assert.Equal(["1.0", "7", "200", "OK", Known.PublicKey, ""], Hear());
    }

    [Fact]
    public void Others_are_refused_and_a_flood_of_them_is_one_line_of_the_log()
    {
        for (var count = 0; count < 100; count++)
        {
            Ask(Question(Stranger));
            Assert.Equal(["1.0", "7", "400", "not on the list", "", ""], Hear());
        }

        var line = Assert.Single(_bed.Log.Entries, line => line.Level == LogLevel.Warning);
        Assert.Contains($"refused 192.0.2.1: its key {Stranger.PublicKey} is not on the list", line.Message, StringComparison.Ordinal);
        _bed.Time.Advance(TimeSpan.FromSeconds(10));
        Ask(Question(Stranger));
        Hear();
        Assert.True(_bed.Log.Says("99 more refused"));
    }

    [Fact]
    public void What_is_asked_of_another_socket_or_without_a_key_is_refused()
    {
        Ask(Question(Known, domain: "others"));
        Assert.Equal("400", Hear()[2]);
        Ask([.. Question(Known)[..5], "NULL"u8.ToArray()]);
        Assert.Equal("400", Hear()[2]);
        Ask([.. Question(Known)[..5], "PLAIN"u8.ToArray(), "admin"u8.ToArray(), "secret"u8.ToArray()]);
        Assert.Equal("400", Hear()[2]);
    }

    private static readonly Dictionary<string, byte[][]> Nonsense = new()
    {
        ["nothing"] = [],
        ["an empty frame"] = [[]],
        ["another version"] = ["2.0"u8.ToArray(), .. Question(Known)[1..]],
        ["too few frames"] = Question(Known)[..4],
        ["no key"] = Question(Known)[..6],
        ["a short key"] = [.. Question(Known)[..6], Bytes(Known)[1..]],
        ["a long key"] = [.. Question(Known)[..6], [.. Bytes(Known), 0]],
        ["a frame too many"] = [.. Question(Known), []],
        ["a long id"] = ["1.0"u8.ToArray(), new byte[256], .. Question(Known)[2..]],
        ["a long domain"] = [.. Question(Known)[..2], new byte[300], .. Question(Known)[3..]],
        ["a thousand frames"] = [.. Enumerable.Repeat(Array.Empty<byte>(), 1000)],
        ["too large"] = [.. Question(Known)[..6], new byte[100_000]],
    };

    public static TheoryData<string> Shapes() => [.. Nonsense.Keys];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Whatever_it_is_asked_it_answers_the_next_question(string shape)
    {
        Ask(Nonsense[shape]);
        Ask(Question(Known));
        Assert.Equal("200", Hear()[2]);
        Assert.False(_doorkeeper.Completion.IsCompleted);
    }

    [Fact]
    public async Task The_list_is_read_again_when_it_has_changed()
    {
        _folder.Add("pi-2", KeyOf(Stranger));
        await PassAsync("2 slaves may connect");
        Ask(Question(Stranger));
        Assert.Equal("200", Hear()[2]);
        _folder.Revoke("pi-2");
        await PassAsync("1 slaves may connect, by");
        while (_gate.AdmitsKey(Stranger.PublicKey))
        {
            _bed.Time.Advance(Doorkeeper.LookInterval);
            Ask(Question(Known));
            Hear();
        }

        Ask(Question(Stranger));
        Assert.Equal("400", Hear()[2]);
    }

    [Fact]
    public void A_list_that_is_wrong_or_gone_leaves_the_one_before_in_force_and_each_bad_line_is_told_once()
    {
        var changes = 0;
        _gate.WhenChanged(() => changes++);
        File.WriteAllText(_folder.ListPath, $"pi-1 {Known.PublicKey}\nbad\npi-2 {Stranger.PublicKey}\nworse still\n");
        for (var look = 0; look < 5; look++) _gate.Refresh();
        Assert.True(_gate.AdmitsKey(Known.PublicKey));
        Assert.False(_gate.AdmitsKey(Stranger.PublicKey));
        Assert.Single(_bed.Log.Entries, line => line.Message.Contains("slaves: line 2:", StringComparison.Ordinal));
        Assert.Single(_bed.Log.Entries, line => line.Message.Contains("slaves: line 4:", StringComparison.Ordinal));
        Assert.Single(_bed.Log.Entries, line => line.Message.Contains("the 1 slaves of before may connect", StringComparison.Ordinal));

        File.Delete(_folder.ListPath);
        for (var look = 0; look < 5; look++) _gate.Refresh();
        Assert.True(_gate.AdmitsKey(Known.PublicKey));
        Assert.Equal(0, changes);

        File.WriteAllText(_folder.ListPath, "# nobody\n");
        _gate.Refresh();
        _gate.Refresh();
        Assert.False(_gate.AdmitsKey(Known.PublicKey));
        Assert.Equal(1, changes);
    }

    [Fact]
    public void A_list_that_is_being_written_is_not_read_before_it_is_whole()
    {
        File.WriteAllText(_folder.ListPath, "pi-1 half");
        _gate.Refresh();
        File.WriteAllText(_folder.ListPath, $"pi-2 {Stranger.PublicKey}\n");
        _gate.Refresh();
        Assert.True(_gate.AdmitsKey(Known.PublicKey));
        _gate.Refresh();
        Assert.True(_gate.AdmitsKey(Stranger.PublicKey));
        Assert.DoesNotContain(_bed.Log.Entries, line => line.Level == LogLevel.Error);
    }

    [Fact]
    public void With_no_folder_there_are_no_keys_and_who_comes_without_one_is_admitted()
    {
        var gate = SlaveGate.Open("", _bed.Log.CreateLogger("none"));
        Assert.Null(gate.Keys);
        Assert.True(gate.Admits(new PeerAddress(new byte[] { 1 })));
        Assert.False(gate.Admits(new PeerAddress(new byte[] { 1 }, Known.PublicKey)));
        Assert.False(_gate.Admits(new PeerAddress(new byte[] { 1 }, "")));
    }
}
