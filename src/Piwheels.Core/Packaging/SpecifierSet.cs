using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>
/// Clauses that a version must all satisfy (PEP 440), e.g. <c>&gt;=3,!=3.1.*,&lt;4</c>. The empty set takes any.
/// </summary>
public sealed class SpecifierSet : IReadOnlyList<VersionSpecifier>
{
    /// <summary>The longest text that is read, in characters.</summary>
    public const int LengthMax = 4_096;

    /// <summary>No clause: any version, and pre-releases where there is nothing else.</summary>
    public static readonly SpecifierSet Any = new([]);

    private readonly IReadOnlyList<VersionSpecifier> _clauses;
    private string? _text;

    internal SpecifierSet(IReadOnlyList<VersionSpecifier> clauses) => _clauses = clauses;

    public int Count => _clauses.Count;

    public VersionSpecifier this[int index] => _clauses[index];

    /// <summary>Whether a clause names a pre-release, and so lets pre-releases in.</summary>
    public bool NamesPrerelease => _clauses.Any(clause => clause.NamesPrerelease);

    /// <summary>Reads clauses joined with commas; empty ones are passed over, as installers do.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SpecifierSet? set)
    {
        set = null;
        if (text is not { Length: <= LengthMax }) return false;
        var clauses = new List<VersionSpecifier>();
        foreach (var part in text.Split(',').Where(part => !string.IsNullOrWhiteSpace(part)))
        {
            if (!VersionSpecifier.TryParse(part, out var clause)) return false;
            clauses.Add(clause);
        }

        set = new SpecifierSet(clauses);
        return true;
    }

    /// <summary>As <see cref="TryParse"/>.</summary>
    /// <exception cref="FormatException">The text is no set of version clauses.</exception>
    public static SpecifierSet Parse(string text) =>
        TryParse(text, out var set)
            ? set
            : throw new FormatException($"'{Excerpt.Of(text)}' is not a version specifier");

    /// <summary>Whether a version satisfies all clauses.</summary>
    /// <param name="prereleases">
    /// Whether pre-releases may; null: where a clause names one (PEP 440, "Handling of pre-releases").
    /// </param>
    public bool Contains(PackageVersion version, bool? prereleases = null)
    {
        if (version.IsPrerelease && !(prereleases ?? NamesPrerelease)) return false;
        return _clauses.All(clause => clause.Contains(version));
    }

    /// <summary>
    /// What an installer would choose from: the items that satisfy all clauses, in their order; pre-releases only
    /// where a clause names one, or where nothing else satisfies them.
    /// </summary>
    public IReadOnlyList<T> Filter<T>(IEnumerable<T> items, Func<T, PackageVersion> versionOf)
    {
        var satisfying = items.Where(item => Contains(versionOf(item), prereleases: true)).ToList();
        if (NamesPrerelease) return satisfying;
        var final = satisfying.FindAll(item => !versionOf(item).IsPrerelease);
        return final.Count > 0 ? final : satisfying;
    }

    /// <summary>The clauses of both, each once.</summary>
    public SpecifierSet And(SpecifierSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Count == 0) return this;
        if (Count == 0) return other;
        return new SpecifierSet([.. _clauses.Concat(other._clauses).DistinctBy(clause => clause.ToString())]);
    }

    public IEnumerator<VersionSpecifier> GetEnumerator() => _clauses.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The clauses in the order written, joined with commas.</summary>
    public override string ToString() => _text ??= string.Join(',', _clauses);
}
