using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>
/// The name of a wheel (PEP 427, "File name convention"), e.g. <c>numpy-2.0.0-1-cp311-cp311-linux_armv7l.whl</c>.
/// Never a path: no other characters than ASCII letters, digits and <c>-_.+!</c> pass.
/// </summary>
public sealed class WheelFileName
{
    /// <summary>The longest file name, in characters: what file systems and the database hold.</summary>
    public const int LengthMax = 255;

    public const string Extension = ".whl";

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._");

    private WheelFileName(
        string fileName, string[] parts, WheelBuildTag? build, string canonicalName, PackageVersion version, TagSet tags)
    {
        FileName = fileName;
        PackageTag = parts[0];
        VersionTag = parts[1];
        PythonTag = parts[^3];
        AbiTag = parts[^2];
        PlatformTag = parts[^1];
        Build = build;
        CanonicalName = canonicalName;
        Package = PackageName.TryParse(PackageTag, out var package) ? package : null;
        Version = version;
        Tags = tags;
    }

    /// <summary>The name as it was read.</summary>
    public string FileName { get; }

    /// <summary>The project's name as spelled in the file name.</summary>
    public string PackageTag { get; }

    /// <summary>The version as spelled in the file name.</summary>
    public string VersionTag { get; }

    /// <summary>The Python tags, joined with dots, e.g. <c>py2.py3</c>.</summary>
    public string PythonTag { get; }

    /// <summary>The ABI tags, joined with dots.</summary>
    public string AbiTag { get; }

    /// <summary>The platform tags, joined with dots.</summary>
    public string PlatformTag { get; }

    /// <summary>The project's name in the form of PEP 503, even where it is no legal name.</summary>
    public string CanonicalName { get; }

    /// <summary>The project; null where the file name begins with no legal project name.</summary>
    public PackageName? Package { get; }

    public PackageVersion Version { get; }

    /// <summary>The build tag; null when there is none.</summary>
    public WheelBuildTag? Build { get; }

    /// <summary>Every tag that the three compressed ones stand for.</summary>
    public TagSet Tags { get; }

    /// <summary>Reads a wheel's file name. False for anything else, paths included.</summary>
    public static bool TryParse([NotNullWhen(true)] string? fileName, [NotNullWhen(true)] out WheelFileName? wheel)
    {
        wheel = null;
        if (fileName is not { Length: <= LengthMax }) return false;
        if (!fileName.EndsWith(Extension, StringComparison.Ordinal)) return false;

        var parts = fileName[..^Extension.Length].Split('-');
        if (parts.Length is not (5 or 6)) return false;

        var name = parts[0];
        if (name.Length == 0 || name.Contains("__", StringComparison.Ordinal)) return false;
        if (name.AsSpan().ContainsAnyExcept(NameCharacters)) return false;
        if (!PackageVersion.TryParse(parts[1].AsSpan(), out var version)) return false;

        WheelBuildTag? build = null;
        if (parts.Length == 6)
        {
            if (!WheelBuildTag.TryParse(parts[2], out var tag)) return false;
            build = tag;
        }

        if (!TagSet.TryParse(parts[^3], parts[^2], parts[^1], out var tags)) return false;
        wheel = new WheelFileName(fileName, parts, build, PackageName.Canonicalize(name), version, tags);
        return true;
    }

    /// <summary>As <see cref="TryParse"/>.</summary>
    /// <exception cref="FormatException">The text is no wheel's file name.</exception>
    public static WheelFileName Parse(string fileName) =>
        TryParse(fileName, out var wheel)
            ? wheel
            : throw new FormatException($"'{Excerpt.Of(fileName)}' is not the name of a wheel");

    /// <summary>
    /// Whether this is a wheel of a release: the same project, and the same version by PEP 440. A local version
    /// added to a release that has none makes another version.
    /// </summary>
    public bool IsOf(Release release) =>
        Package == release.Package
        && PackageVersion.TryParse(release.Version, out var version)
        && version == Version;

    public override string ToString() => FileName;
}

/// <summary>A wheel's build tag: a number, and text that breaks ties (PEP 427).</summary>
public readonly record struct WheelBuildTag(Numeral Number, string Suffix) : IComparable<WheelBuildTag>
{
    /// <summary>Reads a build tag; it begins with a digit and has only ASCII letters, digits, <c>_</c> and dots.</summary>
    internal static bool TryParse(string text, out WheelBuildTag tag)
    {
        tag = default;
        var digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits])) digits++;
        if (digits == 0) return false;
        foreach (var c in text.AsSpan(digits))
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.')) return false;
        }

        tag = new WheelBuildTag(Numeral.FromDigits(text.AsSpan(0, digits)), text[digits..]);
        return true;
    }

    public int CompareTo(WheelBuildTag other)
    {
        var byNumber = Number.CompareTo(other.Number);
        return byNumber != 0 ? byNumber : string.CompareOrdinal(Suffix, other.Suffix);
    }

    public override string ToString() => $"{Number}{Suffix}";
}
