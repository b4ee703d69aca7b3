using System.Diagnostics;
using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Bench.Loading;

/// <summary>
/// A slave as its master sees it: a REQ socket that says what slaves say, in their order, and a DEALER socket for each
/// wheel. It builds nothing.
/// </summary>
internal sealed class FakeSlave : IDisposable
{
    private static readonly TimeSpan BuildTimeout = TimeSpan.FromHours(3);
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromMinutes(5);
    private static readonly byte[] Idle = Encode(new SlaveRequest.Idle(Stats()));
    private static readonly byte[] Busy = Encode(new SlaveRequest.Busy(Stats()));
    private static readonly byte[] Sent = Encode(new SlaveRequest.Sent());

    [ThreadStatic]
    private static CborWriter? _writer;

    private readonly ZmtpPeer _master;
    private readonly int _filePort;

    private FakeSlave(ZmtpPeer master, int filePort) => (_master, _filePort) = (master, filePort);

    /// <summary>The master's number for it.</summary>
    public int Id { get; private set; }

    /// <summary>The answers that it got: how long they took.</summary>
    public Latencies? Answers { get; set; }

    /// <summary>Connects, and says HELLO.</summary>
    public static async Task<FakeSlave> GreetAsync(
        int slavePort, int filePort, Target target, int number, CancellationToken cancel)
    {
        var slave = new FakeSlave(await ZmtpPeer.ConnectAsync(slavePort, "REQ", cancel), filePort);
        var hello = new SlaveRequest.Hello(new SlaveHello(
            BuildTimeout, BusyTimeout, "311", target.Abi, target.Platform, $"fake-{number}", "Bench", "1", "", "").Marked);
        if (await slave.AskAsync(Encode(hello), cancel) is not SlaveReply.Ack ack)
            throw new BenchFault("a slave was not greeted");
        slave.Id = ack.SlaveId;
        // As this program's slaves do: its builds could be followed, if somebody did
        if (ack.AsksTail) await slave.AskAsync(Encode(new SlaveRequest.Facts([], TellsTail: true)), cancel);
        return slave;
    }

    public Task<SlaveReply> SayIdleAsync(CancellationToken cancel) => AskAsync(Idle, cancel);

    public Task<SlaveReply> SayBusyAsync(CancellationToken cancel) => AskAsync(Busy, cancel);

    public Task<SlaveReply> SaySentAsync(CancellationToken cancel) => AskAsync(Sent, cancel);

    /// <summary>Hands a wheel in from BUILT to DONE, sending it as often as it is asked for.</summary>
    public async Task DeliverAsync(LoadWheel wheel, CancellationToken cancel)
    {
        var built = new SlaveRequest.Built(true, TimeSpan.FromSeconds(1), "Built by the bench.\n", [wheel.File]);
        for (var reply = await AskAsync(Encode(built), cancel); ; reply = await SaySentAsync(cancel))
        {
            if (reply is SlaveReply.Done) return;
            if (reply is not SlaveReply.Send) throw new BenchFault($"{reply.Name} came in place of SEND or DONE");
            await SendFileAsync(wheel.Content, cancel);
        }
    }

    /// <summary>What tells of a failed build. Made before, it costs nothing while others are measured.</summary>
    public static byte[] Failure(string log) =>
        Encode(new SlaveRequest.Built(false, TimeSpan.FromSeconds(1), log, []));

    /// <summary>Tells of a failed build, and waits until it is recorded.</summary>
    public async Task FailAsync(byte[] failure, CancellationToken cancel)
    {
        if (await AskAsync(failure, cancel) is not SlaveReply.Done)
            throw new BenchFault("a failed build was not answered with DONE");
    }

    public void Dispose() => _master.Dispose();

    /// <summary>Sends a file as a slave does, over a connection of its own.</summary>
    private async Task SendFileAsync(byte[] content, CancellationToken cancel)
    {
        using var files = await ZmtpPeer.ConnectAsync(_filePort, "DEALER", cancel);
        var time = TimeProvider.System;
        var session = new SendingSession(content.Length, time.GetUtcNow());
        var step = session.Tick(time.GetUtcNow());
        while (true)
        {
            switch (step)
            {
                case SendStep.SayHello:
                    var hello = new FileRequest.Hello(Id).ToFrames();
                    await files.SendAsync(hello[0], hello[1], null, cancel);
                    break;
                case SendStep.SendChunk(var offset, var length):
                    var chunk = new FileRequest.Chunk(offset, content.AsMemory((int)offset, length)).ToFrames();
                    await files.SendAsync(chunk[0], chunk[1], chunk[2], cancel);
                    break;
                case SendStep.Finish:
                    return;
                default:
                    throw new BenchFault($"a file cannot be sent: {step}");
            }

            var (first, second, last) = await files.ReceiveAsync(cancel);
            ReadOnlySpan<ReadOnlyMemory<byte>> frames = second.IsEmpty ? [first] : [first, second, last];
            step = session.Receive(FileReply.Read(frames), time.GetUtcNow());
        }
    }

    private async Task<SlaveReply> AskAsync(byte[] request, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        await _master.SendAsync(ReadOnlyMemory<byte>.Empty, request, null, cancel);
        var (_, _, payload) = await _master.ReceiveAsync(cancel);
        Answers?.Add(began);
        return SlaveReply.Read(payload);
    }

    private static byte[] Encode(SlaveRequest request)
    {
        _writer ??= new CborWriter(CborConformanceMode.Lax);
        _writer.Reset();
        request.Write(_writer);
        return _writer.Encode();
    }

    private static SlaveStats Stats() =>
        new(TimeProvider.System.GetUtcNow(), 1L << 40, 1L << 39, 8L << 30, 4L << 30, 0, 0, 1.5, 40.5);
}
