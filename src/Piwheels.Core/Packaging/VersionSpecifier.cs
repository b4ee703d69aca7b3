using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>The comparisons of PEP 440.</summary>
public enum VersionOperator
{
    /// <summary><c>~=</c></summary>
    Compatible,

    /// <summary><c>==</c></summary>
    Equal,

    /// <summary><c>!=</c></summary>
    NotEqual,

    /// <summary><c>&lt;=</c></summary>
    LessOrEqual,

    /// <summary><c>&gt;=</c></summary>
    GreaterOrEqual,

    /// <summary><c>&lt;</c></summary>
    Less,

    /// <summary><c>&gt;</c></summary>
    Greater,

    /// <summary><c>===</c>: the same text.</summary>
    Identical,
}

/// <summary>One clause about a version (PEP 440, "Version specifiers"), e.g. <c>&gt;=1.2</c> or <c>==3.*</c>.</summary>
public sealed class VersionSpecifier
{
    // Longer signs first, where one begins with another
    private static readonly (string Sign, VersionOperator Operator)[] Signs =
    [
        ("===", VersionOperator.Identical),
        ("~=", VersionOperator.Compatible),
        ("==", VersionOperator.Equal),
        ("!=", VersionOperator.NotEqual),
        ("<=", VersionOperator.LessOrEqual),
        (">=", VersionOperator.GreaterOrEqual),
        ("<", VersionOperator.Less),
        (">", VersionOperator.Greater),
    ];

    private static readonly SearchValues<char> ClauseEnds = SearchValues.Create(" \t\r\n;),");

    private VersionSpecifier(VersionOperator @operator, string versionText, PackageVersion? version, bool isPrefix)
    {
        Operator = @operator;
        VersionText = versionText;
        Version = version;
        IsPrefix = isPrefix;
    }

    public VersionOperator Operator { get; }

    /// <summary>The version as it was written, <c>.*</c> included.</summary>
    public string VersionText { get; }

    /// <summary>The version, without <c>.*</c>; null where <c>===</c> stands before what is none.</summary>
    public PackageVersion? Version { get; }

    /// <summary>True for <c>==1.2.*</c> and <c>!=1.2.*</c>.</summary>
    public bool IsPrefix { get; }

    /// <summary>Whether the clause names a pre-release itself, and so lets pre-releases in.</summary>
    public bool NamesPrerelease =>
        Operator is not (VersionOperator.NotEqual or VersionOperator.Less or VersionOperator.Greater)
        && Version is { IsPrerelease: true };

    /// <summary>Reads one clause, white space around its parts allowed.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out VersionSpecifier? specifier)
    {
        specifier = null;
        if (text is not { Length: <= SpecifierSet.LengthMax }) return false;
        var rest = text.AsSpan().Trim();
        return TryReadOperator(rest, out var @operator, out var length)
            && TryMake(@operator, rest[length..].TrimStart(), out specifier);
    }

    /// <summary>Finds a comparison at the beginning of a text, and its length.</summary>
    internal static bool TryReadOperator(ReadOnlySpan<char> text, out VersionOperator @operator, out int length)
    {
        foreach (var (sign, meaning) in Signs)
        {
            if (!text.StartsWith(sign)) continue;
            (@operator, length) = (meaning, sign.Length);
            return true;
        }

        (@operator, length) = (default, 0);
        return false;
    }

    /// <summary>Makes a clause of a comparison and a version's text; false where they do not go together.</summary>
    internal static bool TryMake(
        VersionOperator @operator, ReadOnlySpan<char> text, [NotNullWhen(true)] out VersionSpecifier? specifier)
    {
        specifier = null;
        PackageVersion? version;
        if (@operator == VersionOperator.Identical)
        {
            if (text.IsEmpty || text.ContainsAny(ClauseEnds)) return false;
            _ = PackageVersion.TryParse(text, out version);
            specifier = new VersionSpecifier(@operator, text.ToString(), version, isPrefix: false);
            return true;
        }

        var equality = @operator is VersionOperator.Equal or VersionOperator.NotEqual;
        var isPrefix = equality && text.EndsWith(".*");
        if (!PackageVersion.TryParse(isPrefix ? text[..^2] : text, out version)) return false;
        if (!equality && version.Local.Count > 0) return false;
        if (isPrefix && (version.IsPrerelease || version.IsPostrelease || version.Local.Count > 0)) return false;
        if (@operator == VersionOperator.Compatible && version.Release.Count < 2) return false;
        specifier = new VersionSpecifier(@operator, text.ToString(), version, isPrefix);
        return true;
    }

    /// <summary>Whether a version satisfies the clause, pre-releases taken as any other.</summary>
    public bool Contains(PackageVersion version)
    {
        if (Version is null || Operator == VersionOperator.Identical)
        {
            return string.Equals(version.Normal, VersionText, StringComparison.OrdinalIgnoreCase);
        }

        return Operator switch
        {
            VersionOperator.Compatible =>
                version.WithoutLocal() >= Version && StartsWith(version, Version, Version.Release.Count - 1),
            VersionOperator.Equal => Matches(version, Version),
            VersionOperator.NotEqual => !Matches(version, Version),
            VersionOperator.LessOrEqual => version.WithoutLocal() <= Version,
            VersionOperator.GreaterOrEqual => version.WithoutLocal() >= Version,
            VersionOperator.Less => IsLess(version, Version),
            _ => IsGreater(version, Version),
        };
    }

    /// <summary>The clause as it was written, without white space.</summary>
    public override string ToString() => Signs.First(sign => sign.Operator == Operator).Sign + VersionText;

    private bool Matches(PackageVersion version, PackageVersion wanted)
    {
        if (IsPrefix) return StartsWith(version, wanted, wanted.Release.Count);
        return wanted.Local.Count > 0 ? version == wanted : version.WithoutLocal() == wanted;
    }

    private static bool StartsWith(PackageVersion version, PackageVersion wanted, int length)
    {
        if (version.Epoch != wanted.Epoch) return false;
        for (var i = 0; i < length; i++)
        {
            if (VersionOrder.At(version.Release, i) != wanted.Release[i]) return false;
        }

        return true;
    }

    // "<1.0" leaves out 1.0's own pre-releases, unless it names a pre-release itself
    private static bool IsLess(PackageVersion version, PackageVersion bound) =>
        version < bound && !(version.IsPrerelease && !bound.IsPrerelease && SameBase(version, bound));

    // ">1.0" leaves out 1.0's post-releases, unless it names one itself, and its local versions
    private static bool IsGreater(PackageVersion version, PackageVersion bound)
    {
        if (version <= bound) return false;
        if (version.IsPostrelease && !bound.IsPostrelease && SameBase(version, bound)) return false;
        return version.Local.Count == 0 || !SameBase(version, bound);
    }

    private static bool SameBase(PackageVersion left, PackageVersion right) =>
        left.Epoch == right.Epoch && VersionOrder.CompareReleases(left.Release, right.Release) == 0;
}
