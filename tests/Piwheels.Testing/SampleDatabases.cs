using Npgsql;
using Piwheels.Storage;
using Piwheels.Storage.Schema;

namespace Piwheels.Testing;

/// <summary>Databases of other releases, as piw-initdb meets them: the scripts of tests/data.</summary>
public static class SampleDatabases
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "data");

    /// <summary>Our releases that had another schema, each with a sample.</summary>
    public static IReadOnlyList<string> OwnVersions =>
        [.. Directory.EnumerateFiles(Folder, "schema-*.sql").Select(VersionOf).Order(StringComparer.Ordinal)];

    /// <summary>Fills an empty database with the sample of one of our releases.</summary>
    public static Task LoadAsync(this TestDatabase store, string version) => LoadAsync(store.SuperuserDsn, version);

    /// <summary>As above.</summary>
    public static Task LoadAsync(Dsn dsn, string version) => RunFileAsync(dsn, $"schema-{version}.sql", version);

    /// <summary>
    /// Fills an empty database with piwheels' sample of a version: the newest, and then, release by release, what the
    /// one before had otherwise.
    /// </summary>
    public static async Task LoadPiwheelsAsync(this TestDatabase store, string version)
    {
        foreach (var file in Directory.EnumerateFiles(Folder, "piwheels-*.sql").OrderDescending(StringComparer.Ordinal))
        {
            await RunFileAsync(store.SuperuserDsn, file);
            if (VersionOf(file) == version) return;
        }

        throw new ArgumentException($"no sample leads to piwheels {version}", nameof(version));
    }

    private static string VersionOf(string file) => Path.GetFileNameWithoutExtension(file).Split('-')[1];

    /// <summary>In one transaction.</summary>
    private static async Task RunFileAsync(Dsn dsn, string file, string version = "")
    {
        var script = await File.ReadAllTextAsync(Path.Combine(Folder, file));
        await using var connection = await PostgresCluster.OpenAsync(dsn);
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
}
