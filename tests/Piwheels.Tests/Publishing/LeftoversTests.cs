using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>What a master leaves that is killed while it writes.</summary>
public sealed class LeftoversTests : IDisposable
{
    private const string Left = ".page-0123456789abcdef.tmp";

    private readonly TemporaryFolder _folder = new();
    private readonly SiteFolder _site;

    public LeftoversTests() => _site = new SiteFolder(_folder.Path);

    public void Dispose() => _folder.Dispose();

    private IEnumerable<string> Leftovers() =>
        _folder.Files().Where(file => Path.GetFileName(file).StartsWith(".page-", StringComparison.Ordinal));

    [Theory]
    [InlineData("")]
    [InlineData("static/")]
    [InlineData("simple/")]
    [InlineData("logs/0000/0123/")]
    [InlineData("logs/0000/0122/")]
    [InlineData("logs/0001/0000/", "logs/0000/9999/")]
    public async Task A_start_removes_them_from_wherever_they_can_be(params string[] folders)
    {
        foreach (var folder in folders) _folder.Write(folder + Left, "half");
        _folder.Write("logs/0000/0001/" + "0001.txt.gz", "a log");
        await new SitePages(_site, new WholeFile(flush: false), Sample.Site()).WriteFixedAsync();
        Assert.Empty(Leftovers());
        Assert.True(File.Exists(_folder["logs/0000/0001/0001.txt.gz"]));
    }

    [Fact]
    public async Task Pages_that_are_written_remove_their_own_even_if_they_are_links()
    {
        _folder.Write("simple/foo/" + Left, "half");
        _folder.Write("project/foo/json/" + Left, "half");
        _folder.Write("simple/other/" + Left, "being written now");
        File.CreateSymbolicLink(_folder["project/" + Left + ".not"], "foo");
        Directory.CreateDirectory(_folder["project/foo"]);
        File.CreateSymbolicLink(_folder["project/foo/" + Left], "../foo");
        var view = PackageView.Of(Sample.Project("foo"), armv6Alias: false);
        var pages = new PagesOfPackage(_site, new WholeFile(flush: false), Sample.Site(), NullLogger.Instance);
        await pages.WriteProjectAsync(view);
        pages.WriteSimple(view);
        Assert.Equal(["project/" + Left + ".not", "simple/other/" + Left], Leftovers());
    }

    [Fact]
    public void A_package_that_is_removed_takes_its_own_with_it()
    {
        foreach (var folder in (string[])["simple/foo/", "project/foo/", "project/foo/json/"])
            _folder.Write(folder + Left, "half");
        new PackageRemoval(_site, NullLogger.Instance).RemovePackage(PackageName.Parse("foo"), []);
        Assert.Empty(_folder.Files());
    }

    [Fact]
    public void An_operators_own_file_of_such_a_beginning_stays()
    {
        _folder.Write(".page-notes.txt", "mine");
        Master.Publishing.Leftovers.RemoveFromSite(_site, []);
        Assert.Equal([".page-notes.txt"], _folder.Files());
    }
}
