using System.Globalization;
using System.Text.RegularExpressions;

namespace Piwheels.Core.Units;

/// <summary>Durations as people write them: <c>3h</c>, <c>90m</c>, <c>1h30m</c>, <c>45s</c>, <c>500ms</c>, <c>2d</c>.</summary>
public static partial class DurationText
{
    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">It is none, or longer than a year.</exception>
    public static TimeSpan Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var match = Pattern().Match(text.Trim());
        if (!match.Success || match.Length == 0 || text.Length > LengthMax) throw NotADuration(text);
        var milliseconds = 0m;
        foreach (var (group, factor) in Units)
        {
            var part = match.Groups[group];
            if (part.Success) milliseconds += decimal.Parse(part.ValueSpan, CultureInfo.InvariantCulture) * factor;
        }

        if (milliseconds > (decimal)LongestAllowed.TotalMilliseconds) throw NotADuration(text);
        return TimeSpan.FromMilliseconds((double)milliseconds);
    }

    /// <summary>Short text for people, e.g. <c>1h 02m</c>, <c>3m 20s</c>, <c>4.1s</c>.</summary>
    public static string Show(TimeSpan duration) => duration switch
    {
        { TotalHours: >= 1 } => $"{(int)duration.TotalHours}h {duration.Minutes:00}m",
        { TotalMinutes: >= 1 } => $"{duration.Minutes}m {duration.Seconds:00}s",
        _ => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.0}s"),
    };

    private const int LengthMax = 40;
    private static readonly TimeSpan LongestAllowed = TimeSpan.FromDays(366);

    private static readonly (string Group, decimal Milliseconds)[] Units =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

    private static FormatException NotADuration(string text) =>
        new($"'{text}' is not a duration; write it like 3h, 90m, 1h30m, 45s or 500ms");

    [GeneratedRegex(
        @"^(?=\d)(?:(?<d>\d{1,4})d)?(?:(?<h>\d{1,6})h)?(?:(?<m>\d{1,8})m)?(?:(?<s>\d{1,9}(?:\.\d{1,3})?)s)?(?:(?<ms>\d{1,12})ms)?$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
