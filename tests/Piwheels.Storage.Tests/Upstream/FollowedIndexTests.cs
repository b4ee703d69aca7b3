using System.Text.Json;
using Npgsql;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;
using Piwheels.Storage.Tests.Outages;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Upstream;

/// <summary>
/// What happens at the index, all the way: by its change log into the database, to the slave that is building, and onto
/// the pages; and the same by the tools of the people who run the farm. A whole master, whose time goes faster.
/// </summary>
public sealed class FollowedIndexTests(ClusterFixture fixture) : IAsyncLifetime
{
    private static readonly Release Foo2 = new(FarmAtWork.Foo1.Package, "2.0");
    private const string Wheel = "simple/foo/foo-1.0-cp311-cp311-linux_armv7l.whl";

    private TestDatabase _store = null!;
    private FarmAtWork _farm = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.Cluster.CreateDatabaseAsync();
        _farm = await FarmAtWork.StartAsync(_store.UserDsn, _store, new FastClock(10));
    }

    public async ValueTask DisposeAsync()
    {
        await _farm.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_package_that_is_created_has_pages_before_it_has_a_version(bool byTool)
    {
        await DoAsync(byTool, "Some.Thing", null, "create");
        await ShowsAsync(() => Text("project/some-thing/index.html") != "" && Links("some-thing") == 0);
        await ShowsAsync(() => Text("simple/index.html").Contains("\"/simple/some-thing/\"", StringComparison.Ordinal));
        await ShowsAsync(() => new FileInfo(Output("project/Some.Thing")).LinkTarget == "some-thing");
        Assert.Equal([["some-thing", ""]], await _store.QueryAsync("SELECT package, skip FROM packages WHERE package <> 'foo'"));
    }

    [Fact]
    public async Task A_description_is_shown_up_to_200_characters()
    {
        _farm.Publish("long-winded", "1.0", $"<b>{new string('x', 300)}");
        await ShowsAsync(() => Json("long-winded") is not null);
        var summary = Json("long-winded")!.Value.GetProperty("summary").GetString()!;
        Assert.Equal($"<b>{new string('x', 196)}\u2026", summary);
        Assert.Contains("&lt;b&gt;xxx", Text("project/long-winded/index.html"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_has_wheels_alone_is_not_built_until_it_has_a_source_file()
    {
        await _farm.BuildAsync();
        Assert.IsType<SlaveReply.Done>(await _farm.AskAsync(new SlaveRequest.Sent()));
        _farm.PublishWheel("bar", "1.0");
        await ShowsAsync(() => Release("bar", "1.0")?.GetProperty("skip_reason").GetString() == "binary only");
        Assert.Equal(["0"], await _store.ColumnAsync("SELECT count(*) FROM build_queue"));
        Assert.Contains("binary only", Text("project/bar/index.html"), StringComparison.Ordinal);

        _farm.Publish("bar", "1.0");
        Assert.Equal("bar 1.0", (await _farm.GetWorkAsync()).ToString());
        await ShowsAsync(() => Release("bar", "1.0")?.GetProperty("skip_reason").GetString() == "");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_yank_and_its_end_are_on_both_pages(bool byTool)
    {
        await BuiltAsync();
        await DoAsync(byTool, "Foo", "1.0", "yank release");
        await ShowsAsync(() => IsYanked("foo", "1.0"));
        Assert.Contains("data-yanked", Text("simple/foo/index.html"), StringComparison.Ordinal);
        Assert.Equal(1, Links("foo"));

        await DoAsync(byTool, "foo", "1.0", "unyank release");
        await ShowsAsync(() => !IsYanked("foo", "1.0"));
        Assert.DoesNotContain("data-yanked", Text("simple/foo/index.html"), StringComparison.Ordinal);
        Assert.Equal(1, Links("foo"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_version_that_is_removed_is_taken_from_its_builder_and_its_files_go(bool byTool)
    {
        await BuiltAsync();
        _farm.Publish("foo", "2.0");
        Assert.Equal(Foo2, await _farm.GetWorkAsync());
        Assert.IsType<SlaveReply.Cont>(await _farm.AskAsync(new SlaveRequest.Busy(FarmAtWork.Stats)));
        await DoAsync(byTool, "foo", "2.0", "remove release");
        await TakenBackAsync();

        await DoAsync(byTool, "foo", "1.0", "remove release");
        await ShowsAsync(() => !File.Exists(Output(Wheel)) && Links("foo") == 0 && Release("foo", "1.0") is null);
        Assert.True(File.Exists(Output("project/foo/index.html")));
        await _farm.UntilAsync("no version", async () =>
            (await _store.ColumnAsync("SELECT count(*) FROM versions WHERE package = 'foo'"))[0] == "0");
        Assert.Equal(["0"], await _store.ColumnAsync("SELECT count(*) FROM builds"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_package_that_is_removed_goes_with_all_it_has_and_comes_back_when_created_again(bool byTool)
    {
        await BuiltAsync();
        await DoAsync(byTool, "FOO", null, "create");
        await ShowsAsync(() => new FileInfo(Output("project/FOO")).LinkTarget == "foo");
        _farm.Publish("foo", "2.0");
        Assert.Equal(Foo2, await _farm.GetWorkAsync());
        await DoAsync(byTool, "foo", null, "remove project");
        await TakenBackAsync();
        await ShowsAsync(() => !Directory.Exists(Output("simple/foo")) && !Directory.Exists(Output("project/foo")));
        Assert.Null(new FileInfo(Output("project/FOO")).LinkTarget);
        await ShowsAsync(() => !Text("simple/index.html").Contains("/foo/", StringComparison.Ordinal));
        await _farm.UntilAsync("no row", async () => (await _store.ColumnAsync("""
            SELECT (SELECT count(*) FROM packages) + (SELECT count(*) FROM versions) + (SELECT count(*) FROM builds)
                + (SELECT count(*) FROM package_names) + (SELECT count(*) FROM build_queue)
            """))[0] == "0");

        await DoAsync(byTool, "foo", null, "create");
        await DoAsync(byTool, "foo", "3.0", "add source file foo-3.0.tar.gz");
        Assert.Equal("foo 3.0", (await _farm.GetWorkAsync()).ToString());
        await ShowsAsync(() => Release("foo", "3.0") is not null && Release("foo", "2.0") is null);
        await ShowsAsync(() => Text("simple/index.html").Contains("/foo/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_spelling_leads_to_the_same_pages_and_is_the_name_on_them()
    {
        _farm.Publish("one-two", "1.0");
        await ShowsAsync(() => Release("one-two", "1.0") is not null);
        _farm.Publish("One_Two", "2.0");
        await ShowsAsync(() => Release("one-two", "2.0") is not null);
        await ShowsAsync(() => new FileInfo(Output("project/One_Two")).LinkTarget == "one-two");
        Assert.Contains(">One_Two", Text("project/one-two/index.html"), StringComparison.Ordinal);
        Assert.Equal(
            ["One_Two", "one-two"],
            await _store.ColumnAsync("SELECT name FROM package_names WHERE package = 'one-two' ORDER BY name COLLATE \"C\""));
    }

    /// <summary>Foo 1.0 has been built and is on its pages.</summary>
    private async Task BuiltAsync()
    {
        await _farm.BuildAsync();
        Assert.IsType<SlaveReply.Done>(await _farm.AskAsync(new SlaveRequest.Sent()));
        await ShowsAsync(() => Links("foo") == 1 && Release("foo", "1.0") is not null);
    }

    /// <summary>The slave goes on saying that it is busy, until it is told that nobody wants that build any more.</summary>
    private async Task TakenBackAsync()
    {
        SlaveReply reply = new SlaveReply.Cont();
        await _farm.UntilAsync("taken back", async () =>
            (reply = await _farm.AskAsync(new SlaveRequest.Busy(FarmAtWork.Stats))) is not SlaveReply.Cont);
        Assert.IsType<SlaveReply.Done>(reply);
    }

    private async Task DoAsync(bool byTool, string name, string? version, string action)
    {
        if (!byTool)
        {
            _farm.Catalog.Enter(name, version, action);
            return;
        }

        var reply = await _farm.AskAsync(action switch
        {
            "create" => new ImportRequest.AddPackage(name, "", "", Unskip: false, []),
            "yank release" => new ImportRequest.RemoveVersion(name, version!, Builds: false, "", Yank: true),
            "remove release" => new ImportRequest.RemoveVersion(name, version!, Builds: false, "", Yank: false),
            "remove project" => new ImportRequest.RemovePackage(name, Builds: false, ""),
            _ => new ImportRequest.AddVersion(
                name, version!, "", false, TimeProvider.System.GetUtcNow(), false, action == "unyank release", []),
        });
        Assert.IsType<ImportReply.Done>(reply);
    }

    private async Task ShowsAsync(Func<bool> isSo)
    {
        // A question to the database is the pause between two looks at the pages
        await using var session = await _store.OpenAsync();
        await using var question = new NpgsqlCommand("SELECT 1", session);
        await _farm.UntilAsync("pages", async () =>
        {
            await question.ExecuteScalarAsync();
            return isSo();
        });
    }

    private string Output(string path) => Path.Combine(_farm.Output, path);

    private string Text(string path) => File.Exists(Output(path)) ? File.ReadAllText(Output(path)) : "";

    private int Links(string package) => Text($"simple/{package}/index.html") is { Length: > 0 } page
        ? page.Split("<a ").Length - 1
        : -1;

    private JsonElement? Json(string package) => Text($"project/{package}/json/index.json") is { Length: > 0 } json
        ? JsonDocument.Parse(json).RootElement
        : null;

    private JsonElement? Release(string package, string version) =>
        Json(package) is { } json && json.GetProperty("releases").TryGetProperty(version, out var release)
            ? release
            : null;

    private bool IsYanked(string package, string version) =>
        Release(package, version) is { } release && release.GetProperty("yanked").GetBoolean();
}
