using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class UpstreamEffectTests
{
    private static readonly DateTimeOffset At = new(2024, 2, 29, 12, 0, 0, TimeSpan.Zero);
    private static readonly PackageName Foo = PackageName.Parse("foo-bar");
    private static readonly Release Foo1 = new(Foo, "1.0");

    [Fact]
    public void A_create_registers_the_project_under_its_spelling() =>
        Assert.Equal(new UpstreamEffect.Created(Foo, "Foo_Bar", At), Of("Foo_Bar", null, "create"));

    [Theory]
    [InlineData("add source file Foo_Bar-1.0.tar.gz", true)]
    [InlineData("add cp311 file Foo_Bar-1.0-cp311-cp311-linux_x86_64.whl", false)]
    [InlineData("add py2.py3 file Foo_Bar-1.0-py2.py3-none-any.whl", false)]
    [InlineData("add any file Foo_Bar-1.0.exe", false)]
    public void A_file_tells_whether_it_is_source(string action, bool source) =>
        Assert.Equal(new UpstreamEffect.FileAdded(Foo1, "Foo_Bar", source, At), Of("Foo_Bar", "1.0", action));

    [Fact]
    public void Removals_are_of_a_project_or_of_a_release()
    {
        Assert.Equal(new UpstreamEffect.PackageRemoved(Foo), Of("foo-bar", null, "remove project"));
        Assert.Equal(new UpstreamEffect.VersionRemoved(Foo1), Of("foo-bar", "1.0", "remove release"));
        Assert.Equal(new UpstreamEffect.PackageRemoved(Foo), Of("foo-bar", null, "remove"));
        Assert.Equal(new UpstreamEffect.VersionRemoved(Foo1), Of("foo-bar", "1.0", "remove"));
    }

    [Fact]
    public void Yanks_go_both_ways()
    {
        Assert.Equal(new UpstreamEffect.YankChanged(Foo1, true), Of("foo-bar", "1.0", "yank release"));
        Assert.Equal(new UpstreamEffect.YankChanged(Foo1, false), Of("foo-bar", "1.0", "unyank release"));
    }

    [Theory]
    [InlineData("new release", "1.0")]
    [InlineData("add Owner somebody", null)]
    [InlineData("add source file ", "1.0")]
    [InlineData("add  file x.tar.gz", "1.0")]
    [InlineData("add file x.tar.gz", "1.0")]
    [InlineData("remove file foo-1.0.tar.gz", "1.0")]
    [InlineData("docupdate", null)]
    [InlineData("", null)]
    [InlineData("CREATE", null)]
    public void Everything_else_is_passed_over(string action, string? version)
    {
        Assert.IsType<UpstreamEffect.PassedOver>(Of("foo-bar", version, action));
        // Also under a name that is none: nobody wants to read of it
        Assert.IsType<UpstreamEffect.PassedOver>(Of("../foo", version, action));
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("foo bar")]
    [InlineData("foo\0")]
    [InlineData("-foo")]
    [InlineData("föö")]
    [InlineData("<script>")]
    public void A_hostile_name_is_refused(string name) =>
        Assert.IsType<UpstreamEffect.Refused>(Of(name, null, "create"));

    [Fact]
    public void A_name_longer_than_the_database_holds_is_refused()
    {
        Assert.IsType<UpstreamEffect.Created>(Of(new string('a', PackageName.LengthMax), null, "create"));
        Assert.IsType<UpstreamEffect.Refused>(Of(new string('a', PackageName.LengthMax + 1), null, "create"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1.0/../../x")]
    [InlineData("..")]
    [InlineData("1\\2")]
    [InlineData("1.0\n2.0")]
    [InlineData("1.0 --index-url=http://example.com")]
    [InlineData("-rfile")]
    public void A_hostile_version_is_refused(string? version) =>
        Assert.IsType<UpstreamEffect.Refused>(Of("foo", version, "add source file foo.tar.gz"));

    [Fact]
    public void A_version_longer_than_the_database_holds_is_refused()
    {
        var longest = new string('1', Release.VersionLengthMax);
        Assert.IsType<UpstreamEffect.FileAdded>(Of("foo", longest, "add source file f"));
        Assert.IsType<UpstreamEffect.Refused>(Of("foo", longest + "1", "add source file f"));
    }

    [Theory]
    [InlineData("2004-11-03")]
    [InlineData("1.0-SNAPSHOT")]
    [InlineData("dev")]
    [InlineData("1.0+local.1")]
    public void A_version_of_before_PEP_440_is_taken(string version) =>
        Assert.Equal(
            new UpstreamEffect.FileAdded(new Release(PackageName.Parse("foo"), version), "foo", true, At),
            Of("foo", version, "add source file foo.tar.gz"));

    private static UpstreamEffect Of(string name, string? version, string action) =>
        UpstreamEffect.Of(new PypiEvent(name, version, At, action, 1));
}
