using System.Globalization;
using System.Text.RegularExpressions;

namespace Piwheels.Core.Units;

/// <summary>Amounts of bytes as people write them: <c>512M</c>, <c>2G</c>, <c>1.5GiB</c>; K, M, G and T are powers of 1024.</summary>
public static partial class BytesText
{
    private const int LengthMax = 20;
    private const string Prefixes = "KMGT";
    private const int PrefixFactor = 1024;
    private const long SizeMax = 1L << 60;

    /// <summary>Reads one that has its unit, in bytes.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static long Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var match = WithUnit().Match(text.Trim());
        if (text.Length > LengthMax || !match.Success)
            throw new FormatException($"'{text}' is no amount of memory; write it like 512M, 2G or 1.5G");
        return (long)Count(match);
    }

    /// <summary>Reads one, or a plain number of bytes; in bytes.</summary>
    /// <exception cref="FormatException">It is none, or nothing, or more than a million terabytes.</exception>
    public static long ParseSize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var match = WithOrWithoutUnit().Match(text.Trim());
        return match.Success && Count(match) is >= 1 and <= SizeMax and var bytes
            ? (long)bytes
            : throw new FormatException($"'{text}' is not a size; write it like 512M or 4G");
    }

    private static decimal Count(Match match)
    {
        var bytes = decimal.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);
        if (match.Groups["unit"] is not { Length: > 0 } unit) return bytes;
        for (var i = Prefixes.IndexOf(char.ToUpperInvariant(unit.Value[0]), StringComparison.Ordinal); i >= 0; i--) bytes *= PrefixFactor;
        return bytes;
    }

    /// <summary>In the largest unit that leaves no fraction: <c>1536M</c>; a plain number where K does.</summary>
    public static string Show(long bytes)
    {
        var unit = "";
        foreach (var prefix in Prefixes)
        {
            if (bytes == 0 || bytes % PrefixFactor != 0) break;
            (bytes, unit) = (bytes / PrefixFactor, prefix.ToString());
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes}{unit}");
    }

    [GeneratedRegex(
        @"^(?<number>[0-9]{1,6}(?:\.[0-9]{1,3})?) *(?<unit>[KMGT])(?:i?B)?\z",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex WithUnit();

    [GeneratedRegex(
        @"^(?<number>[0-9]{1,12}(?:\.[0-9]{1,3})?)\s*(?:(?<unit>[KMGTkmgt])(?:i?[Bb])?)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex WithOrWithoutUnit();
}
