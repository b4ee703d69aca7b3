using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Storage.Private;

namespace Piwheels.Storage.Schema;

/// <summary>
/// Makes the schema in a database, or brings an older one up to date: what piw-initdb does. Ask in this order:
/// <see cref="ConnectAsync"/>, <see cref="DetectUsersAsync"/>, <see cref="DetectVersionAsync"/>, <see cref="GetScript"/>,
/// <see cref="ApplyAsync"/>. Of several at once in one database one works, and the others wait.
/// </summary>
public sealed partial class SchemaInstaller : IAsyncDisposable
{
    /// <summary>The advisory lock of whoever looks at the schema or changes it.</summary>
    private const long InstallerLock = 0x7069772D696E6974;

    /// <summary>What the scripts raise notices with that the user shall read; all others are PostgreSQL's own.</summary>
    private const string NoteState = "PIW01";

    /// <summary>What the scripts raise when they refuse what they find.</summary>
    private const string RefusalState = "PIW02";

    /// <summary>How long a lock on a table is waited for: somebody else is connected who should not be.</summary>
    private const string LockTimeout = "5s";

    /// <summary>What an operator may have set for others must not end or mislead an upgrade.</summary>
    private static readonly string[] Settings =
    [
        "statement_timeout = 0", "lock_timeout = 0", "idle_in_transaction_session_timeout = 0",
        "client_min_messages = notice", "search_path = public", "standard_conforming_strings = on", "DateStyle = 'ISO'",
        "IntervalStyle = 'postgres'", "TimeZone = 'UTC'", "transaction_read_only = off", "row_security = off",
        "quote_all_identifiers = off",
        "work_mem = '256MB'", "maintenance_work_mem = '512MB'",
        // Functions may name what a later statement makes; the tests call every one of them
        "check_function_bodies = off",
    ];

    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlConnection _connection;
    private readonly Dsn _dsn;

    private SchemaInstaller(Dsn dsn, NpgsqlDataSource source, NpgsqlConnection connection) =>
        (_dsn, _source, _connection) = (dsn, source, connection);

    /// <summary>The server's process that does the work.</summary>
    internal int BackendId => _connection.ProcessID;

    /// <summary>Connects as the superuser that shall own the schema.</summary>
    /// <exception cref="SchemaException">The database does not exist, or is of a kind that cannot hold the schema.</exception>
    /// <exception cref="DatabaseException">The server refused, or is away.</exception>
    public static async Task<SchemaInstaller> ConnectAsync(Dsn dsn, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(dsn);
        var settings = dsn.ToSettings();
        settings.ApplicationName = "piw-initdb";
        settings.Pooling = false;
        settings.CommandTimeout = 0; // an upgrade of millions of rows takes its time
        settings.IncludeErrorDetail = true; // it names the row that does not fit
        var source = Database.CreateSource(settings);
        NpgsqlConnection? connection = null;
        try
        {
            connection = await source.OpenConnectionAsync(cancel);
            var installer = new SchemaInstaller(dsn, source, connection);
            await installer.CheckServerAsync(cancel);
            return installer;
        }
        catch (Exception e)
        {
            if (connection is not null) await connection.DisposeAsync();
            await source.DisposeAsync();
            if (e is PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName })
            {
                throw new SchemaException(
                    $"the database {dsn.Database} does not exist at {dsn}: create it first (createdb {dsn.Database})", e);
            }

            if (Database.IsFault(e)) throw Database.Fault(e);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _source.DisposeAsync();
    }

