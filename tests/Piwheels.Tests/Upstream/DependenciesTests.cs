using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class DependenciesTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    [Fact]
    public void A_requirement_counts_where_its_marker_holds()
    {
        string[] requires =
        [
            "a",
            "b>=2; python_version < '3.10'",
            "c; python_version < '3.9'",
            "d; sys_platform == 'win32'",
            "e; platform_machine == 'armv7l' and python_version >= '3.11'",
            "f; implementation_name == 'pypy' or platform_python_implementation == 'PyPy'",
        ];
        Assert.Equal(["a", "b>=2"], On("cp39", "linux_armv7l", requires));
        Assert.Equal(["a", "e"], On("cp311", "linux_armv7l", requires));
        Assert.Equal(["a"], On("cp311", "linux_aarch64", requires));
        Assert.Equal(["a", "b>=2", "f"], On("pypy39_pp73", "linux_x86_64", requires));
        Assert.Equal(["a"], Dependencies.Of(Foo, Dependencies.Read(requires), [], environment: null).Select(d => d.Text));
    }

    [Fact]
    public void Extras_bring_theirs_only_when_asked_for()
    {
        string[] requires = ["a", "b; extra == 'tls'", "c; extra == 'Big_Data' and python_version >= '3'"];
        Assert.Equal(["a"], Of([], requires));
        Assert.Equal(["a", "b"], Of(["TLS"], requires));
        Assert.Equal(["a", "b", "c"], Of(["tls", "big.data"], requires));
    }

    [Fact]
    public void An_extra_may_ask_for_others_of_the_same_project() =>
        Assert.Equal(
            ["a", "b"],
            Of(
                ["all"],
                "foo[x,y]; extra == 'all'",
                "a; extra == 'x'",
                "Foo[z]; extra == 'y'",
                "b; extra == 'z'",
                "c; extra == 'w'"));

    [Fact]
    public void What_is_no_requirement_or_not_for_an_index_is_told()
    {
        var refused = new List<string>();
        var all = Dependencies.Read(["a", "b @ https://example.com/b.tar.gz", "c (=> 1)"], refused.Add);
        Assert.Equal("a", Assert.Single(all).Text);
        Assert.Equal(["b @ https://example.com/b.tar.gz", "c (=> 1)"], refused);
    }

    [Theory]
    [InlineData("a", "a", "a")]
    [InlineData("a>=1", "A<3", "a>=1,<3")]
    [InlineData("a>=1,<3", "a<3,>=1", "a>=1,<3")]
    [InlineData("a[X_y]>=1", "a[b,x-Y]", "a[b,x-y]>=1")]
    [InlineData("a; python_version < '3'", "a>1; extra == 'x'", "a>1")]
    public void Two_requirements_make_one_that_asks_for_both(string first, string second, string both) =>
        Assert.Equal(both, Dependencies.Merge(Requirement.Parse(first), Requirement.Parse(second))?.ToString());

    [Fact]
    public void A_merged_requirement_has_a_longest_length()
    {
        var many = string.Join(',', Enumerable.Range(0, 300).Select(i => $"!=1.{i}"));
        var more = many.Replace("1.", "2.", StringComparison.Ordinal);
        Assert.Null(Dependencies.Merge(Requirement.Parse("a>1"), Requirement.Parse($"a{many},{more}")));
    }

    private static IEnumerable<string> Of(string[] extras, params string[] requiresDist) =>
        Dependencies.Of(Foo, Dependencies.Read(requiresDist), extras, Environment("cp311", "linux_armv7l"))
            .Select(d => d.Text);

    private static IEnumerable<string> On(string abi, string platform, string[] requiresDist) =>
        Dependencies.Of(Foo, Dependencies.Read(requiresDist), [], Environment(abi, platform)).Select(d => d.Text);

    private static MarkerEnvironment? Environment(string abi, string platform) =>
        MarkerEnvironment.ForTarget(new Target(abi, platform));
}
