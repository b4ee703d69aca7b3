using System.Diagnostics;
using Piwheels.Storage;
using Piwheels.Storage.Private;
using Piwheels.Storage.Schema;

namespace Piwheels.Bench.Places;

/// <summary>What a server of the bench's own is started for.</summary>
internal enum BenchClusterUse
{
    /// <summary>Its data is there already.</summary>
    Existing,

    /// <summary>It begins empty where it is not there.</summary>
    New,

    /// <summary>As <see cref="New"/>, for filling it as fast as can be.</summary>
    Generating,
}

/// <summary>
/// A PostgreSQL server of the bench's own: data below a folder, behind a unix socket, synced to disk as a farm's. Run
/// by an unprivileged user also when root runs the bench. A shell holds it: when the bench ends, however it ends, the
/// shell reads the end of its input and stops the server in order. The data stays.
/// </summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    /// <summary>After a kill the server first replays its log.</summary>
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(15);

    /// <summary>Arguments: the folder of PostgreSQL's programs, the data's folder, the settings.</summary>
    private const string HoldScript = """
        trap '' INT TERM HUP
        umask 077
        cd "$2" || exit 1
        export LC_ALL=C
        if [ ! -s cluster/PG_VERSION ]; then
            rm -rf cluster.new
            "$1/initdb" -D cluster.new -U postgres -A trust -E UTF8 --locale=C --data-checksums >log 2>&1 \
                || { tail -n 3 log >&2; exit 1; }
            mv cluster.new cluster
        fi
        "$1/pg_ctl" -D cluster -l log -w -t 900 -o "-k $2 $3" start >/dev/null 2>&1 || { tail -n 3 log >&2; exit 1; }
        echo ready
        cat >/dev/null
        "$1/pg_ctl" -D cluster -w -t 900 -m fast stop >/dev/null 2>&1
        """;

    /// <summary>As a farm's private cluster, with the memory that a database of this size would be given.</summary>
    private const string Settings =
        "-c listen_addresses= -c max_connections=100 -c jit=off -c shared_buffers=2GB -c effective_cache_size=8GB "
        + "-c max_wal_size=8GB -c checkpoint_timeout=15min -c log_checkpoints=off";

    /// <summary>
    /// While the data is made: without the log records that a replica would need, and without anybody else's cleaning.
    /// </summary>
    private const string GeneratingSettings =
        Settings + " -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off -c max_wal_size=16GB";

    private readonly Process _shell;

    private readonly string _folder;

    private BenchCluster(Process shell, string folder)
    {
        (_shell, _folder) = (shell, folder);
        Superuser = Dsn.Parse($"postgresql://postgres@{Uri.EscapeDataString(folder)}/postgres");
    }

    /// <summary>The server, as its superuser; the database is to be chosen.</summary>
    public Dsn Superuser { get; }

    /// <summary>The processor's time that its processes have taken since it was started.</summary>
    public TimeSpan ProcessorTime => ServerProcessor.TimeOf(_folder);

    /// <summary>Starts the server of a folder; makes both where there is none and that is wanted.</summary>
    public static async Task<BenchCluster> StartAsync(string folder, BenchClusterUse use, CancellationToken cancel)
    {
        folder = Path.GetFullPath(folder);
        if (use == BenchClusterUse.Existing && !Directory.Exists(Path.Combine(folder, "cluster")))
        {
            throw new BenchFault($"there is no generated database in {folder}; 'generate' makes one");
        }

        await Unprivileged.CreateFolderAsync(folder, cancel);
        var start = Unprivileged.Start(
            "/bin/sh", "-c", HoldScript, "sh", PostgresBinaries.Find().Folder, folder,
            use == BenchClusterUse.Generating ? GeneratingSettings : Settings);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        var shell = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(StartTimeout);
        if (await shell.StandardOutput.ReadLineAsync(limit.Token) != "ready")
        {
            var reason = await shell.StandardError.ReadToEndAsync(cancel);
            throw new BenchFault($"no server: {reason.ReplaceLineEndings(" ")}");
        }

        return new BenchCluster(shell, folder);
    }

    /// <summary>An empty database with the farm's schema, in place of one of that name.</summary>
    public async Task<BenchDatabase> CreateDatabaseAsync(string name, CancellationToken cancel)
    {
        await DropDatabaseAsync(name, cancel);
        await using (var server = new BenchDatabase(Superuser, null))
        {
            if (!await server.AskAsync<bool>(
                $"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{DatabaseOptions.OrdinaryUser}')", cancel))
                await server.RunAsync($"CREATE ROLE {DatabaseOptions.OrdinaryUser} LOGIN", cancel);
            await server.RunAsync($"CREATE DATABASE {name}", cancel);
        }

        var database = new BenchDatabase(Superuser.WithDatabase(name), null);
        await using var installer = await SchemaInstaller.ConnectAsync(database.Superuser, cancel);
        await installer.ApplyAsync(
            await installer.DetectVersionAsync(cancel: cancel), DatabaseOptions.OrdinaryUser, null, cancel);
        return database;
    }

    public async Task DropDatabaseAsync(string name, CancellationToken cancel)
    {
        await using var server = new BenchDatabase(Superuser, null);
        await server.RunAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)", cancel);
    }

    /// <summary>Stops all its processes where they are, or lets them go on (SIGSTOP, SIGCONT).</summary>
    public void Freeze(bool frozen)
    {
        var pids = ServerProcessor.ProcessesOf(_folder);
        using var kill = Process.Start("kill", [frozen ? "-STOP" : "-CONT", .. pids]);
        kill.WaitForExit();
    }

    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }
}
