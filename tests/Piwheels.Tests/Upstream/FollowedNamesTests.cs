using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class FollowedNamesTests
{
    [Theory]
    [InlineData("", "", "anything", true)]
    [InlineData("numpy", "", "numpy", true)]
    [InlineData("numpy", "", "numpy-stubs", false)]
    [InlineData("Foo.Bar", "", "foo-bar", true)]
    [InlineData("django-*", "", "django-rest", true)]
    [InlineData("Django_*", "", "django-rest", true)]
    [InlineData("django-*", "", "django", false)]
    [InlineData("*-stubs types-*", "", "types-six", true)]
    [InlineData("?.y", "", "x-y", true)]
    [InlineData("?.y", "", "xx-y", false)]
    [InlineData("", "tensor*", "tensorflow", false)]
    [InlineData("", "tensor*", "numpy", true)]
    [InlineData("tensor*", "tensorflow-gpu", "tensorflow", true)]
    [InlineData("tensor*", "tensorflow-gpu", "tensorflow-gpu", false)]
    public void A_name_is_followed_when_allowed_and_not_blocked(
        string allowed, string blocked, string name, bool followed) =>
        Assert.Equal(followed, new FollowedNames(Listed(allowed), Listed(blocked)).Contains(PackageName.Parse(name)));

    [Theory]
    [InlineData("foo bar")]
    [InlineData("[a-z]+")]
    [InlineData("foo>=1")]
    [InlineData("-foo")]
    [InlineData("")]
    public void What_no_name_can_be_is_refused(string entry) =>
        Assert.Throws<FormatException>(() => new FollowedNames([], [entry]));

    [Fact]
    public void A_nasty_pattern_takes_no_time() =>
        Assert.False(new FollowedNames([string.Concat(Enumerable.Repeat("*a", 50)) + "b"], [])
            .Contains(PackageName.Parse(new string('a', PackageName.LengthMax))));

    [Fact]
    public void What_is_longer_than_any_name_is_refused() => Assert.Throws<FormatException>(
        () => new FollowedNames([new string('x', PackageName.LengthMax) + "*"], []));

    [Fact]
    public void The_lists_are_kept_in_one_spelling_and_order()
    {
        var names = new FollowedNames(["Foo.Bar", "b*", "foo_bar"], ["X"]);
        Assert.Equal(["b*", "foo-bar"], names.Lists.Only);
        Assert.Equal(["x"], names.Lists.Never);
        Assert.Equal(names.Lists.Only, new FollowedNames(names.Lists).Lists.Only);
    }

    [Fact]
    public void Names_without_wildcards_are_known_without_an_index()
    {
        Assert.Equal([PackageName.Parse("a"), PackageName.Parse("b")], new FollowedNames(["b", "A"], ["b"]).Named);
        Assert.Null(new FollowedNames(["b", "a*"], []).Named);
        Assert.Null(FollowedNames.All.Named);
    }

    [Theory]
    [InlineData("", "", "", "", true)]
    [InlineData("a", "", "", "", true)]
    [InlineData("a", "", "a b*", "", true)]
    [InlineData("", "x*", "", "", true)]
    [InlineData("a", "x y", "a", "x", true)]
    [InlineData("", "", "a", "", false)]
    [InlineData("a c", "", "a", "", false)]
    [InlineData("a", "", "a", "x", false)]
    [InlineData("", "y", "", "x", false)]
    public void Lists_tell_whether_others_contain_all_that_they_do(
        string only, string never, string othersOnly, string othersNever, bool among) => Assert.Equal(
            among,
            new FollowedNames(Listed(only), Listed(never))
                .AreAmong(new FollowedNames(Listed(othersOnly), Listed(othersNever))));

    private static string[] Listed(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
