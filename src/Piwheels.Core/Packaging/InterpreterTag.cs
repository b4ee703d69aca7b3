using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>
/// An interpreter as a Python or ABI tag names it (PEP 425): <c>py3</c>, <c>cp311</c>, <c>cp37m</c>, <c>cp313t</c>,
/// <c>pypy39_pp73</c>. Ordered by implementation, then by version as numbers: cp39 before cp311.
/// </summary>
/// <param name="Implementation">Lower-case letters: <c>cp</c>, <c>py</c>, <c>pp</c>, <c>pypy</c>.</param>
/// <param name="Minor">Null where the tag names the major version alone.</param>
/// <param name="Flags">What follows the version, e.g. <c>m</c>, or <c>t</c> for a free-threaded build.</param>
public readonly record struct InterpreterTag(string Implementation, int Major, int? Minor, string Flags)
    : IComparable<InterpreterTag>
{
    private const int MinorDigitsMax = 3;

    /// <summary>Orders tags as text: interpreters first, by version; then what is none, as text.</summary>
    public static readonly IComparer<string> Order = Comparer<string>.Create(Compare);

    public bool IsCPython => Implementation == "cp";

    /// <summary>True for builds without a global lock (PEP 703), which the stable ABI of others does not fit.</summary>
    public bool IsFreeThreaded => IsCPython && Flags.Contains('t', StringComparison.Ordinal);

    /// <summary>Major and minor as one number to compare: 3011 for 3.11, 3000 for 3.</summary>
    internal int Version => (Major * 1000) + (Minor ?? 0);

    /// <summary>Whether two tags speak of the same implementation, which <c>pp39</c> and <c>pypy39_pp73</c> do.</summary>
    internal bool SameImplementation(InterpreterTag other) =>
        Short(Implementation) == Short(other.Implementation);

    /// <summary>Reads a tag: letters, the major version in one digit, the minor one in up to three, flags.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out InterpreterTag tag)
    {
        tag = default;
        if (text is null or { Length: > WheelFileName.LengthMax }) return false;
        var letters = 0;
        while (letters < text.Length && char.IsAsciiLetterLower(text[letters])) letters++;
        var digits = letters;
        while (digits < text.Length && char.IsAsciiDigit(text[digits])) digits++;

        var count = digits - letters;
        if (letters == 0 || count is 0 or > 1 + MinorDigitsMax) return false;
        int? minor = count == 1 ? null : int.Parse(text.AsSpan(letters + 1, count - 1));
        tag = new InterpreterTag(text[..letters], text[letters] - '0', minor, text[digits..]);
        return true;
    }

    public int CompareTo(InterpreterTag other)
    {
        var order = string.CompareOrdinal(Implementation, other.Implementation);
        if (order == 0) order = Version.CompareTo(other.Version);
        return order != 0 ? order : string.CompareOrdinal(Flags, other.Flags);
    }

    public override string ToString() => $"{Implementation}{Major}{Minor}{Flags}";

    private static string Short(string implementation) => implementation == "pypy" ? "pp" : implementation;

    private static int Compare(string? left, string? right) =>
        (TryParse(left, out var first), TryParse(right, out var second)) switch
        {
            (true, true) => first.CompareTo(second),
            (true, false) => -1,
            (false, true) => 1,
            _ => string.CompareOrdinal(left, right),
        };
}
