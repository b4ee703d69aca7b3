using System.Globalization;
using Npgsql;
using Piwheels.Core.Database;

namespace Piwheels.Storage.Schema;

/// <summary>
/// Makes the schema in a database, or brings an older one up to date: what piw-initdb does. Ask in this order:
/// <see cref="ConnectAsync"/>, <see cref="DetectUsersAsync"/>, <see cref="DetectVersionAsync"/>, <see cref="GetScript"/>,
/// <see cref="ApplyAsync"/>.
/// </summary>
public sealed class SchemaInstaller : IAsyncDisposable
{
    /// <summary>Two installers at once: the second waits for the first, and finds its work done.</summary>
    private const long InstallerLock = 0x7069772D696E6974;

    /// <summary>How many unknown objects a refusal names.</summary>
    private const int NamedObjectsMax = 5;

    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlConnection _connection;
    private readonly Dsn _dsn;

    private SchemaInstaller(Dsn dsn, NpgsqlDataSource source, NpgsqlConnection connection) =>
        (_dsn, _source, _connection) = (dsn, source, connection);

    /// <summary>Connects as the superuser that shall own the schema.</summary>
    /// <exception cref="SchemaException">The database does not exist.</exception>
    /// <exception cref="DatabaseException">The server refused, or is away.</exception>
    public static async Task<SchemaInstaller> ConnectAsync(Dsn dsn, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(dsn);
        var settings = dsn.ToSettings();
        settings.ApplicationName = "piw-initdb";
        settings.Pooling = false;
        settings.CommandTimeout = 0; // an upgrade of millions of rows takes its time
        var source = Database.CreateSource(settings);
        try
        {
            return new SchemaInstaller(dsn, source, await source.OpenConnectionAsync(cancel));
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await source.DisposeAsync();
            throw new SchemaException(
                $"the database {dsn.Database} does not exist at {dsn}: create it first (createdb {dsn.Database})", e);
        }
        catch (Exception e) when (Database.IsFault(e))
        {
            await source.DisposeAsync();
            throw Database.Fault(e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _source.DisposeAsync();
    }

    /// <summary>Passes when the connected user is a superuser, and the other exists and is none.</summary>
    /// <exception cref="SchemaException">Either is not so.</exception>
    public async Task DetectUsersAsync(string ordinaryUser, CancellationToken cancel = default)
    {
        if (!await AskAsync("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", false, cancel))
        {
            throw new SchemaException($"{_dsn.Username} is no superuser: connect as one, e.g. postgres");
        }

        await using var command = new NpgsqlCommand("SELECT rolsuper FROM pg_roles WHERE rolname = $1", _connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = ordinaryUser });
        switch (await command.ExecuteScalarAsync(cancel))
        {
            case true:
                throw new SchemaException($"the user {ordinaryUser} is a superuser: name one with fewer rights");
            case null:
                throw new SchemaException(
                    $"the user {ordinaryUser} does not exist: create it first (createuser {ordinaryUser})");
        }
    }

    /// <summary>What is in the database.</summary>
    public Task<SchemaFound> DetectVersionAsync(CancellationToken cancel = default) => GuardAsync(async () =>
    {
        var objects = await ListAsync(UserObjects, cancel);
        if (objects.Count == 0) return new SchemaFound(SchemaKind.Empty, "");
        var version = objects.Contains("configuration")
            ? await AskAsync("SELECT max(version) FROM public.configuration", "", cancel)
            : "";
        if (objects.Contains("targets") && objects.Contains("counters") && version.Length > 0)
        {
            return new SchemaFound(version == SchemaVersion.Current ? SchemaKind.Current : SchemaKind.Other, version);
        }

        if (objects.Contains("build_abis") && objects.Contains("rewrites_pending") && version.Length > 0)
        {
            return new SchemaFound(SchemaKind.Piwheels, version);
        }

        return new SchemaFound(SchemaKind.Unknown, string.Join(", ", objects.Order().Take(NamedObjectsMax)));
    });

    /// <summary>
    /// The script that leads from what was found to this program's schema; empty when it is there already.
    /// </summary>
    /// <exception cref="SchemaException">No way leads there; the text says what to do instead.</exception>
    public static string GetScript(SchemaFound found)
    {
        ArgumentNullException.ThrowIfNull(found);
        switch (found.Kind)
        {
            case SchemaKind.Empty: return string.Concat(ReadScripts("sql/schema/"));
            case SchemaKind.Current: return "";
            case SchemaKind.Other when Upgrade("", found.Version) is { } script: return script;
            case SchemaKind.Other:
                throw new SchemaException(
                    $"the database is of version {found.Version}, which this program ({SchemaVersion.Current}) does not "
                    + "know: use the release that it belongs to, or a newer one");
            case SchemaKind.Piwheels when Upgrade("piwheels-", found.Version) is { } script: return script;
            case SchemaKind.Piwheels:
                throw new SchemaException(
                    $"this is a database of piwheels {found.Version}, which this release cannot upgrade: "
                    + "it stays as it is; create an empty database for this program");
            default:
                throw new SchemaException(
                    $"the database holds something else ({found.Version}): create an empty one for this program");
        }
    }

    /// <summary>
    /// Runs a script of <see cref="GetScript"/> in one transaction: all of it, or nothing. Progress is told after each
    /// statement.
    /// </summary>
    /// <exception cref="SchemaException">The database has changed since it was looked at.</exception>
    /// <exception cref="DatabaseException">A statement failed; nothing was changed.</exception>
    public Task ApplyAsync(
        SchemaFound found, string ordinaryUser, IProgress<SchemaProgress>? progress = null,
        CancellationToken cancel = default) => GuardAsync(async () =>
    {
        ArgumentNullException.ThrowIfNull(found);
        var statements = ScriptStatements.Parse(Fill(GetScript(found), ordinaryUser)).ToList();
        await using var transaction = await _connection.BeginTransactionAsync(cancel);
        await RunAsync($"SELECT pg_advisory_xact_lock({InstallerLock.ToString(CultureInfo.InvariantCulture)})", cancel);
        if (await DetectVersionAsync(cancel) != found)
        {
            throw new SchemaException("the database was changed by somebody else meanwhile: try again");
        }

        // Functions may name what a later file makes; the tests call every one of them
        await RunAsync("SET LOCAL check_function_bodies = off", cancel);
        await RunAsync("SET LOCAL search_path = public", cancel);
        for (var i = 0; i < statements.Count; i++)
        {
            await RunAsync(statements[i], cancel);
            progress?.Report(new SchemaProgress(i + 1, statements.Count));
        }

        await transaction.CommitAsync(cancel);
        return true;
    });

    /// <summary>Puts names into the script's places for them, quoted so that no name can be more than a name.</summary>
    private string Fill(string script, string ordinaryUser) => script
        .Replace("{username}", QuoteIdentifier(ordinaryUser), StringComparison.Ordinal)
        .Replace("{database}", QuoteIdentifier(_dsn.Database), StringComparison.Ordinal)
        .Replace("{version}", $"'{SchemaVersion.Current}'", StringComparison.Ordinal);

    internal static string QuoteIdentifier(string name) =>
        $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>The steps of sql/upgrades/ from a version on, each named FROM-TO.sql; null when none begins there.</summary>
    private static string? Upgrade(string prefix, string version)
    {
        var script = "";
        while (version != SchemaVersion.Current)
        {
            var step = ResourceNames($"sql/upgrades/{prefix}{version}-").SingleOrDefault();
            if (step is null) return null;
            script += ReadResource(step);
            version = Path.GetFileNameWithoutExtension(step)[(prefix.Length + version.Length + 1)..];
            prefix = "";
        }

        return script;
    }

    private static IEnumerable<string> ReadScripts(string folder) => ResourceNames(folder).Select(ReadResource);

    private static IEnumerable<string> ResourceNames(string prefix) => typeof(SchemaInstaller).Assembly
        .GetManifestResourceNames()
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    private static string ReadResource(string name)
    {
        using var reader = new StreamReader(typeof(SchemaInstaller).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    /// <summary>Tables, views and functions outside of PostgreSQL's own schemas that belong to no extension.</summary>
    private const string UserObjects = """
        SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname !~ '^(pg_.*|information_schema)$'
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
        UNION ALL
        SELECT proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE nspname !~ '^(pg_.*|information_schema)$'
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
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

    private async Task<HashSet<string>> ListAsync(string sql, CancellationToken cancel)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        await using var command = new NpgsqlCommand(sql, _connection);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel)) names.Add(reader.GetString(0));
        return names;
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
}

/// <summary>What a database holds.</summary>
/// <param name="Version">Its version; of an unknown one the names of some of its objects.</param>
public sealed record SchemaFound(SchemaKind Kind, string Version);

/// <summary>The kinds of databases that an installer may meet.</summary>
public enum SchemaKind
{
    /// <summary>Nothing.</summary>
    Empty,

    /// <summary>This program's schema.</summary>
    Current,

    /// <summary>The schema of another release of this program.</summary>
    Other,

    /// <summary>A database of piwheels.</summary>
    Piwheels,

    /// <summary>Something else.</summary>
    Unknown,
}

/// <summary>How many of the script's statements have been run.</summary>
public sealed record SchemaProgress(int Done, int Total);

/// <summary>The schema cannot be made; the text says why and what to do, in one line.</summary>
public sealed class SchemaException(string message, Exception? inner = null) : Exception(message, inner);
