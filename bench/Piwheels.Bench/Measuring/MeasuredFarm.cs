using Piwheels.Bench.Places;
using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Piwheels.Storage.Schema;

namespace Piwheels.Bench.Measuring;

/// <summary>The database that is measured on, and what measurements need of it.</summary>
/// <param name="place">The generated database.</param>
/// <param name="rounds">How often each thing is measured.</param>
internal sealed class MeasuredFarm(BenchDatabase place, int rounds) : IAsyncDisposable
{
    /// <summary>Commits wait for the disk, or do not.</summary>
    public const string Unsynced = "-c synchronous_commit=off";

    /// <summary>No triggers but those of foreign keys (see the generator).</summary>
    public const string WithoutTriggers = "-c session_replication_role=replica";

    /// <summary>The lowest target, which everything new waits for.</summary>
    public static readonly Target LowestTarget = new("cp39", "linux_armv7l");

    /// <summary>Where new versions begin; take_back() knows them by it.</summary>
    public const string AddedVersions = "9900";

    private int _versions;

    public BenchDatabase Place => place;

    public int Rounds => rounds;

    /// <summary>As the master connects.</summary>
    public Database Master { get; } = place.ConnectMaster();

    /// <summary>Makes what is needed for measuring, and takes back what a broken run may have left.</summary>
    public async Task PrepareAsync()
    {
        using var reader = new StreamReader(
            typeof(MeasuredFarm).Assembly.GetManifestResourceStream("measuring.sql")!);
        foreach (var statement in ScriptStatements.Parse(await reader.ReadToEndAsync()))
        {
            await place.RunAsync(statement);
        }

        await TakeBackAsync();
    }

    /// <summary>Removes whatever has been added.</summary>
    public Task TakeBackAsync() => place.RunAsync("SELECT bench.take_back()");

    /// <summary>
    /// Releases of the backlog that nobody has tried, of different packages, drawn alike for the same count; none has
    /// pages owed, and each package has had a good build before.
    /// </summary>
    public async Task<List<Release>> WaitingAsync(int count) => await place.ListAsync(
        $"""
        SELECT package, version FROM (
            SELECT DISTINCT ON (q.package) q.package, q.version
            FROM build_queue q JOIN targets t USING (target_id)
            WHERE (t.abi_tag, t.platform_tag) = ('{LowestTarget.Abi}', '{LowestTarget.Platform}') AND q.priority = 2
                AND q.package NOT IN (SELECT package FROM rewrites_pending)
                AND EXISTS (SELECT FROM builds b WHERE b.package = q.package AND b.status)
            ORDER BY q.package, q.version) AS q
        ORDER BY hashtext(package), package LIMIT {count}
        """,
        r => new Release(PackageName.Parse(r.GetString(0)), r.GetString(1)));

    /// <summary>Packages that are built and owe no pages, drawn alike for the same count.</summary>
    public async Task<List<PackageName>> PackagesAsync(int count) => await place.ListAsync(
        $"""
        SELECT package FROM packages
        WHERE skip = '' AND package NOT IN (SELECT package FROM rewrites_pending)
        ORDER BY hashtext(package), package LIMIT {count}
        """,
        r => PackageName.Parse(r.GetString(0)));

    /// <summary>A version of the package that has not been there before.</summary>
    public Release NewVersion(PackageName package) =>
        new(package, $"{AddedVersions}.0.{Interlocked.Increment(ref _versions)}");

    public ValueTask DisposeAsync() => Master.DisposeAsync();
}

/// <summary>One thing that is measured.</summary>
internal interface IMeasurement
{
    /// <summary>What --only calls it.</summary>
    string Name { get; }

    /// <summary>Takes minutes at PyPI's size, so it has to be asked for by --full or --only.</summary>
    bool TakesLong => false;

    /// <summary>Measures; what it adds to the database is taken back after it.</summary>
    Task<IReadOnlyList<Figure>> MeasureAsync(MeasuredFarm farm, CancellationToken cancel);
}
