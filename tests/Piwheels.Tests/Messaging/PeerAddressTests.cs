using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

/// <summary>What a ROUTER is told of those who send to it.</summary>
public sealed class PeerAddressTests : IAsyncDisposable
{
    private static readonly SocketOptions Telling = new() { TellsPeers = true };

    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Theory]
    [InlineData("tcp://127.0.0.1:*", "127.0.0.1")]
    [InlineData("tcp://[::1]:*", "::1")]
    [InlineData("tcp://*:*", "127.0.0.1")]
    [InlineData("inproc://here", "")]
    public void The_host_of_a_peer_is_told(string address, string host)
    {
        using var router = _bed.Zmq.CreateSocket(ZmqSocketType.Router, Telling);
        router.Bind(address);
        using var peer = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        peer.Connect(router.Endpoints[0]
            .Replace("[::]", "127.0.0.1", StringComparison.Ordinal)
            .Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal));
        Assert.True(peer.TrySend("hello"u8.ToArray()));
        var from = Receive(router);
        Assert.Equal(host, from.Host);
        Assert.Null(from.Key);
    }

    [Fact]
    public void Over_ipc_its_process_is_told()
    {
        using var router = _bed.Zmq.CreateSocket(ZmqSocketType.Router, Telling);
        router.Bind(_bed.Ipc("router"));
        using var peer = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        peer.Connect(router.Endpoints[0]);
        Assert.True(peer.TrySend("hello"u8.ToArray()));
        Assert.EndsWith($":{Environment.ProcessId}", Receive(router).Host, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_that_is_not_to_look_does_not()
    {
        using var router = _bed.Zmq.CreateSocket(ZmqSocketType.Router);
        router.Bind("tcp://127.0.0.1:*");
        using var peer = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        peer.Connect(router.Endpoints[0]);
        Assert.True(peer.TrySend("hello"u8.ToArray()));
        Assert.Null(Receive(router).Host);
    }

    [Fact]
    public void What_a_peer_without_keys_says_of_itself_is_believed_in_nothing()
    {
        using var router = _bed.Zmq.CreateSocket(ZmqSocketType.Router, Telling);
        router.Bind("tcp://127.0.0.1:*");
        using var liar = new RawPeer(router.Endpoints[0], new Dictionary<string, string>
        {
            ["Socket-Type"] = "DEALER",
            ["Identity"] = "me",
            ["User-Id"] = "somebody else",
            ["Peer-Address"] = "192.0.2.1",
        });
        liar.Send([1], [2]);
        var from = Receive(router);
        Assert.Equal("me"u8, from.Bytes.Span);
        Assert.Equal("127.0.0.1", from.Host);
        Assert.Null(from.Key);
    }

    [Fact]
    public void Peers_of_one_name_are_two_where_their_keys_are()
    {
        var one = new PeerAddress("me"u8.ToArray(), "key 1", "192.0.2.1");
        Assert.Equal(one, new PeerAddress("me"u8.ToArray(), "key 1", "192.0.2.2"));
        Assert.NotEqual(one, new PeerAddress("me"u8.ToArray(), "key 2", "192.0.2.1"));
        Assert.NotEqual(one, new PeerAddress("me"u8.ToArray(), null, "192.0.2.1"));
        Assert.NotEqual(one, new PeerAddress("you"u8.ToArray(), "key 1", "192.0.2.1"));
    }

    private static PeerAddress Receive(ZmqSocket socket)
    {
        Assert.True(socket.WaitReadable(Waiting.Limit));
        Assert.True(socket.TryReceive(out _, out var from));
        return from;
    }
}