    /// <summary>Passes when the connected user is a superuser, and the other exists and is none.</summary>
    /// <exception cref="SchemaException">Either is not so.</exception>
    public Task DetectUsersAsync(string ordinaryUser, CancellationToken cancel = default) => GuardAsync(async () =>
    {
        if (!await AskAsync("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", false, cancel))
        {
            throw new SchemaException($"{_dsn.Username} is no superuser: connect as one, e.g. postgres");
        }

        await using var command = new NpgsqlCommand("SELECT rolsuper FROM pg_roles WHERE rolname = $1", _connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = ordinaryUser });
        return await command.ExecuteScalarAsync(cancel) switch
        {
            true => throw new SchemaException($"the user {ordinaryUser} is a superuser: name one with fewer rights"),
            false => true,
            _ => throw new SchemaException(
                $"the user {ordinaryUser} does not exist: create it first (createuser {ordinaryUser})"),
        };
    });

    /// <summary>What is in the database, once no other installer is at work there.</summary>
    public Task<SchemaFound> DetectVersionAsync(
        IProgress<SchemaProgress>? progress = null, CancellationToken cancel = default) => GuardAsync(async () =>
    {
        await using var transaction = await BeginAsync(progress, cancel);
        return await LookAsync(cancel);
    });

    /// <summary>
    /// The script that leads from what was found to this program's schema; empty when it is there already.
    /// </summary>
    /// <exception cref="SchemaException">No way leads there; the text says what to do instead.</exception>
    public static IReadOnlyList<SchemaStep> GetScript(SchemaFound found)
    {
        ArgumentNullException.ThrowIfNull(found);
        return found.Kind switch
        {
            SchemaKind.Empty => [.. SchemaScripts.Creation()],
            SchemaKind.Current => [],
            SchemaKind.Other => [.. SchemaScripts.Upgrade(found.Version) ?? throw new SchemaException(
                $"the database is of version {found.Version}, which this program (of {SchemaVersion.Current}) does not know: "
                + "use the release that it belongs to, or a newer one")],
            SchemaKind.Piwheels when SchemaFound.PiwheelsVersions.Contains(found.Version) =>
                [.. SchemaScripts.PiwheelsUpgrade()],
            SchemaKind.Piwheels => throw new SchemaException(
                $"this is a database of piwheels {Named(found.Version)}, and {SchemaFound.PiwheelsVersions[0]} to "
                + $"{SchemaFound.PiwheelsVersions[^1]} can be upgraded: bring an older one (whose package names are not "
                + "canonical) to one of these with piwheels' own piw-initdb; for a newer one use a newer release of this program"),
            _ => throw new SchemaException(
                $"the database holds something else ({found.Version}): create an empty one for this program"),
        };
    }

    /// <summary>
    /// Runs the script of <see cref="GetScript"/> in one transaction: all of it, or nothing. Where another installer
    /// has done it meanwhile, nothing is left to do.
    /// </summary>
    /// <exception cref="SchemaException">
    /// The database was changed since it was looked at, is in use, or holds what the script refuses; nothing was changed.
    /// </exception>
    /// <exception cref="DatabaseException">A statement failed, and nothing was changed; or the server went away.</exception>
    public Task ApplyAsync(
        SchemaFound found, string ordinaryUser, IProgress<SchemaProgress>? progress = null,
        CancellationToken cancel = default) => GuardAsync(async () =>
    {
        ArgumentNullException.ThrowIfNull(found);
        await using var transaction = await BeginAsync(progress, cancel);
        var present = await LookAsync(cancel);
        if (present.Kind == SchemaKind.Current) return true;
        if (present != found) throw new SchemaException("the database was changed by somebody else meanwhile: try again");
        if (found.Kind != SchemaKind.Empty) await RefuseOthersAsync(ordinaryUser, cancel);
        await RunAsync(GetScript(found), ordinaryUser, progress, cancel);
        await CommitAsync(transaction);
        return true;
    });

    /// <summary>Is not cancelled: whoever stops here would not know what became of it.</summary>
    private static async Task CommitAsync(NpgsqlTransaction transaction)
    {
        try
        {
            await transaction.CommitAsync(CancellationToken.None);
        }
        catch (NpgsqlException e) when (e is not PostgresException)
        {
            throw new DatabaseException(
                "the connection broke when all was done and being committed: run it again to know whether it was", true, e);
        }
    }

    private async Task CheckServerAsync(CancellationToken cancel)
    {
        if (_connection.PostgreSqlVersion.Major < PostgresBinaries.MajorVersionMin)
        {
            throw new SchemaException(
                $"the server is PostgreSQL {_connection.PostgreSqlVersion.Major}: "
                + $"{PostgresBinaries.MajorVersionMin} or later is needed");
        }

        var encoding = await AskAsync("SHOW server_encoding", "", cancel);
        if (encoding != "UTF8")
        {
            throw new SchemaException(
                $"the database {_dsn.Database} is in {encoding}, not in UTF8: create one with createdb -E UTF8 -T template0 "
                + "and move what there is with pg_dump");
        }
    }

    /// <summary>Until the transaction ends, no other installer looks at the database or changes it.</summary>
    private async Task<NpgsqlTransaction> BeginAsync(IProgress<SchemaProgress>? progress, CancellationToken cancel)
    {
        var transaction = await _connection.BeginTransactionAsync(cancel);
        foreach (var setting in Settings) await RunAsync($"SET LOCAL {setting}", cancel);
        var key = InstallerLock.ToString(CultureInfo.InvariantCulture);
        if (!await AskAsync($"SELECT pg_try_advisory_xact_lock({key})", false, cancel))
        {
            progress?.Report(
                new SchemaProgress("", 0, 0, "another piw-initdb is at work in this database: waiting for its end"));
            await RunAsync($"SELECT pg_advisory_xact_lock({key})", cancel);
        }

        return transaction;
    }

    private async Task<SchemaFound> LookAsync(CancellationToken cancel)
    {
        var objects = new HashSet<string>(StringComparer.Ordinal);
        await using (var command = new NpgsqlCommand(UserObjects, _connection))
        await using (var reader = await command.ExecuteReaderAsync(cancel))
        {
            while (await reader.ReadAsync(cancel)) objects.Add(reader.GetString(0));
        }

        var version = objects.Contains("configuration")
            ? await AskAsync("SELECT max(to_jsonb(c) ->> 'version') FROM public.configuration c", "", cancel)
            : "";
        return SchemaFound.Of(objects, version);
    }

    /// <summary>A master at work would wait for the upgrade's end, and then call functions that are gone.</summary>
    private async Task RefuseOthersAsync(string ordinaryUser, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1", _connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = ordinaryUser });
        var sessions = (long)(await command.ExecuteScalarAsync(cancel))!;
        if (sessions == 0) return;
        throw new SchemaException(
            $"{ordinaryUser} is connected to the database ({sessions} sessions): stop the master first");
    }

    private async Task RunAsync(
        IReadOnlyList<SchemaStep> steps, string ordinaryUser, IProgress<SchemaProgress>? progress, CancellationToken cancel)
    {
        var at = new SchemaProgress("", 0, steps.Sum(step => step.Statements.Count));
        void Note(object sender, NpgsqlNoticeEventArgs e)
        {
            if (e.Notice.SqlState == NoteState) progress?.Report(at with { Note = e.Notice.MessageText });
        }

        await RunAsync($"SET LOCAL lock_timeout = '{LockTimeout}'", cancel);
        _connection.Notice += Note;
        try
        {
            foreach (var step in steps)
            {
                progress?.Report(at = at with { Step = step.Name });
                foreach (var statement in step.Statements)
                {
                    await RunAsync(Fill(statement, ordinaryUser), cancel);
                    progress?.Report(at = at with { Done = at.Done + 1 });
                }
            }
        }
        catch (PostgresException e) when (e.SqlState == RefusalState)
        {
            throw new SchemaException($"{e.MessageText}; nothing was changed", e);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw new SchemaException(
                "somebody else works in the database: stop the master and all else that is connected; nothing was changed", e);
        }
        catch (PostgresException e) when (e.Severity == "ERROR")
        {
            var more = string.Concat(new[] { e.Detail, e.Hint }.OfType<string>().Select(text => $" ({text})"));
            throw new DatabaseException($"{at.Step}: {e.MessageText}{more}; nothing was changed", false, e);
        }
        finally
        {
            _connection.Notice -= Note;
        }
    }

    /// <summary>Puts names into the script's places for them, quoted so that no name can be more than a name.</summary>
    private string Fill(string statement, string ordinaryUser) => Place().Replace(statement, place => place.Value switch
    {
        "{username}" => QuoteIdentifier(ordinaryUser),
        "{database}" => QuoteIdentifier(_dsn.Database),
        _ => $"'{SchemaVersion.Current}'",
    });

    internal static string QuoteIdentifier(string name) =>
        $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static string Named(string version) => version.Length > 0 ? version : "without a version";

    /// <summary>Relations and functions outside of PostgreSQL's own schemas that belong to no extension.</summary>
    private const string UserObjects = """
        SELECT CASE nspname WHEN 'public' THEN name ELSE nspname || '.' || name END
        FROM (
            SELECT 'pg_class'::regclass AS catalog, oid, relnamespace AS schema, relname::text AS name FROM pg_class
            WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
            UNION ALL
            SELECT 'pg_proc'::regclass, oid, pronamespace, proname::text FROM pg_proc) AS o
            JOIN pg_namespace n ON n.oid = o.schema
        WHERE nspname !~ '^(pg_.*|information_schema)$'
            AND NOT EXISTS (
                SELECT FROM pg_depend d WHERE d.classid = o.catalog AND d.objid = o.oid AND d.deptype = 'e')
        """;

    private async Task RunAsync(string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task<T> AskAsync<T>(string sql, T none, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return await command.ExecuteScalarAsync(cancel) is T value ? value : none;
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (Database.IsFault(e))
        {
            throw Database.Fault(e);
        }
    }

    [GeneratedRegex(@"\{(?:username|database|version)\}")]
    private static partial Regex Place();
}
