using System.Data;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>
/// The farm's database in PostgreSQL. One method calls one SQL function (sql/schema), where all logic is; the parts of
/// this class are named as the stages whose functions they call. Safe for concurrent use; each call takes a
/// connection of a pool.
/// </summary>
public sealed partial class Database : IDatabase, ISelectionRequests, IAsyncDisposable
{
    /// <summary>The channel that tells of changes of the build queue.</summary>
    private const string BuildQueueChannel = "piwheels_build_queue";

    /// <summary>After this long without traffic a listening connection asks whether the server is still there.</summary>
    private const int KeepAliveSeconds = 15;

    /// <summary>Statements kept prepared on each connection: every function has one, with some to spare.</summary>
    private const int PreparedStatementsMax = 100;

    /// <summary>
    /// What is cancelled ends after this time, also when the server does not say so: it may be what hangs.
    /// </summary>
    private const int CancellationMilliseconds = 1000;

    private readonly NpgsqlDataSource _source;
    private readonly string _address;
    private readonly OutageLog _outage;

    /// <summary>Connects lazily: nothing is asked of the server before the first call.</summary>
    /// <param name="log">Is told when the server goes away and comes back.</param>
    public Database(Dsn dsn, ILogger? log = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(dsn);
        _address = dsn.ToString();
        _outage = new OutageLog(log ?? NullLogger.Instance, time ?? TimeProvider.System);
        var settings = dsn.ToSettings();
        settings.CancellationTimeout = CancellationMilliseconds;
        settings.ApplicationName ??= "piwheels";
        if (settings.KeepAlive == 0) settings.KeepAlive = KeepAliveSeconds;
        if (settings.MaxAutoPrepare == 0) settings.MaxAutoPrepare = PreparedStatementsMax;
        _source = CreateSource(settings);
    }

