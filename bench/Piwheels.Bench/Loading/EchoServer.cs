using System.CommandLine;
using System.Diagnostics;
using System.Formats.Cbor;
using System.Globalization;
using Piwheels.Bench.Places;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Bench.Loading;

/// <summary>
/// What a master would be that does nothing: it answers every slave what comes next, and takes every file, without
/// reading, keeping or recording anything. What the fake slaves reach with it is the load program's own limit. In a process of
/// its own; it ends with its input.
/// </summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private const string CommandName = "serve-echo";
    private static readonly TimeSpan PollMax = TimeSpan.FromMilliseconds(100);

    private readonly Process _process;

    private EchoServer(Process process, int slavePort, int filePort)
    {
        _process = process;
        (SlavePort, FilePort) = (slavePort, filePort);
    }

    public int SlavePort { get; }

    public int FilePort { get; }

    public TimeSpan ProcessorTime => ProcessFigures.ProcessorTime(_process.Id);

    /// <summary>`serve-echo`: the server itself.</summary>
    public static Command Create()
    {
        var ports = new Argument<int[]>("ports") { Arity = new ArgumentArity(2, 2) };
        var bytes = new Option<int>("--bytes");
        var command = new Command(CommandName, "Answers slaves without doing anything, until its input ends") { ports, bytes };
        command.Hidden = true;
        command.SetAction(async (parsed, cancel) =>
        {
            using var zmq = new ZmqContext();
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var chosen = parsed.GetValue(ports)!;
            using var slaves = Bind(zmq, chosen[0]);
            using var files = Bind(zmq, chosen[1]);
            var length = parsed.GetValue(bytes);
            var threads = new[]
            {
                Task.Factory.StartNew(() => Serve(slaves, AnswerSlave, end.Token), TaskCreationOptions.LongRunning),
                Task.Factory.StartNew(
                    () => Serve(files, frames => AnswerFile(frames, length), end.Token), TaskCreationOptions.LongRunning),
            };
            Console.WriteLine("ready");
            await Console.In.ReadToEndAsync(cancel);
            await end.CancelAsync();
            await Task.WhenAll(threads);
            return 0;
        });
        return command;
    }

    /// <param name="bytes">The size of the files that are asked for.</param>
    public static async Task<EchoServer> StartAsync(int bytes, CancellationToken cancel)
    {
        var (slaves, files) = (MasterProcess.FreePort(), MasterProcess.FreePort());
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var argument in new[] { CommandName, Text(slaves), Text(files), "--bytes", Text(bytes) })
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        if (await process.StandardOutput.ReadLineAsync(cancel) != "ready") throw new BenchFault("no server to compare with");
        return new EchoServer(process, slaves, files);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static ZmqSocket Bind(ZmqContext zmq, int port)
    {
        var socket = zmq.CreateSocket(ZmqSocketType.Router);
        socket.Bind($"tcp://127.0.0.1:{port}");
        return socket;
    }

    private static void Serve(
        ZmqSocket socket, Func<ReadOnlyMemory<byte>[], ReadOnlyMemory<byte>[]> answer, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            if (!socket.TryReceive(out var frames)) socket.WaitReadable(PollMax);
            else socket.TrySend(answer(frames));
        }
    }

    private static readonly byte[] Welcome = Encode(new SlaveReply.Ack(1, "http://127.0.0.1:9/simple"));
    private static readonly byte[] Build = Encode(new SlaveReply.Build(LoadRelease.At(0)));
    private static readonly byte[] Send = Encode(new SlaveReply.Send("wheel"));
    private static readonly byte[] Done = Encode(new SlaveReply.Done());

    /// <summary>By the first letters of the name, which stand behind the heads of an array and a text.</summary>
    private static ReadOnlyMemory<byte>[] AnswerSlave(ReadOnlyMemory<byte>[] frames)
    {
        var payload = frames[2].Span;
        var reply = payload.StartsWith("\u0064SENT"u8) ? Done : payload[2] switch
        {
            (byte)'H' => Welcome,
            (byte)'I' => Build,
            _ => Send,
        };
        return [frames[0], ReadOnlyMemory<byte>.Empty, reply];
    }

    private static ReadOnlyMemory<byte>[] AnswerFile(ReadOnlyMemory<byte>[] frames, int bytes)
    {
        FileReply reply = frames.Length == 3 ? new FileReply.Fetch(0, bytes) : new FileReply.Done();
        return [frames[0], .. reply.ToFrames()];
    }

    private static byte[] Encode(SlaveReply reply)
    {
        var writer = new CborWriter(CborConformanceMode.Lax);
        reply.Write(writer);
        return writer.Encode();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
