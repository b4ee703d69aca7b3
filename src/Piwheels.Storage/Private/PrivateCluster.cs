using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Storage.Schema;

namespace Piwheels.Storage.Private;

/// <summary>
/// A PostgreSQL server that a farm on one machine runs for itself: the system's programs, data below the farm's folder,
/// reachable by its own operating system user through a unix socket only. It is a child of this process, in a session
/// of its own so that Ctrl+C in a terminal does not reach it before its clients have ended.
/// </summary>
public sealed partial class PrivateCluster : IAsyncDisposable
{
    public const string OrdinaryUser = "piwheels";
    public const string DatabaseName = "piwheels";
    internal const string Superuser = "postgres";

    /// <summary>After a kill the server first replays its log, which can take minutes on a small machine.</summary>
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(10);

    /// <summary>How long an orderly stop may take, its last checkpoint included, before it is cut short.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>What a server that was killed has still to say after its end.</summary>
    private static readonly TimeSpan LastWordsTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The pause before a server that could not be started again is started once more; it grows.</summary>
    private static readonly TimeSpan RestartPauseMin = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RestartPauseMax = TimeSpan.FromSeconds(30);

    private readonly PostgresBinaries _binaries;
    private readonly ClusterFolder _folder;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly string _socketFolder;
    private readonly Lock _stopping = new();
    private Process _process = null!;
    private Task? _stopped;

    private PrivateCluster(PostgresBinaries binaries, ClusterFolder folder, TimeProvider time, ILogger log)
    {
        _binaries = binaries;
        _folder = folder;
        _socketFolder = folder.MakeSocketFolder();
        _time = time;
        _log = log;
        Launch();
    }

    /// <summary>The farm's database, as its ordinary user.</summary>
    public Dsn Dsn => Dsn.Parse($"postgresql://{OrdinaryUser}@{Uri.EscapeDataString(_socketFolder)}/{DatabaseName}");

    /// <summary>The farm's database, as the superuser: for piw-initdb.</summary>
    public Dsn SuperuserDsn => Dsn.WithUser(Superuser);

    /// <summary>The server's process.</summary>
    public int ProcessId { get; private set; }

    /// <summary>Ends when the server has ended, asked to or not, with its exit code.</summary>
    public Task<int> Completion { get; private set; } = Task.FromResult(0);

    /// <summary>
    /// Starts the server of a folder, which it makes first where there is none, and brings its schema up to date.
    /// Whatever a killed farm has left running there is stopped first. May be killed at any moment and called again.
    /// </summary>
    /// <exception cref="PrivateClusterException">It cannot be had; the text says why in one line.</exception>
    public static async Task<PrivateCluster> EnsureAsync(
        string folder, ILogger log, TimeProvider? time = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(log);
        time ??= TimeProvider.System;
        if (Environment.IsPrivilegedProcess)
        {
            throw new PrivateClusterException(
                "PostgreSQL does not run as root: start the farm as another user, or give it a database by --dsn");
        }

        var taken = ClusterFolder.Take(folder);
        PrivateCluster? cluster = null;
        try
        {
            var binaries = await FindOrCreateAsync(taken, log, cancel);
            await StopOrphansAsync(taken.Data, time, log, cancel);
            cluster = new PrivateCluster(binaries, taken, time, log);
            await cluster.ReadyAsync(cancel);
            await cluster.ProvideAsync(cancel);
            taken.WriteDsn(cluster.Dsn);
            Ready(log, binaries.MajorVersion, taken.Data);
            return cluster;
        }
        catch
        {
            if (cluster is not null) await cluster.StopAsync();
            else taken.Dispose();
            throw;
        }
    }

    /// <summary>How to reach the server that a farm runs in a folder; null when none runs there.</summary>
    public static Dsn? FindRunning(string folder) => ClusterFolder.ReadDsn(Path.GetFullPath(folder));

