using FsCheck;
using FsCheck.Xunit;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class PackageVersionTests
{
    [Fact]
    public void Every_known_version_is_read_as_Python_reads_it() =>
        PackagingVectors.Check(PackagingVectors.Read("versions.jsonl"), 2500, line =>
        {
            var read = PackageVersion.TryParse(line.Text("text"), out var version);
            if (read != line.Flag("valid")) return $"valid: {read}";
            if (version is null) return null;
            if (version.Normal != line.Text("normal")) return version.Normal;
            if (version.Public != line.Text("public")) return version.Public;
            if (version.Base != line.Text("base")) return version.Base;
            return version.IsPrerelease == line.Flag("prerelease") ? null : "prerelease";
        });

    [Fact]
    public void Known_versions_are_ordered_as_Python_orders_them()
    {
        var ranked = PackagingVectors.Read("versions.jsonl").Where(line => line.Flag("valid"))
            .Select(line => (Rank: line.GetProperty("rank").GetInt32(), Version: PackageVersion.Parse(line.Text("text"))))
            .OrderBy(pair => pair.Rank).ToList();

        foreach (var (lower, higher) in ranked.Zip(ranked.Skip(1)))
        {
            Assert.Equal(lower.Rank.CompareTo(higher.Rank), Math.Sign(lower.Version.CompareTo(higher.Version)));
            Assert.Equal(lower.Rank == higher.Rank, lower.Version == higher.Version);
            if (lower.Rank == higher.Rank) Assert.Equal(lower.Version.GetHashCode(), higher.Version.GetHashCode());
        }
    }

    [Fact]
    public void The_normal_form_of_a_version_is_the_same_version()
    {
        foreach (var line in PackagingVectors.Read("versions.jsonl").Where(line => line.Flag("valid")))
        {
            var version = PackageVersion.Parse(line.Text("text"));
            var again = PackageVersion.Parse(version.Normal);
            Assert.Equal(version, again);
            Assert.Equal(version.Normal, again.Normal);
        }
    }

    [Property]
    public bool The_order_is_total(NonNegativeInt first, NonNegativeInt second, NonNegativeInt third)
    {
        var all = Sample.Value;
        var (a, b, c) = (all[first.Get % all.Count], all[second.Get % all.Count], all[third.Get % all.Count]);
        return Math.Sign(a.CompareTo(b)) == -Math.Sign(b.CompareTo(a))
            && (!(a <= b && b <= c) || a <= c)
            && a == b == a.Equals(b);
    }

    [Theory]
    [InlineData("1.0", "v1.0.0")]
    [InlineData("1.0-1", "1.0.post1")]
    [InlineData("1.0a--1", "1.0a0.post1")]
    [InlineData("0!1", "1")]
    [InlineData("1+1", "1+01")]
    [InlineData(" 1.0\n", "1.0")]
    public void Two_spellings_of_a_version_are_equal(string left, string right)
    {
        Assert.Equal(PackageVersion.Parse(left), PackageVersion.Parse(right));
        Assert.True(PackageVersion.SameVersion(left, right));
    }

    [Theory]
    [InlineData("1.0", "1.0.post0")]
    [InlineData("1.0", "1.0+local")]
    [InlineData("1!1", "1")]
    [InlineData("", "1")]
    [InlineData("2004d", "2004e")]
    public void Two_versions_are_not_the_same(string left, string right) =>
        Assert.False(PackageVersion.SameVersion(left, right));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("1.")]
    [InlineData("1..0")]
    [InlineData("1!")]
    [InlineData("!1")]
    [InlineData("1!2!3")]
    [InlineData("1.0+")]
    [InlineData("1.0+a..b")]
    [InlineData("1.0\0")]
    [InlineData("1. 0")]
    [InlineData("1.0poſt1")]
    [InlineData("١.٢")]
    [InlineData("../1.0")]
    public void What_is_no_version_is_refused(string? text) => Assert.False(PackageVersion.TryParse(text, out _));

    [Fact]
    public void Numbers_beyond_64_bits_are_compared_as_numbers()
    {
        var nines = new string('9', 150);
        Assert.True(PackageVersion.Parse($"1.{nines}") < PackageVersion.Parse($"1.1{nines}"));
        Assert.True(PackageVersion.Parse($"1.0{nines}") == PackageVersion.Parse($"1.{nines}"));
    }

    [Fact]
    public void A_text_beyond_the_limit_is_refused_at_once()
    {
        Assert.True(PackageVersion.TryParse(new string('1', PackageVersion.LengthMax), out _));
        Assert.False(PackageVersion.TryParse(new string('1', PackageVersion.LengthMax + 1), out _));
        Assert.False(PackageVersion.TryParse(new string(' ', 1 << 20) + "1", out _));
        Assert.Throws<FormatException>(() => PackageVersion.Parse(new string('1', 1 << 20)));
    }

    private static readonly Lazy<IReadOnlyList<PackageVersion>> Sample = new(() =>
        [.. PackagingVectors.Read("versions.jsonl").Where(l => l.Flag("valid")).Select(l => PackageVersion.Parse(l.Text("text")))]);
}
