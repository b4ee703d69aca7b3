using System.Globalization;
using System.Text.RegularExpressions;

namespace Piwheels.Core.Units;

/// <summary>Amounts of memory as people write them: <c>512M</c>, <c>2G</c>, <c>1.5GiB</c>; K, M, G and T are powers of 1024.</summary>
public static partial class BytesText
{
    private const int LengthMax = 20;
    private const string Prefixes = "KMGT";
    private const int PrefixFactor = 1024;

    /// <summary>Reads one, in bytes.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static long Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var match = Pattern().Match(text.Trim());
        if (text.Length > LengthMax || !match.Success)
            throw new FormatException($"'{text}' is no amount of memory; write it like 512M, 2G or 1.5G");
        var bytes = decimal.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);
        for (var i = Prefixes.IndexOf(char.ToUpperInvariant(match.Groups["unit"].Value[0])); i >= 0; i--) bytes *= PrefixFactor;
        return (long)bytes;
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
    private static partial Regex Pattern();
}
