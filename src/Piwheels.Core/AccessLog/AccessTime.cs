namespace Piwheels.Core.AccessLog;

/// <summary>When an access can have been.</summary>
public static class AccessTime
{
    /// <summary>A log may be years old when it is read in; what is older comes from a broken clock.</summary>
    public static readonly TimeSpan AgeMax = TimeSpan.FromDays(10 * 365);

    /// <summary>How far another machine's clock may be ahead.</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromDays(1);

    public static bool IsPlausible(DateTimeOffset at, DateTimeOffset now) => at >= now - AgeMax && at <= now + AheadMax;
}
