using System.Globalization;
using System.IO.Compression;
using System.Text;
using Piwheels.Master;
using Piwheels.Master.AccessLog;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw logger` as a process, and a real master with its database.</summary>
public sealed class LoggerCommandTests(DatabaseFixture databases) : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task Nothing_is_lost_or_doubled_over_masters_that_are_killed_and_stopped()
    {
        const int Hits = 20_000;
        await using var store = await databases.CreateDatabaseAsync();
        Open(_bed.Folder);
        var log = Write("access.log", Lines(Hits));
        await using var first = StartMaster(store);
        await using var logger = PiwProcess.StartAsUser(
            "logger", "--log-queue", Queue, "--state", Path.Combine(_bed.Folder, "state"), log);
        await CountAsync(store, atLeast: 1);
        first.Signal("KILL");
        await first.EndAsync();
        var recorded = await CountAsync(store, atLeast: 1);
        await using (var second = StartMaster(store))
        {
            await CountAsync(store, atLeast: Math.Min(recorded + 1, Hits));
            second.Signal("TERM");
            Assert.Equal(0, await second.EndAsync());
        }

        await using var third = StartMaster(store);
        Assert.Equal(0, await logger.EndAsync());
        Assert.Contains("20000 hits told", logger.Output, StringComparison.Ordinal);
        Assert.Equal(Hits, await CountAsync(store, atLeast: Hits));
        Assert.Equal(["20000"], await store.ColumnAsync("SELECT count(DISTINCT filename) FROM downloads"));
    }

    [Fact]
    public async Task A_pipe_is_read_packed_or_not_and_killed_web_servers_end_it()
    {
        var database = StartLumberjack();
        var plain = Write("plain.log", Lines(1_500));
        var packed = Path.Combine(_bed.Folder, "packed.log.gz");
        await using (var file = File.Create(packed))
        await using (var gzip = new GZipStream(file, CompressionLevel.Fastest))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(Lines(700)), TestContext.Current.CancellationToken);
        foreach (var (path, name) in (IEnumerable<(string, string)>)[(plain, ""), (packed, "-")])
        {
            var before = database.Accesses.Count;
            var (exitCode, output) = await ShellAsync($"cat '{path}' | '{PiwProcess.Program}' logger --drop --log-queue {Queue} {name}");
            Assert.True(exitCode == 0, output);
            Assert.Equal(path == plain ? 1_500 : 700, database.Accesses.Count - before);
        }
    }

    [Fact]
    public async Task Told_to_stop_it_tells_what_the_web_server_has_written_already()
    {
        var database = StartLumberjack();
        var log = Write("access.log", Lines(100));
        // As Apache does: a pipe that stays open, and SIGTERM
        var (exitCode, output) = await ShellAsync(
            $"mkfifo '{_bed.Folder}/pipe'; '{PiwProcess.Program}' logger --log-queue {Queue} <'{_bed.Folder}/pipe' 2>'{_bed.Folder}/said' & exec 3>'{_bed.Folder}/pipe'; "
            + $"cat '{log}' >&3; until grep -q 'master answers' '{_bed.Folder}/said'; do :; done; kill -TERM $!; wait $!");
        Assert.True(exitCode == 0, output + await File.ReadAllTextAsync(Path.Combine(_bed.Folder, "said"), TestContext.Current.CancellationToken));
        Assert.Equal(100, database.Accesses.Count);
    }

    [Fact]
    public async Task A_pipe_on_which_nothing_ever_came_keeps_it_from_nothing()
    {
        StartLumberjack();
        await using var logger = PiwProcess.Start("logger", "--log-queue", Queue);
        await logger.SeeAsync("the master answers");
        logger.Signal("TERM");
        Assert.Equal(0, await logger.EndAsync());
    }

    [Fact]
    public async Task Told_to_stop_without_a_master_it_says_what_is_lost()
    {
        var log = Write("access.log", Lines(10));
        await using var logger = PiwProcess.Start("logger", "--log-queue", Queue, log);
        await logger.SeeAsync("10 hits wait for it");
        logger.Signal("TERM");
        Assert.Equal(1, await logger.EndAsync());
        Assert.Contains("10 hits could not be delivered, and are lost", logger.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_usage_and_bad_files_end_it_with_one_line()
    {
        StartLumberjack();
        var packed = Path.Combine(_bed.Folder, "cut.log.gz");
        using (var memory = new MemoryStream())
        {
            await using (var gzip = new GZipStream(memory, CompressionLevel.Fastest, leaveOpen: true))
                await gzip.WriteAsync(Encoding.UTF8.GetBytes(Lines(2_000)), TestContext.Current.CancellationToken);
            await File.WriteAllBytesAsync(packed, memory.ToArray()[..^500], TestContext.Current.CancellationToken);
        }

        foreach (var (arguments, expected, words) in (IEnumerable<(string[], int, string)>)
        [
            (["--format", "%h %Z", "x"], 2, "'%Z' is no directive that is known here"),
            (["--format", "combine", "x"], 2, "none of common, common_vhost, combined"),
            (["--follow"], 2, "--follow is for files"),
            (["--state", "x", "-"], 2, "--state is for files"),
            (["--folow", "x"], 2, "there is no option --folow"),
            (["/nonexistent/access.log"], 1, "/nonexistent/access.log cannot be read"),
            ([Write("bad.log", "what is this\n")], 1, "no line is of the format combined"),
            ([packed], 1, "is damaged, and read no further"),
        ])
        {
            var (exitCode, output) = await PiwProcess.RunAsync(["logger", "--log-queue", Queue, .. arguments]);
            Assert.True(expected == exitCode && output.Contains(words, StringComparison.Ordinal), output);
            Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        }
    }

    private string Queue => _bed.Ipc("log");

    private FakeDatabase StartLumberjack()
    {
        var database = new FakeDatabase(TimeProvider.System);
        var environment = _bed.Environment with { Time = TimeProvider.System };
        _bed.Add(new Lumberjack(new MasterConfiguration { LogQueue = Queue }, environment, database)).Start();
        return database;
    }

    private PiwProcess StartMaster(TestDatabase store) => PiwProcess.StartAsUser(
    [
        "master", "--dev-mode", "--output-path", Path.Combine(_bed.Folder, "www"),
        "--dsn", $"postgresql://piwheels@{Uri.EscapeDataString(store.UserDsn.Host)}/{store.UserDsn.Database}",
        .. new[] { "xmlrpc", "json", "simple" }.SelectMany(each => new[] { $"--pypi-{each}", "http://127.0.0.1:9/" }),
        .. new[] { "status", "control", "import", "log", "slave", "file" }.SelectMany(
            queue => new[] { $"--{queue}-queue", $"ipc://{_bed.Folder}/{queue}" }),
    ]);

    /// <summary>Asks again and again until so many are recorded.</summary>
    private static async Task<int> CountAsync(TestDatabase store, int atLeast)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var count = int.Parse((await store.ColumnAsync("SELECT count(*) FROM downloads"))[0]!, CultureInfo.InvariantCulture);
            if (count >= atLeast) return count;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < PiwProcess.Limit, $"{count} of {atLeast} are recorded");
        }
    }

    private static async Task<(int ExitCode, string Output)> ShellAsync(string script)
    {
        await using var shell = PiwProcess.Start("/bin/sh", ["-c", script], environment: null);
        return (await shell.EndAsync(), shell.Output);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_bed.Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static string Lines(int count)
    {
        var at = TimeProvider.System.GetUtcNow().ToString("dd/MMM/yyyy:HH:mm:ss", CultureInfo.InvariantCulture);
        return string.Concat(Enumerable.Range(0, count).Select(number =>
            $"192.0.2.7 - - [{at} +0000] \"GET /simple/a/a-{number}-py3-none-any.whl HTTP/1.1\" 200 5 \"-\" \"pip/25.0 {{\\\"cpu\\\":\\\"x86_64\\\"}}\"\n"));
    }

    private static void Open(string path) => File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("777", 8));
}
