using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

public sealed class TaskLoopTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task A_message_reaches_its_handler()
    {
        var got = new TaskCompletionSource<Note>();
        var receiver = _bed.Task("receiver");
        var pull = receiver.Bind<Note, NoMessages>(ZmqSocketType.Pull, "inproc://notes");
        receiver.Register(pull, note =>
        {
            got.SetResult(note);
            return Task.CompletedTask;
        });
        receiver.Start();
        var sender = _bed.Task("sender");
        var push = sender.Connect<NoMessages, Note>(ZmqSocketType.Push, "inproc://notes");
        sender.Start();

        sender.Post(() => push.TrySend(new Note("hello")));

        Assert.Equal("hello", (await got.Task.Within()).Text);
    }

    [Fact]
    public async Task Many_requests_may_be_under_way_and_are_answered_in_any_order()
    {
        var gates = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource()).ToArray();
        var server = _bed.Task("server");
        server.BindRpc<Note, Note>(
            "inproc://rpc",
            async note =>
            {
                await gates[int.Parse(note.Text)].Task;
                return new Note($"answer {note.Text}");
            },
            concurrencyMax: 3);
        server.Start();
        var client = _bed.Task("client");
        var rpc = client.ConnectRpc<Note, Note>("inproc://rpc");
        client.Start();

        var answers = gates.Select((_, index) => rpc.AskAsync(new Note($"{index}"))).ToArray();
        foreach (var index in new[] { 2, 0, 1 })
        {
            gates[index].SetResult();
            Assert.Equal($"answer {index}", (await answers[index].Within()).Text);
        }
    }

    [Fact]
    public async Task A_periodic_handler_runs_at_once_and_then_as_the_clock_goes()
    {
        var runs = new SemaphoreSlim(0);
        var task = _bed.Task();
        task.Every(TimeSpan.FromSeconds(10), () =>
        {
            runs.Release();
            return Task.CompletedTask;
        });
        task.Start();
        Assert.True(await runs.WaitAsync(Waiting.Limit));

        for (var round = 0; round < 3; round++)
        {
            Assert.False(await runs.WaitAsync(0));
            _bed.Time.Advance(TimeSpan.FromSeconds(10));
            Assert.True(await runs.WaitAsync(Waiting.Limit));
        }
    }
}
