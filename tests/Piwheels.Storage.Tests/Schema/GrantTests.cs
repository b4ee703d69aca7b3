using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Npgsql;
using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

/// <summary>What the ordinary user may and may not do, and that no function is there for nothing.</summary>
public sealed class GrantTests(ClusterFixture fixture) : IAsyncLifetime
{
    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync() => _store = await fixture.Cluster.CreateDatabaseAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task The_ordinary_user_reads_tables_and_changes_none()
    {
        var tables = await _store.QueryAsync("""
            SELECT relname, has_table_privilege('piwheels', oid, 'SELECT'),
                has_table_privilege('piwheels', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
            FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
            """);
        Assert.Contains(tables, t => t[0] == "packages");
        Assert.All(tables, t => Assert.Equal(("t", "f"), (t[1], t[2])));
    }

    [Theory]
    [InlineData("CREATE TABLE mine (id int)")]
    [InlineData("CREATE SCHEMA mine")]
    [InlineData("UPDATE configuration SET version = '1'")]
    [InlineData("DELETE FROM packages")]
    [InlineData("DROP FUNCTION get_version")]
    [InlineData("SELECT nextval('rewrites_pending_revision')")]
    [InlineData("SELECT refresh_queue('foo', '1.0')")]
    [InlineData("SELECT owe_rewrite('foo', 'BOTH')")]
    public async Task The_ordinary_user_makes_and_calls_nothing_else(string sql)
    {
        await using var connection = await OpenAsUserAsync();
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => RunAsync(connection, sql));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refusal.SqlState);
    }

    [Fact]
    public async Task The_ordinary_user_may_use_temporary_tables()
    {
        await using var connection = await OpenAsUserAsync();
        await RunAsync(connection, "CREATE TEMPORARY TABLE packages (package text)");
        await RunAsync(connection, "INSERT INTO packages VALUES ('mine')");
        await RunAsync(connection, "SELECT 1 / (SELECT count(*) = 0 FROM get_all_packages())::int");
    }

    [Fact]
    public async Task Every_function_is_commented_and_either_granted_and_called_by_the_program_or_called_in_SQL_alone()
    {
        var functions = await _store.QueryAsync("""
            SELECT proname, prosecdef, proconfig[1], obj_description(oid, 'pg_proc'),
                has_function_privilege('piwheels', oid, 'EXECUTE'),
                EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
            FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            """);
        Assert.NotEmpty(functions);
        var program = string.Concat(SourceFiles("src/Piwheels.Storage", "*.cs"));
        var script = Regex.Replace(string.Concat(SourceFiles("sql", "*.sql")), "--.*", "");
        foreach (var function in functions)
        {
            var name = function[0]!;
            var called = Regex.IsMatch(program, $@"\b{name}\(\$?|""{name}""");
            Assert.False(string.IsNullOrEmpty(function[3]), $"{name} has no comment");
            Assert.True(function[5] == "f", $"{name} is granted to everybody");
            Assert.True(function[4] == (called ? "t" : "f"), $"{name}: called by the program: {called}, granted: {function[4]}");
            Assert.True(function[1] == (called ? "t" : "f"), $"{name} is SECURITY DEFINER: {function[1]}");
            if (called)
            {
                Assert.True(
                    function[2]?.Split(' ', 3)[..2] is ["search_path=public,", "pg_temp"],
                    $"{name} runs with {function[2]}");
            }
            else
            {
                var mentions = Regex.Count(script, $@"\b{name}\(") - Regex.Count(script, $@"CREATE FUNCTION {name}\(");
                Assert.True(mentions > 0, $"{name} has no caller");
            }
        }
    }

    [Fact]
    public async Task Every_table_and_view_is_commented()
    {
        Assert.Empty(await _store.ColumnAsync("""
            SELECT relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
                AND obj_description(oid, 'pg_class') IS NULL
            """));
    }

    private static IEnumerable<string> SourceFiles(string folder, string pattern, [CallerFilePath] string here = "") =>
        Directory.EnumerateFiles(
            Path.Combine(Path.GetDirectoryName(here)!, "../../..", folder), pattern, SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText);

    private async Task<NpgsqlConnection> OpenAsUserAsync()
    {
        var source = Database.CreateSource(_store.UserDsn.ToSettings());
        return await source.OpenConnectionAsync();
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
