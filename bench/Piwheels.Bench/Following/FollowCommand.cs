using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Piwheels.Bench.Measuring;
using Piwheels.Bench.Places;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Bench.Following;

/// <summary>`follow`: a first sync with a synthetic change log, from HTTP to committed rows.</summary>
internal static class FollowCommand
{
    private const string DatabaseName = "follow";
    private const string CopyName = "follow_copy";

    /// <summary>PyPI's log in 2026.</summary>
    private const double PyPIEvents = 36e6;

    /// <summary>How many events a second there shall be at least, on 2 cores with PostgreSQL beside.</summary>
    private const double Wanted = 30_000;

    /// <summary>How much of the log is read for itself, in batches.</summary>
    private const int ReadBatches = 4;

    private static readonly Target[] Targets =
        [new("cp39", "linux_armv7l"), new("cp311", "linux_armv7l"), new("cp313", "linux_armv7l")];

    public static Command Create()
    {
        var data = new Option<string>("--data")
        {
            Description = "A folder for the server of the bench's own; what an earlier run left is replaced",
            Required = true,
        };
        var packages = new Option<int>("--packages")
        {
            Description = "How many projects the log tells of",
            DefaultValueFactory = static _ => 20_000,
        };
        var versions = new Option<int>("--versions")
        {
            Description = "How many releases each of them has",
            DefaultValueFactory = static _ => 4,
        };
        var command = new Command("follow", "Measures a first sync: from a change log over HTTP to committed rows")
        {
            data, packages, versions,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var (count, each) = (parsed.GetValue(packages), parsed.GetValue(versions));
            if (count < 1 || each < 1) throw new BenchFault("at least one package with one version is expected");
            await using var cluster = await BenchCluster.StartAsync(
                parsed.GetValue(data)!, BenchClusterUse.New, cancel);
            await MeasureAsync(cluster, count, each, cancel);
            return 0;
        });
        return command;
    }

    private static async Task MeasureAsync(BenchCluster cluster, int packages, int versions, CancellationToken cancel)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var log = new SyntheticLog(packages, versions);
        Say($"{log.Count:N0} events of {packages:N0} packages with {versions} versions");
        await using var followed = await cluster.CreateDatabaseAsync(DatabaseName, cancel);
        await using (var master = followed.ConnectMaster())
        {
            foreach (var target in Targets) await master.AddTargetAsync(target);
        }

        var (server, root) = await SyntheticIndex.StartAsync(packages, versions, cancel);
        using (server)
        {
            try
            {
                await ReadAsync(root, log, cancel);
                var took = await FollowAsync(cluster, followed, root, log, cancel);
                await using var copied = await cluster.CreateDatabaseAsync(CopyName, cancel);
                var runs = (int)Math.Ceiling(log.Count / 25_000.0);
                var (copy, rows) = await CopiedRows.MeasureAsync(followed, copied, runs, cancel);
                Say($"COPY of the same {rows:N0} rows in as many transactions: {copy.TotalSeconds:N1} s, "
                    + $"as of {log.Count / copy.TotalSeconds:N0} events a second; following takes {took / copy:N1} times as long");
                await copied.DisposeAsync();
                await cluster.DropDatabaseAsync(CopyName, cancel);
            }
            finally
            {
                server.StandardInput.Close();
                await server.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    /// <summary>What the stand-in can send, and what reading that takes, each for itself.</summary>
    private static async Task ReadAsync(Uri root, SyntheticLog log, CancellationToken cancel)
    {
        using var http = new HttpClient();
        using var connection = new IndexConnection(TimeProvider.System, limits: FollowingFarm.Unpaced);
        var changelog = new ChangelogClient(connection, new Uri(root, "pypi"));
        var (sent, read, processor, bytes, events) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, 0L, 0L);
        var serial = 0L;
        for (var batch = 0; batch <= ReadBatches; batch++)
        {
            var began = Stopwatch.GetTimestamp();
            using var call = new StringContent(
                $"<methodCall><methodName>changelog_since_serial</methodName><params><param><value><int>{serial}</int>"
                + "</value></param></params></methodCall>");
            using var answer = await http.PostAsync(new Uri(root, "pypi"), call, cancel);
            var length = (await answer.Content.ReadAsByteArrayAsync(cancel)).Length;
            var (middle, before) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            if (await changelog.SinceAsync(serial, cancel) is not Fetched<ChangelogBatch>.Found { Value.Events: var rows })
                throw new BenchFault("the stand-in index does not answer");
            // The first is for getting warm
            if (batch > 0)
            {
                sent += Stopwatch.GetElapsedTime(began, middle);
                read += Stopwatch.GetElapsedTime(middle);
                processor += Environment.CpuUsage.TotalTime - before;
                (bytes, events) = (bytes + length, events + rows.Count);
            }

            serial = rows.Count > 0 && rows[^1].Serial < log.LastSerial ? rows[^1].Serial : 0;
        }

        Say($"the stand-in alone sends {events / sent.TotalSeconds:N0} events a second ({bytes / events} bytes each); "
            + $"sent and read they are {events / read.TotalSeconds:N0}, with {processor.TotalMicroseconds / events:N1} µs of "
            + "the reader's processor an event");
    }

    private static async Task<TimeSpan> FollowAsync(
        BenchCluster cluster, BenchDatabase place, Uri root, SyntheticLog log, CancellationToken cancel)
    {
        await using var database = place.ConnectMaster();
        await using var farm = new FollowingFarm(database, root);
        var began = Stopwatch.GetTimestamp();
        var (follower, server) = (Environment.CpuUsage.TotalTime, cluster.ProcessorTime);
        farm.Start();
        var (tenth, last, lastTook) = (0, SyntheticLog.FirstSerial - 1, TimeSpan.Zero);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var (serial, peak) = (0L, 0L);
        while (serial < log.LastSerial && await look.WaitForNextTickAsync(cancel))
        {
            serial = await database.GetPypiSerialAsync();
            peak = Math.Max(peak, Environment.WorkingSet);
            var done = (serial - SyntheticLog.FirstSerial + 1) * 10 / log.Count;
            if (done <= tenth) continue;
            var took = Stopwatch.GetElapsedTime(began);
            Say($"{done * 10,4} % in {took.TotalSeconds,6:N1} s: {(serial - last) / (took - lastTook).TotalSeconds,7:N0} events a "
                + $"second, {Environment.WorkingSet >> 20} MB resident, {GC.GetTotalMemory(false) >> 20} MB of objects");
            (tenth, last, lastTook) = ((int)done, serial, took);
        }

        var all = Stopwatch.GetElapsedTime(began);
        var rate = log.Count / all.TotalSeconds;
        Say($"{rate:N0} events a second (wanted: {Wanted:N0}); {peak >> 20} MB resident at most; "
            + $"PyPI's {PyPIEvents / 1e6:0} million: {PyPIEvents / rate / 60:N0} minutes");
        var (own, others) = (Environment.CpuUsage.TotalTime - follower, cluster.ProcessorTime - server);
        Say($"processor's time an event: {own.TotalMicroseconds / log.Count:N1} µs of the follower, "
            + $"{others.TotalMicroseconds / log.Count:N1} µs of PostgreSQL");
        return all;
    }

    private static void Say(string line) => Console.WriteLine(line);
}
