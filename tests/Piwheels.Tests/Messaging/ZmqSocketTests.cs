using System.Net.Sockets;
using System.Runtime.InteropServices;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Keys;
using Xunit;

namespace Piwheels.Tests.Messaging;

public sealed class ZmqSocketTests : IAsyncDisposable
{
    private const int WindowChange = 28; // SIGWINCH

    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public void A_missing_library_is_named_with_its_package()
    {
        var failure = Assert.Throws<DllNotFoundException>(() => LibZmq.Load("libzmq.so.not-there"));
        Assert.Contains("apt install libzmq5", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_says_what_upon_which_address_and_why()
    {
        using var socket = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        var failure = Assert.Throws<ZmqException>(() => socket.Bind("tcp://not-a-host:1"));
        Assert.StartsWith("cannot bind tcp://not-a-host:1: ", failure.Message, StringComparison.Ordinal);
        Assert.NotEqual(0, failure.Error);
        Assert.Throws<ZmqException>(() => socket.Connect("carrier-pigeon://coop"));
    }

    [Theory]
    [InlineData("tcp://*:5555", "tcp://127.0.0.1:5555", "tcp://[::1]:5555")]
    [InlineData("tcp://192.0.2.7:5556", "tcp://127.0.0.1:5556", "tcp://[::1]:5556")]
    [InlineData("tcp://[::]:5556", "tcp://127.0.0.1:5556", "tcp://[::1]:5556")]
    [InlineData("tcp://[2001:db8::1]:*", "tcp://127.0.0.1:*", "tcp://[::1]:*")]
    [InlineData("tcp://eth0:1", "tcp://127.0.0.1:1", "tcp://[::1]:1")]
    [InlineData("tcp://localhost:1", "tcp://127.0.0.1:1", "tcp://[::1]:1")]
    [InlineData("tcp://127.0.0.2:1", "tcp://127.0.0.2:1")]
    [InlineData("tcp://[::1]:1", "tcp://[::1]:1")]
    [InlineData("ipc:///run/piw", "ipc:///run/piw")]
    [InlineData("inproc://web", "inproc://web")]
    public void The_loopback_forms_of_an_address(string address, params string[] expected)
    {
        Assert.Equal(expected, LoopbackAddresses.Of(address, ipv6: true));
        Assert.Equal(expected is not [var same] || same != address, LoopbackAddresses.Concerns(address));
        var withoutIPv6 = address.StartsWith("tcp://[::1]", StringComparison.Ordinal) ? expected : expected[..1];
        Assert.Equal(withoutIPv6, LoopbackAddresses.Of(address, ipv6: false));
    }

    [Theory]
    [InlineData("tcp://*")]
    [InlineData("tcp://[::1]")]
    public void A_tcp_address_without_a_port_has_no_loopback_form(string address) =>
        Assert.Throws<ZmqException>(() => LoopbackAddresses.Of(address));

    [Fact]
    public void Both_loopbacks_share_the_port_that_was_chosen()
    {
        using var socket = _bed.Zmq.CreateSocket(ZmqSocketType.Pull, new() { LoopbackOnly = true });
        socket.Bind("tcp://*:*");
        Assert.Equal(LoopbackAddresses.Of("tcp://*:*").Count, socket.Endpoints.Count);
        var ports = socket.Endpoints.Select(endpoint => endpoint[endpoint.LastIndexOf(':')..]).Distinct();
        Assert.Single(ports);
        foreach (var endpoint in socket.Endpoints)
        {
            using var push = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
            push.Connect(endpoint);
            Assert.True(SpinWait.SpinUntil(() => push.TrySend("over"u8.ToArray()), Waiting.Limit));
            Assert.True(socket.WaitReadable(Waiting.Limit));
            Assert.True(socket.TryReceive(out _));
        }
    }

    [Fact]
    public void A_socket_file_left_by_a_dead_process_is_taken_over()
    {
        var path = Path.Combine(_bed.Folder, "stale");
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            dead.Bind(new UnixDomainSocketEndPoint(path));
        if (!File.Exists(path))
            File.WriteAllText(path, ""); // the runtime tidies up after itself; a killed process does not

        using var pull = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        pull.Bind($"ipc://{path}");
        using var push = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
        push.Connect($"ipc://{path}");
        Assert.True(push.TrySend("alive"u8.ToArray()));
        Assert.True(pull.WaitReadable(Waiting.Limit));
    }

    [Fact]
    public void A_living_process_keeps_its_socket_file()
    {
        using var first = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        first.Bind(_bed.Ipc("taken"));
        using var second = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        var failure = Assert.Throws<ZmqException>(() => second.Bind(_bed.Ipc("taken")));
        Assert.Contains("another process listens there", failure.Message, StringComparison.Ordinal);

        using var push = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
        push.Connect(_bed.Ipc("taken"));
        Assert.True(push.TrySend("still"u8.ToArray()));
        Assert.True(first.WaitReadable(Waiting.Limit));
    }

    [Fact]
    public void The_group_may_write_to_a_socket_file_when_asked_for()
    {
        using var open = _bed.Zmq.CreateSocket(ZmqSocketType.Pull, new() { GroupWritable = true });
        open.Bind(_bed.Ipc("open"));
        var mode = File.GetUnixFileMode(Path.Combine(_bed.Folder, "open"));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, mode);

        using var closed = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        closed.Bind(_bed.Ipc("closed"));
        Assert.False(
            File.GetUnixFileMode(Path.Combine(_bed.Folder, "closed")).HasFlag(UnixFileMode.OtherWrite));
    }

    [Fact]
    public void A_path_too_long_for_a_socket_is_refused_in_words()
    {
        using var socket = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        var failure = Assert.Throws<ZmqException>(() => socket.Bind(_bed.Ipc(new string('x', 108))));
        Assert.Contains("at most 107 bytes", failure.Message, StringComparison.Ordinal);
        Assert.Throws<ZmqException>(() => socket.Connect(_bed.Ipc(new string('x', 108))));
        socket.Bind(_bed.Ipc(new string('x', 107 - _bed.Folder.Length - 1)));
    }

    [Fact]
    public void A_message_above_the_limit_comes_without_its_frames()
    {
        using var pull = _bed.Zmq.CreateSocket(ZmqSocketType.Pull, new() { MaxMessageBytes = 1000 });
        pull.Bind(_bed.Ipc("limited"));
        using var push = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
        push.Connect(_bed.Ipc("limited"));
        var half = new byte[501];
        var frames = Enumerable.Repeat<ReadOnlyMemory<byte>>(new byte[1], SocketOptions.FramesMax + 1).ToArray();
        push.TrySend(half, half);
        push.TrySend(new byte[1001]);
        push.TrySend(frames);
        push.TrySend(frames.AsSpan(1));
        push.TrySend(half, half.AsMemory(0, 499));

        Assert.Equal([0, 0, 0, SocketOptions.FramesMax, 2], Enumerable.Range(0, 5).Select(_ => Receive(pull).Length));
    }

    [Fact]
    public void A_frame_far_above_the_limit_costs_its_sender_the_connection_and_us_nothing()
    {
        using var pull = _bed.Zmq.CreateSocket(ZmqSocketType.Pull, new() { MaxMessageBytes = 1000 });
        pull.Bind("tcp://127.0.0.1:*");
        using var huge = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
        huge.Connect(pull.Endpoints[0]);
        Assert.True(huge.TrySend(new byte[100_000]));
        using var modest = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
        modest.Connect(pull.Endpoints[0]);
        Assert.True(modest.TrySend(new byte[10]));

        Assert.Equal(10, Assert.Single(Receive(pull)).Length);
    }

    [Fact]
    public void A_signal_does_not_end_a_wait()
    {
        using var registration = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => { });
        using var pull = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        pull.Bind("inproc://signals");
        using var push = _bed.Zmq.CreateSocket(ZmqSocketType.Push);
        push.Connect("inproc://signals");
        var waiting = new Waiter(pull);
        var signals = 0;

        // Until the plain call is seen to be interrupted, which shows that the signals arrive
        while (!waiting.Interrupted)
        {
            waiting.Signal(WindowChange);
            Assert.True(signals++ < 1_000_000);
        }

        for (var count = 0; count < 1000; count++)
            waiting.Signal(WindowChange);
        Assert.True(push.TrySend("now"u8.ToArray()));
        Assert.True(waiting.Join());
    }

