using System.Text;
using Piwheels.Core.Database;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

public sealed class RpcTests : IAsyncDisposable
{
    private const string Address = "inproc://rpc";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Theory]
    [InlineData("inproc")]
    [InlineData("tcp")]
    [InlineData("ipc")]
    public async Task A_request_is_answered_over_every_transport(string transport)
    {
        var server = StartServer(
            note => Task.FromResult(new Note($"{note.Text} answered")),
            transport switch
            {
                "tcp" => "tcp://127.0.0.1:*",
                "ipc" => _bed.Ipc("rpc"),
                _ => Address,
            });
        var (_, rpc) = StartClient(address: server.Endpoints[0]);
        Assert.Equal("hello answered", (await rpc.AskAsync(new Note("hello")).Within()).Text);
        Assert.Equal(0, rpc.Pending);
    }

    [Fact]
    public async Task Many_requests_may_be_under_way_and_are_answered_in_any_order()
    {
        var gates = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource()).ToArray();
        StartServer(
            async note =>
            {
                await gates[int.Parse(note.Text)].Task;
                return new Note($"answer {note.Text}");
            },
            concurrencyMax: 3);
        var (_, rpc) = StartClient();
        var answers = gates.Select((_, index) => rpc.AskAsync(new Note($"{index}"))).ToArray();
        foreach (var index in new[] { 2, 0, 1 })
        {
            gates[index].SetResult();
            Assert.Equal($"answer {index}", (await answers[index].Within()).Text);
        }
    }

    [Fact]
    public async Task A_handlers_failure_reaches_the_one_who_asked_and_others_are_served()
    {
        StartServer(note => note.Text switch
        {
            "bug" => throw new InvalidDataException("nonsense"),
            "later" => Task.FromException<Note>(new DatabaseException("the database is away", transient: true)),
            "refused" => Task.FromException<Note>(new DatabaseException("no such package", transient: false)),
            _ => Task.FromResult(note),
        });
        var (client, rpc) = StartClient();
        foreach (var (request, text, transient) in new[]
        {
            ("bug", "nonsense", false), ("later", "the database is away", true), ("refused", "no such package", false),
        })
        {
            var failure = await Assert.ThrowsAsync<RpcException>(() => rpc.AskAsync(new Note(request)).Within());
            Assert.Equal(text, failure.Message);
            Assert.Equal(transient, failure.Transient);
        }

        Assert.Equal("fine", (await rpc.AskAsync(new Note("fine")).Within()).Text);
        Assert.False(client.Completion.IsCompleted);
    }

    [Fact]
    public async Task An_answer_is_waited_for_no_longer_than_said_and_comes_in_vain_then()
    {
        var asked = new Arrivals<Note>();
        var gate = new TaskCompletionSource();
        StartServer(async note =>
        {
            await asked.Add(note);
            await gate.Task;
            return note;
        });
        var (client, rpc) = StartClient();
        var first = rpc.AskAsync(new Note("slow"));
        await asked.Next();
        await client.SettleAsync();
        _bed.Time.Advance(Timeout - TimeSpan.FromSeconds(1));
        var second = rpc.AskAsync(new Note("later"));
        await client.SettleAsync();
        _bed.Time.Advance(TimeSpan.FromSeconds(1));
        var failure = await Assert.ThrowsAsync<RpcException>(() => first.Within());
        Assert.True(failure.Transient);
        Assert.Contains("did not answer", failure.Message, StringComparison.Ordinal);
        Assert.False(second.IsCompleted);

        gate.SetResult();
        Assert.Equal("later", (await second.Within()).Text);
        Assert.Equal("next", (await rpc.AskAsync(new Note("next")).Within()).Text);
        Assert.Equal(0, rpc.Pending);
    }

    [Fact]
    public async Task Every_request_that_is_never_answered_times_out_in_its_turn()
    {
        StartServer(_ => new TaskCompletionSource<Note>().Task, concurrencyMax: 10);
        var (client, rpc) = StartClient();
        var asked = new List<Task<Note>>();
        for (var index = 0; index < 5; index++)
        {
            asked.Add(rpc.AskAsync(new Note("?")));
            await client.SettleAsync();
            _bed.Time.Advance(TimeSpan.FromSeconds(1));
        }

        _bed.Time.Advance(Timeout - TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<RpcException>(() => asked[0].Within());
        Assert.DoesNotContain(asked[1..], each => each.IsCompleted);
        for (var index = 1; index < 5; index++)
        {
            _bed.Time.Advance(TimeSpan.FromSeconds(1));
            await Assert.ThrowsAsync<RpcException>(() => asked[index].Within());
        }
    }

    [Fact]
    public async Task Nobody_there_is_a_time_out_like_any_other()
    {
        var (client, rpc) = StartClient(address: _bed.Ipc("nobody"));
        var asked = rpc.AskAsync(new Note("?"));
        await client.SettleAsync();
        _bed.Time.Advance(Timeout);
        await Assert.ThrowsAsync<RpcException>(() => asked.Within());
    }

    [Fact]
    public async Task More_requests_than_allowed_are_refused_at_once()
    {
        var gate = new TaskCompletionSource();
        StartServer(async note =>
        {
            await gate.Task;
            return note;
        });
        var (_, rpc) = StartClient(pendingMax: 2);
        var first = rpc.AskAsync(new Note("1"));
        var second = rpc.AskAsync(new Note("2"));
        var failure = await Assert.ThrowsAsync<RpcException>(() => rpc.AskAsync(new Note("3")).Within());
        Assert.True(failure.Transient);
        Assert.Contains("2 requests are under way", failure.Message, StringComparison.Ordinal);
        gate.SetResult();
        Assert.Equal("1", (await first.Within()).Text);
        Assert.Equal("2", (await second.Within()).Text);
        Assert.Equal("4", (await rpc.AskAsync(new Note("4")).Within()).Text);
    }

    [Fact]
    public async Task A_request_can_be_taken_back()
    {
        StartServer(_ => new TaskCompletionSource<Note>().Task);
        var (client, rpc) = StartClient();
        using var cancel = new CancellationTokenSource();
        var asked = rpc.AskAsync(new Note("?"), cancel.Token);
        await client.SettleAsync();
        Assert.Equal(1, rpc.Pending);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.Within());
        await client.SettleAsync();
        Assert.Equal(0, rpc.Pending);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => rpc.AskAsync(new Note("too late"), cancel.Token).Within());
    }

    [Fact]
    public async Task A_quitting_task_still_hears_the_answers_that_its_handlers_wait_for()
    {
        var gate = new TaskCompletionSource();
        StartServer(async note =>
        {
            await gate.Task;
            return note;
        });
        var (client, rpc) = WireClient();
        var asked = new TaskCompletionSource();
        var answered = new TaskCompletionSource<Note>();
        var closing = new TaskCompletionSource<Note>();
        client.Every(TimeSpan.FromDays(1), async () =>
        {
            var answer = rpc.AskAsync(new Note("while quitting"));
            asked.SetResult();
            answered.SetResult(await answer);
        });
        client.Closing = async () => closing.SetResult(await rpc.AskAsync(new Note("while closing")));
        client.Start();
        await asked.Task.Within();
        client.Quit();
        gate.SetResult();
        Assert.Equal("while quitting", (await answered.Task.Within()).Text);
        Assert.Equal("while closing", (await closing.Task.Within()).Text);
        await client.Completion.Within();
    }

    [Fact]
    public async Task A_task_that_gives_up_tells_those_who_wait_within_it()
    {
        StartServer(_ => new TaskCompletionSource<Note>().Task);
        var client = _bed.Add(new ScriptedTask("client", _bed.Environment)
        {
            QuitLimit = TimeSpan.FromMilliseconds(50),
        });
        var rpc = client.ConnectRpc<Note, Note>(Address, Timeout);
        var asked = new TaskCompletionSource();
        var failure = new TaskCompletionSource<Exception>();
        client.Every(TimeSpan.FromDays(1), async () =>
        {
            var answer = rpc.AskAsync(new Note("?"));
            asked.SetResult();
            failure.SetResult(await Assert.ThrowsAsync<RpcException>(() => answer));
        });
        client.Start();
        await asked.Task.Within();
        client.Quit();
        Assert.Contains("has ended", (await failure.Task.Within()).Message, StringComparison.Ordinal);
        await client.Completion.Within();
        await Assert.ThrowsAsync<RpcException>(() => rpc.AskAsync(new Note("after the end")).Within());
    }

    [Fact]
    public async Task Frames_that_are_no_request_are_dropped_and_nonsense_is_answered()
    {
        StartServer(note => Task.FromResult(note));
        using var stranger = _bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        stranger.Connect(Address);
        var id = new byte[8];
        var empty = ReadOnlyMemory<byte>.Empty;
        stranger.TrySend(id);
        stranger.TrySend(new byte[7], new Note("short id").ToBytes());
        stranger.TrySend(id, new Note("x").ToBytes(), empty, empty, empty);
        stranger.TrySend(id, new byte[] { 0xff });
        stranger.TrySend(empty, id, new Note("with a delimiter").ToBytes());

        var refusal = Receive(stranger);
        Assert.Equal(id, refusal[0].ToArray());
        Assert.Equal([1], refusal[1].ToArray());
        var answer = Receive(stranger);
        Assert.Equal([0], answer[1].ToArray());
        Assert.Equal("with a delimiter", Note.Read(answer[2]).Text);
        Assert.False(stranger.TryReceive(out _));
    }

    [Fact]
    public async Task Frames_that_are_no_answer_are_dropped()
    {
        using var server = _bed.Zmq.CreateSocket(ZmqSocketType.Router);
        server.Bind(Address);
        var (client, rpc) = StartClient();
        var first = rpc.AskAsync(new Note("first"));
        var second = rpc.AskAsync(new Note("second"));
        var third = rpc.AskAsync(new Note("third"));
        var request = Receive(server);
        var address = request[0];
        server.TrySend(address, new byte[8]);
        server.TrySend(address, Encoding.ASCII.GetBytes("unasked!"), new byte[1], new Note("?").ToBytes());
        server.TrySend(address, request[1], new byte[2], new Note("two bytes of status").ToBytes());
        server.TrySend(address, request[1], new byte[] { 0 }, new byte[] { 0xff });
        var failure = await Assert.ThrowsAsync<RpcException>(() => first.Within());
        Assert.Contains("nonsense", failure.Message, StringComparison.Ordinal);

        var next = Receive(server);
        server.TrySend(address, next[1], new byte[] { 77 }, "an unknown status"u8.ToArray());
        Assert.False((await Assert.ThrowsAsync<RpcException>(() => second.Within())).Transient);
        var last = Receive(server);
        server.TrySend(address, last[1], new byte[] { 0 }, new Note("answered").ToBytes());
        server.TrySend(address, last[1], new byte[] { 0 }, new Note("answered twice").ToBytes());
        Assert.Equal("answered", (await third.Within()).Text);
    }

    private ScriptedTask StartServer(
        Func<Note, Task<Note>> handler, string address = Address, int concurrencyMax = 1)
    {
        var server = _bed.Add(new ScriptedTask("server", _bed.Environment)
        {
            QuitLimit = TimeSpan.FromMilliseconds(50),
        });
        server.BindRpc(address, handler, concurrencyMax);
        server.Start();
        return server;
    }

    private (ScriptedTask Task, RpcClient<Note, Note> Rpc) StartClient(string address = Address, int pendingMax = 1000)
    {
        var (client, rpc) = WireClient(address, pendingMax);
        client.Start();
        return (client, rpc);
    }

    private (ScriptedTask Task, RpcClient<Note, Note> Rpc) WireClient(string address = Address, int pendingMax = 1000)
    {
        var client = _bed.Task("client");
        return (client, client.ConnectRpc<Note, Note>(address, Timeout, pendingMax));
    }

    private static ReadOnlyMemory<byte>[] Receive(ZmqSocket socket)
    {
        Assert.True(socket.WaitReadable(Waiting.Limit));
        Assert.True(socket.TryReceive(out var frames));
        return frames;
    }
}
