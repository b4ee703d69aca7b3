using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

/// <summary>A way to reach the database: each must pass the same tests.</summary>
public interface IDatabaseAccess
{
    static abstract Task<IDatabaseSession> OpenAsync(Dsn dsn);
}

/// <summary>An opened way.</summary>
public interface IDatabaseSession : IAsyncDisposable
{
    IDatabase Database { get; }

    /// <summary>What commands call, which no task does.</summary>
    ISelectionRequests Requests { get; }
}

/// <summary>Straight through Npgsql.</summary>
public sealed class Direct : IDatabaseAccess
{
    public static Task<IDatabaseSession> OpenAsync(Dsn dsn) =>
        Task.FromResult<IDatabaseSession>(new Session(new Database(dsn)));

    private sealed record Session(Database Connected) : IDatabaseSession
    {
        public IDatabase Database => Connected;

        public ISelectionRequests Requests => Connected;

        public ValueTask DisposeAsync() => Connected.DisposeAsync();
    }
}

/// <summary>A database of its own for each test, reached in one way, and words to fill it with.</summary>
public abstract class ComplianceTests<TAccess>(ClusterFixture fixture) : IAsyncLifetime
    where TAccess : IDatabaseAccess
{
    protected static readonly PackageName Foo = PackageName.Parse("foo");
    protected static readonly PackageName Bar = PackageName.Parse("bar");
    protected static readonly Release Foo1 = new(Foo, "1.0");
    protected static readonly Release Foo2 = new(Foo, "2.0");
    protected static readonly Target Cp39 = new("cp39", "linux_armv7l");
    protected static readonly Target Cp311 = new("cp311", "linux_armv7l");
    protected static readonly Target Cp311X86 = new("cp311", "linux_x86_64");
    protected static readonly DateTimeOffset LongAgo = new(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private IDatabaseSession _session = null!;

    protected TestDatabase Store { get; private set; } = null!;
    protected IDatabase Db => _session.Database;
    protected ISelectionRequests Requests => _session.Requests;

    public async ValueTask InitializeAsync()
    {
        Store = await fixture.Cluster.CreateDatabaseAsync();
        _session = await TAccess.OpenAsync(Store.UserDsn);
    }

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        await Store.DisposeAsync();
    }

    /// <summary>Registers releases of 2020 with their packages.</summary>
    protected async Task RegisterAsync(params Release[] releases)
    {
        foreach (var release in releases)
        {
            await Db.AddNewPackageAsync(release.Package);
            Assert.True(await Db.AddNewPackageVersionAsync(release, LongAgo));
        }
    }

    protected async Task AddTargetsAsync(params Target[] targets)
    {
        foreach (var target in targets) Assert.True(await Db.AddTargetAsync(target));
    }

    /// <summary>What waits, as "cp39: foo 1.0, foo 2.0" for each target in order of its name; empty ones left out.</summary>
    protected async Task<string> QueueAsync() =>
        string.Join("; ", (await Db.GetBuildQueueAsync()).Where(q => q.Value.Count > 0)
            .OrderBy(q => q.Key.ToString(), StringComparer.Ordinal)
            .Select(q => $"{q.Key.Abi}: {string.Join(", ", q.Value)}"));

    /// <summary>What pages are owed, as "foo BOTH".</summary>
    protected async Task<string> OwedAsync() =>
        string.Join(", ", (await AllOwedAsync()).Select(r => $"{r.Package} {r.Command}").Order());

    private async Task<IEnumerable<RewritePending>> AllOwedAsync() =>
        (await Db.LoadRewritesPendingAsync()).Concat(await Db.LoadRewritesBacklogAsync());

    /// <summary>Strikes out all owed pages.</summary>
    protected async Task WritePagesAsync()
    {
        foreach (var owed in await AllOwedAsync())
        {
            var data = await Db.GetProjectDataAsync(owed.Package);
            await Db.RewriteDoneAsync(owed.Package, owed.Command, data!.Revision);
        }
    }

    protected static BuildState Failed(Release release, Target target) => new(
        1, release.Package.Value, release.Version, target.Abi, false, TimeSpan.FromSeconds(5), "it failed", [],
        target.Platform);

    /// <summary>A good build on a target of one wheel with the tags of "py3-none-any".</summary>
    protected static BuildState Built(Release release, Target target, string tags, char hash = 'a') =>
        Built(release, target, Wheel(release, tags, hash));

    protected static BuildState Built(Release release, Target target, params FileState[] files) => new(
        1, release.Package.Value, release.Version, target.Abi, true, TimeSpan.FromSeconds(60), "it worked", files,
        target.Platform);

    protected static FileState Wheel(Release release, string tags, char hash = 'a', params (string, string)[] needs)
    {
        var parts = tags.Split('-');
        return new FileState(
            $"{release.Package}-{release.Version}-{tags}.whl", 1000, new string(hash, 64), release.Package.Value,
            release.Version, parts[0], parts[1], parts[2], null,
            needs.GroupBy(n => n.Item1).ToDictionary(
                g => g.Key, g => (IReadOnlyList<string>)[.. g.Select(n => n.Item2)]));
    }
}