    /// <summary>
    /// Starts the server again, at the same place, whenever it ends by itself; until told to stop, or
    /// <see cref="StopAsync"/>. Its clients connect again when they like.
    /// </summary>
    /// <param name="say">Is told, in a line, what happens.</param>
    public async Task KeepRunningAsync(Action<string> say, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(say);
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, _time, stop);
        var pause = RestartPauseMin;
        while (await Task.WhenAny(Completion, stopped) != stopped && _stopped is null)
        {
            say($"PostgreSQL ended (exit code {await Completion}); starting it again");
            try
            {
                await StartAgainAsync(stop);
                pause = RestartPauseMin;
            }
            catch (PrivateClusterException fault)
            {
                say($"{fault.Message}; trying again in {pause.TotalSeconds} s");
                await Task.WhenAny(Task.Delay(pause, _time, stop), stopped);
                pause = pause * 2 < RestartPauseMax ? pause * 2 : RestartPauseMax;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>Stops the server in order: clients are cut off, nothing committed is lost. Once is enough.</summary>
    public Task StopAsync()
    {
        lock (_stopping) return _stopped ??= StopOnceAsync();
    }

    public ValueTask DisposeAsync() => new(StopAsync());

    private static async Task<PostgresBinaries> FindOrCreateAsync(
        ClusterFolder folder, ILogger log, CancellationToken cancel)
    {
        if (!folder.Exists)
        {
            var newest = PostgresBinaries.Find();
            Creating(log, newest.MajorVersion, folder.Data);
            await folder.CreateAsync(newest, cancel);
            return newest;
        }

        var major = folder.ReadMajorVersion();
        try
        {
            return PostgresBinaries.Find(major);
        }
        catch (PrivateClusterException e)
        {
            throw new PrivateClusterException(
                $"the database in {folder.Data} was made by PostgreSQL {major}, and {e.Message} "
                + "(or move it to a newer one with pg_upgradecluster or pg_dump)", e);
        }
    }

    /// <summary>We have the folder's lock, so whatever runs in its data directory belongs to nobody any more.</summary>
    private static async Task StopOrphansAsync(string data, TimeProvider time, ILogger log, CancellationToken cancel)
    {
        var state = PostgresProcesses.ReadState(data);
        foreach (var signal in new[] { PostgresProcesses.FastShutdown, PostgresProcesses.ImmediateShutdown })
        {
            var orphans = PostgresProcesses.Find(data);
            if (state is { } server && orphans.Contains(server.Pid))
            {
                StoppingOrphan(log, server.Pid);
                PostgresProcesses.Signal(server.Pid, signal);
            }
            else
            {
                // Those whose server was killed end by themselves when they look up from their work
                foreach (var orphan in orphans) PostgresProcesses.Signal(orphan, PostgresProcesses.Terminate);
            }

            var deadline = time.GetUtcNow() + StopTimeout;
            while (orphans.Count > 0 && time.GetUtcNow() < deadline)
            {
                await Task.Delay(LookInterval, time, cancel);
                orphans = PostgresProcesses.Find(data);
            }

            if (orphans.Count > 0) continue;
            PostgresProcesses.RemoveStaleMark(data);
            return;
        }

        throw new PrivateClusterException(
            $"processes of an earlier server still run in {data}: {string.Join(", ", PostgresProcesses.Find(data))}");
    }

    private async Task StartAgainAsync(CancellationToken cancel)
    {
        await StopOrphansAsync(_folder.Data, _time, _log, cancel);
        ClusterFolder.RemoveStaleSocket(_socketFolder);
        lock (_stopping)
        {
            if (_stopped is not null) return;
            _process.Dispose();
            Launch();
        }

        await ReadyAsync(cancel);
        Ready(_log, _binaries.MajorVersion, _folder.Data);
    }

    private void Launch()
    {
        // setsid(1) takes no process of its own: it becomes the server
        var start = new ProcessStartInfo("setsid")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in new[]
        {
            _binaries.Postgres, "-D", _folder.Data, "-k", _socketFolder, "-c", "listen_addresses=",
            "-c", "unix_socket_permissions=0700", "-c", "logging_collector=off", "-c", "log_destination=stderr",
            "-c", "log_line_prefix=", "-c", "log_min_error_statement=panic", "-c", "jit=off",
            "-c", "cluster_name=piwheels",
        })
        {
            start.ArgumentList.Add(argument);
        }

        // Localised messages would hide their severity
        start.Environment["LC_ALL"] = "C";
        _lastWords = null;
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        ProcessId = _process.Id;
        Completion = WaitAsync(_process);
    }

    private async Task ReadyAsync(CancellationToken cancel)
    {
        var deadline = _time.GetUtcNow() + StartTimeout;
        while (PostgresProcesses.ReadState(_folder.Data) is not { Ready: true } state || state.Pid != ProcessId)
        {
            if (Completion.IsCompleted)
            {
                throw new PrivateClusterException(
                    $"PostgreSQL ended at its start with code {await Completion}: {_lastWords ?? "it said nothing"}");
            }

            if (_time.GetUtcNow() > deadline)
            {
                throw new PrivateClusterException($"PostgreSQL did not start within {StartTimeout}");
            }

            await Task.Delay(LookInterval, _time, cancel);
        }
    }

    /// <summary>Role, database and schema: each step does nothing where it has been done.</summary>
    private async Task ProvideAsync(CancellationToken cancel)
    {
        try
        {
            await using (var source = Database.CreateSource(SuperuserDsn.WithDatabase("postgres").ToSettings()))
            {
                await CreateAsync($"CREATE ROLE {OrdinaryUser} LOGIN", PostgresErrorCodes.DuplicateObject);
                await CreateAsync($"CREATE DATABASE {DatabaseName}", PostgresErrorCodes.DuplicateDatabase);

                async Task CreateAsync(string sql, string thereAlready)
                {
                    await using var command = source.CreateCommand(sql);
                    try
                    {
                        await command.ExecuteNonQueryAsync(cancel);
                    }
                    catch (PostgresException e) when (e.SqlState == thereAlready)
                    {
                        // from an earlier run
                    }
                }
            }

            await using var installer = await SchemaInstaller.ConnectAsync(SuperuserDsn, cancel);
            var found = await installer.DetectVersionAsync(null, cancel);
            if (found.Kind == SchemaKind.Current) return;
            await installer.ApplyAsync(found, OrdinaryUser, null, cancel);
            Installed(_log, SchemaVersion.Current);
        }
        catch (Exception e) when (e is SchemaException or DatabaseException || Database.IsFault(e))
        {
            throw new PrivateClusterException($"the database in {_folder.Data} cannot be used: {e.Message}", e);
        }
    }

    private async Task StopOnceAsync()
    {
        foreach (var signal in new[] { PostgresProcesses.FastShutdown, PostgresProcesses.ImmediateShutdown })
        {
            if (Completion.IsCompleted) break;
            PostgresProcesses.Signal(ProcessId, signal);
            try
            {
                await Completion.WaitAsync(StopTimeout, _time);
            }
            catch (TimeoutException)
            {
                SlowStop(_log, StopTimeout);
            }
        }

        if (!Completion.IsCompleted) _process.Kill(entireProcessTree: true);
        await Completion;
        _folder.Clear();
        _folder.Dispose();
        _process.Dispose();
    }
}
