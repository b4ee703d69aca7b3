using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class SpecifierSetTests
{
    /// <summary>
    /// Where the library that gave the answers departs from PEP 440: up to release 23 it dropped epochs in prefix
    /// matches, and it takes the prefix of <c>~=</c> from the text as spelled, so that <c>1.2beta.1</c> and
    /// <c>1.2b1</c> differ. Here the PEP is followed; these answers are the opposite of the recorded ones.
    /// </summary>
    private static readonly HashSet<string> Departures = new(StringComparer.Ordinal)
    {
        "~= V0.11, !=7!10.0.9-beta_2",
        ">0!100.10.2.3,==V7!2RC.10,!= 0.0.*",
        "~= V1!10.3.0.DEV11",
        "~= V99999999999.1.2beta.1-10, > 100.11.20240101.9.0.2post1",
        "~=V2004.100.Alpha.1",
        "~= 11.11.9.2-rc.1-1",
    };

    [Fact]
    public void Every_known_specifier_takes_the_versions_that_Python_takes() =>
        PackagingVectors.Check(PackagingVectors.Read("specifiers.jsonl"), 2500, line =>
        {
            var read = SpecifierSet.TryParse(line.Text("spec"), out var set);
            if (read != line.Flag("valid")) return $"valid: {read}";
            if (set is null) return null;
            var version = PackageVersion.Parse(line.Text("version"));
            var departs = Departures.Contains(line.Text("spec"));
            if (set.Contains(version, prereleases: true) != (line.Flag("contains") ^ departs)) return "contains";
            return departs || set.Contains(version) == line.Flag("default") ? null : "default";
        });

    [Theory]
    [InlineData("~=2.2", "2.9", true)]
    [InlineData("~=2.2", "3.0", false)]
    [InlineData("~=2.2.post3", "2.2", false)]
    [InlineData("~=2.2.post3", "2.9", true)]
    [InlineData("~=1!2.2", "2.3", false)]
    [InlineData("==1.1.*", "1.1a1", true)]
    [InlineData("==1.1", "1.1+deb.9", true)]
    [InlineData("==1.1+deb.9", "1.1", false)]
    [InlineData("==1.1+DEB-9", "1.1+deb.9", true)]
    [InlineData("!=1.1.*", "1.1.5", false)]
    [InlineData("<2.0", "2.0rc1", false)]
    [InlineData("<2.0rc2", "2.0rc1", true)]
    [InlineData(">1.7", "1.7.0.post1", false)]
    [InlineData(">1.7", "1.7.1", true)]
    [InlineData(">1.7", "1.7+local", false)]
    [InlineData(">=1.7", "1.7+local", true)]
    [InlineData("===1.0", "1.0.0", false)]
    [InlineData("===1.0RC1", "1.0rc1", true)]
    [InlineData("===foobar", "1.0", false)]
    [InlineData("", "1.0", true)]
    [InlineData(",>1,", "2", true)]
    public void A_clause_is_understood_as_PEP_440_says(string specifier, string version, bool expected) =>
        Assert.Equal(expected, SpecifierSet.Parse(specifier).Contains(PackageVersion.Parse(version), prereleases: true));

    [Theory]
    [InlineData("1.0")]
    [InlineData("=1.0")]
    [InlineData("== ")]
    [InlineData("===")]
    [InlineData("=== a b")]
    [InlineData("~=1")]
    [InlineData("~=1.0+local")]
    [InlineData(">=1.0.*")]
    [InlineData(">1.0+local")]
    [InlineData("==1.0+local.*")]
    [InlineData("==1.0a1.*")]
    [InlineData("==*")]
    [InlineData(">=1 <2")]
    [InlineData(">=1\0")]
    public void What_is_no_specifier_is_refused(string text) => Assert.False(SpecifierSet.TryParse(text, out _));

    [Fact]
    public void Prereleases_are_chosen_where_they_are_named_or_there_is_nothing_else()
    {
        var versions = new[] { "1.0", "2.0a1", "3.0b1" };
        Assert.Equal(["1.0"], Choose(">=1.0", versions));
        Assert.Equal(["2.0a1", "3.0b1"], Choose(">=2.0a1", versions));
        Assert.Equal(["2.0a1", "3.0b1"], Choose(">1.0", versions));
        Assert.Empty(Choose(">4", versions));
    }

    [Fact]
    public void A_text_beyond_the_limit_is_refused_at_once()
    {
        Assert.False(SpecifierSet.TryParse(new string(',', 1 << 20), out _));
        Assert.False(SpecifierSet.TryParse(">=" + new string('1', 1 << 20), out _));
        Assert.True(SpecifierSet.TryParse(new string(',', SpecifierSet.LengthMax), out _));
    }

    private static IEnumerable<string> Choose(string specifier, string[] versions) =>
        SpecifierSet.Parse(specifier).Filter(versions, PackageVersion.Parse);
}
