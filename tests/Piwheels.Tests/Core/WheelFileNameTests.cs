using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class WheelFileNameTests
{
    [Fact]
    public void Every_known_file_name_is_read_as_Python_reads_it() =>
        PackagingVectors.Check(PackagingVectors.Read("wheel_names.jsonl"), 600, line =>
        {
            var read = WheelFileName.TryParse(line.Text("filename"), out var wheel);
            if (read != line.Flag("valid")) return $"valid: {read}";
            if (wheel is null) return null;
            if (wheel.CanonicalName != line.Text("name")) return wheel.CanonicalName;
            if (wheel.Version.Normal != line.Text("version")) return wheel.Version.Normal;
            var build = string.Concat(line.GetProperty("build").EnumerateArray().Select(part => part.ToString()));
            if ((wheel.Build?.ToString() ?? "") != build) return $"build {wheel.Build}";
            var tags = wheel.Tags.Select(tag => tag.ToString()).Order(StringComparer.Ordinal).ToList();
            return tags.SequenceEqual(line.Texts("tags")) ? null : string.Join(' ', tags);
        });

    [Fact]
    public void The_parts_are_kept_as_they_were_written()
    {
        var wheel = WheelFileName.Parse("Foo_Bar-1.0.0-1a-py2.py3-none-manylinux2014_armv7l.linux_armv7l.whl");

        Assert.Equal("Foo_Bar", wheel.PackageTag);
        Assert.Equal("1.0.0", wheel.VersionTag);
        Assert.Equal("1a", wheel.Build.ToString());
        Assert.Equal("py2.py3", wheel.PythonTag);
        Assert.Equal("none", wheel.AbiTag);
        Assert.Equal("manylinux2014_armv7l.linux_armv7l", wheel.PlatformTag);
        Assert.Equal(PackageName.Parse("foo-bar"), wheel.Package);
        Assert.Equal(4, wheel.Tags.Count);
    }

    [Theory]
    [InlineData("foo.bar", "1.0", true)]
    [InlineData("Foo-Bar", "v1", true)]
    [InlineData("foo-bar", "1.0.1", false)]
    [InlineData("foo-bar", "1.0+local", false)]
    [InlineData("foo", "1.0", false)]
    public void A_wheel_belongs_to_its_release(string package, string version, bool expected)
    {
        var wheel = WheelFileName.Parse("foo_bar-1.0.0-py3-none-any.whl");
        Assert.Equal(expected, wheel.IsOf(new Release(PackageName.Parse(package), version)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".whl")]
    [InlineData("-1.0-py3-none-any.whl")]
    [InlineData("../foo-1.0-py3-none-any.whl")]
    [InlineData("/foo-1.0-py3-none-any.whl")]
    [InlineData("foo-1.0-py3-none-../any.whl")]
    [InlineData("foo-1.0-py3-none-any\0.whl")]
    [InlineData("foo-1.0-py3-none-any.whl\n")]
    [InlineData("foo- 1.0-py3-none-any.whl")]
    [InlineData("foo-1.0-py3--any.whl")]
    [InlineData("foo-1.0-py3-none-any..linux.whl")]
    [InlineData("foo-1.0-py3-none-any.WHL")]
    [InlineData("foo-1.0-b1-py3-none-any.whl")]
    [InlineData("foo-1.0-1-2-py3-none-any.whl")]
    [InlineData("föö-1.0-py3-none-any.whl")]
    public void What_is_no_plain_wheel_name_is_refused(string text) => Assert.False(WheelFileName.TryParse(text, out _));

    [Fact]
    public void Names_and_tag_sets_out_of_proportion_are_refused()
    {
        Assert.False(WheelFileName.TryParse(new string('a', 1 << 20) + "-1-py3-none-any.whl", out _));
        var many = string.Join('.', Enumerable.Range(0, 15));
        Assert.False(WheelFileName.TryParse($"a-1-{many}-{many}-{many}.whl", out _));
    }
}
