using System.Diagnostics;
using Piwheels.Storage.Private;
using Piwheels.Storage.Schema;
using Piwheels.Testing;

namespace Piwheels.Storage.Tests;

/// <summary>
/// A PostgreSQL server that syncs to disk as a farm's does, to be killed and started again on the same folder. A shell
/// holds it as that of <see cref="PostgresCluster"/> does.
/// </summary>
public sealed class CrashableServer : IAsyncDisposable
{
    /// <summary>
    /// Argument: the folder of PostgreSQL's programs. Says "ready FOLDER", then does what each line asks for, and says "done".
    /// </summary>
    private const string HoldScript = """
        trap '' INT TERM HUP
        umask 077
        cd /tmp
        folder=$(mktemp -d /tmp/piw-pg.XXXXXX) || exit 1
        control() { "$1/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -o "-k $folder -c listen_addresses= -c fsync=on
            -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=32MB -c jit=off" $2 >>"$folder/log" 2>&1; }
        "$1/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$folder/log" 2>&1 \
            && control "$1" start || { cat "$folder/log" >&2; rm -rf "$folder"; exit 1; }
        echo "ready $folder"
        while read -r line; do
            case $line in
            start) tries=0
                until control "$1" start; do # the kernel takes a moment to give its memory back
                    tries=$((tries + 1))
                    [ "$tries" -lt 50 ] || { cat "$folder/log" >&2; break; }
                done;;
            KILL) read -r server <"$folder/data/postmaster.pid"
                kill -STOP "$server" # or it has more children by now
                kill -KILL "$server" $(pgrep -P "$server") 2>/dev/null
                while kill -0 "$server" 2>/dev/null; do :; done;;
            *) control "$1" "stop -m $line";;
            esac
            echo done
        done
        control "$1" "stop -m immediate"
        rm -rf "$folder"
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Process _shell;

    private CrashableServer(Process shell, string folder)
    {
        _shell = shell;
        Superuser = Dsn.Parse($"postgresql://postgres@{Uri.EscapeDataString(folder)}/postgres");
    }

    /// <summary>The farm's database, reached as its superuser.</summary>
    public Dsn Superuser { get; }

    /// <summary>As the master connects.</summary>
    public Dsn User => Superuser.WithUser(PostgresCluster.OrdinaryUser);

    /// <summary>Starts a server with an empty farm.</summary>
    public static async Task<CrashableServer> StartAsync()
    {
        string[] hold = ["/bin/sh", "-c", HoldScript, "sh", PostgresBinaries.Find().Folder];
        string[] command = Environment.IsPrivilegedProcess
            ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", .. hold]
            : hold;
        var shell = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var line = await ReadAsync(shell);
        var server = new CrashableServer(shell, line["ready ".Length..]);
        await PostgresCluster.RunAsync(server.Superuser, $"CREATE ROLE {PostgresCluster.OrdinaryUser} LOGIN");
        await using var installer = await SchemaInstaller.ConnectAsync(server.Superuser);
        await installer.ApplyAsync(await installer.DetectVersionAsync(), PostgresCluster.OrdinaryUser);
        return server;
    }

    /// <summary>Ends it as a power failure or the kernel would.</summary>
    /// <param name="how">KILL, which is the signal for all its processes, or immediate, as pg_ctl has it.</param>
    public Task CrashAsync(string how) => AskAsync(how);

    public Task StartAgainAsync() => AskAsync("start");

    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }

    private async Task AskAsync(string what)
    {
        await _shell.StandardInput.WriteLineAsync(what);
        await _shell.StandardInput.FlushAsync();
        if (await ReadAsync(_shell) != "done") throw new InvalidOperationException($"it does not {what}");
    }

    private static async Task<string> ReadAsync(Process shell)
    {
        using var limit = new CancellationTokenSource(Limit);
        return await shell.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException("no server");
    }
}
