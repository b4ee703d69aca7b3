using Piwheels.Core.Database;
using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class AccessLogDirect(ClusterFixture fixture) : AccessLogCompliance<Direct>(fixture);

public abstract class AccessLogCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    private const string Wheel1 = "foo-1.0-py3-none-any.whl";

    private static readonly InstallerState Pip = new(
        "armv7l", "Raspbian", "12", "Linux", "6.1", "CPython", "3.11.2", "pip", "23.0", "66.1");

    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task Accesses_of_all_kinds_are_recorded()
    {
        Assert.Equal(6, await Db.LogAccessAsync(
        [
            Download(Wheel1, _now),
            new SearchState("foo", "2001:db8::1", _now, Pip),
            new ProjectState("foo", "192.0.2.1", _now, "Mozilla/5.0"),
            new ProjectState("foo", "192.0.2.1", _now, "Googlebot/2.1"),
            new JsonState("foo", "192.0.2.1", _now, "curl"),
            new PageState("home", "192.0.2.1", _now, "Mozilla/5.0"),
        ]));
        await SeeAllKindsAsync("f, t");
    }

    [Fact]
    public async Task An_access_of_each_kind_is_recorded_on_its_own()
    {
        Assert.True(await Db.LogDownloadAsync(Download(Wheel1, _now)));
        Assert.True(await Db.LogSearchAsync(new SearchState("foo", "2001:db8::1", _now, Pip)));
        Assert.True(await Db.LogProjectAsync(new ProjectState("foo", "192.0.2.1", _now, "Googlebot/2.1")));
        Assert.True(await Db.LogJsonAsync(new JsonState("foo", "192.0.2.1", _now, "curl")));
        Assert.True(await Db.LogPageAsync(new PageState("home", "192.0.2.1", _now, "Mozilla/5.0")));
        await SeeAllKindsAsync("t");
        Assert.Equal(1, (await Db.GetStatisticsAsync()).DownloadsAll);
    }

    [Fact]
    public async Task An_access_on_its_own_that_cannot_be_is_refused()
    {
        Assert.False(await Db.LogDownloadAsync(Download("", _now)));
        Assert.False(await Db.LogDownloadAsync(Download("a\0b", _now)));
        Assert.False(await Db.LogSearchAsync(new SearchState("foo", "example.org", _now, Pip)));
        Assert.False(await Db.LogProjectAsync(new ProjectState("foo", "192.0.2.1", _now.AddDays(3), "x")));
        Assert.False(await Db.LogJsonAsync(new JsonState(new string('x', 201), "192.0.2.1", _now, "x")));
        Assert.False(await Db.LogPageAsync(new PageState(new string('x', 31), "192.0.2.1", _now, "x")));
        Assert.Equal(0, (await Db.GetStatisticsAsync()).DownloadsAll);
        Assert.Equal(["0"], await Store.ColumnAsync("SELECT count(*) FROM searches"));
    }

    [Fact]
    public async Task An_access_that_is_refused_does_not_take_the_others_along()
    {
        var good = Download(Wheel1, _now);
        Assert.Equal(3, await Db.LogAccessAsync(
        [
            good with { Host = "example.org" }, good with { Host = "" }, good with { Filename = "" },
            good with { Host = "1" }, good with { Host = "[::1]:80" }, good with { Host = "fe80::1%eth0" },
            good with { Filename = new string('x', 300) }, good with { Filename = "a\0b" },
            good with { Timestamp = DateTimeOffset.MinValue }, good with { Timestamp = DateTimeOffset.MaxValue },
            good with { Timestamp = _now.AddDays(3) }, good with { Timestamp = _now.AddYears(-11) },
            good with { Installer = Pip with { Arch = new string('x', 500), InstallerName = new string('y', 50) } },
            good with { Installer = InstallerState.Unknown }, new PageState(new string('x', 31), "192.0.2.1", _now, "x"),
            new ProjectState("foo", "192.0.2.1", _now, new string('x', 5000)),
        ]));
        Assert.Equal(
            [[new string('x', 100), new string('y', 20)], [null, null]],
            await Store.QueryAsync("SELECT arch, installer_name FROM downloads ORDER BY arch"));
        Assert.Equal(["2000"], await Store.ColumnAsync("SELECT length(user_agent) FROM project_page_hits"));
        Assert.Equal(["0"], await Store.ColumnAsync("SELECT count(*) FROM web_page_hits"));
        Assert.Equal(2, (await Db.GetStatisticsAsync()).DownloadsAll);
    }

    [Fact]
    public async Task Accesses_asked_again_under_their_number_are_not_recorded_twice()
    {
        AccessState[] accesses =
        [
            Download(Wheel1, _now),
            new SearchState("foo", "2001:db8::1", _now, Pip),
            new ProjectState("foo", "192.0.2.1", _now, "Mozilla/5.0"),
            new JsonState("foo", "192.0.2.1", _now, "curl"),
            new PageState("home", "192.0.2.1", _now, "Mozilla/5.0"),
        ];
        var (request, other) = (RequestNumber.Next(TimeProvider.System), RequestNumber.Next(TimeProvider.System));
        Assert.Equal(3, await Db.LogAccessAsync(accesses[..3], request));
        Assert.Equal(5, await Db.LogAccessAsync(accesses, request));
        Assert.Equal(5, await Db.LogAccessAsync(accesses, request));
        Assert.Equal(["1", "1", "1", "1", "1"], await CountsAsync());
        Assert.Equal(1, (await Db.GetStatisticsAsync()).DownloadsAll);
        Assert.True(await Db.LogDownloadAsync((DownloadState)accesses[0], other));
        Assert.Equal(5, await Db.LogAccessAsync(accesses, other));
        await Db.LogAccessAsync(accesses);
        Assert.Equal(["3", "3", "3", "3", "3"], await CountsAsync());

        async Task<IReadOnlyList<string?>> CountsAsync() => await Store.ColumnAsync("""
            SELECT count(*) FROM downloads UNION ALL SELECT count(*) FROM searches
            UNION ALL SELECT count(*) FROM project_page_hits UNION ALL SELECT count(*) FROM project_json_downloads
            UNION ALL SELECT count(*) FROM web_page_hits
            """);
    }

    [Fact]
    public async Task Requests_are_forgotten_a_day_later_but_not_before_they_could_be_asked_again()
    {
        await Db.LogAccessAsync([Download(Wheel1, _now)], RequestNumber.Next(TimeProvider.System));
        await Store.RunAsync("UPDATE requests_done SET done_at = done_at - interval '30 hours'");
        await Store.RunAsync("SELECT fold_figures()");
        Assert.Equal(["1"], await Store.ColumnAsync("SELECT count(*) FROM requests_done"));

        // The server was away for two days: the first sweep leaves what was recorded just before
        await Store.RunAsync("UPDATE configuration SET requests_swept_at = requests_swept_at - interval '30 hours'");
        await Store.RunAsync("SELECT fold_figures()");
        Assert.Equal(["1"], await Store.ColumnAsync("SELECT count(*) FROM requests_done"));
        await Store.RunAsync("UPDATE configuration SET requests_swept_at = requests_swept_at - interval '2 hours'");
        await Store.RunAsync("SELECT fold_figures()");
        Assert.Equal(["0"], await Store.ColumnAsync("SELECT count(*) FROM requests_done"));
    }

    private async Task SeeAllKindsAsync(string bots)
    {
        Assert.Equal(
            [Wheel1, "192.0.2.1", "armv7l", "Raspbian", "12", "Linux", "6.1", "CPython", "3.11.2", "pip", "23.0", "66.1"],
            (await Store.QueryAsync("""
                SELECT filename, accessed_by, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
                    installer_name, installer_version, setuptools_version
                FROM downloads
                """)).Single());
        Assert.Equal(
            ["foo", "2001:db8::1", "armv7l", "66.1"],
            (await Store.QueryAsync("SELECT package, accessed_by, arch, setuptools_version FROM searches")).Single());
        Assert.Equal(
            [bots], await Store.ColumnAsync("SELECT string_agg(bot::text, ', ' ORDER BY bot) FROM (SELECT left(bot::text, 1) AS bot FROM project_page_hits) h"));
        Assert.Equal(["curl"], await Store.ColumnAsync("SELECT user_agent FROM project_json_downloads"));
        Assert.Equal(["home"], await Store.ColumnAsync("SELECT page FROM web_page_hits"));
    }

    private static DownloadState Download(string filename, DateTimeOffset at) => new(filename, "192.0.2.1", at, Pip);
}
