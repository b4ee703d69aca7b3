using System.Net;
using System.Net.Sockets;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>Messages, logs and texts of sizes that nobody honest has.</summary>
public sealed class OversizeTests
{
    /// <summary>The greeting of ZMTP 3.0 without security, and READY of a DEALER (ZeroMQ RFC 23).</summary>
    private static readonly byte[] Greeting =
    [
        0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, .. "NULL"u8, .. new byte[48],
        0x04, 0x1c, 5, .. "READY"u8, 11, .. "Socket-Type"u8, 0, 0, 0, 6, .. "DEALER"u8,
    ];

    private const int GreetingBytes = 64;

    [Theory]
    [InlineData(1L << 30)]
    [InlineData(1L << 40)]
    [InlineData(long.MaxValue)]
    public async Task A_message_that_announces_a_gigabyte_costs_its_sender_the_connection(long size)
    {
        await using var farm = await AttackedFarm.StartAsync();
        foreach (var address in new[] { farm.Bench.SlaveAddress, farm.Bench.FileAddress })
        {
            using var stranger = await ConnectAsync(address);
            await stranger.SendAsync(Greeting);
            // A long frame: its flags, and eight bytes of length
            byte[] header = [0x02, .. BitConverter.GetBytes(IPAddress.HostToNetworkOrder(size))];
            await stranger.SendAsync(header);

            await WaitForCutAsync(stranger);
        }

        await farm.EndAsync();
    }

    [Theory]
    [InlineData(false, 200)]
    [InlineData(true, 64)]
    public async Task A_message_of_frames_without_end_costs_its_sender_the_connection(bool onFileQueue, int megabytesMax)
    {
        await using var farm = await AttackedFarm.StartAsync();
        TaskLoop task = onFileQueue ? farm.Bench.Juggler : farm.Bench.Driver;
        // Four frames of 250 kB, each with more to follow
        byte[] frame = [0x03, .. BitConverter.GetBytes(IPAddress.HostToNetworkOrder(250_000L)), .. new byte[250_000]];
        byte[] megabyte = [.. frame, .. frame, .. frame, .. frame];

        // Who is cut hears so at once, or much later: its own kernel may wait for the other one to have room
        var cut = farm.Bench.Log.WhenAsync(line => line.Message.StartsWith("cut 1 connections", StringComparison.Ordinal));
        using var stranger = await ConnectAsync(onFileQueue ? farm.Bench.FileAddress : farm.Bench.SlaveAddress);
        await ShakeHandsAsync(stranger);
        var sent = Task.FromResult(true);
        for (var megabytes = 0; !cut.IsCompleted && sent is { IsCompletedSuccessfully: true, Result: true }; megabytes++)
        {
            Assert.InRange(megabytes, 0, megabytesMax);
            sent = TrySendAsync(stranger, megabyte);
            await Task.WhenAny(sent, cut);
            farm.Bench.Bed.Time.Advance(TimeSpan.FromSeconds(1));
            var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            task.Post(() => task.Post(looked.SetResult));
            await looked.Task.Within();
        }

        await cut;
        stranger.Close();
        await sent;
        await farm.EndAsync();
    }

    [Fact]
    public async Task A_message_above_the_limit_of_the_file_queue_is_dropped()
    {
        await using var farm = await AttackedFarm.StartAsync();
        farm.OfferHonestWheel();
        using var stranger = farm.Sender();

        for (var count = 0; count < 20; count++)
            stranger.TrySend("CHUNK"u8.ToArray(), "0"u8.ToArray(), new byte[300_000]);

        await farm.EndAsync(offered: true);
    }

    [Fact]
    public async Task A_log_of_sixty_million_characters_is_cut_and_its_build_recorded()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        var log = $"begin\n{new string('x', 60_000_000)}\nend\n";

        attacker.AssertReply<SlaveReply.Done>(Slaves.Failed(log));

        Assert.Single(farm.Bench.Database.Builds);
        var published = await farm.Bench.LogPublishedAsync();
        Assert.InRange(published.Length, BuiltCheck.LogLengthMax, BuiltCheck.LogLengthMax + 100);
        Assert.StartsWith("begin", published, StringComparison.Ordinal);
        Assert.EndsWith("end\n", published, StringComparison.Ordinal);
        await farm.EndAsync();
    }

    [Fact]
    public void Logs_of_builds_that_never_send_their_files_are_cut_beyond_a_limit()
    {
        var now = Slaves.Start;
        var slave = new SlaveSession(1, Slaves.Address(1), Slaves.Hello, now);
        slave.Receive(new SlaveRequest.Idle(Slaves.Stats), now);
        slave.Replied(slave.Assign(Slaves.Numpy, now), now);
        slave.Receive(
            Slaves.Built(Slaves.File(Slaves.NumpyWheel)) with { Output = new string('x', 5_000_000) + "the end" }, now);

        slave.CutLog();

        Assert.InRange(slave.Built!.Output.Length, BuildRecorder.CutLogLength, BuildRecorder.CutLogLength + 200);
        Assert.EndsWith("the end", slave.Built.Output, StringComparison.Ordinal);
        Assert.True(slave.Built.Status);
    }

    [Fact]
    public async Task Texts_of_a_hello_cannot_draw_on_a_terminal_or_fill_a_screen()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var stranger = farm.Stranger();
        var label = "\u001b[2J\u001b]0;owned\u0007" + new string('x', 900);

        stranger.AssertReply<SlaveReply.Ack>(new SlaveRequest.Hello(Slaves.Hello with { Label = label }));

        var told = await farm.Bench.Log.WhenAsync(line => line.Message.Contains("slave 2 is", StringComparison.Ordinal));
        Assert.DoesNotContain(told.Message, char.IsControl);
        Assert.True(told.Message.Length < 300);
        await farm.EndAsync();
    }

    private static async Task<Socket> ConnectAsync(string address)
    {
        var uri = new Uri(address);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(uri.Host.Trim('[', ']'), uri.Port).Within();
        return socket;
    }

    /// <summary>Who goes on before the other side is READY is no peer, and cut for that at once.</summary>
    private static async Task ShakeHandsAsync(Socket socket)
    {
        await socket.SendAsync(Greeting).Within();
        await using var stream = new NetworkStream(socket);
        await stream.ReadExactlyAsync(new byte[GreetingBytes]).AsTask().Within();
        // A short command: its flags, one byte of length, and READY
        var head = new byte[2];
        await stream.ReadExactlyAsync(head).AsTask().Within();
        await stream.ReadExactlyAsync(new byte[head[1]]).AsTask().Within();
    }

    private static async Task<bool> TrySendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0) bytes = bytes[await socket.SendAsync(bytes).AsTask().Within()..];
            return true;
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private static async Task WaitForCutAsync(Socket socket)
    {
        var buffer = new byte[1000];
        try
        {
            while (await socket.ReceiveAsync(buffer).Within() > 0)
            {
                // The master's own greeting
            }
        }
        catch (SocketException)
        {
            // Cut by a reset
        }
    }
}
