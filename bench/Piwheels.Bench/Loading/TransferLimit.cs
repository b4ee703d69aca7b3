using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Piwheels.Bench.Loading;

/// <summary>
/// The limit of a transfer: chunks of 64 KiB over bare TCP, each hashed and written as it comes, by one thread a file. On
/// the same disk as the farm's.
/// </summary>
internal static class TransferLimit
{
    private const int ChunkBytes = 65_536;

    public static async Task<TimeSpan> MeasureAsync(string folder, int count, long bytes, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, count).Select(
            number => RunAsync(Path.Combine(folder, $"limit-{number}"), bytes, cancel)));
        return Stopwatch.GetElapsedTime(began);
    }

    private static async Task RunAsync(string path, long bytes, CancellationToken cancel)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var from = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var connecting = from.ConnectAsync(listener.LocalEndpoint, cancel);
        using var to = await listener.AcceptSocketAsync(cancel);
        await connecting;
        var sending = Task.Factory.StartNew(() => Send(from, bytes), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.Factory.StartNew(() => Receive(to, path, bytes), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await sending;
        File.Delete(path);
    }

    private static void Send(Socket socket, long bytes)
    {
        var chunk = new byte[ChunkBytes];
        for (var left = bytes; left > 0;)
            left -= socket.Send(chunk.AsSpan(0, (int)Math.Min(left, ChunkBytes)));
    }

    private static void Receive(Socket socket, string path, long bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        var chunk = new byte[ChunkBytes];
        for (var at = 0L; at < bytes;)
        {
            var length = (int)Math.Min(bytes - at, ChunkBytes);
            for (var got = 0; got < length;)
                got += socket.Receive(chunk.AsSpan(got, length - got));
            hash.AppendData(chunk.AsSpan(0, length));
            RandomAccess.Write(file, chunk.AsSpan(0, length), at);
            at += length;
        }
    }
}
