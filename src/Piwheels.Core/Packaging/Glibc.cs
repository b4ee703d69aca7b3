using System.Globalization;

namespace Piwheels.Core.Packaging;

/// <summary>A version of the GNU C library, which manylinux tags count by (PEP 600).</summary>
public readonly record struct Glibc(int Major, int Minor) : IComparable<Glibc>
{
    /// <summary>No GNU C library at all, as on musl; older than any.</summary>
    public static readonly Glibc None;

    /// <summary>
    /// What a machine is taken to have whose C library nobody has told: that of manylinux2014 (PEP 599), older than those
    /// of all systems that are still looked after.
    /// </summary>
    public static readonly Glibc Assumed = new(2, 17);

    private const int PartMax = 999;
    private const int PartsPerNumber = PartMax + 1;

    /// <summary>As one number to compare: 2036 for 2.36.</summary>
    public int Number => (Major * PartsPerNumber) + Minor;

    public static Glibc OfNumber(int number) => new(number / PartsPerNumber, number % PartsPerNumber);

    /// <summary>Reads <c>2.36</c>, or <c>none</c>.</summary>
    public static bool TryParse(string? text, out Glibc glibc)
    {
        glibc = None;
        if (text == "none") return true;
        if (text?.Split('.') is not [var major, var minor] || !TryReadPart(major, out var first) || first == 0
            || !TryReadPart(minor, out var second))
        {
            return false;
        }

        glibc = new Glibc(first, second);
        return true;
    }

    /// <summary>The oldest that a wheel with this platform tag runs with; <see cref="None"/> where the tag names none.</summary>
    public static Glibc NeededBy(string platformTag)
    {
        ArgumentNullException.ThrowIfNull(platformTag);
        const string Prefix = "manylinux";
        if (!platformTag.StartsWith(Prefix, StringComparison.Ordinal)) return None;
        return platformTag[Prefix.Length..].Split('_') switch
        {
            // PEP 513, 571 and 599
            ["1", _, ..] => new Glibc(2, 5),
            ["2010", _, ..] => new Glibc(2, 12),
            ["2014", _, ..] => Assumed,
            ["", var major, var minor, _, ..] when AreDigits(major) && AreDigits(minor) =>
                new Glibc(PartOf(major), PartOf(minor)),
            _ => None,
        };
    }

    public int CompareTo(Glibc other) => Number.CompareTo(other.Number);

    public static bool operator <(Glibc left, Glibc right) => left.CompareTo(right) < 0;

    public static bool operator >(Glibc left, Glibc right) => left.CompareTo(right) > 0;

    public static bool operator <=(Glibc left, Glibc right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Glibc left, Glibc right) => left.CompareTo(right) >= 0;

    public override string ToString() =>
        this == None ? "none" : string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}");

    private static bool AreDigits(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    // Tags are strangers' words: what is too large is as good as never
    private static int PartOf(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var part) ? Math.Min(part, PartMax) : PartMax;

    private static bool TryReadPart(string text, out int part) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out part) && part <= PartMax;
}
