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
    [InlineData("")]
    public void What_no_name_can_be_is_refused(string entry) =>
        Assert.Throws<FormatException>(() => new FollowedNames([], [entry]));

    [Fact]
    public void A_nasty_pattern_takes_no_time() =>
        Assert.False(new FollowedNames([string.Concat(Enumerable.Repeat("*a", 50)) + "b"], [])
            .Contains(PackageName.Parse(new string('a', PackageName.LengthMax))));

    private static string[] Listed(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
