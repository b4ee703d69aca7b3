using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class CoverageTests
{
    [Theory]
    [InlineData("py3-none-any", "cp39", "linux_aarch64")]
    [InlineData("py2.py3-none-any", "cp311", "linux_armv7l")]
    [InlineData("py3-none-any", "pypy39_pp73", "linux_armv7l")]
    [InlineData("py39-none-any", "cp311", "linux_armv7l")]
    [InlineData("cp311-none-any", "cp311", "linux_armv7l")]
    [InlineData("pp39-none-any", "pypy39_pp73", "linux_armv7l")]
    [InlineData("py3-none-linux_armv7l", "cp37m", "linux_armv7l")]
    [InlineData("cp39-abi3-linux_armv7l", "cp39", "linux_armv7l")]
    [InlineData("cp39-abi3-linux_armv7l", "cp311", "linux_armv7l")]
    [InlineData("cp36-abi3-any", "cp37m", "linux_armv7l")]
    [InlineData("cp311-cp311-linux_armv7l", "cp311", "linux_armv7l")]
    [InlineData("cp37-cp37m-linux_armv7l", "cp37m", "linux_armv7l")]
    [InlineData("cp313-cp313t-linux_armv7l", "cp313t", "linux_armv7l")]
    [InlineData("cp311-cp311-manylinux2014_aarch64", "cp311", "linux_aarch64")]
    [InlineData("cp311-cp311-manylinux1_x86_64", "cp311", "linux_x86_64")]
    [InlineData("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp311", "linux_x86_64")]
    public void A_wheel_runs_on_a_target(string tags, string abi, string platform) =>
        Assert.True(Coverage.Covers(Read(tags), new Target(abi, platform)));

    [Theory]
    [InlineData("py2-none-any", "cp311", "linux_armv7l")]
    [InlineData("py312-none-any", "cp311", "linux_armv7l")]
    [InlineData("cp39-none-any", "cp311", "linux_armv7l")]
    [InlineData("pp39-none-any", "cp39", "linux_armv7l")]
    [InlineData("py3-none-linux_armv7l", "cp311", "linux_aarch64")]
    [InlineData("cp311-abi3-linux_armv7l", "cp39", "linux_armv7l")]
    [InlineData("cp39-abi3-linux_armv7l", "cp313t", "linux_armv7l")]
    [InlineData("cp39-abi3-linux_armv7l", "pypy39_pp73", "linux_armv7l")]
    [InlineData("cp39-abi3-linux_aarch64", "cp311", "linux_armv7l")]
    [InlineData("cp311-cp311-linux_armv7l", "cp312", "linux_armv7l")]
    [InlineData("cp311-cp311-linux_armv7l", "cp311", "linux_armv6l")]
    [InlineData("cp311-cp311-musllinux_1_1_armv7l", "cp311", "linux_armv7l")]
    [InlineData("cp311-cp311-manylinux_x_armv7l", "cp311", "linux_armv7l")]
    [InlineData("cp311-cp311-win_amd64", "cp311", "linux_x86_64")]
    [InlineData("cp37-cp37m-linux_armv7l", "cp37", "linux_armv7l")]
    [InlineData("py3-none-any", "strange", "linux_armv7l")]
    public void A_wheel_does_not_run_on_a_target(string tags, string abi, string platform) =>
        Assert.False(Coverage.Covers(Read(tags), new Target(abi, platform)));

    [Fact]
    public void Wheels_for_armv7_run_on_armv6_where_the_alias_is_on()
    {
        var tags = Read("cp311-cp311-linux_armv7l");
        Assert.True(Coverage.Covers(tags, new Target("cp311", "linux_armv6l"), armv6Alias: true));
        Assert.False(Coverage.Covers(tags, new Target("cp311", "linux_aarch64"), armv6Alias: true));
        Assert.False(Coverage.Covers(Read("cp311-cp311-linux_armv6l"), new Target("cp311", "linux_armv7l"), armv6Alias: true));
    }

    [Fact]
    public void Interpreters_are_ordered_by_number()
    {
        string[] expected = ["cp27mu", "cp37m", "cp39", "cp310", "cp311", "cp313", "cp313t", "pypy39_pp73", "pypy310_pp73", "", "none"];
        Assert.Equal(expected, expected.Reverse().Order(InterpreterTag.Order));
    }

    [Theory]
    [InlineData("cp99999999999")]
    [InlineData("CP311")]
    [InlineData("311")]
    [InlineData("cp")]
    [InlineData("")]
    [InlineData(null)]
    public void What_names_no_interpreter_is_refused(string? text) => Assert.False(InterpreterTag.TryParse(text, out _));

    [Fact]
    public void A_tag_out_of_proportion_is_refused() =>
        Assert.False(InterpreterTag.TryParse("cp3" + new string('x', 1 << 20), out _));

    private static TagSet Read(string tags)
    {
        var parts = tags.Split('-');
        Assert.True(TagSet.TryParse(parts[0], parts[1], parts[2], out var set));
        return set;
    }
}
