using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

public sealed class SiteFolderTests
{
    private static readonly SiteFolder Site = new("/srv/site");
    private static readonly PackageName Foo = PackageName.Parse("foo-bar");

    [Theory]
    [InlineData(0, "/logs/0000/0000/0000.txt.gz")]
    [InlineData(123_456_789, "/logs/0001/2345/6789.txt.gz")]
    [InlineData(999_999_999_999, "/logs/9999/9999/9999.txt.gz")]
    [InlineData(1_000_000_000_000, "/logs/10000/0000/0000.txt.gz")]
    public void A_log_lies_where_its_build_says(long build, string path) =>
        Assert.Equal(path, SiteFolder.LogPath(build));

    [Fact]
    public void A_build_below_zero_has_no_log() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SiteFolder.LogPath(-1));

    [Theory]
    [InlineData("Foo_Bar")]
    [InlineData("foo.bar")]
    [InlineData("foo..bar")]
    public void Another_spelling_is_an_alias(string spelling) =>
        Assert.Equal($"/srv/site/project/{spelling}", Site.AliasOf(Foo, spelling));

    [Theory]
    [InlineData("foo-bar")]
    [InlineData("foo")]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../foo-bar")]
    [InlineData("foo-bar/..")]
    [InlineData("foo-bar\0")]
    [InlineData("foo-bar\n")]
    public void What_is_no_other_spelling_is_no_alias(string spelling) =>
        Assert.Throws<ArgumentException>(() => Site.AliasOf(Foo, spelling));

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData(".hidden.whl")]
    [InlineData("../../etc/passwd")]
    [InlineData("a/b.whl")]
    [InlineData("a\\b.whl")]
    [InlineData("a\0.whl")]
    [InlineData("a\n.whl")]
    [InlineData("a\ud800.whl")]
    [InlineData("a\ufdd0.whl")]
    public void A_file_name_leads_nowhere_else(string filename) =>
        Assert.Throws<ArgumentException>(() => Site.FileOf(Foo, filename));

    [Fact]
    public void A_package_without_a_name_has_no_folder()
    {
        Assert.Throws<ArgumentException>(() => Site.SimpleOf(default));
        Assert.Throws<ArgumentException>(() => Site.ProjectOf(default));
    }

    [Fact]
    public void A_link_in_the_place_of_a_folder_is_replaced()
    {
        using var temporary = new TemporaryFolder();
        var site = new SiteFolder(temporary.Path);
        temporary.Write("simple/other/file.whl", "other's");
        File.CreateSymbolicLink(site.SimpleOf(Foo), "other");

        site.Ensure(site.SimpleOf(Foo));

        Assert.Null(new DirectoryInfo(site.SimpleOf(Foo)).LinkTarget);
        Assert.True(Directory.Exists(site.SimpleOf(Foo)));
        Assert.True(File.Exists(temporary["simple/other/file.whl"]));
    }
}
