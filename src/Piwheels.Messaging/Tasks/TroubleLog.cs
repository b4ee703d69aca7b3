using Microsoft.Extensions.Logging;

namespace Piwheels.Messaging.Tasks;

/// <summary>
/// The log of something that is tried again until it works: one line when it begins to fail, and one when it works again,
/// however often it is tried in between.
/// </summary>
/// <param name="what">E.g. "writing pages".</param>
public sealed partial class TroubleLog(ILogger logger, string what)
{
    /// <summary>Whether it failed the last time.</summary>
    public bool Troubled { get; private set; }

    /// <summary>It failed, and will be tried again.</summary>
    public void Failed(string reason)
    {
        if (Troubled) Still(logger, what, reason);
        else Begun(logger, what, reason);
        Troubled = true;
    }

    /// <summary>It worked.</summary>
    public void Worked()
    {
        if (Troubled) Over(logger, what);
        Troubled = false;
    }

    [LoggerMessage(EventId = 120, Level = LogLevel.Warning, Message = "{What} fails, and is tried again: {Reason}")]
    private static partial void Begun(ILogger logger, string what, string reason);

    [LoggerMessage(EventId = 121, Level = LogLevel.Debug, Message = "{What} still fails: {Reason}")]
    private static partial void Still(ILogger logger, string what, string reason);

    [LoggerMessage(EventId = 122, Level = LogLevel.Information, Message = "{What} works again")]
    private static partial void Over(ILogger logger, string what);
}
