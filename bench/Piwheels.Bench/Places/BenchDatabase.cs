using System.CommandLine;
using Npgsql;
using Piwheels.Storage;

namespace Piwheels.Bench.Places;

/// <summary>The options that say which database is meant: one of the bench's own in a folder, or another.</summary>
internal sealed class DatabaseOptions
{
    public const string OrdinaryUser = "piwheels";
    private const string DatabaseName = "piwheels";

    private readonly Option<string?> _data = new("--data")
    {
        Description = "The folder of a database of the bench's own; its server runs as long as the command",
    };

    private readonly Option<string?> _dsn = new("--dsn")
    {
        Description = $"A database elsewhere, as a superuser; the farm's user there is {OrdinaryUser}",
    };

    /// <summary>Whether any was named.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_data) is not null || parsed.GetValue(_dsn) is not null;

    public void AddTo(Command command)
    {
        command.Add(_data);
        command.Add(_dsn);
    }

    /// <param name="parsed">What the user said.</param>
    /// <param name="generating">Makes the database where there is none, and runs the server for loading it.</param>
    public async Task<BenchDatabase> OpenAsync(ParseResult parsed, bool generating, CancellationToken cancel)
    {
        switch (parsed.GetValue(_data), parsed.GetValue(_dsn))
        {
            case ({ } folder, null):
                var cluster = await BenchCluster.StartAsync(
                    folder, generating ? BenchClusterUse.Generating : BenchClusterUse.Existing, cancel);
                var database = new BenchDatabase(cluster.Superuser.WithDatabase(DatabaseName), cluster);
                if (generating)
                {
                    await CreateAsync(cluster.Superuser, $"CREATE ROLE {OrdinaryUser} LOGIN", cancel);
                    await CreateAsync(cluster.Superuser, $"CREATE DATABASE {DatabaseName}", cancel);
                }

                return database;
            case (null, { } dsn):
                return new BenchDatabase(Dsn.Parse(dsn), null);
            default:
                throw new BenchFault("say where the database is: either --data FOLDER or --dsn ADDRESS");
        }
    }

    private static async Task CreateAsync(Dsn dsn, string sql, CancellationToken cancel)
    {
        await using var server = new BenchDatabase(dsn, null);
        try
        {
            await server.RunAsync(sql, cancel);
        }
        catch (PostgresException e) when (e.SqlState
            is PostgresErrorCodes.DuplicateObject or PostgresErrorCodes.DuplicateDatabase)
        {
            // from an earlier run
        }
    }
}

/// <summary>The database that is made or measured, and its server where that is the bench's own.</summary>
internal sealed class BenchDatabase(Dsn superuser, BenchCluster? cluster) : IAsyncDisposable
{
    private readonly NpgsqlDataSource _source = CreateSource(superuser, "");

    /// <summary>As the owner of all objects.</summary>
    public Dsn Superuser { get; } = superuser;

    /// <summary>The processor's time that its server has taken; nothing where that is not the bench's own.</summary>
    public TimeSpan ProcessorTime => cluster?.ProcessorTime ?? TimeSpan.Zero;

    /// <summary>The database as the master has it.</summary>
    /// <param name="settings">The server's settings for its sessions, like <c>-c synchronous_commit=off</c>.</param>
    public Database ConnectMaster(string settings = "")
    {
        var user = Superuser.WithUser(DatabaseOptions.OrdinaryUser).ToSettings();
        if (settings.Length > 0) user.Options = settings;
        return new Database(Dsn.Parse(user.ConnectionString));
    }

    /// <summary>Sessions of the superuser, for bare statements.</summary>
    public NpgsqlDataSource ConnectBare(string settings) => CreateSource(Superuser, settings);

    /// <summary>A session as superuser, of the pool.</summary>
    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancel = default) =>
        await _source.OpenConnectionAsync(cancel);

    public async Task RunAsync(string sql, CancellationToken cancel = default)
    {
        await using var command = _source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancel);
    }

    public async Task<T> AskAsync<T>(string sql, CancellationToken cancel = default) =>
        (await ListAsync(sql, r => r.GetFieldValue<T>(0), cancel)).Single();

    public async Task<List<T>> ListAsync<T>(
        string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancel = default)
    {
        var rows = new List<T>();
        await using var command = _source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel)) rows.Add(read(reader));
        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync();
        if (cluster is not null) await cluster.DisposeAsync();
    }

    private static NpgsqlDataSource CreateSource(Dsn dsn, string settings)
    {
        var builder = dsn.ToSettings();
        builder.ApplicationName = "piwheels-bench";
        builder.CommandTimeout = 0; // queries over everything take minutes
        builder.IncludeErrorDetail = true;
        builder.MaxAutoPrepare = 100;
        builder.AutoPrepareMinUsages = 2;
        if (settings.Length > 0) builder.Options = settings;
        return NpgsqlDataSource.Create(builder.ConnectionString);
    }
}