    /// <summary>As <see cref="Database(Dsn, ILogger, TimeProvider)"/>.</summary>
    /// <exception cref="FormatException">The text is no DSN.</exception>
    public Database(string dsn, ILogger? log = null, TimeProvider? time = null)
        : this(Dsn.Parse(dsn), log, time)
    {
    }

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        _abandoned.Dispose();
    }

    /// <summary>Passes when the schema is the one that this program was made for.</summary>
    /// <exception cref="DatabaseException">It is not; the text says what to do.</exception>
    public async Task CheckVersionAsync(CancellationToken cancel = default)
    {
        string found;
        try
        {
            found = await AskAsync(Call("SELECT get_version()"), r => r.GetString(0), cancel)
                ?? throw new DatabaseException($"{_address} has no version: its configuration is empty", false);
        }
        catch (DatabaseException e) when (e.InnerException is PostgresException
        { SqlState: PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.InsufficientPrivilege })
        {
            throw new DatabaseException(
                $"{_address} is not set up for this program and user; piw-initdb creates or upgrades it", false, e);
        }

        if (found != Schema.SchemaVersion.Current)
        {
            throw new DatabaseException(
                $"{_address} is of version {found}, this program needs {Schema.SchemaVersion.Current}; "
                + "piw-initdb upgrades it", false);
        }
    }

    /// <summary>
    /// Listens for changes of the build queue on a connection of its own. <paramref name="changed"/> is called once
    /// when listening (whatever came before is to be asked for now), then for each change, on any thread. Ends only by
    /// cancellation or with an exception.
    /// </summary>
    /// <exception cref="DatabaseException">The connection is lost, or could not be made.</exception>
    public async Task ListenToBuildQueueAsync(Action changed, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(changed);
        var ended = new CancellationTokenSource();
        try
        {
            await ListenAsync(changed, ended.Token).WaitAsync(cancel);
        }
        catch (Exception e) when (IsFault(e))
        {
            throw Noted(e);
        }
        finally
        {
            // On another thread: a server that hangs keeps the one that cancels waiting
            _ = ended.CancelAsync().ContinueWith(_ => ended.Dispose(), TaskScheduler.Default);
        }
    }

    private async Task ListenAsync(Action changed, CancellationToken cancel)
    {
        await using var connection = await _source.OpenConnectionAsync(cancel);
        connection.Notification += (_, _) => changed();
        await using (var listen = new NpgsqlCommand($"LISTEN {BuildQueueChannel}", connection))
        {
            await listen.ExecuteNonQueryAsync(cancel);
        }

        changed();
        while (true) await connection.WaitAsync(cancel);
    }

    internal static NpgsqlDataSource CreateSource(NpgsqlConnectionStringBuilder settings)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString);
        builder.EnableArrays();
        builder.EnableNetworkTypes();
        builder.EnableTransportSecurity();
        return builder.Build();
    }

    private NpgsqlCommand Call(string sql, params ReadOnlySpan<NpgsqlParameter> arguments)
    {
        var command = _source.CreateCommand(sql);
        foreach (var argument in arguments) command.Parameters.Add(argument);
        return command;
    }

    private Task DoAsync(NpgsqlCommand command, CancellationToken cancel = default) =>
        RunAsync(command, command.ExecuteNonQueryAsync, cancel);

    /// <summary>The only row's value, or the default when there is no row or its first column is null.</summary>
    private async Task<T?> AskAsync<T>(
        NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancel = default)
    {
        var rows = await ListAsync(command, r => r.IsDBNull(0) ? default : read(r), cancel);
        return rows.Count == 0 ? default : rows[0];
    }

    private async Task<List<T>> ListAsync<T>(
        NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancel = default)
    {
        var rows = new List<T>();
        await EachAsync(command, r => rows.Add(read(r)), cancel);
        return rows;
    }

    private async Task<HashSet<T>> SetAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read)
    {
        var rows = new HashSet<T>();
        await EachAsync(command, r => rows.Add(read(r)), default);
        return rows;
    }

    private Task EachAsync(NpgsqlCommand command, Action<NpgsqlDataReader> read, CancellationToken cancel) => RunAsync(
        command,
        async stop =>
        {
            await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SingleResult, stop);
            while (await reader.ReadAsync(stop)) read(reader);
        },
        cancel);

    private static NpgsqlParameter<string?> Text(string? value) =>
        new NpgsqlParameter<string?> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter<string?> Text(PackageName value) => Text(value.Value);

    private static NpgsqlParameter<int> Number(int value) => new NpgsqlParameter<int> { TypedValue = value };

    private static NpgsqlParameter<long> Number(long value) => new NpgsqlParameter<long> { TypedValue = value };

    private static NpgsqlParameter<bool> Flag(bool value) => new NpgsqlParameter<bool> { TypedValue = value };

    private static NpgsqlParameter<TimeSpan> Duration(TimeSpan value) =>
        new NpgsqlParameter<TimeSpan> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Interval };

    private static NpgsqlParameter Time(DateTimeOffset? value) => new NpgsqlParameter
    {
        Value = value is { } time ? time.ToUniversalTime() : DBNull.Value,
        NpgsqlDbType = NpgsqlDbType.TimestampTz,
    };

    private static NpgsqlParameter<DateOnly> Date(DateOnly value) => new NpgsqlParameter<DateOnly> { TypedValue = value };

    private static NpgsqlParameter Uuid(Guid? value) => new NpgsqlParameter
    {
        Value = value is { } uuid ? uuid : DBNull.Value,
        NpgsqlDbType = NpgsqlDbType.Uuid,
    };

    private static NpgsqlParameter<string?[]> Texts(IEnumerable<string?> values) => new NpgsqlParameter<string?[]>
    {
        TypedValue = values.ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
    };

    private static NpgsqlParameter<long[]> Numbers(IEnumerable<long> values) => new NpgsqlParameter<long[]>
    {
        TypedValue = values.ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint,
    };

    private static NpgsqlParameter<bool?[]> Flags(IEnumerable<bool?> values) => new NpgsqlParameter<bool?[]>
    {
        TypedValue = values.ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Boolean,
    };

    private static NpgsqlParameter<DateTimeOffset?[]> Times(IEnumerable<DateTimeOffset?> values) =>
        new NpgsqlParameter<DateTimeOffset?[]>
        {
            TypedValue = values.Select(t => t?.ToUniversalTime()).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
        };

    private static NpgsqlParameter<bool[]> Flags(IEnumerable<bool> values) => new NpgsqlParameter<bool[]>
    {
        TypedValue = values.ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Boolean,
    };

    private static NpgsqlParameter<DateTimeOffset[]> Times(IEnumerable<DateTimeOffset> values) => new NpgsqlParameter<DateTimeOffset[]>
    {
        TypedValue = values.Select(t => t.ToUniversalTime()).ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
    };

    private static NpgsqlParameter<IPAddress> Address(IPAddress value) =>
        new NpgsqlParameter<IPAddress> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Inet };

    private static NpgsqlParameter<IPAddress[]> Addresses(IPAddress[] values) => new NpgsqlParameter<IPAddress[]>
    {
        TypedValue = values,
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Inet,
    };

    /// <summary>A member of an enumeration as stored; the column has a check that every one is.</summary>
    internal static T Member<T>(string column, string text)
        where T : struct, Enum =>
        MemberNames.TryParse(text, out T member) ? member : throw new InvalidDataException($"{column} '{text}'");

    /// <summary>A canonical name as stored; packages has a check that every one is.</summary>
    private static PackageName Name(NpgsqlDataReader reader, int column) => PackageName.Parse(reader.GetString(column));
}
