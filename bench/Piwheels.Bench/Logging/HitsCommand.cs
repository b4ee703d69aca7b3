using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Piwheels.Bench.Loading;
using Piwheels.Bench.Measuring;
using Piwheels.Bench.Places;
using Piwheels.Logger.Formats;

namespace Piwheels.Bench.Logging;

/// <summary>
/// `hits`: how many lines `piw logger` reads, and how many hits go from a log through logger, master and PostgreSQL, beside
/// copying the same rows, by turns.
/// </summary>
internal static class HitsCommand
{
    private const int ParsedWanted = 200_000;
    private const int HitsWanted = 50_000;
    private const string CopyTable = "bench.copied_downloads";

    public static Command Create()
    {
        var options = new LoadOptions();
        var hits = new Option<int>("--hits") { Description = "Lines of the log", DefaultValueFactory = static _ => 1_000_000 };
        var rounds = new Option<int>("--rounds") { Description = "How often", DefaultValueFactory = static _ => 5 };
        var command = new Command("hits", "Measures hits from a web server's log to committed rows") { hits, rounds };
        options.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            await using var farm = await LoadFarm.StartAsync(options, parsed, releases: 1, cancel);
            await RunAsync(
                farm, parsed.GetValue(options.Program)!, Path.GetFullPath(parsed.GetValue(options.Data)!), parsed.GetValue(hits),
                parsed.GetValue(rounds), cancel);
            return 0;
        });
        return command;
    }

    private static async Task RunAsync(
        LoadFarm farm, string program, string folder, int hits, int rounds, CancellationToken cancel)
    {
        var log = Path.Combine(folder, "access.log");
        MadeUpLog.Write(log, hits, TimeProvider.System);
        var size = new FileInfo(log).Length;
        Console.WriteLine($"{hits} lines, {size / hits} bytes each");
        for (var round = 0; round < 3; round++) TellParsed(log, hits);

        await farm.Database.RunAsync("CREATE SCHEMA IF NOT EXISTS bench", cancel);
        var ratios = new List<double>();
        var rates = new List<double>();
        for (var round = 1; round <= rounds; round++)
        {
            await farm.Database.RunAsync("TRUNCATE downloads", cancel);
            await farm.Database.RunAsync("CHECKPOINT", cancel);
            var master = farm.Master.ProcessorTime;
            var server = farm.Cluster.ProcessorTime;
            var (took, own) = await LogAsync(program, folder, log, cancel);
            master = farm.Master.ProcessorTime - master;
            server = farm.Cluster.ProcessorTime - server;
            if (await farm.Database.AskAsync<long>("SELECT count(*) FROM downloads", cancel) is var rows && rows != hits)
                throw new BenchFault($"{rows} of {hits} hits are recorded");
            var copied = await CopyAsync(farm.Database, cancel);
            rates.Add(hits / took.TotalSeconds);
            ratios.Add(took / copied);
            var (now, most) = ProcessFigures.ResidentMegabytes(farm.Master.Id);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{round}: {hits / took.TotalSeconds:N0} hits/s; COPY of the same rows {hits / copied.TotalSeconds:N0}/s, {took / copied:N1} times as fast; "
                + $"µs of the processor for one: logger {Each(own):N1}, master {Each(master):N1}, PostgreSQL {Each(server):N1}; "
                + $"the master's memory {now} MB, {most} at most"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"median {Spread.Of(rates).Median:N0} hits/s ({HitsWanted:N0} are wanted), COPY {Spread.Of(ratios).Median:N1} times as fast"));

        double Each(TimeSpan time) => time.TotalMicroseconds / hits;
    }

    /// <summary>What one thread reads of lines that are in memory.</summary>
    private static void TellParsed(string log, int lines)
    {
        var bytes = File.ReadAllBytes(log).AsSpan();
        var parser = new LineParser(LogFormat.Parse("combined"), TimeProvider.System);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var began = Stopwatch.GetTimestamp();
        var count = 0;
        while (bytes.IndexOf((byte)'\n') is var end and >= 0)
        {
            if (parser.Parse(bytes[..end], out _) == LineOutcome.Counts) count++;
            bytes = bytes[(end + 1)..];
        }

        var took = Stopwatch.GetElapsedTime(began);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (count != lines) throw new BenchFault($"{count} of {lines} lines count");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{lines / took.TotalSeconds:N0} lines/s parsed by one thread ({ParsedWanted:N0} are wanted), {allocated / lines} bytes allocated for each"));
    }

    /// <summary>From the logger's start to its end, when all is committed; and the processor's time that it took.</summary>
    private static async Task<(TimeSpan Took, TimeSpan Processor)> LogAsync(
        string program, string folder, string log, CancellationToken cancel)
    {
        var before = ProcessFigures.ProcessorTimeOfEnded();
        var began = Stopwatch.GetTimestamp();
        // Root reaches the master's queue, whoever that runs as
        using var logger = Process.Start(new ProcessStartInfo(program, ["logger", "-q", "--log-queue", $"ipc://{folder}/queue-log", log]))!;
        await logger.WaitForExitAsync(cancel);
        var took = Stopwatch.GetElapsedTime(began);
        if (logger.ExitCode != 0) throw new BenchFault("piw logger has failed");
        return (took, ProcessFigures.ProcessorTimeOfEnded() - before);
    }

    /// <summary>The rows again, into a table like theirs, in one go.</summary>
    private static async Task<TimeSpan> CopyAsync(BenchDatabase database, CancellationToken cancel)
    {
        await database.RunAsync($"DROP TABLE IF EXISTS {CopyTable}", cancel);
        await database.RunAsync($"CREATE TABLE {CopyTable} (LIKE downloads)", cancel);
        await database.RunAsync("CHECKPOINT", cancel);
        await using var connection = await database.OpenAsync(cancel);
        using var rows = new MemoryStream();
        await using (var copy = await connection.BeginRawBinaryCopyAsync(
            "COPY (SELECT * FROM downloads) TO STDOUT (FORMAT binary)", cancel))
            await copy.CopyToAsync(rows, cancel);
        rows.Position = 0;
        var began = Stopwatch.GetTimestamp();
        await using (var copy = await connection.BeginRawBinaryCopyAsync($"COPY {CopyTable} FROM STDIN (FORMAT binary)", cancel))
            await rows.CopyToAsync(copy, cancel);
        return Stopwatch.GetElapsedTime(began);
    }
}
