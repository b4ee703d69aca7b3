using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>
/// A project's canonical name: lower case, runs of <c>-</c>, <c>_</c> and <c>.</c> written as one <c>-</c>
/// (PEP 503). At most <see cref="LengthMax"/> characters. Compares by its text, ordinally.
/// </summary>
public readonly record struct PackageName : IComparable<PackageName>
{
    /// <summary>The longest name that the database holds, in characters.</summary>
    public const int LengthMax = 200;

    private readonly string? _value;

    private PackageName(string value) => _value = value;

    /// <summary>The canonical spelling; empty for <c>default</c>.</summary>
    public string Value => _value ?? "";

    /// <summary>
    /// Reads any spelling of a project's name. False when it is no name by PEP 508: empty, too long, with other
    /// characters than ASCII letters, digits and <c>-_.</c>, or not beginning and ending with a letter or digit.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out PackageName name)
    {
        name = default;
        if (string.IsNullOrEmpty(text) || text.Length > LengthMax) return false;
        if (!char.IsAsciiLetterOrDigit(text[0]) || !char.IsAsciiLetterOrDigit(text[^1])) return false;
        var (canonical, last) = (true, '\0');
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
            canonical &= !char.IsAsciiLetterUpper(c) && c is not ('_' or '.') && (c, last) is not ('-', '-');
            last = c;
        }

        // Most texts are names out of the database
        name = new PackageName(canonical ? text : Canonicalize(text));
        return true;
    }

    /// <summary>As <see cref="TryParse"/>.</summary>
    /// <exception cref="FormatException">The text is no project name.</exception>
    public static PackageName Parse(string text) =>
        TryParse(text, out var name) ? name : throw new FormatException($"'{text}' is not a package name");

    /// <summary>PEP 503 normalisation of any text, valid as a name or not.</summary>
    public static string Canonicalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return string.Create(CanonicalLength(text), text, static (span, source) =>
        {
            var at = 0;
            var separator = false;
            foreach (var c in source)
            {
                if (c is '-' or '_' or '.')
                {
                    if (!separator) span[at++] = '-';
                    separator = true;
                }
                else
                {
                    span[at++] = char.ToLowerInvariant(c);
                    separator = false;
                }
            }
        });
    }

    private static int CanonicalLength(string text)
    {
        var length = 0;
        var separator = false;
        foreach (var c in text)
        {
            var isSeparator = c is '-' or '_' or '.';
            if (!isSeparator || !separator) length++;
            separator = isSeparator;
        }

        return length;
    }

    public int CompareTo(PackageName other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => Value;
}
