namespace Piwheels.Logger.Formats;

/// <summary>A time as a line tells it, maybe in several pieces.</summary>
internal struct TimeParts
{
    private const int MinutesPerDay = 24 * 60;
    private const int HalfDay = 12;

    public int Year;
    public int Month;
    public int Day;
    public int Hour;
    public int Minute;
    public int Second;

    /// <summary>Whether the hour is of a clock with twelve of them, and of the second half of the day.</summary>
    public bool? IsAfternoon;

    /// <summary>Microseconds of the second.</summary>
    public int Microseconds;

    /// <summary>How far the clock is ahead of UTC.</summary>
    public int? OffsetMinutes;

    /// <summary>Microseconds since 1970, in place of all else.</summary>
    public long? EpochMicroseconds;

    /// <summary>The moment; null when there is none of that name.</summary>
    /// <param name="local">The web server's time zone, where the line names none.</param>
    public readonly DateTimeOffset? ToMoment(TimeZoneInfo local)
    {
        if (EpochMicroseconds is { } epoch)
            return Moment(DateTimeOffset.UnixEpoch.Ticks + (Int128)epoch * TimeSpan.TicksPerMicrosecond);
        var hour = IsAfternoon is { } afternoon ? Hour % HalfDay + (afternoon ? HalfDay : 0) : Hour;
        if (Year is < 1 or > 9999 || Month is < 1 or > 12 || Day < 1 || Day > DateTime.DaysInMonth(Year, Month)) return null;
        if (hour > 23 || Minute > 59 || Second > 60 || OffsetMinutes is <= -MinutesPerDay or >= MinutesPerDay) return null;
        // A leap second counts for the one before it
        var clock = new DateTime(Year, Month, Day, hour, Minute, Math.Min(Second, 59), DateTimeKind.Unspecified)
            .AddMicroseconds(Microseconds);
        var offset = OffsetMinutes is { } minutes ? TimeSpan.FromMinutes(minutes) : local.GetUtcOffset(clock);
        return Moment((Int128)clock.Ticks - offset.Ticks);
    }

    private static DateTimeOffset? Moment(Int128 ticks) =>
        ticks >= DateTimeOffset.MinValue.Ticks && ticks <= DateTimeOffset.MaxValue.Ticks
            ? new DateTimeOffset((long)ticks, TimeSpan.Zero)
            : null;
}
