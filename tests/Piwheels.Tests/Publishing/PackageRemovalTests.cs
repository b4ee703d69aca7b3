using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

public sealed class PackageRemovalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly PackageRemoval _removal;
    private readonly PackageName _foo = PackageName.Parse("foo");

    public PackageRemovalTests()
    {
        _removal = new PackageRemoval(new SiteFolder(_folder.Path), NullLogger.Instance);
        foreach (var path in (string[])
        [
            "simple/index.html", "simple/foo/index.html", "simple/foo/index.v1_json",
            "simple/foo/foo-1.0-py3-none-any.whl",
            "simple/foo/foo-1.0-py3-none-any.whl.metadata", "simple/foo/foo-2.0-py3-none-any.whl",
            "simple/foo-bar/index.html",
            "project/foo/index.html", "project/foo/json/index.json", "project/foo-bar/index.html",
        ]) _folder.Write(path, "");
        File.CreateSymbolicLink(_folder["project/Foo"], "foo");
        File.CreateSymbolicLink(_folder["project/FOO"], "foo-bar");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_package_goes_with_its_pages_and_aliases_and_nothing_else_does()
    {
        _removal.RemovePackage(_foo, ["Foo", "FOO", "foo-bar", "../simple"]);
        Assert.Equal(
            ["project/FOO", "project/foo-bar/index.html", "simple/foo-bar/index.html", "simple/index.html"],
            _folder.Files());
        Assert.False(Directory.Exists(_folder["simple/foo"]) || Directory.Exists(_folder["project/foo"]));
    }

    [Fact]
    public void What_is_not_the_packages_own_stays_with_its_folder()
    {
        _folder.Write("simple/foo/notes.txt", "somebody's");
        _folder.Write("project/foo/sub/folder/file", "somebody's");
        _removal.RemovePackage(_foo, []);
        Assert.True(File.Exists(_folder["simple/foo/notes.txt"]));
        Assert.True(File.Exists(_folder["project/foo/sub/folder/file"]));
        Assert.False(File.Exists(_folder["simple/foo/index.html"]));
    }

    [Fact]
    public void A_package_without_a_name_removes_nothing()
    {
        var before = _folder.Files();
        Assert.Throws<ArgumentException>(() => _removal.RemovePackage(default, []));
        Assert.Throws<ArgumentException>(() => _removal.RemoveVersion(default, []));
        Assert.Equal(before, _folder.Files());
    }

    [Fact]
    public void A_folder_that_is_a_link_is_not_followed()
    {
        File.CreateSymbolicLink(_folder["simple/linked"], "foo");
        File.CreateSymbolicLink(_folder["project/linked"], "foo");
        var before = _folder.Files();
        _removal.RemoveVersion(new Release(PackageName.Parse("linked"), "1.0"), ["foo-1.0-py3-none-any.whl"]);
        Assert.Equal(before, _folder.Files());
        _removal.RemovePackage(PackageName.Parse("linked"), []);
        Assert.Equal(before.Where(file => !file.EndsWith("/linked", StringComparison.Ordinal)), _folder.Files());
    }

    [Fact]
    public void Removing_what_is_gone_does_nothing()
    {
        var before = _folder.Files();
        _removal.RemovePackage(PackageName.Parse("never-was"), ["Never_Was"]);
        Assert.Equal(before, _folder.Files());
    }

    [Fact]
    public void A_version_goes_with_its_wheels_metadata_and_second_names()
    {
        _folder.Write("simple/foo/foo-1.0-cp311-cp311-linux_armv7l.whl", "");
        File.CreateSymbolicLink(
            _folder["simple/foo/foo-1.0-cp311-cp311-linux_armv6l.whl"], "foo-1.0-cp311-cp311-linux_armv7l.whl");
        _removal.RemoveVersion(new Release(_foo, "1.0.0"), []);
        Assert.Equal(
            ["simple/foo/foo-2.0-py3-none-any.whl", "simple/foo/index.html", "simple/foo/index.v1_json"],
            _folder.Files().Where(file => file.StartsWith("simple/foo/", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_file_that_the_database_names_goes_even_if_its_name_says_otherwise()
    {
        _removal.RemoveVersion(new Release(_foo, "0.5-odd"),
            ["foo-2.0-py3-none-any.whl", "../foo-bar/index.html", "index.html"]);
        Assert.False(File.Exists(_folder["simple/foo/foo-2.0-py3-none-any.whl"]));
        Assert.True(File.Exists(_folder["simple/foo/foo-1.0-py3-none-any.whl"]));
        Assert.True(File.Exists(_folder["simple/foo/index.html"]));
        Assert.True(File.Exists(_folder["simple/foo-bar/index.html"]));
    }
}
