using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class ListedWheelsTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly string Hash = new('a', 64);

    [Fact]
    public void A_wheel_is_kept_as_the_page_has_it_under_the_version_as_the_farm_spells_it()
    {
        var uploaded = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var file = new IndexFile(
            "foo-1.0.0-cp311-cp311-MANYLINUX_2_31_armv7l.whl",
            new Uri("https://files.example/a%20b/foo.whl?x=1#sha256=" + Hash),
            Hash,
            ">=3.9",
            Yanked: true,
            Metadata: true,
            uploaded,
            Size: 12);
        var wheel = Assert.Single(Of([file], "v1.0", "2.0"));
        Assert.Equal(
            new(
                "v1.0", file.Filename, "https://files.example/a%20b/foo.whl?x=1", Hash, 12, ">=3.9", true, true, uploaded,
                "cp311", "cp311", "manylinux_2_31_armv7l"),
            wheel);
    }

    [Fact]
    public void Two_spellings_of_one_version_have_a_file_once() =>
        Assert.Equal(["1.0"], Of([File("foo-1.0-py3-none-any.whl")], "1.0.0", "1.0").Select(wheel => wheel.Version));

    [Theory]
    [InlineData("foo-2.0-py3-none-any.whl", "https")]
    [InlineData("bar-1.0-py3-none-any.whl", "https")]
    [InlineData("foo-1.0.tar.gz", "https")]
    [InlineData("foo-1.0-py3-none-any.whl", "file")]
    [InlineData("foo-1.0-py3-none-any.whl", "ftp")]
    public void Others_are_left_out(string filename, string scheme) =>
        Assert.Empty(Of([File(filename) with { Url = new Uri($"{scheme}://files.example/{filename}") }], "1.0"));

    [Fact]
    public void What_nobody_could_check_or_keep_is_left_out()
    {
        var good = File("foo-1.0-py3-none-any.whl");
        var manyTags = string.Join('.', Enumerable.Range(5, 10).Select(minor => $"manylinux_2_{minor}_armv7l"));
        Assert.Single(Of([good], "1.0"));
        Assert.Empty(Of([good with { Sha256 = null }], "1.0"));
        Assert.Empty(Of([good with { Url = new Uri("https://files.example/" + new string('a', 2_000)) }], "1.0"));
        Assert.Empty(Of([File($"foo-1.0-cp311-cp311-{manyTags}.whl")], "1.0"));
    }

    private static IndexFile File(string filename) => new(filename, new Uri("https://files.example/" + filename), Hash);

    private static IReadOnlyList<UpstreamWheel> Of(IndexFile[] files, params string[] versions) =>
        ListedWheels.Of(IndexRelease.Of(Foo, new IndexPage(files, null, null)), versions);
}
