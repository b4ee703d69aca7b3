using System.Text;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Messaging;
using Xunit;

namespace Piwheels.Tests.Keys;

/// <summary>What libzmq makes of keys: who comes in, and what is known of them then.</summary>
public sealed class CurveSocketTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();
    private readonly CurveKeyPair _server = CurveKeyPair.Generate();
    private readonly ZmqSocket _router;

    public CurveSocketTests()
    {
        _router = _bed.Zmq.CreateSocket(
            ZmqSocketType.Router, new() { CurveServerSecretKey = _server.SecretKey, TellsPeers = true });
        _router.Bind("tcp://127.0.0.1:*");
    }

    public ValueTask DisposeAsync()
    {
        _router.Dispose();
        return _bed.DisposeAsync();
    }

    private string Address => _router.Endpoints[0];

    private ZmqSocket Peer(CurveKeyPair pair, string word, string? name = null)
    {
        var peer = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer, new()
        {
            CurveClient = new(_server.PublicKey, pair.PublicKey, pair.SecretKey),
            Linger = TimeSpan.Zero,
            Identity = name is null ? null : new PeerAddress(Encoding.ASCII.GetBytes(name)),
        });
        peer.Connect(Address);
        Assert.True(peer.TrySend(Encoding.ASCII.GetBytes(word)));
        return peer;
    }

    private (string Word, PeerAddress From) Receive()
    {
        Assert.True(_router.WaitReadable(Waiting.Limit));
        Assert.True(_router.TryReceive(out var frames, out var from));
        return (Encoding.ASCII.GetString(frames[^1].Span), from);
    }

    private Handshake? Try(CurveKeyPair pair) => HandshakeProbe.Try(
        _bed.Zmq, Address, new() { CurveClient = new(_server.PublicKey, pair.PublicKey, pair.SecretKey) },
        Waiting.Limit);

    [Fact]
    public void Who_comes_in_is_known_by_the_key_and_the_host()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome(request.Key!.Value.Text));
        var pair = CurveKeyPair.Generate();
        using var peer = Peer(pair, "hello", "me");
        var (word, from) = Receive();
        Assert.Equal(("hello", pair.PublicKey, "127.0.0.1"), (word, from.Key, from.Host));
        Assert.Equal("me"u8, from.Bytes.Span);
        Assert.True(door.Asked.TryDequeue(out var asked));
        Assert.Equal((SocketOptions.KeysDomain, "127.0.0.1"), (asked.Domain, asked.Host));
    }

    [Fact]
    public void While_nobody_answers_for_it_nobody_comes_in()
    {
        Assert.Equal(Handshake.BrokenOff, Try(CurveKeyPair.Generate()));
        using (new ScriptedDoor(_bed.Zmq, request => request.Welcome("somebody")))
            Assert.Equal(Handshake.Succeeded, Try(CurveKeyPair.Generate()));
        // The one who answered has gone. Whom it was asked about in its last moment waits in vain, all others are sent away
        var pair = CurveKeyPair.Generate();
        var limit = TimeSpan.FromMilliseconds(500);
        var options = new SocketOptions { CurveClient = new(_server.PublicKey, pair.PublicKey, pair.SecretKey) };
        var outcomes = Enumerable.Range(0, 3).Select(_ => HandshakeProbe.Try(_bed.Zmq, Address, options, limit)).ToList();
        Assert.DoesNotContain(Handshake.Succeeded, outcomes);
        Assert.Equal(Handshake.BrokenOff, Try(pair));
    }

    [Fact]
    public void Who_is_refused_is_told_so_and_nothing_of_it_arrives()
    {
        var good = CurveKeyPair.Generate();
        var bad = CurveKeyPair.Generate();
        using var door = new ScriptedDoor(
            _bed.Zmq, request => request.Key!.Value.Text == good.PublicKey ? request.Welcome("good") : request.Refusal());
        using var refused = Peer(bad, "bad");
        Assert.Equal(Handshake.Refused, Try(bad));
        using var welcome = Peer(good, "good");
        Assert.Equal("good", Receive().Word);
        Assert.False(_router.WaitReadable(TimeSpan.Zero));
    }

    [Fact]
    public async Task While_one_waits_to_be_let_in_the_others_go_on_and_its_own_words_keep_their_order()
    {
        var slow = CurveKeyPair.Generate();
        using var open = new ManualResetEventSlim();
        using var quick = Peer(CurveKeyPair.Generate(), "before");
        using var door = new ScriptedDoor(_bed.Zmq, request =>
        {
            if (request.Key!.Value.Text == slow.PublicKey) open.Wait(Waiting.Limit);
            return request.Welcome(request.Key!.Value.Text);
        });
        Assert.Equal("before", Receive().Word);
        using var late = Peer(slow, "1");
        for (var number = 2; number <= 20; number++) Assert.True(late.TrySend(Encoding.ASCII.GetBytes($"{number}")));
        for (var number = 0; number < 20; number++)
        {
            Assert.True(quick.TrySend("meanwhile"u8.ToArray()));
            Assert.Equal("meanwhile", Receive().Word);
        }

        open.Set();
        Assert.Equal(Enumerable.Range(1, 20).Select(number => $"{number}"), Enumerable.Range(1, 20).Select(_ => Receive().Word));
        await door.AskedAsync();
    }

    [Fact]
    public async Task Who_is_not_answered_stays_outside()
    {
        using var door = new ScriptedDoor(_bed.Zmq, _ => null);
        using var peer = Peer(CurveKeyPair.Generate(), "hello");
        await door.AskedAsync();
        Assert.False(_router.WaitReadable(TimeSpan.Zero));
    }

    [Fact]
    public void A_peer_without_keys_does_not_come_in_whatever_it_calls_itself()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome("somebody"));
        Assert.NotEqual(Handshake.Succeeded, HandshakeProbe.Try(_bed.Zmq, Address, new(), Waiting.Limit));
        using var liar = new RawPeer(Address, new Dictionary<string, string>
        {
            ["Socket-Type"] = "DEALER",
            ["User-Id"] = CurveKeyPair.Generate().PublicKey,
        });
        Assert.Equal(Handshake.Succeeded, Try(CurveKeyPair.Generate()));
        Assert.False(_router.WaitReadable(TimeSpan.Zero));
        Assert.Single(door.Asked);
    }

    [Fact]
    public async Task A_key_holder_cannot_call_itself_by_anothers_key()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome(request.Key!.Value.Text));
        var (own, others) = (CurveKeyPair.Generate(), CurveKeyPair.Generate());
        // By hand, since libzmq would not say such a thing of itself
        await using var liar = PythonPeer.Start(
            "curve_liar.py", Address, _server.PublicKey, own.PublicKey, own.SecretKey,
            "User-Id", others.PublicKey, "Peer-Address", "192.0.2.1", "Identity", "liar");
        var (word, from) = Receive();
        Assert.Equal(("hello", own.PublicKey, "127.0.0.1"), (word, from.Key, from.Host));
        Assert.Equal("liar"u8, from.Bytes.Span);
    }

    [Fact]
    public void What_keys_are_put_in_is_never_written_out_with_its_secret()
    {
        var pair = CurveKeyPair.Generate();
        var options = new SocketOptions
        {
            CurveServerSecretKey = pair.SecretKey,
            CurveClient = new(_server.PublicKey, pair.PublicKey, pair.SecretKey),
        };
        Assert.DoesNotContain(pair.SecretKey, $"{options} {options.CurveClient} {pair}", StringComparison.Ordinal);
    }

    [Fact]
    public void One_who_knows_another_key_of_the_server_is_broken_off()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome("somebody"));
        var pair = CurveKeyPair.Generate();
        var options = new SocketOptions { CurveClient = new(pair.PublicKey, pair.PublicKey, pair.SecretKey) };
        Assert.Equal(Handshake.BrokenOff, HandshakeProbe.Try(_bed.Zmq, Address, options, Waiting.Limit));
        Assert.Empty(door.Asked);
    }

    [Fact]
    public async Task A_python_peer_comes_in_by_its_key()
    {
        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome(request.Key!.Value.Text));
        var pair = CurveKeyPair.Generate();
        await using var python = new ZmqPeer();
        var (socket, _) = await python.OpenAsync("DEALER", Address, options: new()
        {
            ["CURVE_SERVERKEY"] = Hex(_server.PublicKey),
            ["CURVE_PUBLICKEY"] = Hex(pair.PublicKey),
            ["CURVE_SECRETKEY"] = Hex(pair.SecretKey),
        });
        await python.SendAsync(socket, "hello"u8.ToArray());
        var (word, from) = Receive();
        Assert.Equal(("hello", pair.PublicKey), (word, from.Key));

        static string Hex(string text) => Convert.ToHexString(Encoding.ASCII.GetBytes(text));
    }
}
