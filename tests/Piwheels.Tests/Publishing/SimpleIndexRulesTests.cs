using System.Text;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>Whatever is in the database, the index keeps the rules of the PEPs; and the judge of that can tell.</summary>
public sealed class SimpleIndexRulesTests : IDisposable
{
    private const string Url = "foo-1.0-py3-none-any.whl";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Property(MaxTest = 150)]
    public void Both_forms_of_any_package_keep_the_rules_and_say_the_same(int seed)
    {
        var data = new HostilePackage(new Random(seed)).Data();
        Write(data);
        var html = SimpleIndexRules.PackageOfHtml(File.ReadAllBytes(_folder["simple/foo/index.html"]));
        var json = SimpleIndexRules.PackageOfJson(File.ReadAllBytes(_folder["simple/foo/index.v1_json"]), "foo");
        Assert.Equal(html, json.Select(AsHtmlHasIt));
        var listed = data.Versions
            .SelectMany(version => version.Files.Select(file => file.Filename)
                .Concat(version.Linked.Select(wheel => wheel.Filename)))
            .Where(SiteFolder.IsFilename).ToHashSet();
        Assert.Equal(listed.Order(StringComparer.Ordinal), html.Select(file => file.Filename).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_list_of_all_packages_keeps_the_rules_in_both_forms()
    {
        string[] names = ["0", "a-b", "foo", "foo-bar", "zope-interface", new string('x', PackageName.LengthMax)];
        var list = PackageList.Empty.With(names.Select(PackageName.Parse).ToHashSet(), new HashSet<PackageName>());
        var (html, json) = (new MemoryStream(), new MemoryStream());
        SimpleIndexWriter.WriteRootHtml(html, list);
        SimpleIndexWriter.WriteRootJson(json, list);
        Assert.Equal(names.Order(StringComparer.Ordinal), SimpleIndexRules.RootOfHtml(html.ToArray()));
        Assert.Equal(names.Order(StringComparer.Ordinal), SimpleIndexRules.RootOfJson(json.ToArray()));
    }

    [Theory]
    [InlineData("""<a href="https://wheels.example/x/foo-1.0-py3-none-any.whl#sha256=HASH">foo-1.0-py3-none-any.whl</a>""", true)]
    [InlineData("""<a href="foo-1.0-py3-none-any.whl">foo-1.0-py3-none-any.whl</a>""", false)]
    [InlineData("""<a href="foo-1.0-py3-none-any.whl#sha256=abc">foo-1.0-py3-none-any.whl</a>""", false)]
    [InlineData("""<a href="foo-2.0-py3-none-any.whl#sha256=HASH">foo-1.0-py3-none-any.whl</a>""", false)]
    [InlineData("""<a href="javascript:foo-1.0-py3-none-any.whl#sha256=HASH">foo-1.0-py3-none-any.whl</a>""", false)]
    [InlineData("""<a href="foo-1.0-py3-none-any.whl#sha256=HASH" onclick="x">foo-1.0-py3-none-any.whl</a>""", false)]
    [InlineData("""<a href="foo-1.0-py3-none-any.whl#sha256=HASH" data-core-metadata="x">foo-1.0-py3-none-any.whl</a>""", false)]
    [InlineData("""<a href="foo-1.0-py3-none-any.whl#sha256=HASH">foo-1.0-py3-none-any.whl</a><b>x</b>""", false)]
    [InlineData("""<a href="foo-1.0-py3-none-any.whl#sha256=HASH">foo-1.0-py3-none-any.whl</a><a href="foo-1.0-py3-none-any.whl#sha256=HASH">foo-1.0-py3-none-any.whl</a>""", false)]
    [InlineData("""<a href="foo-1.0-py3-none-any.whl#sha256=HASH" href="x">foo-1.0-py3-none-any.whl</a>""", false)]
    public void The_judge_of_pages_tells_right_from_wrong(string body, bool isRight)
    {
        var page = "<!DOCTYPE html><html><head><meta charset=\"utf-8\">"
            + "<meta name=\"pypi:repository-version\" content=\"1.1\"><title>x</title></head><body>"
            + body.Replace("HASH", Sample.Hash, StringComparison.Ordinal) + "</body></html>";
        var fault = Record.Exception(() => SimpleIndexRules.PackageOfHtml(Encoding.UTF8.GetBytes(page)));
        Assert.True(isRight == fault is null, $"{fault}");
    }

    [Theory]
    [InlineData("", "", true)]
    [InlineData("", ""","size":1""", true)]
    [InlineData("1.1", ""","size":1""", true)]
    [InlineData("1.1", "", false)]
    [InlineData("2.0", ""","size":1""", false)]
    [InlineData("", ""","dist-info-metadata":{"sha256":"HASH"}""", false)]
    [InlineData("", ""","core-metadata":{"sha256":"HASH"}""", true)]
    [InlineData("", ""","core-metadata":{"sha256":"no hash"}""", false)]
    [InlineData("", ""","yanked":null""", false)]
    [InlineData("", ""","upload-time":"2026-01-31T12:34:56.789000Z" """, true)]
    [InlineData("", ""","upload-time":"2026-01-31 12:34:56" """, false)]
    [InlineData("", ""","url":"twice" """, false)]
    public void The_judge_of_json_tells_right_from_wrong(string version, string more, bool isRight)
    {
        var json = """{"meta":{"api-version":"VERSION"},"name":"foo","versions":["1.0"],"files":[{"filename":"URL","url":"URL","hashes":{"sha256":"HASH"}MORE}]}"""
            .Replace("VERSION", version.Length > 0 ? version : "1.0", StringComparison.Ordinal)
            .Replace("MORE", more, StringComparison.Ordinal)
            .Replace("URL", Url, StringComparison.Ordinal)
            .Replace("HASH", Sample.Hash, StringComparison.Ordinal);
        var fault = Record.Exception(() => SimpleIndexRules.PackageOfJson(Encoding.UTF8.GetBytes(json), "foo"));
        Assert.True(isRight == fault is null, $"{fault}");
    }

    private void Write(ProjectData data) =>
        new PagesOfPackage(new SiteFolder(_folder.Path), new WholeFile(false), Sample.Site(), NullLogger.Instance)
            .WriteSimple(PackageView.Of(data, armv6Alias: false));

    // What HTML cannot hold is U+FFFD in it, and one end of line is as another; JSON has it as it was
    private static IndexedFile AsHtmlHasIt(IndexedFile file) => file with
    {
        RequiresPython = file.RequiresPython is { } text ? HostilePackage.AsHtmlHasIt(text) : null,
    };
}
