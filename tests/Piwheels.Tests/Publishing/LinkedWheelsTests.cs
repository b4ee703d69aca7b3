using System.Text.Json;
using AngleSharp.Html.Parser;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>Upstream's own wheels in a package's pages.</summary>
public sealed class LinkedWheelsTests : IDisposable
{
    private static readonly UpstreamWheel Linked = new(
        "1.0", "foo-1.0-py3-none-any.whl", "https://files.example/a%26b/foo-1.0-py3-none-any.whl", new string('b', 64), 99,
        "<4,>=3.9", Yanked: true, Metadata: true, Sample.Day, "py3", "none", "any");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_installer_is_sent_to_upstreams_file_with_its_hash()
    {
        await WriteAsync(Version(Linked));
        var page = new HtmlParser().ParseDocument(File.ReadAllText(_folder["simple/foo/index.html"]));
        var link = Assert.Single(page.QuerySelectorAll("a"));
        Assert.Equal($"{Linked.Url}#sha256={Linked.FileHash}", link.GetAttribute("href"));
        Assert.Equal("<4,>=3.9", link.GetAttribute("data-requires-python"));
        Assert.Equal("", link.GetAttribute("data-yanked"));
        Assert.Equal("true", link.GetAttribute("data-core-metadata"));

        var json = Json();
        Assert.Equal("1.1", json.GetProperty("meta").GetProperty("api-version").GetString());
        Assert.Equal(["1.0"], json.GetProperty("versions").EnumerateArray().Select(version => version.GetString()));
        Assert.Equal(
            """
            {"filename":"foo-1.0-py3-none-any.whl","url":"https://files.example/a%26b/foo-1.0-py3-none-any.whl",
            "hashes":{"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
            "requires-python":"<4,>=3.9","size":99,"upload-time":"2026-01-31T12:34:56.789000Z","yanked":true,
            "core-metadata":true}
            """.ReplaceLineEndings(""),
            Assert.Single(json.GetProperty("files").EnumerateArray()).GetRawText()
                .Replace("\\u003C", "<", StringComparison.Ordinal).Replace("\\u003E", ">", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(99L, "99")]
    [InlineData(null, "null")]
    public async Task Programs_are_told_of_it_too(long? size, string told)
    {
        var own = Sample.WriteWheel(_folder, "foo-1.0-cp311-cp311-linux_armv7l.whl");
        await WriteAsync(Sample.Version("1.0", own) with
        {
            Linked = [Linked with { FileSize = size }, Linked with { Filename = own.Filename }],
        });
        var files = JsonDocument.Parse(File.ReadAllBytes(_folder["project/foo/json/index.json"])).RootElement
            .GetProperty("releases").GetProperty("1.0").GetProperty("files");
        Assert.Equal([own.Filename, Linked.Filename], files.EnumerateObject().Select(file => file.Name));
        Assert.Equal(own.FileHash, files.GetProperty(own.Filename).GetProperty("filehash").GetString());
        Assert.Equal(
            $$"""
            {"file_url":"https://files.example/a%26b/foo-1.0-py3-none-any.whl",
            "filehash":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","filesize":{{told}},
            "builder_abi":null,"file_abi_tag":"none","platform":"any","requires_python":"<4,>=3.9",
            "apt_dependencies":[],"pip_dependencies":[]}
            """.ReplaceLineEndings(""),
            files.GetProperty(Linked.Filename).GetRawText()
                .Replace("\\u003C", "<", StringComparison.Ordinal).Replace("\\u003E", ">", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_upstream_does_not_tell_is_not_said_and_the_list_claims_no_sizes()
    {
        await WriteAsync(Version(Linked with
        {
            FileSize = null,
            RequiresPython = null,
            Yanked = false,
            Metadata = false,
            Uploaded = null,
        }));
        var json = Json();
        Assert.Equal("1.0", json.GetProperty("meta").GetProperty("api-version").GetString());
        Assert.Equal(
            ["filename", "url", "hashes", "yanked"],
            Assert.Single(json.GetProperty("files").EnumerateArray()).EnumerateObject().Select(field => field.Name));
        Assert.DoesNotContain("metadata=", File.ReadAllText(_folder["simple/foo/index.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_project_page_says_what_is_linked_what_upstream_has_and_what_is_built()
    {
        var arm = new Target("cp313", "linux_armv7l");
        await WriteAsync(
            Version(Linked) with { Targets = [new ProjectTarget(Sample.Pi, TargetState.Linked, null)] },
            Sample.Version("0.9") with
            {
                Targets =
                [
                    new ProjectTarget(Sample.Pi, TargetState.Upstream, null),
                    new ProjectTarget(arm, TargetState.Success, 1),
                ],
            });
        var page = new HtmlParser().ParseDocument(File.ReadAllText(_folder["project/foo/index.html"]));
        Assert.Equal(
            ["Linked", "Upstream has it", "Built"], page.QuerySelectorAll(".state").Select(state => state.TextContent));
        var file = Assert.Single(page.QuerySelectorAll("tr.files li"));
        Assert.Equal($"{Linked.Url}#sha256={Linked.FileHash}", file.QuerySelector("a")!.GetAttribute("href"));
        Assert.Equal("99\u00a0bytes, upstream's own", file.QuerySelector(".quiet")!.TextContent);
        Assert.Contains("1.0", page.QuerySelector("h1")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_here_by_the_same_name_is_the_one_that_is_listed()
    {
        var own = Sample.WriteWheel(_folder, Linked.Filename);
        await WriteAsync(Sample.Version("1.0", own) with { Linked = [Linked] });
        var file = Assert.Single(Json().GetProperty("files").EnumerateArray());
        Assert.Equal(own.FileHash, file.GetProperty("hashes").GetProperty("sha256").GetString());
    }

    private static ProjectVersion Version(UpstreamWheel wheel) => Sample.Version(wheel.Version) with { Linked = [wheel] };

    private JsonElement Json() => JsonDocument.Parse(File.ReadAllBytes(_folder["simple/foo/index.v1_json"])).RootElement;

    private async Task WriteAsync(params ProjectVersion[] versions)
    {
        var pages = new PagesOfPackage(
            new SiteFolder(_folder.Path), new WholeFile(flush: false), Sample.Site(), NullLogger.Instance);
        var view = PackageView.Of(Sample.Project("foo", versions), armv6Alias: false);
        await pages.WriteProjectAsync(view);
        pages.WriteSimple(view);
    }
}
