using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

/// <summary>What strangers send to a ROUTER: the task survives it, and serves the next peer.</summary>
public sealed class HostileFramesTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    private static readonly Dictionary<string, byte[][]> Frames = new()
    {
        ["one empty frame"] = [[]],
        ["two empty frames"] = [[], []],
        ["three empty frames"] = [[], [], []],
        ["something in place of the delimiter"] = [[1], new Note("x").ToBytes()],
        ["no delimiter"] = [new Note("x").ToBytes()],
        ["a frame too many"] = [[], new Note("x").ToBytes(), []],
        ["no CBOR"] = [[], [0xff]],
        ["an array cut short"] = [[], [0x81]],
        ["trailing bytes"] = [[], [.. new Note("x").ToBytes(), 0]],
        ["a text of 2^63 - 1 bytes"] = [[], [0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
        ["deep nesting"] = [[], [.. Enumerable.Repeat((byte)0x81, 1400)]],
        ["too large"] = [[], new byte[2000]],
        ["far too large"] = [[], new byte[1_000_000]],
        ["a thousand frames"] = [.. Enumerable.Repeat(Array.Empty<byte>(), 1000)],
    };

    public static TheoryData<string> Shapes() => [.. Frames.Keys];

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_router_survives_any_shape_of_message(string shape)
    {
        var task = _bed.Task();
        var router = task.BindRouter<Note, Note>("tcp://127.0.0.1:*", new() { MaxMessageBytes = 1500 });
        task.Register(router, (from, note) =>
        {
            router.TrySend(from, note);
            return Task.CompletedTask;
        });
        task.Start();
        using var stranger = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer, new() { Linger = TimeSpan.Zero });
        stranger.Connect(task.Endpoints[0]);
        Assert.True(stranger.TrySend([.. Frames[shape].Select(frame => (ReadOnlyMemory<byte>)frame)]));
        using var friend = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        friend.Connect(task.Endpoints[0]);
        Assert.True(friend.TrySend(new Note("good").ToBytes()));
        Assert.True(friend.WaitReadable(Waiting.Limit));
        Assert.True(friend.TryReceive(out var answer));
        Assert.Equal("good", Note.Read(answer[0]).Text);
        Assert.False(task.Completion.IsCompleted);
    }

    [Fact]
    public async Task What_is_no_message_may_be_answered_with_a_refusal()
    {
        var task = _bed.Task();
        var router = task.BindRouter<Note, Note>("inproc://refusing");
        task.Register(
            router, (_, _) => Task.CompletedTask, refused: (_, reason) => new Note($"refused: {reason}"));
        task.Start();
        using var peer = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        peer.Connect("inproc://refusing");
        peer.TrySend(Frames["trailing bytes"][1]);
        Assert.True(peer.WaitReadable(Waiting.Limit));
        Assert.True(peer.TryReceive(out var answer));
        Assert.Equal("refused: trailing bytes", Note.Read(answer[0]).Text);
        Assert.Equal(1, router.Dropped);
    }

    [Fact]
    public async Task A_reader_with_a_bug_does_not_end_the_task()
    {
        var task = _bed.Task();
        var got = new Arrivals<Fragile>();
        var pull = task.Bind<Fragile, NoMessages>(ZmqSocketType.Pull, "inproc://fragile");
        task.Register(pull, got.Add);
        task.Start();
        using var push = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
        push.Connect("inproc://fragile");
        push.TrySend(Array.Empty<byte>());
        push.TrySend(new byte[] { 7 });
        Assert.Equal(7, (await got.Next()).Value);
        Assert.Contains(_bed.Log.Entries, entry => entry.Exception is IndexOutOfRangeException);
    }

    [Fact]
    public async Task No_message_may_be_received_where_none_is_due()
    {
        var task = _bed.Task();
        var push = task.Bind<NoMessages, Note>(ZmqSocketType.Dealer, "inproc://silent");
        task.Register(push, _ => throw new InvalidDataException("handled"));
        task.Start();
        using var peer = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        peer.Connect("inproc://silent");
        peer.TrySend(new Note("?").ToBytes());
        await _bed.Log.WhenSaidAsync("nothing may be sent");
        Assert.False(task.Completion.IsCompleted);
    }

    private sealed record Fragile(byte Value) : Piwheels.Messaging.Protocols.IWireMessage<Fragile>
    {
        public string Name => "FRAGILE";

        public static Fragile Read(ReadOnlyMemory<byte> payload) => new(payload.ToArray()[0]);

        public void Write(System.Formats.Cbor.CborWriter writer) => writer.WriteInt32(Value);
    }
}
