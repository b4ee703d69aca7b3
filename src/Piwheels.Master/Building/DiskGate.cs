using Microsoft.Extensions.Logging;

namespace Piwheels.Master.Building;

/// <summary>
/// Whether the disk has room for what builds make. It closes below a limit and opens a tenth above it again, so that it
/// does neither with every file; each is told once.
/// </summary>
/// <param name="min">Bytes that must be free.</param>
internal sealed partial class DiskGate(long min, ILogger logger)
{
    public bool IsOpen { get; private set; } = true;

    /// <summary>So much is free now, in bytes.</summary>
    public void Look(long free)
    {
        if (IsOpen && free < min)
        {
            IsOpen = false;
            Closed(logger, free, min);
        }
        else if (!IsOpen && free >= min + (min / 10))
        {
            IsOpen = true;
            Opened(logger, free);
        }
    }

    [LoggerMessage(EventId = 70, Level = LogLevel.Warning,
        Message = "nothing is given out to be built: {Free} bytes are free where wheels are published, of the {Min} that "
            + "disk-min asks for; it goes on by itself when there is room")]
    private static partial void Closed(ILogger logger, long free, long min);

    [LoggerMessage(EventId = 71, Level = LogLevel.Information,
        Message = "builds are given out again: {Free} bytes are free where wheels are published")]
    private static partial void Opened(ILogger logger, long free);
}
