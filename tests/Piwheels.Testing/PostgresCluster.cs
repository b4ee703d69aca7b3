using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;
using Piwheels.Storage;
using Piwheels.Storage.Private;
using Piwheels.Storage.Schema;

namespace Piwheels.Testing;

/// <summary>
/// A PostgreSQL server for tests: in a temporary folder, behind a unix socket, nothing synced to disk, run by an
/// unprivileged user also when root runs the tests. A shell holds it: when the test process ends, however it ends, the
/// shell reads the end of its input, stops the server and removes the folder.
/// </summary>
public sealed partial class PostgresCluster : IAsyncDisposable
{
    public const string OrdinaryUser = "piwheels";

    private const string Superuser = "postgres";
    private const string Template = "piwheels_template";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);

    private const string ServerOptions =
        "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=100 "
        + "-c shared_buffers=64MB -c jit=off -c max_wal_size=256MB";

    /// <summary>
    /// Arguments: the folder of PostgreSQL's programs, and the server's options. Says "ready FOLDER" once the server
    /// answers. What a test has suspended is woken before it is stopped.
    /// </summary>
    private const string HoldScript = """
        trap '' INT TERM HUP
        umask 077
        cd /tmp
        folder=$(mktemp -d /tmp/piw-pg.XXXXXX) || exit 1
        end() {
            read -r server <"$folder/data/postmaster.pid" && { pkill -CONT -P "$server"; kill -CONT "$server"; }
            "$1/pg_ctl" -D "$folder/data" -m immediate stop; rm -rf "$folder"; exit "$2"
        } >/dev/null 2>&1
        "$1/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/log" 2>&1 \
            || { cat "$folder/log" >&2; end "$1" 1; }
        "$1/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -o "-k $folder $2" start >/dev/null 2>&1 \
            || { cat "$folder/log" >&2; end "$1" 1; }
        echo "ready $folder"
        cat >/dev/null
        end "$1" 0
        """;

    private readonly Process _shell;
    private readonly Dsn _superuserDsn;
    private int _databases;

    private PostgresCluster(Process shell, string folder)
    {
        _shell = shell;
        Folder = folder;
        _superuserDsn = Dsn.Parse($"postgresql://{Superuser}@{Uri.EscapeDataString(folder)}/postgres");
    }

    /// <summary>Where its socket is.</summary>
    public string Folder { get; }

    /// <summary>Starts a server and makes the template that <see cref="CreateDatabaseAsync"/> clones.</summary>
    public static async Task<PostgresCluster> StartAsync()
    {
        var start = AsServersUser("/bin/sh", "-c", HoldScript, "sh", PostgresBinaries.Find().Folder, ServerOptions);
        start.RedirectStandardInput = true;
        var shell = Process.Start(start)!;
        using var limit = new CancellationTokenSource(StartTimeout);
        var line = await shell.StandardOutput.ReadLineAsync(limit.Token);
        if (line?.StartsWith("ready ", StringComparison.Ordinal) != true)
        {
            throw new InvalidOperationException($"no server: {await shell.StandardError.ReadToEndAsync(limit.Token)}");
        }

        var cluster = new PostgresCluster(shell, line["ready ".Length..]);
        await cluster.MakeTemplateAsync();
        return cluster;
    }

    /// <summary>A database of its own with the current schema and nothing in it; or with nothing at all.</summary>
    /// <param name="empty">Nothing at all.</param>
    /// <param name="options">More of CREATE DATABASE: of an empty one the locale, say.</param>
    public async Task<TestDatabase> CreateDatabaseAsync(bool empty = false, string options = "")
    {
        var number = Interlocked.Increment(ref _databases).ToString(CultureInfo.InvariantCulture);
        var name = $"test_{number}";
        await RunAsync(_superuserDsn, $"CREATE DATABASE {name} TEMPLATE {(empty ? "template0" : Template)} {options}");
        return new TestDatabase(this, name, _superuserDsn.WithDatabase(name));
    }

    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }

    /// <summary>Runs one statement as superuser.</summary>
    public static async Task RunAsync(Dsn dsn, string sql)
    {
        await using var connection = await OpenAsync(dsn);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    internal static async Task<NpgsqlConnection> OpenAsync(Dsn dsn)
    {
        var connection = new NpgsqlConnection(
            $"Host={dsn.Host};Port={dsn.Port};Database={dsn.Database};Username={dsn.Username};Pooling=false");
        await connection.OpenAsync();
        return connection;
    }

    internal Task DropAsync(string name) => RunAsync(_superuserDsn, $"DROP DATABASE IF EXISTS {name} WITH (FORCE)");

    private static ProcessStartInfo AsServersUser(string program, params string[] arguments)
    {
        string[] command = Environment.IsPrivilegedProcess
            ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", program, .. arguments]
            : [program, .. arguments];
        return new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
    }

    private async Task MakeTemplateAsync()
    {
        await RunAsync(_superuserDsn, $"CREATE ROLE {OrdinaryUser} LOGIN");
        await RunAsync(_superuserDsn, $"CREATE DATABASE {Template}");
        await using var installer = await SchemaInstaller.ConnectAsync(_superuserDsn.WithDatabase(Template));
        await installer.ApplyAsync(await installer.DetectVersionAsync(), OrdinaryUser);
    }
}

