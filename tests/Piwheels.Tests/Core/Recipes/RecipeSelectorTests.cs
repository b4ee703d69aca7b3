using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Xunit;

namespace Piwheels.Tests.Core.Recipes;

public sealed class RecipeSelectorTests
{
    [Theory]
    [InlineData("lxml", "lxml 5.3", true)]
    [InlineData("LXML", "lxml 5.3", true)]
    [InlineData("Foo_Bar", "foo-bar 1", true)]
    [InlineData("lxml", "lxml-html-clean 1", false)]
    [InlineData("lxml*", "lxml-html-clean 1", true)]
    [InlineData("*-gtk", "wx-gtk 1", true)]
    [InlineData("*", "anything 1", true)]
    [InlineData("lxml <5", "lxml 4.9.4", true)]
    [InlineData("lxml<5", "lxml 5.0", false)]
    [InlineData("lxml >=5,<5.2", "lxml 5.1rc1", true)]
    [InlineData("lxml ==5.*", "lxml 5.1", true)]
    [InlineData("lxml <5", "lxml what-is-this", false)]
    [InlineData("lxml", "lxml what-is-this", true)]
    [InlineData("lxml @ cp311-linux_armv7l", "lxml 5", true)]
    [InlineData("lxml @ cp313-linux_armv7l", "lxml 5", false)]
    [InlineData("lxml @ *-linux_riscv64, *-linux_armv7?", "lxml 5", true)]
    [InlineData("* >=2 @ cp3*-*", "lxml 5", true)]
    public void A_section_is_about_names_versions_and_targets(string text, string release, bool isAbout)
    {
        Assert.True(RecipeSelector.TryParse(text, out var selector, out var fault), fault);
        Assert.Equal(isAbout, selector.IsAbout(ReleaseOf(release), new Target("cp311", "linux_armv7l")));
    }

    [Theory]
    [InlineData("", "'' is no package name")]
    [InlineData("a b", "'b' is no set of version clauses")]
    [InlineData("lxml >=x", "'>=x' is no set of version clauses")]
    [InlineData("-lxml", "'-lxml' is no package name")]
    [InlineData("l[x]ml", "'l[x]ml' is no package name")]
    [InlineData("lxml @", "'' is no target")]
    [InlineData("lxml @ cp311", "'cp311' is no target")]
    [InlineData("lxml @ cp311-linux-armv7l", "'cp311-linux-armv7l' is no target")]
    [InlineData("lxml @ cp311-linux_armv7l,", "'' is no target")]
    public void What_is_no_section_is_refused_with_the_reason(string text, string reason)
    {
        Assert.False(RecipeSelector.TryParse(text, out _, out var fault));
        Assert.Contains(reason, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_nasty_pattern_takes_no_time() => Assert.False(Wildcard.Matches(
        string.Concat(Enumerable.Repeat("*a", 100)) + "b", new string('a', PackageName.LengthMax)));

    [Theory]
    [InlineData("", "", true)]
    [InlineData("*", "", true)]
    [InlineData("?", "", false)]
    [InlineData("a*c", "abcbc", true)]
    [InlineData("a*c", "abcb", false)]
    [InlineData("**b?", "abbc", true)]
    public void Stars_are_any_characters_and_marks_are_one(string pattern, string text, bool matches) =>
        Assert.Equal(matches, Wildcard.Matches(pattern, text));

    private static Release ReleaseOf(string text)
    {
        var words = text.Split(' ');
        return new Release(PackageName.Parse(words[0]), words[1]);
    }
}
