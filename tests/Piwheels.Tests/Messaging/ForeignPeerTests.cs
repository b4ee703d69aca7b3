using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

/// <summary>
/// Our sockets against python3-zmq's: every pair of types in use, every transport, either side binding.
/// </summary>
public sealed class ForeignPeerTests(ZmqPeer peer) : IClassFixture<ZmqPeer>, IAsyncDisposable
{
    private static readonly byte[] Ask = "ask"u8.ToArray();
    private static readonly byte[] Answer = "answer"u8.ToArray();

    // Short waits, asked for again and again: a subscription is known to its publisher some time after the connection
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(20);

    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    public static TheoryData<string, string, string, bool> Pairs()
    {
        (string Ours, string Theirs)[] pairs =
        [
            ("Router", "REQ"), ("Router", "DEALER"), ("Dealer", "ROUTER"), ("Dealer", "REP"), ("Dealer", "DEALER"),
            ("Req", "REP"), ("Req", "ROUTER"), ("Rep", "REQ"), ("Rep", "DEALER"),
            ("Pub", "SUB"), ("Sub", "PUB"), ("Push", "PULL"), ("Pull", "PUSH"),
        ];
        var data = new TheoryData<string, string, string, bool>();
        foreach (var transport in new[] { "tcp", "tcp6", "ipc" })
        {
            foreach (var (ours, theirs) in pairs)
            {
                data.Add(ours, theirs, transport, true);
                data.Add(ours, theirs, transport, false);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Every_pair_of_types_talks_over_every_transport(
        string ours, string theirs, string transport, bool weBind)
    {
        var address = transport switch
        {
            "tcp" => "tcp://127.0.0.1:*",
            "tcp6" => "tcp://[::1]:*",
            _ => _bed.Ipc("pair"),
        };
        var type = Enum.Parse<ZmqSocketType>(ours);
        using var socket = _bed.Zmq.CreateSocket(type);
        if (weBind)
            socket.Bind(address);
        var (other, endpoint) = await peer.OpenAsync(theirs, weBind ? socket.Endpoints[0] : address, bind: !weBind);
        if (!weBind)
            socket.Connect(endpoint);

        switch (type)
        {
            case ZmqSocketType.Router or ZmqSocketType.Rep or ZmqSocketType.Pull:
                await TheyAsk(socket, other, theirs);
                break;
            case ZmqSocketType.Sub:
                await TheyPublish(socket, other);
                break;
            case ZmqSocketType.Pub:
                await WePublish(socket, other);
                break;
            default:
                await WeAsk(socket, other, theirs);
                break;
        }

        await peer.CloseAsync(other);
    }

    [Fact]
    public async Task A_thousand_foreign_requesters_are_served_by_one_router()
    {
        var task = _bed.Task();
        var router = task.BindRouter<Note, Note>("tcp://127.0.0.1:*");
        var refused = 0;
        task.Register(
            router, (_, _) => Task.CompletedTask, refused: (_, _) => new Note($"refusal {refused++}"));
        task.Start();
        Assert.Equal((1000, 1000), await peer.CrowdAsync(task.Endpoints[0], 1000, [0xff]));
    }

    private async Task TheyAsk(ZmqSocket socket, int other, string theirs)
    {
        // A DEALER writes the delimiter itself that a REQ is given
        byte[][] sent = theirs == "DEALER" ? [[], Ask] : [Ask];
        Assert.True(await peer.SendAsync(other, sent));
        var got = Receive(socket);
        Assert.Equal(Ask, got[^1].ToArray());
        if (socket.Type == ZmqSocketType.Pull)
            return;
        got[^1] = Answer;
        Assert.True(socket.TrySend(got));
        Assert.Equal(Answer, (await peer.ReceiveAsync(other, Waiting.Limit))![^1]);
    }

    private async Task WeAsk(ZmqSocket socket, int other, string theirs)
    {
        ReadOnlyMemory<byte>[] sent = theirs == "REP" && socket.Type == ZmqSocketType.Dealer
            ? [ReadOnlyMemory<byte>.Empty, Ask]
            : [Ask];
        SendSoon(socket, sent);
        var got = await peer.ReceiveAsync(other, Waiting.Limit);
        Assert.Equal(Ask, got![^1]);
        if (socket.Type == ZmqSocketType.Push)
            return;
        got[^1] = Answer;
        Assert.True(await peer.SendAsync(other, got));
        Assert.Equal(Answer, Receive(socket)[^1].ToArray());
    }

    private async Task TheyPublish(ZmqSocket socket, int other)
    {
        do
            Assert.True(await peer.SendAsync(other, Ask, Answer));
        while (!socket.WaitReadable(Moment));
        Assert.Equal([Ask, Answer], Receive(socket).Select(frame => frame.ToArray()));
    }

    private async Task WePublish(ZmqSocket socket, int other)
    {
        byte[][]? got;
        do
            Assert.True(socket.TrySend(Ask, Answer));
        while ((got = await peer.ReceiveAsync(other, Moment)) is null);
        Assert.Equal([Ask, Answer], got);
    }

    // A socket that binds has nobody to send to before the other side has connected
    private static void SendSoon(ZmqSocket socket, ReadOnlyMemory<byte>[] frames) =>
        Assert.True(SpinWait.SpinUntil(() => socket.TrySend(frames), Waiting.Limit));

    private static ReadOnlyMemory<byte>[] Receive(ZmqSocket socket)
    {
        Assert.True(socket.WaitReadable(Waiting.Limit));
        Assert.True(socket.TryReceive(out var frames));
        return frames;
    }
}