/// <summary>One database of a <see cref="PostgresCluster"/>; disposing drops it.</summary>
public sealed partial class TestDatabase(PostgresCluster cluster, string name, Dsn superuserDsn) : IAsyncDisposable
{
    public Dsn SuperuserDsn { get; } = superuserDsn;

    /// <summary>As the master connects.</summary>
    public Dsn UserDsn { get; } = superuserDsn.WithUser(PostgresCluster.OrdinaryUser);

    /// <summary>Runs one statement as superuser.</summary>
    public Task RunAsync(string sql) => PostgresCluster.RunAsync(SuperuserDsn, sql);

    /// <summary>The rows of a query, run as superuser; each value as text, null as null.</summary>
    public async Task<IReadOnlyList<IReadOnlyList<string?>>> QueryAsync(string sql)
    {
        await using var connection = await PostgresCluster.OpenAsync(SuperuserDsn);
        await using var command = new NpgsqlCommand(sql, connection) { AllResultTypesAreUnknown = true };
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<IReadOnlyList<string?>>();
        while (await reader.ReadAsync())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetString(i))]);
        }

        return rows;
    }

    /// <summary>The first column of a query's rows.</summary>
    public async Task<IReadOnlyList<string?>> ColumnAsync(string sql) => [.. (await QueryAsync(sql)).Select(r => r[0])];

    /// <summary>All that is in it, as pg_dump has it.</summary>
    public async Task<string> DumpAsync()
    {
        var start = new ProcessStartInfo(
            Path.Combine(PostgresBinaries.Find().Folder, "pg_dump"),
            ["--host", SuperuserDsn.Host, "--username", SuperuserDsn.Username, "--create", name])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        using var dump = Process.Start(start)!;
        var text = await dump.StandardOutput.ReadToEndAsync();
        await dump.WaitForExitAsync();
        if (dump.ExitCode != 0) throw new InvalidOperationException($"pg_dump ended with {dump.ExitCode}");
        // A random word that keeps a dump from being more than data (since PostgreSQL 15.14)
        return RestrictLine().Replace(text, "");
    }

    /// <summary>A connection as superuser, for what needs a session.</summary>
    public Task<NpgsqlConnection> OpenAsync() => PostgresCluster.OpenAsync(SuperuserDsn);

    public async ValueTask DisposeAsync() => await cluster.DropAsync(name);

    [GeneratedRegex(@"^\\(?:un)?restrict .*$", RegexOptions.Multiline)]
    private static partial Regex RestrictLine();
}
