using Microsoft.Extensions.Logging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Tells in the log now and then how far following the change log has come: every minute while it comes nearer, once
/// when it is up to date, and every hour from then on. For one thread.
/// </summary>
internal sealed partial class FollowReport(UpstreamMeter meter, TimeProvider time, ILogger logger)
{
    /// <summary>How often <see cref="Tell"/> is to be called.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan QuietInterval = TimeSpan.FromHours(1);

    /// <summary>With a greater lag something is amiss, though the log was read to its end.</summary>
    private static readonly TimeSpan LateTime = TimeSpan.FromMinutes(30);

    private FollowState? _told;
    private bool _wasUpToDate;
    private DateTimeOffset _toldAt;

    internal void Tell()
    {
        if (meter.State is not { } state) return;
        var now = time.GetUtcNow();
        var isUpToDate = state.AtEnd && state.LagAt(now) < LateTime;
        var isNews = isUpToDate ? !_wasUpToDate : state.Serial != _told?.Serial || _wasUpToDate;
        if (!isNews && now - _toldAt < QuietInterval) return;

        var seconds = (now - _toldAt).TotalSeconds;
        var rate = _told is null || seconds <= 0 ? 0 : (state.Serial - _told.Serial) / seconds;
        if (isUpToDate) UpToDate(logger, state.Serial, state.HeldBack, LagText(state, now));
        else Behind(logger, state.Serial, state.LastSerial, state.LagSerials, LagText(state, now), rate);
        (_told, _toldAt, _wasUpToDate) = (state, now, isUpToDate);
    }

    private static string LagText(FollowState state, DateTimeOffset now)
    {
        var lag = state.LagAt(now);
        if (lag.TotalDays >= 2) return $"{lag.TotalDays:0} days";
        return lag.TotalHours >= 2 ? $"{lag.TotalHours:0} hours" : $"{lag.TotalSeconds:0} s";
    }

    [LoggerMessage(41, LogLevel.Information,
        "at serial {Serial} of {LastSerial}: {Behind} serials or {Lag} behind the index; {Rate:0} serials a second")]
    private static partial void Behind(
        ILogger logger, long serial, long lastSerial, long behind, string lag, double rate);

    [LoggerMessage(42, LogLevel.Information,
        "up to date with the index, serial {Serial}; {HeldBack} events are held back, the oldest known is {Lag} old")]
    private static partial void UpToDate(ILogger logger, long serial, int heldBack, string lag);
}
