namespace Piwheels.Core.Packaging;

/// <summary>
/// A whole number of any length, kept as its decimal digits: versions may carry numbers beyond 64 bits, and digits
/// compare in linear time, whatever somebody puts into a file name.
/// </summary>
public readonly record struct Numeral : IComparable<Numeral>
{
    private readonly string? _digits;

    private Numeral(string digits) => _digits = digits;

    /// <summary>The digits without leading zeros; <c>0</c> for <c>default</c>.</summary>
    public string Digits => _digits ?? "0";

    public bool IsZero => _digits is null;

    /// <summary>Takes ASCII digits; no digits at all are zero.</summary>
    internal static Numeral FromDigits(ReadOnlySpan<char> digits)
    {
        digits = digits.TrimStart('0');
        return digits.IsEmpty ? default : new Numeral(digits.ToString());
    }

    public int CompareTo(Numeral other)
    {
        var byLength = Digits.Length.CompareTo(other.Digits.Length);
        return byLength != 0 ? byLength : string.CompareOrdinal(Digits, other.Digits);
    }

    public static bool operator <(Numeral left, Numeral right) => left.CompareTo(right) < 0;

    public static bool operator >(Numeral left, Numeral right) => left.CompareTo(right) > 0;

    public static bool operator <=(Numeral left, Numeral right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Numeral left, Numeral right) => left.CompareTo(right) >= 0;

    public override string ToString() => Digits;
}
