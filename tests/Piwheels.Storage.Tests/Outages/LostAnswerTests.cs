using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Outages;

/// <summary>
/// The server commits, and the connection is cut before its client hears so: what changes something is asked again, and
/// the tables are as if all had gone well.
/// </summary>
public sealed class LostAnswerTests(ClusterFixture fixture) : IAsyncLifetime
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly PackageName Bar = PackageName.Parse("bar");
    private static readonly Release Foo1 = new(Foo, "1.0");
    private static readonly Release Foo2 = new(Foo, "2.0");
    private static readonly Target Cp39 = new("cp39", "linux_armv7l");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly DateTimeOffset LongAgo = new(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly DateTimeOffset Lately = TimeProvider.System.GetUtcNow().AddHours(-30);
    private static readonly Guid Request = RequestNumber.Next(TimeProvider.System);

    private static readonly string[] Accesses =
        ["log_downloads", "log_searches", "log_project_hits", "log_json_downloads", "log_page_hits"];

    /// <summary>Columns that a clock or a sequence writes.</summary>
    private static readonly string[] Volatile =
        [
            "built_at", "retry_at", "failed_at", "held_at", "added_at", "revision", "at", "changed_by", "requests_swept_at", "step_after",
            "step_versions",
        ];

    /// <summary>Tables that note requests, or that figures pass through.</summary>
    private const string Beside =
        "{requests_done,figures_folded,counters,counter_changes,download_changes,package_downloads,package_downloads_daily}";

    private static readonly UpstreamWheel Upstream = new(
        "1.0", "foo-1.0-cp311-cp311-manylinux_2_31_armv7l.whl", "https://example.org/foo.whl", new string('b', 64), 1, null,
        Yanked: false, Metadata: false, LongAgo, "cp311", "cp311", "manylinux_2_31_armv7l");

    private static readonly InstallerState Pip = new("armv7l", null, null, null, null, null, null, "pip", "23.0", null);

    private TestDatabase _well = null!;
    private TestDatabase _cut = null!;

    public async ValueTask InitializeAsync()
    {
        _well = await fixture.Cluster.CreateDatabaseAsync();
        _cut = await fixture.Cluster.CreateDatabaseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _well.DisposeAsync();
        await _cut.DisposeAsync();
    }

    /// <summary>Everything that changes something, by the function that does it.</summary>
    private static readonly Dictionary<string, Func<IDatabase, Task<object?>>> Changes = new(StringComparer.Ordinal)
    {
        ["add_new_package"] = async db => await db.AddNewPackageAsync(Bar, "", "text", Request),
        ["add_new_package_version"] = async db => await db.AddNewPackageVersionAsync(Foo2, LongAgo, "", Request),
        ["add_new_packages"] = db => Done(db.AddNewPackagesAsync([new NewPackage(Foo), new NewPackage(Bar)])),
        ["add_new_package_versions"] =
            db => Done(db.AddNewPackageVersionsAsync([new NewVersion(Foo1, LongAgo), new NewVersion(Foo2, LongAgo)])),
        ["add_package_name"] = db => Done(db.AddPackageNameAsync(Foo, "Foo", LongAgo)),
        ["set_package_description"] = db => Done(db.SetPackageDescriptionAsync(Foo, "new words")),
        ["skip_package"] = db => Done(db.SkipPackageAsync(Foo, "no use")),
        ["skip_package_version"] = db => Done(db.SkipPackageVersionAsync(Foo1, "no use")),
        ["yank_version"] = db => Done(db.YankVersionAsync(Foo1)),
        ["unyank_version"] = db => Done(db.UnyankVersionAsync(Foo1)),
        ["delete_package"] = db => Done(db.DeletePackageAsync(Foo)),
        ["delete_version"] = db => Done(db.DeleteVersionAsync(Foo1)),
        ["delete_build"] = db => Done(db.DeleteBuildAsync(Foo1)),
        ["raise_priority"] = db => Done(db.RaisePriorityAsync(Foo, "1.0")),
        ["mark_removed"] = async db =>
        {
            var known = await db.MarkRemovedAsync([Bar], [Foo1, Foo2]);
            return $"{string.Join(' ', known.Packages)}, {string.Join(' ', known.Releases)}";
        },
        ["apply_index_changes"] = async db => await db.ApplyIndexChangesAsync(new IndexChanges(
            0, 42, [], [new SeenName(Bar, "Bar", LongAgo, "1.0"), new SeenName(Foo, "Foo", LongAgo, "2.0")],
            [
                new ReleaseChange(new Release(Bar, "1.0"), false, LongAgo, true, true),
                new ReleaseChange(Foo1, YankedKnown: true), new ReleaseChange(Foo2, true, LongAgo),
            ])),
        ["set_pypi_serial"] = db => Done(db.SetPypiSerialAsync(42)),
        ["owe_upstream"] = db => Done(db.OweUpstreamAsync([Foo])),
        ["set_upstream_wheels"] = db => Done(db.SetUpstreamWheelsAsync(Foo, [Upstream], long.MaxValue)),
        ["update_selection"] = async db => await db.UpdateSelectionAsync(await db.GetSelectionRevisionAsync(), Chosen),
        ["set_followed_names"] = db => Done(db.SetFollowedNamesAsync(new NameLists(["foo", "b*"], ["bar"]))),
        ["change_package_skips"] = db => Done(db.ChangePackageSkipsAsync([Foo, Bar], "", "no use")),
        ["follow_all_versions"] = db => Done(db.FollowAllVersionsAsync()),
        ["set_examined"] = db => Done(db.SetExaminedAsync(1)),
        ["add_target"] = db => Done(db.AddTargetAsync(new Target("cp313", "linux_armv7l"))),
        ["skip_target"] = db => Done(db.SkipTargetAsync(Cp39, "old")),
        ["remove_target"] = db => Done(db.RemoveTargetAsync(Cp39)),
        ["log_build"] = async db => await db.LogBuildAsync(Build(Foo1, Cp311)),
        ["defer_build"] = async db => (await db.DeferBuildAsync(
            Build(Foo1, Cp311) with { Status = false, Failure = new BuildFailure(FailureClass.Network, "away") },
            [TimeSpan.FromHours(1), TimeSpan.FromHours(2)], Request)) is not null,
        ["hold_builds"] = db => Done(db.HoldBuildsAsync([new HeldBuild(Foo1, Cp311, false, "no slave has libfoo-dev")])),
        ["resume_builds"] = db => Done(db.ResumeBuildsAsync()),
        ["log_builds"] = async db => await db.LogBuildsAsync([Build(Foo1, Cp311)], [Request]),
        ["save_rewrites_pending"] = db =>
            Done(db.SaveRewritesPendingAsync([new RewritePending(Foo, LongAgo, RewriteCommand.Both)])),
        ["owe_all_rewrites"] = async db => (await db.OweAllRewritesAsync(RewriteCommand.Both, null))?.Value,
        ["rewrite_done"] = async db =>
        {
            var data = await db.GetProjectDataAsync(Foo);
            await db.RewriteDoneAsync(Foo, RewriteCommand.Both, data!.Revision);
            return null;
        },
        ["log_downloads"] = async db => await db.LogAccessAsync([new DownloadState("foo-1.0.whl", "192.0.2.1", Lately, Pip)]),
        ["log_searches"] = async db => await db.LogAccessAsync([new SearchState("foo", "192.0.2.1", Lately, Pip)]),
        ["log_project_hits"] = async db => await db.LogAccessAsync([new ProjectState("foo", "192.0.2.1", Lately, "curl")]),
        ["log_json_downloads"] = async db => await db.LogAccessAsync([new JsonState("foo", "192.0.2.1", Lately, "curl")]),
        ["log_page_hits"] = async db => await db.LogAccessAsync([new PageState("home", "192.0.2.1", Lately, "curl")]),
        ["log_download"] = async db => await db.LogDownloadAsync(new DownloadState("foo-1.0.whl", "192.0.2.1", Lately, Pip)),
        ["log_search"] = async db => await db.LogSearchAsync(new SearchState("foo", "192.0.2.1", Lately, Pip)),
        ["log_project"] = async db => await db.LogProjectAsync(new ProjectState("foo", "192.0.2.1", Lately, "curl")),
        ["log_json"] = async db => await db.LogJsonAsync(new JsonState("foo", "192.0.2.1", Lately, "curl")),
        ["log_page"] = async db => await db.LogPageAsync(new PageState("home", "192.0.2.1", Lately, "curl")),
    };

    public static TheoryData<string> Functions => [.. Changes.Keys];

    [Theory]
    [MemberData(nameof(Functions))]
    public async Task What_was_done_and_is_asked_again_is_done_once(string function)
    {
        var change = Changes[function];
        object? answer;
        await using (var database = new Database(_well.UserDsn))
        {
            await PrepareAsync(database);
            answer = await change(database);
        }

        await using var proxy = PostgresProxy.Before(_cut.UserDsn);
        await using (var database = new Database(proxy.Dsn))
        {
            await PrepareAsync(database);
            using var zmq = new ZmqContext();
            await using var queues = new DatabaseQueues(
                database, new TaskEnvironment(zmq, TimeProvider.System, NullLoggerFactory.Instance), patient: true);
            var lost = proxy.LoseAnswerOf(function == "log_builds" ? "prepare_builds" : function, times: 2);
            Assert.Equal(answer, await change(queues.Client).Within());
            await lost;
        }

        Assert.Equal(await RowsAsync(_well), await RowsAsync(_cut));
    }

    [Fact]
    public void All_that_changes_something_is_among_them()
    {
        var changing = typeof(IDatabase).GetInterfaces().Append(typeof(IDatabase))
            .SelectMany(part => part.GetMethods()).Select(method => method.Name[..^"Async".Length])
            .Where(name => !name.StartsWith("Get", StringComparison.Ordinal)
                && !name.StartsWith("Test", StringComparison.Ordinal)
                && name is not ("PackageMarkedDeleted" or "LoadRewritesPending" or "LoadRewritesBacklog"))
            .Select(name => Regex.Replace(name, "(?<!^)([A-Z])", "_$1").ToLowerInvariant())
            .SelectMany(function => function == "log_access" ? Accesses : [function]);
        Assert.Equal(changing.Order(), Changes.Keys.Order());
    }

    private static async Task PrepareAsync(Database database)
    {
        await database.AddTargetAsync(Cp39);
        await database.AddTargetAsync(Cp311);
        await database.AddNewPackageAsync(Foo);
        await database.AddNewPackageVersionAsync(Foo1, LongAgo);
        await database.AddNewPackageVersionAsync(new Release(Foo, "0.1"), LongAgo, "not followed");
        await database.AddRequestsAsync(SelectionOrigin.Follow, new SelectionWish([Requirement.Parse("foo")], []));
        await database.LogBuildAsync(Build(Foo1, Cp39));
        await database.DeferBuildAsync(
            Build(Foo1, Cp39) with { Failure = new BuildFailure(FailureClass.DiskFull, "full") }, [TimeSpan.Zero]);
        await database.SetUpstreamPolicyAsync(Foo, UpstreamPolicy.Link);
    }

    private static BuildState Build(Release release, Target target) => new(
        1, release.Package.Value, release.Version, target.Abi, true, TimeSpan.FromSeconds(5), "", [Wheel(release, target)],
        target.Platform);

    private static FileState Wheel(Release release, Target target) => new(
        $"{release.Package}-{release.Version}-{target.Abi}-{target.Abi}-{target.Platform}.whl", 1000, new string('a', 64),
        release.Package.Value, release.Version, target.Abi, target.Abi, target.Platform, null,
        new Dictionary<string, IReadOnlyList<string>> { ["pip"] = ["six"] });

    private static SelectionEntry Chosen => new(
        Foo, SelectionState.Resolved, "", [new SelectionVersion("1.0", true)],
        [new SelectionNeed(Bar, "bar>=1")]);

    private static async Task<object?> Done(Task task)
    {
        await task;
        return null;
    }

    /// <summary>
    /// All rows as JSON below their table's name, but for the notes of requests. What is added up, sooner or later, is told by
    /// its sums.
    /// </summary>
    private static async Task<IReadOnlyList<string?>> RowsAsync(TestDatabase store)
    {
        var rows = new List<string?>();
        foreach (var table in await store.ColumnAsync($"""
            SELECT relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                AND relname <> ALL ('{Beside}') ORDER BY relname
            """))
        {
            rows.Add(table);
            rows.AddRange(await store.ColumnAsync($"""
                SELECT (to_jsonb(t) - '{string.Join("' - '", Volatile)}')::text AS line FROM {table} t ORDER BY 1
                """));
        }

        rows.AddRange(await store.ColumnAsync(
            "SELECT counter || ' ' || period || ' ' || sum(amount) FROM counter_values GROUP BY counter, period ORDER BY 1"));
        rows.AddRange(await store.ColumnAsync("SELECT to_jsonb(s)::text FROM search_entries s ORDER BY 1"));
        return rows;
    }
}
