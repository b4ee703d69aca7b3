using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Piwheels.Core.Packaging;

namespace Piwheels.Core.Recipes;

/// <summary>
/// Which releases on which targets a section is about: a name or a pattern of names, then perhaps version clauses (PEP
/// 440), then perhaps <c>@</c> and targets: <c>lxml</c>, <c>lxml &lt;5</c>, <c>numpy >=2 @ cp311-linux_armv7l</c>,
/// <c>* @ *-linux_riscv64</c>.
/// </summary>
public sealed class RecipeSelector
{
    private static readonly SearchValues<char> NameEnds = SearchValues.Create(" \t<>=!~");

    private readonly string _pattern;
    private readonly SpecifierSet _versions;
    private readonly IReadOnlyList<(string Abi, string Platform)> _targets;

    private RecipeSelector(
        string text, string pattern, PackageName? package, SpecifierSet versions,
        IReadOnlyList<(string Abi, string Platform)> targets)
    {
        Text = text;
        Package = package;
        _pattern = pattern;
        _versions = versions;
        _targets = targets;
    }

    /// <summary>As it was written, without brackets.</summary>
    public string Text { get; }

    /// <summary>The one package that it is about; null for a pattern.</summary>
    public PackageName? Package { get; }

    /// <summary>
    /// How particular it is: a name is more so than a pattern, a pattern than <c>*</c>; then what says versions and
    /// targets than what says one, and that than what says neither.
    /// </summary>
    public int Rank =>
        ((Package is not null ? 2 : _pattern == "*" ? 0 : 1) * 3) + (_versions.Count > 0 ? 1 : 0) + (_targets.Count > 0 ? 1 : 0);

    /// <summary>Whether all versions on all targets are meant.</summary>
    public bool IsForAll => _versions.Count == 0 && _targets.Count == 0;

    /// <summary>Reads one; false with the reason in <paramref name="fault"/>.</summary>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out RecipeSelector? selector, [NotNullWhen(false)] out string? fault)
    {
        ArgumentNullException.ThrowIfNull(text);
        selector = null;
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var what = (at < 0 ? text : text[..at]).Trim();
        var length = what.AsSpan().IndexOfAny(NameEnds);
        var (name, clauses) = length < 0 ? (what, "") : (what[..length], what[length..]);
        PackageName? package = PackageName.TryParse(name, out var parsed) ? parsed : null;
        var pattern = PackageName.Canonicalize(name);
        if (package is null && !(Wildcard.IsIn(name) && IsPattern(name, PackageName.LengthMax, "-_.")))
            return Fails($"'{Excerpt.Of(name)}' is no package name, and no pattern of one", out fault);
        if (!SpecifierSet.TryParse(clauses, out var versions))
            return Fails($"'{Excerpt.Of(clauses.Trim())}' is no set of version clauses, like >=2,<3", out fault);
        if (!TryParseTargets(at < 0 ? null : text[(at + 1)..], out var targets, out fault)) return false;
        selector = new RecipeSelector(text, pattern, package, versions, targets);
        return true;
    }

    public bool IsAbout(PackageName package) =>
        Package is { } one ? one == package : Wildcard.Matches(_pattern, package.Value);

    /// <summary>Whether it is about the release on the target; a version that is none by PEP 440 is in no clause.</summary>
    public bool IsAbout(Release release, Target target) =>
        IsAbout(release.Package) && IsAbout(target)
        && (_versions.Count == 0
            || (PackageVersion.TryParse(release.Version, out var version) && _versions.Contains(version, prereleases: true)));

    public override string ToString() => Text;

    private bool IsAbout(Target target) =>
        _targets.Count == 0 || _targets.Any(
            pattern => Wildcard.Matches(pattern.Abi, target.Abi) && Wildcard.Matches(pattern.Platform, target.Platform));

    private static bool TryParseTargets(
        string? text, out IReadOnlyList<(string Abi, string Platform)> targets, [NotNullWhen(false)] out string? fault)
    {
        var found = new List<(string, string)>();
        (targets, fault) = (found, null);
        if (text is null) return true;
        foreach (var item in text.Split(','))
        {
            if (item.Trim().Split('-') is not [var abi, var platform]
                || !IsPattern(abi, TagLengthMax, "_") || !IsPattern(platform, TagLengthMax, "_"))
            {
                return Fails($"'{Excerpt.Of(item.Trim())}' is no target, like cp311-linux_armv7l or *-linux_riscv64", out fault);
            }

            found.Add((abi, platform));
        }

        return true;
    }

    private const int TagLengthMax = 100;

    private static bool IsPattern(string text, int lengthMax, string marks) =>
        text.Length > 0 && text.Length <= lengthMax
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '*' or '?' || marks.Contains(c, StringComparison.Ordinal));

    private static bool Fails(string reason, out string fault)
    {
        fault = reason;
        return false;
    }
}
