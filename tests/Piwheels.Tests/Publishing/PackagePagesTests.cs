using System.Diagnostics;
using System.Text.Json;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>What stands in a package's pages, read as a browser and as an installer read them.</summary>
public sealed class PackagePagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly PagesOfPackage _pages;

    public PackagePagesTests() => _pages = PagesFor("https://wheels.example");

    public void Dispose() => _folder.Dispose();

    private PagesOfPackage PagesFor(string url) => new(
        new SiteFolder(_folder.Path), new WholeFile(flush: false), Sample.Site(url), NullLogger.Instance);

    private async Task WriteAsync(ProjectData data, bool armv6Alias = false)
    {
        var view = PackageView.Of(data, armv6Alias);
        await _pages.WriteProjectAsync(view);
        _pages.WriteSimple(view);
    }

    private IHtmlDocument Html(string path) => new HtmlParser().ParseDocument(File.ReadAllText(_folder[path]));

    private JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes(_folder[path])).RootElement;

    [Fact]
    public async Task A_link_of_the_simple_index_says_all_that_an_installer_wants()
    {
        var wheel = Sample.WriteWheel(_folder, "foo-1.0-cp311-cp311-linux_armv7l.whl");
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0", wheel) with { Yanked = true }));

        var page = Html("simple/foo/index.html");
        Assert.Equal("1.1", page.QuerySelector("meta[name='pypi:repository-version']")!.GetAttribute("content"));
        var link = Assert.Single(page.QuerySelectorAll("a"));
        var metadata = "sha256=" + Sample.Sha256(
            File.ReadAllBytes(_folder["simple/foo/foo-1.0-cp311-cp311-linux_armv7l.whl.metadata"]));
        Assert.Equal("foo-1.0-cp311-cp311-linux_armv7l.whl", link.TextContent);
        Assert.Equal($"foo-1.0-cp311-cp311-linux_armv7l.whl#sha256={wheel.FileHash}", link.GetAttribute("href"));
        Assert.Equal(">=3.7,<4", link.GetAttribute("data-requires-python"));
        Assert.Equal("", link.GetAttribute("data-yanked"));
        Assert.Equal(metadata, link.GetAttribute("data-core-metadata"));
        Assert.Equal(metadata, link.GetAttribute("data-dist-info-metadata"));
    }

    [Fact]
    public async Task A_link_says_nothing_of_what_there_is_not()
    {
        var missing = Sample.File("foo-1.0-py3-none-any.whl") with { RequiresPython = null };
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0", missing)));
        var link = Assert.Single(Html("simple/foo/index.html").QuerySelectorAll("a"));
        Assert.Equal(["href"], link.Attributes.Select(attribute => attribute.Name));
    }

    [Fact]
    public async Task The_json_index_has_the_fields_of_pep_691_and_700()
    {
        var wheel = Sample.WriteWheel(_folder, "foo-1.0+local-cp311-cp311-linux_armv7l.whl");
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0+local", wheel), Sample.Version("2.0")));

        var index = Json("simple/foo/index.v1_json");
        Assert.Equal("1.1", index.GetProperty("meta").GetProperty("api-version").GetString());
        Assert.Equal("foo", index.GetProperty("name").GetString());
        Assert.Equal(["1.0+local"],
            index.GetProperty("versions").EnumerateArray().Select(version => version.GetString()));
        var file = Assert.Single(index.GetProperty("files").EnumerateArray());
        Assert.Equal("foo-1.0+local-cp311-cp311-linux_armv7l.whl", file.GetProperty("filename").GetString());
        Assert.Equal("foo-1.0%2Blocal-cp311-cp311-linux_armv7l.whl", file.GetProperty("url").GetString());
        Assert.Equal(wheel.FileHash, file.GetProperty("hashes").GetProperty("sha256").GetString());
        Assert.Equal(wheel.FileSize, file.GetProperty("size").GetInt64());
        Assert.Equal("2026-01-31T12:34:56.789000Z", file.GetProperty("upload-time").GetString());
        Assert.Equal(">=3.7,<4", file.GetProperty("requires-python").GetString());
        Assert.False(file.GetProperty("yanked").GetBoolean());
        Assert.Equal(64, file.GetProperty("core-metadata").GetProperty("sha256").GetString()!.Length);
    }

    [Fact]
    public async Task Versions_go_by_pep_440_newest_first_and_what_is_none_last()
    {
        string[] versions = ["1.10", "2004-odd", "1.9", "2.0rc1", "1.10.post1", "2.0", "2.0.dev1"];
        await WriteAsync(Sample.Project("foo", [.. versions.Select(version => Sample.Version(version))]));
        string[] ordered = ["2.0", "2.0rc1", "2.0.dev1", "1.10.post1", "1.10", "1.9", "2004-odd"];
        Assert.Equal(ordered,
            Html("project/foo/index.html").QuerySelectorAll("tbody th bdi").Select(th => th.TextContent));
        Assert.Equal(
            ordered,
            Json("project/foo/json/index.json").GetProperty("releases").EnumerateObject()
                .Select(release => release.Name));
    }

    [Fact]
    public async Task What_was_deleted_upstream_is_not_shown()
    {
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0"), Sample.Version("2.0") with { Skip = "deleted" }));
        Assert.Equal(["1.0"],
            Html("project/foo/index.html").QuerySelectorAll("tbody th bdi").Select(th => th.TextContent));
    }

    [Fact]
    public async Task The_newest_release_to_install_is_neither_yanked_nor_a_pre_release_and_has_files()
    {
        var file = Sample.File("foo-1.0-py3-none-any.whl") with { AptDependencies = ["libb1", "liba2"] };
        await WriteAsync(Sample.Project(
            "foo",
            Sample.Version("1.0", file),
            Sample.Version("4.0"),
            Sample.Version("3.0rc1", file with { Filename = "foo-3.0rc1-py3-none-any.whl" }),
            Sample.Version("2.0", file with { Filename = "foo-2.0-py3-none-any.whl" }) with { Yanked = true }));
        var page = Html("project/foo/index.html");
        Assert.Equal("1.0", page.QuerySelector("h1 small")!.TextContent.Trim());
        Assert.Equal(
            [
                "sudo apt install liba2 libb1",
                "pip install --prefer-binary --extra-index-url https://wheels.example/simple/ foo",
            ],
            page.QuerySelectorAll(".command code").Select(code => code.TextContent));
    }

    [Fact]
    public async Task Nothing_but_names_of_packages_gets_into_a_command()
    {
        var file = Sample.File("foo-1.0-py3-none-any.whl") with
        {
            AptDependencies = ["; rm -rf ~", "liba1", "$(id)", "--allow-downgrades", "x\ny"],
        };
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0", file)));
        Assert.Equal("sudo apt install liba1",
            Html("project/foo/index.html").QuerySelector(".command code")!.TextContent);
    }

    [Fact]
    public async Task A_state_leads_to_the_log_of_its_build()
    {
        var states = Enum.GetValues<TargetState>().Select((state, number) =>
            new ProjectTarget(
                new Target($"cp{number + 8}", "linux_armv7l"), state, state == TargetState.Fail ? 7 : null));
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0") with { Targets = [.. states] }));
        var page = Html("project/foo/index.html");
        Assert.Equal(
            ["Built", "Failed", "Skipped", "Waiting", "No files", "Upstream has it", "Linked"],
            page.QuerySelectorAll(".state").Select(state => state.TextContent));
        Assert.Equal("/logs/0000/0000/0007.txt.gz", page.QuerySelector("a.state")!.GetAttribute("href"));
        Assert.Equal(
            ["cp8", "cp9", "cp10", "cp11", "cp12", "cp13", "cp14"],
            page.QuerySelectorAll("thead th[title]").Select(th => th.GetAttribute("title")));
    }

    [Fact]
    public async Task A_failure_says_why_and_when_it_is_tried_again()
    {
        var (first, second) = (new Target("cp39", "linux_armv7l"), new Target("cp311", "linux_armv7l"));
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0") with
        {
            Targets =
            [
                new ProjectTarget(first, TargetState.Fail, 7)
                {
                    Failure = new BuildFailure(FailureClass.MissingHeader, "fatal error: libpq-fe.h", "libpq-dev"),
                },
                new ProjectTarget(second, TargetState.Pending, null)
                {
                    Failure = new BuildFailure(FailureClass.Network, ""),
                    RetryAt = new DateTimeOffset(2026, 1, 31, 14, 34, 56, TimeSpan.FromHours(2)),
                },
            ],
        }));
        var reasons = Html("project/foo/index.html").QuerySelectorAll("td .reason");
        Assert.Equal(
            ["a header is missing: libpq-dev", "the network failed, tried again at 2026-01-31 12:34 UTC"],
            reasons.Select(reason => reason.TextContent));
        Assert.Equal("fatal error: libpq-fe.h", reasons[0].GetAttribute("title"));
    }

    [Fact]
    public async Task The_project_json_has_its_documented_shape()
    {
        var file = Sample.File("Foo-1.0-cp311-cp311-linux_armv7l.whl") with
        {
            AptDependencies = ["libb1", "liba2"],
            PipDependencies = ["numpy"],
            RequiresPython = null,
        };
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0", file)));
        Assert.Equal(
            """{"package":"foo","summary":"A package","pypi_url":"https://pypi.org/project/foo","piwheels_url":"https://wheels.example/project/foo","releases":{"1.0":{"released":"2026-01-31 12:34:56","prerelease":false,"yanked":false,"skip_reason":"","files":{"Foo-1.0-cp311-cp311-linux_armv7l.whl":{"file_url":"https://wheels.example/simple/foo/Foo-1.0-cp311-cp311-linux_armv7l.whl","filehash":"HASH","filesize":1234,"builder_abi":"cp311","file_abi_tag":"cp311","platform":"linux_armv7l","requires_python":null,"apt_dependencies":["liba2","libb1"],"pip_dependencies":["numpy"]}}}}}"""
                .Replace("HASH", Sample.Hash, StringComparison.Ordinal),
            await File.ReadAllTextAsync(_folder["project/foo/json/index.json"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Other_spellings_are_links_to_the_project()
    {
        _folder.Write("project/Foo.Bar/somebody.txt", "not a link");
        await WriteAsync(Sample.Project("foo-bar", Sample.Version("1.0")) with
        {
            Aliases = ["Foo_Bar", "../x", "other", "Foo.Bar"],
        });
        Assert.Equal("foo-bar", new FileInfo(_folder["project/Foo_Bar"]).LinkTarget);
        Assert.True(File.Exists(_folder["project/Foo_Bar/index.html"]));
        Assert.True(File.Exists(_folder["project/Foo.Bar/somebody.txt"]));
        Assert.False(File.Exists(_folder["x"]) || Directory.Exists(_folder["project/other"]));
    }

    [Fact]
    public async Task A_page_that_does_not_change_is_not_rewritten()
    {
        var data = Sample.Project("foo", Sample.Version("1.0", Sample.WriteWheel(_folder, "foo-1.0-py3-none-any.whl")));
        await WriteAsync(data);
        var longAgo = new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var pages = _folder.Files().Where(file => !file.Contains(".whl", StringComparison.Ordinal)).ToList();
        foreach (var page in pages) File.SetLastWriteTimeUtc(_folder[page], longAgo);
        await WriteAsync(data with { Versions = [.. data.Versions.Reverse()] });
        Assert.All(pages, page => Assert.Equal(longAgo, File.GetLastWriteTimeUtc(_folder[page])));
    }

    [Fact]
    public async Task A_page_that_does_not_change_stays_the_very_file()
    {
        var data = Sample.Project("foo", Sample.Version("1.0", Sample.WriteWheel(_folder, "foo-1.0-py3-none-any.whl")));
        await WriteAsync(data with { Aliases = ["Foo"] });
        // A second name keeps the file itself from being another's, whatever becomes of the first
        var names = _folder.Files().Where(file => new FileInfo(_folder[file]).LinkTarget is null).ToList();
        var nodes = await NodesAsync(names);
        await WriteAsync(data with { Aliases = ["Foo"] });
        Assert.Equal(nodes, await NodesAsync(names));
        await WriteAsync(data with { Description = "Another" });
        Assert.Equal(
            ["project/foo/index.html", "project/foo/json/index.json"],
            nodes.Except(await NodesAsync(names)).Select(line => line.Split(' ')[1]).Order());
    }

    // Number of the file, and its name
    private async Task<IReadOnlyList<string>> NodesAsync(IEnumerable<string> names)
    {
        var start = new ProcessStartInfo("stat", ["--format=%i %n", .. names])
        {
            WorkingDirectory = _folder.Path,
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        using var stat = Process.Start(start)!;
        var output = await stat.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Theory]
    [InlineData(246, true)]
    [InlineData(247, false)]
    [InlineData(255, false)]
    public async Task A_wheel_whose_name_leaves_no_room_for_a_second_file_is_listed_without_metadata(
        int length, bool hasMetadata)
    {
        const string Rest = "foo-1.0-cp311-cp311-.whl";
        var wheel = Sample.WriteWheel(
            _folder, $"foo-1.0-cp311-cp311-{new string('p', length - Rest.Length)}.whl");
        await WriteAsync(Sample.Project("foo", Sample.Version("1.0", wheel)));
        var link = Assert.Single(Html("simple/foo/index.html").QuerySelectorAll("a"));
        Assert.Equal(wheel.Filename, link.TextContent);
        Assert.Equal(hasMetadata, link.HasAttribute("data-core-metadata"));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../../foo-1.0-py3-none-any.whl")]
    [InlineData("foo/foo-1.0-py3-none-any.whl")]
    [InlineData("foo-1.0-py3-none-any.whl\n")]
    [InlineData("")]
    public async Task What_is_no_name_of_a_file_is_not_listed(string filename)
    {
        await WriteAsync(Sample.Project(
            "foo",
            Sample.Version("1.0", Sample.File("foo-1.0-py3-none-any.whl") with { Filename = filename }),
            Sample.Version("2.0", Sample.File("foo-2.0-py3-none-any.whl"))));
        Assert.Equal(
            ["foo-2.0-py3-none-any.whl"], Html("simple/foo/index.html").QuerySelectorAll("a").Select(a => a.TextContent));
        Assert.Equal(1, Json("simple/foo/index.v1_json").GetProperty("files").GetArrayLength());
    }

    [Fact]
    public async Task Without_an_address_of_its_own_the_site_leads_to_itself()
    {
        var version = Sample.Version("1.0", Sample.File("foo-1.0-py3-none-any.whl"));
        var view = PackageView.Of(Sample.Project("foo", version), armv6Alias: false);
        await PagesFor("").WriteProjectAsync(view);
        var file = Json("project/foo/json/index.json").GetProperty("releases").GetProperty("1.0").GetProperty("files")
            .GetProperty("foo-1.0-py3-none-any.whl");
        Assert.Equal("/simple/foo/foo-1.0-py3-none-any.whl", file.GetProperty("file_url").GetString());
        Assert.Null(Html("project/foo/index.html").QuerySelector("link[rel=canonical]"));
    }
}