    [Fact]
    public async Task Another_context_of_the_process_ends_the_waits_of_its_own_sockets_only()
    {
        var other = new ZmqContext();
        var socket = other.CreateSocket(ZmqSocketType.Pull);
        socket.Bind("inproc://waits");
        var waiting = Task.Run(() => Assert.Throws<ZmqException>(() => socket.WaitReadable(Waiting.Limit)));
        other.Dispose();
        Assert.True((await waiting.Within()).ContextEnded);
        socket.Dispose();
        other.Dispose();
        Assert.Throws<ObjectDisposedException>(() => socket.WaitReadable(TimeSpan.Zero));
        Assert.Throws<ObjectDisposedException>(() => other.CreateSocket(ZmqSocketType.Pull));

        using var own = _bed.Zmq.CreateSocket(ZmqSocketType.Pull);
        Assert.False(own.WaitReadable(TimeSpan.Zero));
    }

    [Fact]
    public void More_sockets_may_be_open_than_libzmq_allows_by_itself()
    {
        var sockets = Enumerable.Range(0, 1100).Select(_ => _bed.Zmq.CreateSocket(ZmqSocketType.Req)).ToList();
        sockets.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void With_keys_only_clients_that_know_the_server_key_get_through()
    {
        var server = CurveKeyPair.Generate();
        var client = CurveKeyPair.Generate();
        Assert.Equal(server, CurveKeyPair.OfSecret(server.SecretKey));
        Assert.DoesNotContain(server.SecretKey, server.ToString(), StringComparison.Ordinal);
        Assert.Throws<ZmqException>(() => CurveKeyPair.OfSecret("too short"));

        using var door = new ScriptedDoor(_bed.Zmq, request => request.Welcome("anybody"));
        using var rep = _bed.Zmq.CreateSocket(ZmqSocketType.Rep, new() { CurveServerSecretKey = server.SecretKey });
        rep.Bind("tcp://127.0.0.1:*");
        using var plain = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        plain.Connect(rep.Endpoints[0]);
        Assert.True(plain.TrySend("plain"u8.ToArray()));
        using var mistaken = _bed.Zmq.CreateSocket(ZmqSocketType.Req, new()
        {
            CurveClient = new(client.PublicKey, client.PublicKey, client.SecretKey),
        });
        mistaken.Connect(rep.Endpoints[0]);
        Assert.True(mistaken.TrySend("mistaken"u8.ToArray()));
        using var good = _bed.Zmq.CreateSocket(ZmqSocketType.Req, new()
        {
            CurveClient = new(server.PublicKey, client.PublicKey, client.SecretKey),
        });
        good.Connect(rep.Endpoints[0]);
        Assert.True(good.TrySend("good"u8.ToArray()));

        Assert.Equal("good"u8, Assert.Single(Receive(rep)).Span);
    }

    [Fact]
    public void A_router_tells_when_a_peer_is_not_there()
    {
        using var router = _bed.Zmq.CreateSocket(ZmqSocketType.Router);
        router.Bind("inproc://router");
        Assert.False(router.TrySend("nobody"u8.ToArray(), Array.Empty<byte>(), "hello"u8.ToArray()));

        using var dealer = _bed.Zmq.CreateSocket(
            ZmqSocketType.Dealer, new() { Identity = new PeerAddress("somebody"u8.ToArray()) });
        dealer.Connect("inproc://router");
        Assert.True(dealer.TrySend("hello"u8.ToArray()));
        var address = new PeerAddress(Receive(router)[0]);
        Assert.Equal(new PeerAddress("somebody"u8.ToArray()), address);
        Assert.Equal("736f6d65626f6479", address.ToString());
        Assert.True(router.TrySend(address.Bytes, "hello back"u8.ToArray()));
        Assert.Equal("hello back"u8, Assert.Single(Receive(dealer)).Span);
    }

    [Fact]
    public void A_send_above_the_high_water_mark_fails_at_once()
    {
        using var push = _bed.Zmq.CreateSocket(ZmqSocketType.Push, new() { HighWaterMark = 5, Linger = TimeSpan.Zero });
        push.Connect(_bed.Ipc("nobody"));
        Assert.Equal(5, Enumerable.Range(0, 10).Count(_ => push.TrySend(new byte[10])));
    }

    private static ReadOnlyMemory<byte>[] Receive(ZmqSocket socket)
    {
        Assert.True(socket.WaitReadable(Waiting.Limit));
        Assert.True(socket.TryReceive(out var frames));
        return frames;
    }

    /// <summary>A thread that waits first with the plain call, then with ours, and can be sent signals.</summary>
    private sealed class Waiter
    {
        private readonly Thread _thread;
        private readonly TaskCompletionSource<int> _id = new();
        private volatile bool _interrupted;
        private bool _readable;

        public Waiter(ZmqSocket socket)
        {
            _thread = new Thread(() =>
            {
                _id.SetResult(ThreadId());
                LibZmq.PollItem[] items = [new() { Socket = socket.Handle.Value, Events = LibZmq.PollIn }];
                _interrupted = LibZmq.Poll(items, 1, 30_000) < 0 && Marshal.GetLastPInvokeError() == LibZmq.Eintr;
                _readable = socket.WaitReadable(Waiting.Limit);
            });
            _thread.Start();
        }

        public bool Interrupted => _interrupted;

        public void Signal(int signal) =>
            Assert.Equal(0, SendSignal(Environment.ProcessId, _id.Task.GetAwaiter().GetResult(), signal));

        public bool Join() => _thread.Join(Waiting.Limit) && _readable;

        [DllImport("libc", EntryPoint = "gettid")]
        private static extern int ThreadId();

        [DllImport("libc", EntryPoint = "tgkill")]
        private static extern int SendSignal(int process, int thread, int signal);
    }
}
