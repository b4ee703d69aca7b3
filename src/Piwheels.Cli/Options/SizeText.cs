using System.Globalization;
using System.Text.RegularExpressions;

namespace Piwheels.Cli.Options;

/// <summary>Sizes as people write them: <c>512M</c>, <c>4G</c>, <c>1.5G</c>; units of 1,024, bytes without one.</summary>
internal static partial class SizeText
{
    /// <summary>In bytes.</summary>
    /// <exception cref="FormatException">It is none, or nothing, or more than a million terabytes.</exception>
    public static long Parse(string text)
    {
        var match = Pattern().Match(text.Trim());
        if (!match.Success) throw NotASize(text);
        var shift = 10 * " KMGT".IndexOf(match.Groups["unit"] is { Length: > 0 } unit ? char.ToUpperInvariant(unit.Value[0]) : ' ', StringComparison.Ordinal);
        var bytes = decimal.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture) * (1L << shift);
        return bytes is >= 1 and <= 1L << 60 ? (long)bytes : throw NotASize(text);
    }

    private static FormatException NotASize(string text) => new($"'{text}' is not a size; write it like 512M or 4G");

    [GeneratedRegex(@"^(?<number>\d{1,12}(?:\.\d{1,3})?)\s*(?:(?<unit>[KMGTkmgt])(?:i?[Bb])?)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
