using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

public sealed class TaskLoopTests : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly TaskTestbed _bed = new();
    private ScriptedTask? _receiver;

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task A_message_reaches_its_handler()
    {
        var (push, got) = StartReceiver();
        push(new Note("hello"));
        Assert.Equal("hello", (await got.Next()).Text);
    }

    [Fact]
    public async Task A_handler_goes_on_upon_its_thread_after_what_it_awaited()
    {
        var task = _bed.Task();
        var threads = new ConcurrentBag<int>();
        var done = new TaskCompletionSource();
        task.Every(Interval, async () =>
        {
            threads.Add(Environment.CurrentManagedThreadId);
            await Task.Run(() => { });
            threads.Add(Environment.CurrentManagedThreadId);
            await Task.Yield();
            threads.Add(Environment.CurrentManagedThreadId);
            done.TrySetResult();
        });
        task.Start();
        await done.Task.Within();
        Assert.Equal(3, threads.Count);
        Assert.Single(threads.Distinct());
    }

    [Fact]
    public async Task With_one_handler_at_a_time_messages_keep_their_order()
    {
        var gate = new TaskCompletionSource();
        var (push, got) = StartReceiver(async _ => await gate.Task);
        for (var index = 0; index < 5; index++)
            push(new Note($"{index}"));
        Assert.Equal("0", (await got.Next()).Text);
        Assert.False(got.HasMore);
        gate.SetResult();
        for (var index = 1; index < 5; index++)
            Assert.Equal($"{index}", (await got.Next()).Text);
    }

    [Fact]
    public async Task As_many_handlers_are_under_way_as_allowed_and_no_more()
    {
        var gates = new ConcurrentDictionary<string, TaskCompletionSource>(
            Enumerable.Range(0, 4).Select(index => KeyValuePair.Create($"{index}", new TaskCompletionSource())));
        var (push, got) = StartReceiver(note => gates[note.Text].Task, concurrencyMax: 2);
        for (var index = 0; index < 4; index++)
            push(new Note($"{index}"));
        Assert.Equal("0", (await got.Next()).Text);
        Assert.Equal("1", (await got.Next()).Text);
        gates["1"].SetResult();
        Assert.Equal("2", (await got.Next()).Text);
        Assert.False(got.HasMore);
        gates["0"].SetResult();
        Assert.Equal("3", (await got.Next()).Text);
        gates["2"].SetResult();
        gates["3"].SetResult();
    }

    [Fact]
    public async Task A_flood_on_one_socket_does_not_starve_another()
    {
        var task = _bed.Task();
        var flood = task.Bind<Note, NoMessages>(ZmqSocketType.Pull, "inproc://flood");
        var calm = task.Bind<Note, NoMessages>(ZmqSocketType.Pull, "inproc://calm");
        var flooded = 0;
        var floodedAtCalm = new TaskCompletionSource<int>();
        task.Register(flood, _ =>
        {
            flooded++;
            return Task.CompletedTask;
        });
        task.Register(calm, _ =>
        {
            floodedAtCalm.SetResult(flooded);
            return Task.CompletedTask;
        });
        using var flooder = Pusher("inproc://flood");
        using var other = Pusher("inproc://calm");
        var sent = Enumerable.Range(0, 2000).Count(_ => flooder.TrySend(new Note("flood").ToBytes()));
        other.TrySend(new Note("calm").ToBytes());
        task.Start();

        Assert.InRange(await floodedAtCalm.Task.Within(), 0, 64);
        Assert.True(sent > 64);
    }

    [Fact]
    public async Task What_is_no_message_is_dropped_with_one_line_in_a_while()
    {
        var (_, got) = StartReceiver();
        using var pusher = Pusher("inproc://notes");
        for (var index = 0; index < 100; index++)
            pusher.TrySend(new byte[] { 0xff });
        pusher.TrySend("two"u8.ToArray(), "frames"u8.ToArray());
        pusher.TrySend(new Note("good").ToBytes());
        Assert.Equal("good", (await got.Next()).Text);
        Assert.Single(_bed.Log.Entries, entry => entry.Level == LogLevel.Warning);

        _bed.Time.Advance(TimeSpan.FromSeconds(10));
        pusher.TrySend(new byte[] { 0xff });
        pusher.TrySend(new Note("good").ToBytes());
        await got.Next();
        var line = _bed.Log.Entries.Last(entry => entry.Level == LogLevel.Warning);
        Assert.Contains("(100 more since the last such line)", line.Message, StringComparison.Ordinal);
        Assert.Equal("master.receiver", line.Category);
    }

    [Fact]
    public async Task A_handler_that_throws_ends_its_task_with_a_fault()
    {
        var (push, _) = StartReceiver(_ => throw new InvalidDataException("a bug"));
        var receiver = _receiver!;
        push(new Note("trip"));
        await Assert.ThrowsAsync<InvalidDataException>(() => receiver.Completion.Within());
        Assert.Contains(_bed.Log.Entries, entry => entry is { Level: LogLevel.Critical, Category: "master.receiver" });
    }

    [Fact]
    public async Task A_handler_that_throws_after_an_await_ends_its_task_too()
    {
        var (push, _) = StartReceiver(async _ =>
        {
            await Task.Yield();
            throw new InvalidDataException("a bug");
        });
        push(new Note("trip"));
        await Assert.ThrowsAsync<InvalidDataException>(() => _receiver!.Completion.Within());
    }

    [Fact]
    public async Task Whatever_throws_upon_the_thread_is_a_fault()
    {
        var once = _bed.Task("once");
        once.Once = () => throw new InvalidDataException("once");
        var posted = _bed.Task("posted");
        var every = _bed.Task("every");
        every.Every(Interval, () => throw new InvalidDataException("every"));
        var raw = _bed.Task("raw");
        raw.Register(raw.BindRaw(ZmqSocketType.Pull, "inproc://raw"), _ => throw new InvalidDataException("raw"));
        var closing = _bed.Task("closing");
        closing.Closing = () => throw new InvalidDataException("closing");
        foreach (var task in new[] { once, posted, every, raw, closing })
            task.Start();

        posted.Post(() => throw new InvalidDataException("posted"));
        using var pusher = Pusher("inproc://raw");
        pusher.TrySend(new byte[1]);
        closing.Quit();
        foreach (var task in new[] { once, posted, every, raw, closing })
        {
            var failure = await Assert.ThrowsAsync<InvalidDataException>(() => task.Completion.Within());
            Assert.Equal(task.Name, failure.Message);
        }
    }

    [Fact]
    public async Task Nothing_is_handled_before_the_task_is_ready()
    {
        var ready = new TaskCompletionSource();
        var (push, got) = StartReceiver(once: () => ready.Task);
        push(new Note("early"));
        await _receiver!.SettleAsync();
        Assert.False(got.HasMore);
        ready.SetResult();
        Assert.Equal("early", (await got.Next()).Text);
    }

    [Fact]
    public async Task A_periodic_handler_runs_at_once_and_then_as_the_clock_goes()
    {
        var runs = new Arrivals<DateTimeOffset>();
        var task = _bed.Task();
        task.Every(Interval, () => runs.Add(_bed.Time.GetUtcNow()));
        task.Start();
        var start = await runs.Next();
        for (var round = 1; round <= 3; round++)
        {
            await task.SettleAsync();
            Assert.False(runs.HasMore);
            _bed.Time.Advance(Interval);
            Assert.Equal(start + (Interval * round), await runs.Next());
        }
    }

    [Fact]
    public async Task A_periodic_handler_never_overlaps_itself_and_runs_once_for_what_it_missed()
    {
        var runs = new Arrivals<int>();
        var gate = new TaskCompletionSource();
        var task = _bed.Task();
        var count = 0;
        task.Every(Interval, async () =>
        {
            await runs.Add(++count);
            await gate.Task;
        });
        task.Start();
        Assert.Equal(1, await runs.Next());
        _bed.Time.Advance(Interval * 5);
        await task.SettleAsync();
        Assert.False(runs.HasMore);

        gate.SetResult();
        Assert.Equal(2, await runs.Next());
        await task.SettleAsync();
        await task.SettleAsync();
        Assert.False(runs.HasMore);
    }

    [Fact]
    public async Task A_periodic_handler_can_be_forced_to_run_now()
    {
        var runs = new Arrivals<int>();
        var gate = new TaskCompletionSource();
        var task = _bed.Task();
        var count = 0;
        Func<Task> handler = async () =>
        {
            await runs.Add(++count);
            await gate.Task;
        };
        task.Every(Interval, handler);
        task.Start();
        Assert.Equal(1, await runs.Next());
        task.Force(handler);
        await task.SettleAsync();
        Assert.False(runs.HasMore);
        gate.SetResult();
        Assert.Equal(2, await runs.Next());
        task.Force(handler);
        Assert.Equal(3, await runs.Next());
        Assert.Throws<ArgumentException>(() => task.Force(() => Task.CompletedTask));
    }

    [Fact]
    public async Task A_paused_task_is_not_deaf_but_its_timers_rest()
    {
        var runs = new Arrivals<string>();
        var (push, got) = StartReceiver(wire: task =>
        {
            task.Every(Interval, () => runs.Add("resting"));
            task.EveryEvenPaused(Interval, () => runs.Add("even paused"));
        });
        var receiver = _receiver!;
        Assert.Equal("resting", await runs.Next());
        Assert.Equal("even paused", await runs.Next());
        receiver.Pause();
        receiver.Pause();
        await receiver.SettleAsync();
        Assert.True(receiver.Paused);

        _bed.Time.Advance(Interval);
        push(new Note("still heard"));
        Assert.Equal("still heard", (await got.Next()).Text);
        Assert.Equal("even paused", await runs.Next());
        await receiver.SettleAsync();
        Assert.False(runs.HasMore);

        receiver.Resume();
        Assert.Equal("resting", await runs.Next());
        await receiver.SettleAsync();
        Assert.False(receiver.Paused);
        Assert.False(runs.HasMore);
    }

    [Fact]
    public async Task Quitting_lets_handlers_end_and_then_drains()
    {
        var gate = new TaskCompletionSource();
        var order = new ConcurrentQueue<string>();
        var (push, got) = StartReceiver(
            async note =>
            {
                await gate.Task;
                order.Enqueue($"handled {note.Text}");
            },
            closing: () =>
            {
                order.Enqueue("closed");
                return Task.CompletedTask;
            });
        var receiver = _receiver!;
        push(new Note("1"));
        await got.Next();
        receiver.Quit();
        push(new Note("too late"));
        await receiver.SettleAsync();
        Assert.Empty(order);
        Assert.False(receiver.Completion.IsCompleted);
        Assert.True(receiver.Quitting.IsCancellationRequested);

        gate.SetResult();
        await receiver.Completion.Within();
        Assert.Equal(["handled 1", "closed"], order);
        receiver.Quit();
    }

    [Fact]
    public async Task Quitting_ends_although_a_handler_hangs()
    {
        var task = _bed.Add(new ScriptedTask("hanging", _bed.Environment)
        {
            QuitLimit = TimeSpan.FromMilliseconds(50),
        });
        var closed = false;
        task.Every(Interval, () => new TaskCompletionSource().Task);
        task.Closing = () =>
        {
            closed = true;
            return Task.CompletedTask;
        };
        task.Start();
        await task.SettleAsync();
        task.Quit();
        await task.Completion.Within();
        Assert.False(closed);
        Assert.True(_bed.Log.Says("1 handlers under way"));
    }

    [Fact]
    public async Task Quitting_is_told_to_have_failed_when_the_thread_itself_hangs()
    {
        using var stuck = new ManualResetEventSlim();
        var task = _bed.Add(new ScriptedTask("stuck", _bed.Environment) { QuitLimit = TimeSpan.FromMilliseconds(50) });
        task.Start();
        task.Post(() => stuck.Wait());
        task.Quit();
        await Assert.ThrowsAsync<TimeoutException>(() => task.Completion.Within());
        stuck.Set();
    }

    [Fact]
    public async Task A_task_that_never_started_quits_too_and_stays_ended()
    {
        var task = _bed.Task();
        task.Bind<Note, NoMessages>(ZmqSocketType.Pull, "inproc://never");
        task.Quit();
        await task.Completion.Within();
        task.Start();
        Assert.Empty(task.Endpoints);
    }

    [Fact]
    public async Task An_address_that_cannot_be_bound_fails_the_start()
    {
        var first = _bed.Task("first");
        first.BindRaw(ZmqSocketType.Pull, "inproc://same");
        first.Start();
        var second = _bed.Task("second");
        second.BindRaw(ZmqSocketType.Pull, "inproc://same");
        var failure = Assert.Throws<ZmqException>(second.Start);
        Assert.Contains("inproc://same", failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ZmqException>(() => second.Completion.Within());
    }

    [Fact]
    public async Task The_end_of_the_context_ends_a_task()
    {
        using var zmq = new ZmqContext();
        await using var task = new ScriptedTask("ending", _bed.Environment with { Zmq = zmq });
        task.BindRaw(ZmqSocketType.Pull, "inproc://ending");
        task.Register(task.BindRaw(ZmqSocketType.Pull, "inproc://other"), _ => { });
        task.Start();
        await task.SettleAsync();
        zmq.Shutdown();
        await task.Completion.Within();
    }

    [Fact]
    public async Task A_socket_refuses_other_threads()
    {
        var task = _bed.Task();
        var push = task.Connect<NoMessages, Note>(ZmqSocketType.Push, "inproc://elsewhere");
        task.Start();
        await task.SettleAsync();
        Assert.Throws<InvalidOperationException>(() => push.TrySend(new Note("from a test's thread")));
    }

    [Fact]
    public async Task A_large_message_is_read_beside_the_others_and_handled_on_the_task_s_thread()
    {
        var task = _bed.Task();
        var router = task.BindRouter<Note, Note>("tcp://127.0.0.1:*");
        var threads = new ConcurrentBag<int>();
        task.Register(
            router,
            (from, note) =>
            {
                threads.Add(Environment.CurrentManagedThreadId);
                Assert.True(router.TrySend(from, new Note($"{note.Text.Length}")));
                return Task.CompletedTask;
            },
            refused: (_, reason) => new Note(reason));
        task.Start();
        Assert.Equal("3", Ask(task, new Note("abc").ToBytes()));
        Assert.Equal("5000000", Ask(task, new Note(new string('x', 5_000_000)).ToBytes()));
        Assert.Equal("trailing bytes", Ask(task, [.. new Note(new string('x', 5_000_000)).ToBytes(), 0]));
        Assert.Single(threads.Distinct());
    }

    private string Ask(ScriptedTask task, byte[] payload)
    {
        using var socket = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        socket.Connect(task.Endpoints[0]);
        Assert.True(socket.TrySend(payload));
        Assert.True(socket.WaitReadable(Waiting.Limit));
        Assert.True(socket.TryReceive(out var frames));
        return Note.Read(frames[0]).Text;
    }

    [Fact]
    public async Task A_thousand_requesters_are_served_by_one_router()
    {
        const int Peers = 1000;
        var task = _bed.Task();
        var router = task.BindRouter<Note, Note>("tcp://127.0.0.1:*", new() { HighWaterMark = 10_000 });
        task.Register(
            router,
            async (from, note) =>
            {
                await Task.Yield();
                Assert.True(router.TrySend(from, new Note($"{note.Text} to you")));
            },
            concurrencyMax: 100);
        task.Start();
        var sockets = Enumerable.Range(0, Peers).Select(_ => _bed.Zmq.CreateSocket(ZmqSocketType.Req)).ToList();
        foreach (var (socket, index) in sockets.Select((socket, index) => (socket, index)))
        {
            socket.Connect(task.Endpoints[0]);
            Assert.True(socket.TrySend(new Note($"{index}").ToBytes()));
        }

        foreach (var (socket, index) in sockets.Select((socket, index) => (socket, index)))
        {
            Assert.True(socket.WaitReadable(Waiting.Limit));
            Assert.True(socket.TryReceive(out var frames));
            Assert.Equal($"{index} to you", Note.Read(frames[0]).Text);
            socket.Dispose();
        }

        await task.SettleAsync();
    }

    private (Action<Note> Push, Arrivals<Note> Got) StartReceiver(
        Func<Note, Task>? handler = null,
        int concurrencyMax = 1,
        Func<Task>? once = null,
        Func<Task>? closing = null,
        Action<ScriptedTask>? wire = null)
    {
        var got = new Arrivals<Note>();
        var receiver = _bed.Task("receiver");
        receiver.Once = once ?? receiver.Once;
        receiver.Closing = closing ?? receiver.Closing;
        var pull = receiver.Bind<Note, NoMessages>(ZmqSocketType.Pull, "inproc://notes");
        receiver.Register(
            pull,
            async note =>
            {
                await got.Add(note);
                await (handler?.Invoke(note) ?? Task.CompletedTask);
            },
            concurrencyMax);
        wire?.Invoke(receiver);
        receiver.Start();
        _receiver = receiver;
        var sender = _bed.Task("sender");
        var push = sender.Connect<NoMessages, Note>(ZmqSocketType.Push, "inproc://notes");
        sender.Start();
        return (note => sender.Post(() => Assert.True(push.TrySend(note))), got);
    }

    private ZmqSocket Pusher(string address)
    {
        var socket = _bed.Zmq.CreateSocket(
            ZmqSocketType.Push, new() { HighWaterMark = 10_000, Linger = TimeSpan.Zero });
        socket.Connect(address);
        return socket;
    }
}
