using System.Globalization;

namespace Piwheels.Pages;

/// <summary>Numbers as people read them.</summary>
public static class Figures
{
    private static readonly string[] Units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];

    // A thin space that does not break keeps groups of digits together (ISO 80000-1)
    private static readonly NumberFormatInfo Grouped = new() { NumberGroupSeparator = "\u202f" };

    /// <summary>A count with its digits in groups: 1 234 567.</summary>
    public static string Count(long value) => value.ToString("N0", Grouped);

    /// <summary>A size in decimal units, with three digits or so: 1.23 MB.</summary>
    public static string Size(long bytes)
    {
        double value = Math.Max(bytes, 0);
        var unit = 0;
        while (value >= 999.5 && unit < Units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        var format = unit == 0 || value >= 99.95 ? "0" : value >= 9.995 ? "0.0" : "0.00";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)}\u00a0{Units[unit]}";
    }

    /// <summary>A minute of a day, in UTC: 2026-01-31 12:34 UTC.</summary>
    public static string Minute(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>A span in its largest unit, and the one below where that says something: 3 years, 2 h 5 min.</summary>
    public static string Duration(TimeSpan span) => span switch
    {
        { TotalDays: >= 730 } => $"{span.TotalDays / 365.25:0.0}\u00a0years",
        { TotalDays: >= 2 } => $"{Count((long)span.TotalDays)}\u00a0days",
        { TotalHours: >= 1 } => $"{(long)span.TotalHours}\u00a0h {span.Minutes}\u00a0min",
        { TotalMinutes: >= 1 } => $"{span.Minutes}\u00a0min {span.Seconds}\u00a0s",
        _ => $"{Math.Max(span.Seconds, 0)}\u00a0s",
    };

    /// <summary>A day: 2026-01-31.</summary>
    public static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>A month: 2026-01.</summary>
    public static string Month(DateOnly day) => day.ToString("yyyy-MM", CultureInfo.InvariantCulture);

    /// <summary>A day: 2026-01-31.</summary>
    public static string Day(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
