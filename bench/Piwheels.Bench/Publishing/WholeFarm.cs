using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Bench.Measuring;
using Piwheels.Bench.Places;
using Piwheels.Master;
using Piwheels.Master.Publishing;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;

namespace Piwheels.Bench.Publishing;

/// <summary>
/// All pages of a farm written anew, by the master's own TheSecretary and TheScribe, which ask a real PostgreSQL through
/// the master's queues. There are no wheels on the disk, and so no METADATA. The limit is to write files of the same sizes,
/// as many at a time.
/// </summary>
internal sealed class WholeFarm(BenchDatabase place, string folder)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    public async Task<IReadOnlyList<Figure>> MeasureAsync(int packages, CancellationToken cancel)
    {
        var output = Path.Combine(folder, "site");
        await place.RunAsync(
            $"""
            INSERT INTO rewrites_pending (package, added_at, command)
            SELECT package, '2000-01-01', 'BOTH' FROM packages WHERE skip = '' ORDER BY hashtext(package), package LIMIT {packages}
            ON CONFLICT (package) DO UPDATE SET command = 'BOTH', backlog = false, added_at = excluded.added_at
            """,
            cancel);
        var owed = await OwedAsync(cancel);
        var first = await WriteAsync(output, owed, cancel);
        var sizes = Directory.EnumerateFiles(output, "index*", SearchOption.AllDirectories)
            .Select(path => new FileInfo(path).Length).ToList();
        var raw = await Rounds.TimeAsync(() => WriteRawAsync(sizes, cancel));
        return
        [
            Figure.Rate(
                $"Packages written, all pages of {owed:#,0}", Spread.Of([owed / first.Elapsed.TotalSeconds]),
                Spread.Of([owed / (raw / 1_000)]), "files of the same sizes raw",
                note: $"{sizes.Count:#,0} files, {Show.Number(sizes.Sum() / (double)(1 << 20))} MB in "
                    + $"{Show.Number(first.Elapsed.TotalSeconds)} s, {Show.Number(sizes.Count / first.Elapsed.TotalSeconds)} a second; "
                    + $"processor {Show.Number(first.Own.TotalMilliseconds / owed)} ms a package, PostgreSQL's "
                    + $"{Show.Number(first.Server.TotalMilliseconds / owed)} ms; {Show.Number(first.Allocated / 1024.0 / owed)} KB "
                    + $"allocated a package; {first.MemoryMegabytes} MB of memory at most"),
        ];
    }

    private async Task<Run> WriteAsync(string output, long owed, CancellationToken cancel)
    {
        await using var database = place.ConnectMaster();
        using var zmq = new ZmqContext();
        var environment = new TaskEnvironment(zmq, TimeProvider.System, NullLoggerFactory.Instance);
        var configuration = new MasterConfiguration { OutputPath = output, SiteUrl = "https://wheels.example" };
        await using var queues = new DatabaseQueues(database, environment, configuration, patient: true);
        await using var scribe = new TheScribe(configuration, environment);
        await using var secretary = new TheSecretary(configuration, environment);
        var (began, own, server) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, place.ProcessorTime);
        var allocated = GC.GetTotalAllocatedBytes();
        scribe.Start();
        secretary.Start();
        for (var left = owed; left > 0; left = await OwedAsync(cancel)) await Task.Delay(LookInterval, TimeProvider.System, cancel);
        return new Run(
            Stopwatch.GetElapsedTime(began), Environment.CpuUsage.TotalTime - own, place.ProcessorTime - server,
            GC.GetTotalAllocatedBytes() - allocated, ProcessFigures.ResidentMegabytes(Environment.ProcessId).Most);
    }

    private async Task WriteRawAsync(List<long> sizes, CancellationToken cancel)
    {
        var content = new byte[sizes.Max()];
        content.AsSpan().Fill((byte)'x');
        var raw = Path.Combine(folder, "raw-site");
        await Parallel.ForAsync(
            0, sizes.Count, new ParallelOptions { MaxDegreeOfParallelism = TheSecretary.WritingMax, CancellationToken = cancel },
            (number, _) =>
            {
                // In as many folders as the site has
                var path = Path.Combine(Directory.CreateDirectory(Path.Combine(raw, $"{number / 2}")).FullName, $"{number}");
                using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
                file.Write(content.AsSpan(0, (int)sizes[number]));
                return ValueTask.CompletedTask;
            });
    }

    private Task<long> OwedAsync(CancellationToken cancel) =>
        place.AskAsync<long>("SELECT count(*) FROM rewrites_pending", cancel);

    private sealed record Run(TimeSpan Elapsed, TimeSpan Own, TimeSpan Server, long Allocated, long MemoryMegabytes);
}
