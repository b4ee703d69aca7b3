using System.Collections.Concurrent;
using System.Security.Cryptography;
using Npgsql;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw master` that ends, well or not, while slaves of two generations build and send.</summary>
public sealed class RestartedMasterTests(DatabaseFixture databases)
{
    private const int Packages = 60;
    private const int SlavesOfEach = 3;

    [Fact]
    public async Task Ended_again_and_again_while_slaves_build_it_loses_no_build_that_was_done_and_ends_with_all_of_them()
    {
        var folder = Directory.CreateTempSubdirectory("piw-e2e-");
        Open(folder.FullName);
        await using var store = await databases.CreateDatabaseAsync();
        await AddReleasesAsync(store);
        using var zmq = new ZmqContext();
        var done = new ConcurrentBag<FileState>();
        string Queue(string name) => $"ipc://{folder.FullName}/{name}";
        var slaves = Enumerable.Range(0, SlavesOfEach * 2).Select(number => new LoopingSlave(
            zmq, Queue("slave"), Queue("file"), Path.Combine(folder.FullName, $"slave{number}"),
            number % 2 == 0 ? FileStateForm.WithLocation : FileStateForm.WithoutLocation, done)).ToList();

        foreach (var (signal, builds) in new[] { ("KILL", 5), ("KILL", 15), ("TERM", 25), ("KILL", 40), ("TERM", Packages) })
        {
            await using var master = Start(store, folder.FullName);
            await BuiltAsync(store, builds, master);
            var ended = master.EndAsync();
            while (builds == Packages && Wheels(folder).Length < Packages) Assert.False(ended.IsCompleted, master.Output);
            master.Signal(signal);
            var exit = await master.EndAsync();
            if (signal == "TERM") Assert.True(exit == 0, master.Output);
        }

        foreach (var slave in slaves) await slave.DisposeAsync();
        var recorded = (await store.ColumnAsync("SELECT filename || ' ' || filehash FROM files"))
            .Select(static line => line!.Split(' ')).ToDictionary(static parts => parts[0], static parts => parts[1]);
        Assert.Equal(Packages, recorded.Count);
        Assert.Equal(
            $"{Packages}", (await store.ColumnAsync("SELECT count(DISTINCT package)::text FROM builds WHERE status"))[0]);
        Assert.All(done, file => Assert.Equal(recorded[file.Filename], file.FileHash));
        var published = Wheels(folder);
        Assert.Equal(recorded.Keys.Order(), published.Select(Path.GetFileName).Order());
        Assert.All(published, path => Assert.Equal(recorded[Path.GetFileName(path)], HashOf(path)));
        // Each build that was recorded has its log, whenever its master was killed
        Assert.Equal(await LogPathsAsync(store), Logs(folder));
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Killed_when_a_build_is_recorded_and_its_wheel_not_yet_in_its_place_it_publishes_it_at_its_next_start()
    {
        var folder = Directory.CreateTempSubdirectory("piw-e2e-");
        Open(folder.FullName);
        await using var store = await databases.CreateDatabaseAsync();
        await AddReleasesAsync(store, packages: 1);
        using var zmq = new ZmqContext();
        var done = new ConcurrentBag<FileState>();
        await using var slave = new LoopingSlave(
            zmq, $"ipc://{folder.FullName}/slave", $"ipc://{folder.FullName}/file", Path.Combine(folder.FullName, "slave1"),
            FileStateForm.WithLocation, done);

        // Recorded, but the master does not hear so
        await using (var gate = new StatementGate(
            store.UserDsn.Host, (_, sql) => sql.Contains("log_build", StringComparison.Ordinal), holdsAnswer: true))
        {
            Open(gate.Folder);
            Open(Path.Combine(gate.Folder, ".s.PGSQL.5432"));
            await using var master = Start(store, folder.FullName, gate.Folder);
            await Task.WhenAny(gate.Stopped, master.EndAsync());
            Assert.True(gate.Stopped.IsCompleted, master.Output);
            master.Signal("KILL");
            await master.EndAsync();
        }

        var hash = Assert.Single(await store.ColumnAsync("SELECT filehash FROM files"));
        Assert.Empty(Wheels(folder));
        Assert.Empty(done);
        await using (var master = Start(store, folder.FullName))
        {
            var ended = master.EndAsync();
            while (Wheels(folder).Length == 0) Assert.False(ended.IsCompleted, master.Output);
            master.Signal("TERM");
            Assert.True(await master.EndAsync() == 0, master.Output);
        }

        Assert.Equal(hash, HashOf(Assert.Single(Wheels(folder))));
        Assert.Equal("1", (await store.ColumnAsync("SELECT count(*)::text FROM builds"))[0]);
        await slave.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Killed_while_it_records_a_build_it_writes_the_log_at_its_next_start(bool isAnswered)
    {
        var folder = Directory.CreateTempSubdirectory("piw-e2e-");
        Open(folder.FullName);
        await using var store = await databases.CreateDatabaseAsync();
        await AddReleasesAsync(store, packages: 1);
        using var zmq = new ZmqContext();
        var slave = new LoopingSlave(
            zmq, $"ipc://{folder.FullName}/slave", $"ipc://{folder.FullName}/file", Path.Combine(folder.FullName, "slave1"),
            FileStateForm.WithLocation, []);

        await using (var gate = new StatementGate(
            store.UserDsn.Host, (_, sql) => sql.Contains("log_build", StringComparison.Ordinal), isAnswered))
        {
            Open(gate.Folder);
            Open(Path.Combine(gate.Folder, ".s.PGSQL.5432"));
            await using var master = Start(store, folder.FullName, gate.Folder);
            await Task.WhenAny(gate.Stopped, master.EndAsync());
            Assert.True(gate.Stopped.IsCompleted, master.Output);
            master.Signal("KILL");
            await master.EndAsync();
        }

        // Nobody builds it again: what was kept is all there is
        await slave.DisposeAsync();
        Assert.Equal(isAnswered ? 1 : 0, (await store.ColumnAsync("SELECT build_id::text FROM builds")).Count);
        await using (var master = Start(store, folder.FullName))
        {
            var ended = master.EndAsync();
            while (Wheels(folder).Length == 0 || Logs(folder).Count == 0) Assert.False(ended.IsCompleted, master.Output);
            master.Signal("TERM");
            Assert.True(await master.EndAsync() == 0, master.Output);
        }

        Assert.Single(await store.ColumnAsync("SELECT build_id::text FROM builds"));
        Assert.Equal(await LogPathsAsync(store), Logs(folder));
        folder.Delete(recursive: true);
    }

    private static async Task<IEnumerable<string>> LogPathsAsync(TestDatabase store) =>
        (await store.ColumnAsync("SELECT lpad(build_id::text, 12, '0') FROM builds ORDER BY build_id"))
            .Select(static id => $"{id![..4]}/{id[4..8]}/{id[8..]}.txt.gz");

    private static List<string> Logs(DirectoryInfo folder)
    {
        var logs = Path.Combine(folder.FullName, "www", "logs");
        return Directory.Exists(logs)
            ?
            [
                .. Directory.EnumerateFiles(logs, "*.gz", SearchOption.AllDirectories)
                    .Select(path => Path.GetRelativePath(logs, path)).Order(StringComparer.Ordinal),
            ]
            : [];
    }

    private static async Task AddReleasesAsync(TestDatabase store, int packages = Packages)
    {
        await using var database = new Database(store.UserDsn);
        await database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
        for (var number = 0; number < packages; number++)
        {
            var package = PackageName.Parse($"package{number}");
            await database.AddNewPackageAsync(package);
            await database.AddNewPackageVersionAsync(new Release(package, "1.0"));
        }
    }

    private static async Task BuiltAsync(TestDatabase store, int builds, PiwProcess master)
    {
        var ended = master.EndAsync();
        await using var session = await store.OpenAsync();
        await using var isBuilt = new NpgsqlCommand($"SELECT count(DISTINCT package) >= {builds} FROM builds", session);
        while (await isBuilt.ExecuteScalarAsync() is not true) Assert.False(ended.IsCompleted, master.Output);
    }

    /// <param name="server">Where the database is asked; itself unless something stands before it.</param>
    private static PiwProcess Start(TestDatabase store, string folder, string? server = null) => PiwProcess.StartAsUser(
    [
        "master", "--dev-mode", "--output-path", Path.Combine(folder, "www"),
        "--dsn", $"postgresql://piwheels@{Uri.EscapeDataString(server ?? store.UserDsn.Host)}/{store.UserDsn.Database}",
        // Nobody listens there: what is built is in the database already
        .. new[] { "xmlrpc", "json", "simple" }.SelectMany(each => new[] { $"--pypi-{each}", "http://127.0.0.1:9/" }),
        .. new[] { "status", "control", "import", "log", "slave", "file" }.SelectMany(
            queue => new[] { $"--{queue}-queue", $"ipc://{folder}/{queue}" }),
    ]);

    private static string[] Wheels(DirectoryInfo folder) => Directory.GetFiles(
        Path.Combine(folder.FullName, "www", "simple"), "*.whl", SearchOption.AllDirectories);

    private static void Open(string path) => File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("777", 8));

    private static string HashOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
