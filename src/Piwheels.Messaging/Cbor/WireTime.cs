using System.Globalization;

namespace Piwheels.Messaging.Cbor;

/// <summary>Timestamps (RFC 3339) and durations as the wire has them, to the microsecond.</summary>
internal static class WireTime
{
    public const int SecondsPerDay = 86_400;
    public const int MicrosecondsPerSecond = 1_000_000;

    /// <summary>The whole days of the longest duration; Python's go further, ours do not.</summary>
    public const long DaysMax = long.MaxValue / TimeSpan.TicksPerDay;

    /// <summary>Floored, so one below the whole days of the shortest duration.</summary>
    public const long DaysMin = -DaysMax - 1;

    /// <summary>The longest text that is tried: 2026-01-02T03:04:05.678901+00:00.</summary>
    public const int TextLengthMax = 32;

    private const int FractionDigitsMax = 6;
    private const string WholeSeconds = "yyyy-MM-dd'T'HH:mm:ss'Z'";
    private const string Microseconds = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>UTC with <c>Z</c>, and no fraction or exactly six digits: what every piwheels reads.</summary>
    public static string Format(DateTimeOffset time)
    {
        var fraction = time.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond;
        return time.UtcDateTime.ToString(fraction == 0 ? WholeSeconds : Microseconds, CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Reads RFC 3339 text: up to six digits of fraction, and <c>Z</c> or an offset. False for anything else, a
    /// leap second and a time outside the years 1 to 9999 (in UTC) among it.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out DateTimeOffset time)
    {
        time = default;
        if (text.Length < "yyyy-MM-ddTHH:mm:ssZ".Length) return false;
        if (!DateTime.TryParseExact(
            text[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)) return false;
        if (text[10] is not ('T' or 't' or ' ') || text[13] != ':' || text[16] != ':') return false;
        if (!TryDigits(text[11..13], 23, out var hours) || !TryDigits(text[14..16], 59, out var minutes) ||
            !TryDigits(text[17..19], 59, out var seconds)) return false;
        var rest = text[19..];
        if (!TryFraction(ref rest, out var microseconds) || !TryOffset(rest, out var offset)) return false;

        var ticks = day.Ticks
            + (hours - offset.Hours) * TimeSpan.TicksPerHour
            + (minutes - offset.Minutes) * TimeSpan.TicksPerMinute
            + seconds * TimeSpan.TicksPerSecond
            + microseconds * TimeSpan.TicksPerMicrosecond;
        return TryUtc(ticks, out time);
    }

    /// <summary>Seconds since 1970 (RFC 8949, section 3.4.2); null beyond the years 1 to 9999.</summary>
    public static DateTimeOffset? FromUnixSeconds(double seconds)
    {
        if (Math.Abs(seconds) > long.MaxValue / (double)TimeSpan.TicksPerSecond / 2) return null;
        var microseconds = (long)Math.Round(seconds * MicrosecondsPerSecond);
        var ticks = DateTimeOffset.UnixEpoch.Ticks + microseconds * TimeSpan.TicksPerMicrosecond;
        return TryUtc(ticks, out var time) ? time : null;
    }

    /// <summary>Days (floored), seconds of the day and microseconds of the second.</summary>
    public static (long Days, int Seconds, int Microseconds) Split(TimeSpan duration)
    {
        var days = Math.DivRem(duration.Ticks, TimeSpan.TicksPerDay, out var rest);
        if (rest < 0)
        {
            days--;
            rest += TimeSpan.TicksPerDay;
        }

        var (seconds, ticks) = Math.DivRem(rest, TimeSpan.TicksPerSecond);
        return (days, (int)seconds, (int)(ticks / TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>The opposite of <see cref="Split"/>; false beyond what a <see cref="TimeSpan"/> holds.</summary>
    public static bool TryCombine(long days, long seconds, long microseconds, out TimeSpan duration)
    {
        var ticks = (Int128)days * TimeSpan.TicksPerDay + seconds * TimeSpan.TicksPerSecond
            + microseconds * TimeSpan.TicksPerMicrosecond;
        var fits = ticks >= long.MinValue && ticks <= long.MaxValue;
        duration = fits ? new TimeSpan((long)ticks) : default;
        return fits;
    }

    private static bool TryUtc(long ticks, out DateTimeOffset time)
    {
        var fits = ticks >= DateTimeOffset.MinValue.Ticks && ticks <= DateTimeOffset.MaxValue.Ticks;
        time = fits ? new DateTimeOffset(ticks, TimeSpan.Zero) : default;
        return fits;
    }

    private static bool TryFraction(ref ReadOnlySpan<char> text, out int microseconds)
    {
        microseconds = 0;
        if (text.IsEmpty || text[0] != '.') return true;
        var digits = text[1..].IndexOfAnyExceptInRange('0', '9');
        if (digits is < 1 or > FractionDigitsMax) return false;
        for (var i = 1; i <= FractionDigitsMax; i++)
        {
            microseconds = microseconds * 10 + (i <= digits ? text[i] - '0' : 0);
        }

        text = text[(digits + 1)..];
        return true;
    }

    private static bool TryOffset(ReadOnlySpan<char> text, out (int Hours, int Minutes) offset)
    {
        offset = default;
        if (text is "Z" or "z") return true;
        if (text.Length != "+00:00".Length || text[0] is not ('+' or '-') || text[3] != ':') return false;
        if (!TryDigits(text[1..3], 23, out var hours) || !TryDigits(text[4..6], 59, out var minutes)) return false;
        offset = text[0] == '-' ? (-hours, -minutes) : (hours, minutes);
        return true;
    }

    private static bool TryDigits(ReadOnlySpan<char> text, int max, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= max;
}
