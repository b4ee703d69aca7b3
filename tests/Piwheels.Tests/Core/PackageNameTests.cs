using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class PackageNameTests
{
    [Fact]
    public void Every_known_name_has_the_canonical_form_of_PEP_503() =>
        PackagingVectors.Check(PackagingVectors.Read("names.jsonl"), 500, line =>
        {
            var canonical = PackageName.Canonicalize(line.Text("name"));
            return canonical == line.Text("canonical") ? null : $"became {canonical}";
        });

    [Theory]
    [InlineData("Foo.Bar__baz", "foo-bar-baz")]
    [InlineData("a", "a")]
    [InlineData("0", "0")]
    [InlineData("zope.interface", "zope-interface")]
    public void A_name_by_PEP_508_is_taken(string text, string canonical)
    {
        Assert.True(PackageName.TryParse(text, out var name));
        Assert.Equal(canonical, name.Value);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-a")]
    [InlineData("a-")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("a\0")]
    [InlineData("a\n")]
    [InlineData("naïve")]
    [InlineData("ſ")]
    [InlineData("٣")]
    public void Anything_else_is_no_name(string? text) => Assert.False(PackageName.TryParse(text, out _));

    [Fact]
    public void A_name_longer_than_the_database_holds_is_refused()
    {
        Assert.True(PackageName.TryParse(new string('a', PackageName.LengthMax), out _));
        Assert.False(PackageName.TryParse(new string('a', PackageName.LengthMax + 1), out _));
        Assert.False(PackageName.TryParse(new string('a', 1 << 20), out _));
    }
}
