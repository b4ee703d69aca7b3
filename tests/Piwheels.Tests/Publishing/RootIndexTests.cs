using System.Text.Json;
using AngleSharp.Html.Parser;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

public sealed class RootIndexTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RootIndex _root;

    public RootIndexTests()
    {
        foreach (var name in (string[])["b", "a-1", "Not-Canonical"])
            Directory.CreateDirectory(_folder[$"simple/{name}"]);
        Directory.CreateSymbolicLink(_folder["simple/link"], "b");
        _folder.Write("simple/file", "");
        _root = new RootIndex(new SiteFolder(_folder.Path), new WholeFile(flush: false));
        _root.Load();
    }

    public void Dispose() => _folder.Dispose();

    private void Write()
    {
        var list = _root.Settle();
        _root.Write(list);
        _root.Written(list);
    }

    [Fact]
    public void It_begins_with_the_folders_that_are_there()
    {
        Assert.True(_root.IsDirty);
        Write();
        Assert.False(_root.IsDirty);
        AssertLists("a-1", "b");
    }

    [Fact]
    public void A_package_that_comes_or_goes_changes_it()
    {
        Write();
        _root.Add(PackageName.Parse("ab"));
        _root.Add(PackageName.Parse("b"));
        _root.Remove(PackageName.Parse("a-1"));
        _root.Remove(PackageName.Parse("never-was"));
        Assert.True(_root.IsDirty);
        Write();
        AssertLists("ab", "b");
    }

    [Fact]
    public void A_package_that_is_listed_changes_nothing()
    {
        Write();
        _root.Add(PackageName.Parse("b"));
        _root.Add(PackageName.Parse("new"));
        _root.Remove(PackageName.Parse("new"));
        Assert.False(_root.IsDirty);
    }

    [Fact]
    public void What_comes_while_it_is_written_is_written_later()
    {
        var list = _root.Settle();
        _root.Add(PackageName.Parse("late"));
        _root.Write(list);
        _root.Written(list);
        Assert.True(_root.IsDirty);
        Write();
        AssertLists("a-1", "b", "late");
    }

    private void AssertLists(params string[] names)
    {
        var html = new HtmlParser().ParseDocument(File.ReadAllText(_folder["simple/index.html"]));
        Assert.Equal("1.1", html.QuerySelector("meta[name='pypi:repository-version']")!.GetAttribute("content"));
        Assert.Equal(names, html.QuerySelectorAll("a").Select(link => link.TextContent));
        Assert.Equal(names.Select(name => $"/simple/{name}/"),
            html.QuerySelectorAll("a").Select(link => link.GetAttribute("href")));
        using var json = JsonDocument.Parse(File.ReadAllBytes(_folder["simple/index.v1_json"]));
        Assert.Equal("1.1", json.RootElement.GetProperty("meta").GetProperty("api-version").GetString());
        Assert.Equal(
            names,
            json.RootElement.GetProperty("projects").EnumerateArray()
                .Select(project => project.GetProperty("name").GetString()));
    }
}
