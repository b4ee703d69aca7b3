using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class ProjectDescriptionTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("", "")]
    [InlineData(" \n ", "")]
    [InlineData("A thing", "A thing")]
    [InlineData("  A\n\tthing \r\n for\0\u0007things  ", "A thing for things")]
    public void A_description_is_one_clean_line(string? summary, string description) =>
        Assert.Equal(description, ProjectClient.DescriptionOf(summary));

    [Fact]
    public void A_long_one_is_cut_to_two_hundred_characters_with_an_ellipsis_at_the_end()
    {
        var just = new string('x', 200);
        Assert.Equal(just, ProjectClient.DescriptionOf(just));
        Assert.Equal(new string('x', 199) + "…", ProjectClient.DescriptionOf(just + "x"));
    }

    [Fact]
    public void Characters_of_two_units_count_once_and_are_not_torn_apart()
    {
        var wheels = string.Concat(Enumerable.Repeat("🎡", 200));
        Assert.Equal(wheels, ProjectClient.DescriptionOf(wheels));
        Assert.Equal(wheels[..398] + "…", ProjectClient.DescriptionOf(wheels + "🎡"));
    }

    [Fact]
    public void Half_a_character_becomes_a_whole_one() =>
        Assert.Equal("a\ufffdb", ProjectClient.DescriptionOf("a\ud83cb"));
}
