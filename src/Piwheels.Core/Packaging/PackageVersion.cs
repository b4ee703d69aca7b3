using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Piwheels.Core.Packaging;

/// <summary>
/// A version by PEP 440. Two spellings of one version are equal (<c>1.0</c> and <c>v1.0.0</c>); the order is that of
/// the PEP. Reading takes time linear in the text, which has at most <see cref="LengthMax"/> characters.
/// </summary>
public sealed class PackageVersion : IComparable<PackageVersion>, IEquatable<PackageVersion>
{
    /// <summary>The longest text that is read, in characters: what the database holds.</summary>
    public const int LengthMax = Packaging.Release.VersionLengthMax;

    internal PackageVersion(VersionParts parts)
    {
        Epoch = parts.Epoch;
        Release = parts.Release;
        Pre = parts.Pre;
        Post = parts.Post;
        Dev = parts.Dev;
        Local = parts.Local;
        Base = (Epoch.IsZero ? "" : $"{Epoch}!") + string.Join('.', Release);
        Public = AppendSuffixes(Base);
        Normal = Local.Count == 0 ? Public : $"{Public}+{string.Join('.', Local)}";
    }

    public Numeral Epoch { get; }

    /// <summary>The numbers of the release, as many as were written.</summary>
    public IReadOnlyList<Numeral> Release { get; }

    /// <summary>The pre-release: <c>a</c>, <c>b</c> or <c>rc</c>, and its number; null when there is none.</summary>
    public (string Phase, Numeral Number)? Pre { get; }

    public Numeral? Post { get; }

    public Numeral? Dev { get; }

    /// <summary>The segments of the local version; empty when there is none.</summary>
    public IReadOnlyList<LocalSegment> Local { get; }

    /// <summary>The normal form, e.g. <c>1!2.0rc1.post2.dev3+deb.9</c>; trailing zeros of the release stay.</summary>
    public string Normal { get; }

    /// <summary>The normal form without the local version.</summary>
    public string Public { get; }

    /// <summary>Epoch and release alone.</summary>
    public string Base { get; }

    /// <summary>True for pre-releases and for development releases.</summary>
    public bool IsPrerelease => Pre is not null || Dev is not null;

    public bool IsPostrelease => Post is not null;

    public bool IsDevrelease => Dev is not null;

    /// <summary>
    /// Reads any spelling that PEP 440 permits (appendix B), with white space around it. False for anything else.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PackageVersion? version)
    {
        version = null;
        return text is { Length: <= LengthMax } && TryParse(text.AsSpan().Trim(), out version);
    }

    /// <summary>As the other <c>TryParse</c>, but white space around the version is refused.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out PackageVersion? version)
    {
        version = null;
        if (text.Length > LengthMax || !VersionParts.TryRead(text, out var parts)) return false;
        version = new PackageVersion(parts);
        return true;
    }

    /// <summary>As <see cref="TryParse(string?, out PackageVersion?)"/>.</summary>
    /// <exception cref="FormatException">The text is no version.</exception>
    public static PackageVersion Parse(string text) =>
        TryParse(text, out var version)
            ? version
            : throw new FormatException($"'{Excerpt.Of(text)}' is not a version");

    /// <summary>
    /// Whether two texts mean the same version: equal by PEP 440, or the same text where one is no such version.
    /// </summary>
    public static bool SameVersion(string left, string right) =>
        TryParse(left, out var first) && TryParse(right, out var second)
            ? first.Equals(second)
            : string.Equals(left, right, StringComparison.Ordinal);

    /// <summary>The version without its local part; itself where it has none.</summary>
    public PackageVersion WithoutLocal() =>
        Local.Count == 0 ? this : new PackageVersion(new VersionParts(Epoch, Release, Pre, Post, Dev, []));

    public int CompareTo(PackageVersion? other) =>
        other is null ? 1 : VersionOrder.Compare(this, other);

    public bool Equals(PackageVersion? other) => other is not null && VersionOrder.Compare(this, other) == 0;

    public override bool Equals(object? obj) => Equals(obj as PackageVersion);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Epoch);
        for (var i = 0; i < VersionOrder.SignificantLength(Release); i++) hash.Add(Release[i]);
        hash.Add(Pre);
        hash.Add(Post);
        hash.Add(Dev);
        foreach (var segment in Local) hash.Add(segment);
        return hash.ToHashCode();
    }

    public static bool operator ==(PackageVersion? left, PackageVersion? right) =>
        left is null ? right is null : left.Equals(right);

    public static bool operator !=(PackageVersion? left, PackageVersion? right) => !(left == right);

    public static bool operator <(PackageVersion left, PackageVersion right) => VersionOrder.Compare(left, right) < 0;

    public static bool operator >(PackageVersion left, PackageVersion right) => VersionOrder.Compare(left, right) > 0;

    public static bool operator <=(PackageVersion left, PackageVersion right) => VersionOrder.Compare(left, right) <= 0;

    public static bool operator >=(PackageVersion left, PackageVersion right) => VersionOrder.Compare(left, right) >= 0;

    /// <summary>The normal form.</summary>
    public override string ToString() => Normal;

    private string AppendSuffixes(string release)
    {
        var text = new StringBuilder(release);
        if (Pre is { } pre) text.Append(pre.Phase).Append(pre.Number);
        if (Post is { } post) text.Append(".post").Append(post);
        if (Dev is { } dev) text.Append(".dev").Append(dev);
        return text.ToString();
    }
}

/// <summary>One segment of a local version: a number, or lower-case letters and digits. Numbers are the higher.</summary>
/// <param name="Number">Its number; null for a text.</param>
/// <param name="Text">The normal form.</param>
public readonly record struct LocalSegment(Numeral? Number, string Text) : IComparable<LocalSegment>
{
    public int CompareTo(LocalSegment other) => (Number, other.Number) switch
    {
        ({ } left, { } right) => left.CompareTo(right),
        ({ }, null) => 1,
        (null, { }) => -1,
        _ => string.CompareOrdinal(Text, other.Text),
    };

    public override string ToString() => Text;
}
