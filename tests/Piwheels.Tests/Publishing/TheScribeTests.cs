using System.IO.Compression;
using System.Text.Json;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Publishing;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>TheScribe between a database in memory and a real folder.</summary>
public sealed class TheScribeTests : IAsyncDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly Release FooOne = new(Foo, "1.0");
    private const string Wheel = "foo-1.0-cp311-cp311-linux_armv7l.whl";

    private readonly TemporaryFolder _folder = new();
    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly ScriptedTask _secretary;
    private readonly RpcClient<ScribeRequest, ScribeReply> _asks;
    private readonly MasterConfiguration _configuration;
    private TheScribe _scribe = null!;

    public TheScribeTests()
    {
        _database = new FakeDatabase(_bed.Time);
        _configuration = new MasterConfiguration { OutputPath = _folder["site"], SiteUrl = "https://wheels.example/" };
        _secretary = _bed.Task("secretary");
        _asks = _secretary.ConnectRpc<ScribeRequest, ScribeReply>(
            MasterConfiguration.ScribeQueue, TimeSpan.FromDays(1));
    }

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync();
        _folder.Dispose();
    }

    private void Start()
    {
        _scribe = _bed.Add(new TheScribe(_configuration, _bed.Environment, _database));
        _scribe.Start();
        _secretary.Start();
    }

    private async Task BuildAsync(string version = "1.0")
    {
        await _database.AddTargetAsync(Sample.Pi);
        await _database.AddNewPackageAsync(Foo);
        await _database.AddNewPackageVersionAsync(new Release(Foo, version));
        var file = Sample.WriteWheel(_folder, $"foo-{version}-cp311-cp311-linux_armv7l.whl");
        Directory.CreateDirectory(_folder["site/simple/foo"]);
        File.Move(_folder[$"simple/foo/{file.Filename}"], _folder[$"site/simple/foo/{file.Filename}"]);
        await _database.LogBuildAsync(new BuildState(
            1, "foo", version, "cp311", true, TimeSpan.FromMinutes(1), "text",
            [
                new FileState(
                    file.Filename, file.FileSize, file.FileHash, "foo", version, "cp311", "cp311", "linux_armv7l", null,
                    FileState.NoDependencies),
            ],
            "linux_armv7l"));
    }

    private async Task AskAsync(ScribeRequest request) => await _asks.AskAsync(request).Within();

    private string Text(string path) => File.ReadAllText(_folder[$"site/{path}"]);

    private bool IsThere(string path) => File.Exists(_folder[$"site/{path}"]);

    private IEnumerable<string?> Listed()
    {
        using var json = JsonDocument.Parse(Text("simple/index.v1_json"));
        return
        [
            .. json.RootElement.GetProperty("projects").EnumerateArray()
                .Select(project => project.GetProperty("name").GetString()),
        ];
    }

    private async Task RefreshListsAsync(int count)
    {
        _bed.Time.Advance(TimeSpan.FromMinutes(2));
        await _bed.Log.WhenAsync(entry => entry.Message == $"wrote the list of {count} packages");
    }

    [Fact]
    public async Task At_its_start_the_site_is_complete()
    {
        Start();
        await AskAsync(new ScribeRequest.Search());
        foreach (var page in (string[])
        [
            "index.html", "packages.html", "packages.json", "faq.html", "json.html", "stats.html", "404.html",
            "static/site.css",
            "static/search.js", "static/logo.svg", "sitemap.xml", "sitemap0.xml", "feed.atom",
        ]) Assert.True(IsThere(page), page);
        await _bed.Log.WhenAsync(entry => entry.Message == "wrote the list of 0 packages");
        Assert.Empty(Listed());
    }

    [Fact]
    public async Task A_package_gets_its_pages_and_owes_none_any_more()
    {
        await BuildAsync();
        Start();
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.Contains(Wheel, Text("simple/foo/index.html"), StringComparison.Ordinal);
        Assert.Contains(Wheel, Text("project/foo/index.html"), StringComparison.Ordinal);
        Assert.True(IsThere("project/foo/json/index.json"));
        Assert.True(IsThere($"simple/foo/{Wheel}.metadata"));
        Assert.Empty(await _database.LoadRewritesPendingAsync());
    }

    [Fact]
    public async Task Only_the_project_page_is_written_where_only_that_is_asked()
    {
        await BuildAsync();
        Start();
        await AskAsync(new ScribeRequest.Project(Foo));
        Assert.True(IsThere("project/foo/index.html"));
        Assert.False(IsThere("simple/foo/index.html"));
        Assert.Equal(RewriteCommand.Both, Assert.Single(await _database.LoadRewritesPendingAsync()).Command);
    }

    [Fact]
    public async Task What_changes_while_the_pages_are_written_stays_owed()
    {
        await BuildAsync();
        Start();
        _database.Before = async method =>
        {
            if (method != "RewriteDone") return;
            _database.Before = _ => Task.CompletedTask;
            await _database.SetPackageDescriptionAsync(Foo, "new");
        };
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.Single(await _database.LoadRewritesPendingAsync());
    }

    [Fact]
    public async Task The_list_of_packages_follows_those_that_come_and_go()
    {
        Start();
        await _bed.Log.WhenAsync(entry => entry.Message == "wrote the list of 0 packages");
        await BuildAsync();
        await AskAsync(new ScribeRequest.Both(Foo));
        await RefreshListsAsync(1);
        await _bed.Log.WhenAsync(entry => entry.Message == "wrote the search index of 1 packages");
        Assert.Equal(["foo"], Listed());
        Assert.Contains("https://wheels.example/project/foo/", Text("sitemap0.xml"), StringComparison.Ordinal);
        await AskAsync(new ScribeRequest.DeletePackage(Foo));
        var before = _bed.Log.Entries.Count;
        _bed.Time.Advance(TimeSpan.FromMinutes(2));
        await _bed.Log.WhenAsync(entry =>
            entry.Message == "wrote the list of 0 packages" && _bed.Log.Entries.Skip(before).Contains(entry));
        Assert.Empty(Listed());
    }

    [Fact]
    public async Task The_search_index_follows_the_downloads()
    {
        await BuildAsync();
        Start();
        await AskAsync(new ScribeRequest.Both(Foo));
        await _bed.Log.WhenAsync(entry => entry.Message.StartsWith("wrote the search index", StringComparison.Ordinal));
        await _database.LogAccessAsync(
            [new DownloadState(Wheel, "192.0.2.1", _bed.Time.GetUtcNow(), InstallerState.Unknown)]);
        var written = _bed.Log.Entries.Count;
        _bed.Time.Advance(TheScribe.SearchAgeMax);
        await _bed.Log.WhenAsync(entry =>
            entry.Message == "wrote the search index of 1 packages" && _bed.Log.Entries.Skip(written).Contains(entry));
        Assert.Equal("[[\"foo\",1,1]]", Text("packages.json"));

        // From here on by what has changed alone
        await _database.AddNewPackageAsync(PackageName.Parse("bar"));
        await AskAsync(new ScribeRequest.Search());
        Assert.Equal("[[\"bar\",0,0],[\"foo\",1,1]]", Text("packages.json"));
        await _database.DeletePackageAsync(Foo);
        await AskAsync(new ScribeRequest.Search());
        Assert.Equal("[[\"bar\",0,0]]", Text("packages.json"));
    }

    [Fact]
    public async Task A_list_that_was_not_written_before_a_kill_is_written_at_the_next_start()
    {
        _folder.Write("site/simple/index.v1_json", "{\"projects\":[]}");
        _folder.Write("site/simple/foo/index.html", "");
        Start();
        await _bed.Log.WhenAsync(entry => entry.Message == "wrote the list of 1 packages");
        Assert.Equal(["foo"], Listed());
    }

    [Fact]
    public async Task A_package_that_is_deleted_goes_with_its_aliases()
    {
        await BuildAsync();
        await _database.AddPackageNameAsync(Foo, "Foo", _bed.Time.GetUtcNow());
        Start();
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.Equal("foo", new FileInfo(_folder["site/project/Foo"]).LinkTarget);
        await AskAsync(new ScribeRequest.DeletePackage(Foo));
        Assert.DoesNotContain(_folder.Files(), file => file.Contains("foo", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_package_marked_deleted_does_not_come_back()
    {
        await BuildAsync();
        Start();
        await AskAsync(new ScribeRequest.Both(Foo));
        await _database.SkipPackageAsync(Foo, "deleted");
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.False(Directory.Exists(_folder["site/simple/foo"]) || Directory.Exists(_folder["site/project/foo"]));
        Assert.Empty(await _database.LoadRewritesPendingAsync());
    }

    [Fact]
    public async Task A_deletion_is_not_overtaken_by_pages_that_were_asked_for_before()
    {
        await BuildAsync();
        Start();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var free = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _database.Before = method =>
        {
            if (method != "GetProjectData") return Task.CompletedTask;
            asked.TrySetResult();
            return free.Task;
        };
        var both = AskAsync(new ScribeRequest.Both(Foo));
        await asked.Task.Within();
        var gone = AskAsync(new ScribeRequest.DeletePackage(Foo));
        await AskAsync(new ScribeRequest.Log(1, PackageName.Parse("other"), "not kept waiting"));
        free.SetResult();
        await both;
        await gone;
        Assert.False(Directory.Exists(_folder["site/simple/foo"]) || Directory.Exists(_folder["site/project/foo"]));
    }

    [Fact]
    public async Task A_version_that_is_deleted_leaves_index_and_disk_before_its_row_goes()
    {
        await BuildAsync();
        await BuildAsync("2.0");
        Start();
        await AskAsync(new ScribeRequest.Both(Foo));
        await AskAsync(new ScribeRequest.DeleteVersion(FooOne));
        Assert.False(IsThere($"simple/foo/{Wheel}") || IsThere($"simple/foo/{Wheel}.metadata"));
        Assert.DoesNotContain(Wheel, Text("simple/foo/index.html"), StringComparison.Ordinal);
        Assert.DoesNotContain(Wheel, Text("project/foo/index.html"), StringComparison.Ordinal);
        Assert.Contains("foo-2.0-", Text("simple/foo/index.html"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Pages_are_owed_before_what_they_show_goes_so_that_a_kill_leaves_none_behind(bool isPackage)
    {
        await BuildAsync();
        Start();
        await AskAsync(new ScribeRequest.Both(Foo));
        var wasOwed = false;
        _database.Before = async method =>
        {
            if (method is not ("GetPackageAliases" or "GetVersionFiles")) return;
            _database.Before = _ => Task.CompletedTask;
            wasOwed = (await _database.LoadRewritesPendingAsync()).Any(row => row.Command == RewriteCommand.Both);
        };
        await AskAsync(isPackage ? new ScribeRequest.DeletePackage(Foo) : new ScribeRequest.DeleteVersion(FooOne));
        Assert.True(wasOwed);

        // As the next start finds it
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.Contains(Wheel, Text("simple/foo/index.html"), StringComparison.Ordinal);
        Assert.Empty(await _database.LoadRewritesPendingAsync());
    }

    [Fact]
    public async Task A_package_that_is_unknown_gets_no_page_and_loses_no_file()
    {
        _folder.Write("site/simple/foo/foo-1.0-py3-none-any.whl", "");
        Start();
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.False(IsThere("simple/foo/index.html"));
        Assert.True(IsThere("simple/foo/foo-1.0-py3-none-any.whl"));
    }

    [Fact]
    public async Task A_log_is_written_compressed()
    {
        Start();
        await AskAsync(new ScribeRequest.Log(12_345_678, Foo, "first line\n\u00e9\u6f22\n"));
        await using var file = new GZipStream(
            File.OpenRead(_folder["site/logs/0000/1234/5678.txt.gz"]), CompressionMode.Decompress);
        Assert.Equal("first line\n\u00e9\u6f22\n",
            await new StreamReader(file).ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Home_shows_what_the_database_counts()
    {
        await BuildAsync();
        Start();
        await AskAsync(new ScribeRequest.Home());
        Assert.Contains("<dt>Wheels</dt><dd>1</dd>", Text("index.html"), StringComparison.Ordinal);
        Assert.Contains("2026-01-01 00:00 UTC", Text("stats.html"), StringComparison.Ordinal);
        Assert.Contains("2026-01-01: Built 1, Failed 0", Text("stats.html"), StringComparison.Ordinal);
        Assert.Contains("<title>foo 1.0 for cp311 on linux_armv7l</title>", Text("feed.atom"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_away_is_no_fault_of_the_request()
    {
        await BuildAsync();
        Start();
        _database.Before = _ => throw new DatabaseException("restarting", transient: true);
        foreach (var request in (ScribeRequest[])
            [new ScribeRequest.Both(Foo), new ScribeRequest.Home(), new ScribeRequest.DeletePackage(Foo)])
            Assert.True((await Assert.ThrowsAsync<RpcException>(() => AskAsync(request))).Transient);
        _database.Before = _ => Task.CompletedTask;
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.True(IsThere("simple/foo/index.html"));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_tried_again()
    {
        await BuildAsync();
        Directory.Delete(_folder["site"], recursive: true);
        _folder.Write("site", "a file in the way");
        Start();
        await _bed.Log.WhenAsync(entry =>
            entry.Message.StartsWith("the output folder cannot be prepared", StringComparison.Ordinal));
        Assert.True((await Assert.ThrowsAsync<RpcException>(() => AskAsync(new ScribeRequest.Both(Foo)))).Transient);
        Assert.Single(await _database.LoadRewritesPendingAsync());
        File.Delete(_folder["site"]);
        await AskAsync(new ScribeRequest.Both(Foo));
        Assert.True(IsThere("simple/foo/index.html"));
        Assert.Empty(await _database.LoadRewritesPendingAsync());
    }
}
