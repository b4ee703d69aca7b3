using System.Text.RegularExpressions;
using Npgsql;
using Piwheels.Bench.Places;
using Piwheels.Core.Packaging;
using Piwheels.Storage.Schema;

namespace Piwheels.Bench.Generating;

/// <summary>
/// Fills an empty database, table by table, inside the server: keys are off meanwhile, and triggers do not fire. What
/// the farm keeps up to date change by change is made once, at the end: the queue by the schema's own rule, the
/// figures by counting.
/// </summary>
internal sealed partial class Generator(BenchDatabase database, Sizes sizes, Progress progress)
{
    private static readonly string[] Targets = ["cp39", "cp311", "cp313"];

    private const string Platform = "linux_armv7l";

    /// <summary>The tables that are filled without their keys.</summary>
    private static readonly string[] Filled =
    [
        "packages", "package_names", "versions", "builds", "files", "dependencies", "package_downloads",
        "package_downloads_daily",
    ];

    /// <summary>No triggers, memory for sorting millions of rows, and rows in the order they were made in.</summary>
    private const string FillingSettings =
        "-c session_replication_role=replica -c synchronous_commit=off -c work_mem=512MB -c hash_mem_multiplier=2 "
        + "-c maintenance_work_mem=1GB -c max_parallel_workers_per_gather=1 -c max_parallel_maintenance_workers=1 "
        + "-c synchronize_seqscans=off";

    /// <summary>As above, with triggers: the queue's count what waits.</summary>
    private const string QueueSettings = "-c synchronous_commit=off -c work_mem=512MB -c hash_mem_multiplier=2";

    /// <summary>The rule that each change applies to one release, applied to all.</summary>
    private const string Queue = """
        INSERT INTO build_queue (package, version, target_id, priority, released)
        SELECT package, version, target_id, priority, released FROM releases_pending
        """;

    /// <summary>How many keys are sorted, or tables cleaned, at a time.</summary>
    private const int Lanes = 2;

    /// <summary>Makes it all.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await progress.StepAsync("schema, and the targets", () => PrepareAsync(cancel));
        await using var filling = database.ConnectBare(FillingSettings);
        var keys = await SetAsideKeys.TakeAsync(database, Filled, cancel);
        foreach (var script in Scripts())
        {
            await progress.StepAsync(Title(script), () => RunScriptAsync(filling, script, cancel));
        }

        var steps = keys.Back.ToList();
        foreach (var isForeign in new[] { false, true })
        {
            await Parallel.ForEachAsync(
                steps.Where(s => IsForeign(s.Name) == isForeign),
                new ParallelOptions { MaxDegreeOfParallelism = Lanes, CancellationToken = cancel },
                async (step, token) => await progress.StepAsync(step.Name, () => RunAsync(filling, step.Sql, token)));
        }

        await CleanAsync(filling, await TablesAsync(), cancel);
        await progress.StepAsync("the queue", async () =>
        {
            await using var queueing = database.ConnectBare(QueueSettings);
            await RunAsync(queueing, Queue, cancel);
        });
        await progress.StepAsync("tidying up", () => FinishAsync(cancel));
        await CleanAsync(filling, ["build_queue", "counters", "counter_changes", "rewrites_pending"], cancel);
        await RunAsync(filling, "CHECKPOINT", cancel);
    }

    private async Task PrepareAsync(CancellationToken cancel)
    {
        await using (var installer = await SchemaInstaller.ConnectAsync(database.Superuser, cancel))
        {
            await installer.ApplyAsync(
                await installer.DetectVersionAsync(cancel: cancel), DatabaseOptions.OrdinaryUser, null, cancel);
        }

        if (await database.AskAsync<bool>("SELECT EXISTS (SELECT FROM packages)", cancel))
        {
            throw new BenchFault($"there is something in {database.Superuser} already; give it an empty place");
        }

        await using var master = database.ConnectMaster();
        foreach (var abi in Targets) await master.AddTargetAsync(new Target(abi, Platform));
    }

    private async Task FinishAsync(CancellationToken cancel)
    {
        await database.RunAsync(sizes.Fill("""
            DROP TABLE bench.packages, bench.releases, bench.courses, bench.attempts, bench.wanted, bench.daily;
            CREATE TABLE bench.facts AS
            SELECT {scale}::double precision AS scale, date '{today}' AS today, max(build_id) AS last_build FROM builds;
            CREATE TABLE bench.owed AS SELECT package FROM rewrites_pending;
            CREATE TABLE bench.targets AS SELECT abi_tag, platform_tag FROM targets;
            """), cancel);

        // Bare inserts are measured without the schema's triggers, but with its foreign keys
        foreach (var sql in await database.ListAsync("""
            SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.tgrelid::regclass, t.tgname)
            FROM pg_trigger t JOIN pg_constraint c ON c.oid = t.tgconstraint
            WHERE t.tgisinternal AND c.contype = 'f' AND c.connamespace = 'public'::regnamespace
            """, r => r.GetString(0), cancel))
        {
            await database.RunAsync(sql, cancel);
        }
    }

    private Task<List<string>> TablesAsync() => database.ListAsync(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        + "ORDER BY relpages DESC",
        r => r.GetString(0));

    private Task CleanAsync(NpgsqlDataSource source, IEnumerable<string> tables, CancellationToken cancel) =>
        Parallel.ForEachAsync(
            tables, new ParallelOptions { MaxDegreeOfParallelism = Lanes, CancellationToken = cancel },
            async (table, token) => await progress.StepAsync(
                $"vacuum of {table}", () => RunAsync(source, $"VACUUM (FREEZE, ANALYZE) {table}", token)));

    /// <summary>Each in a transaction of its own, which for a table that it empties first needs no log.</summary>
    private async Task RunScriptAsync(NpgsqlDataSource source, string script, CancellationToken cancel)
    {
        await using var connection = await source.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        foreach (var statement in ScriptStatements.Parse(sizes.Fill(ReadScript(script))))
        {
            await using var command = new NpgsqlCommand(statement, connection);
            try
            {
                await command.ExecuteNonQueryAsync(cancel);
            }
            catch (PostgresException e)
            {
                throw new BenchFault($"{script}: {e.MessageText} in: {statement}");
            }
        }

        await transaction.CommitAsync(cancel);
    }

    private static async Task RunAsync(NpgsqlDataSource source, string sql, CancellationToken cancel)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static bool IsForeign(string name) => name.StartsWith("foreign", StringComparison.Ordinal);

    private static IEnumerable<string> Scripts() => typeof(Generator).Assembly.GetManifestResourceNames()
        .Where(name => NumberedScript().IsMatch(name)).Order(StringComparer.Ordinal);

    private static string ReadScript(string name)
    {
        using var reader = new StreamReader(typeof(Generator).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    /// <summary>"70_downloads.sql" is "downloads".</summary>
    private static string Title(string script) =>
        Path.GetFileNameWithoutExtension(script)[3..].Replace('_', ' ');

    [GeneratedRegex(@"^[0-9]{2}_[a-z_]+\.sql\z")]
    private static partial Regex NumberedScript();
}
