using System.Globalization;
using System.Text.RegularExpressions;

namespace Piwheels.Cli.Options;

/// <summary>Ages in months and years, as people write them: <c>24months</c>, <c>1 month</c>, <c>2years</c>.</summary>
internal static partial class MonthsText
{
    /// <summary>The oldest age, in months; no hit that old is recorded.</summary>
    public const int Most = 1200;

    /// <exception cref="FormatException">It is none, or not from one month to a hundred years.</exception>
    public static int Parse(string text)
    {
        var match = Pattern().Match(text);
        var months = match.Success
            ? int.Parse(match.Groups["count"].ValueSpan, CultureInfo.InvariantCulture) * (match.Groups["year"].Success ? 12 : 1)
            : 0;
        return months is >= 1 and <= Most
            ? months
            : throw new FormatException($"'{text}' is not an age; write it like 24months, 1month or 2years");
    }

    public static string Show(int months) => months == 1 ? "1 month" : $"{months} months";

    [GeneratedRegex(@"^ *(?<count>[0-9]{1,4}) *(?:months?|(?<year>years?)) *\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
