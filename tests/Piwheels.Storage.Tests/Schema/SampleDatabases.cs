using Npgsql;
using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

/// <summary>Databases of other releases, as piw-initdb meets them.</summary>
internal static class SampleDatabases
{
    /// <summary>Fills an empty database with the sample of one of our releases.</summary>
    public static Task LoadAsync(this TestDatabase store, string version) => LoadAsync(store.SuperuserDsn, version);

    /// <summary>As above.</summary>
    public static Task LoadAsync(Dsn dsn, string version) => RunFileAsync(dsn, $"schema-{version}.sql", version);

    /// <summary>Runs a script of tests/data in one transaction.</summary>
    public static async Task RunFileAsync(Dsn dsn, string file, string version = "")
    {
        var script = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "data", file));
        await using var source = Database.CreateSource(dsn.ToSettings());
        await using var connection = await source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        foreach (var statement in ScriptStatements.Parse(script).Prepend("SET LOCAL check_function_bodies = off"))
        {
            await using var command = new NpgsqlCommand(
                statement.Replace("{username}", PostgresCluster.OrdinaryUser, StringComparison.Ordinal)
                    .Replace("{database}", dsn.Database, StringComparison.Ordinal)
                    .Replace("{version}", $"'{version}'", StringComparison.Ordinal),
                connection);
            await command.ExecuteNonQueryAsync();
        }

        await transaction.CommitAsync();
    }

    /// <summary>Does what piw-initdb does, and answers what it tells.</summary>
    public static async Task<IReadOnlyList<string>> UpgradeAsync(this TestDatabase store)
    {
        var progress = new RecordedProgress();
        await using var installer = await SchemaInstaller.ConnectAsync(store.SuperuserDsn);
        await installer.ApplyAsync(await installer.DetectVersionAsync(), PostgresCluster.OrdinaryUser, progress);
        Assert.Equal(SchemaKind.Current, (await installer.DetectVersionAsync()).Kind);
        return [.. progress.Seen.Select(p => p.Note).OfType<string>()];
    }
}

/// <summary>Keeps what an installer tells, in order.</summary>
internal sealed class RecordedProgress : IProgress<SchemaProgress>
{
    public List<SchemaProgress> Seen { get; } = [];

    public void Report(SchemaProgress value) => Seen.Add(value);
}
