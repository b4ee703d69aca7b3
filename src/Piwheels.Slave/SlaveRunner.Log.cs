using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Conversation;

namespace Piwheels.Slave;

/// <summary>What a slave logs.</summary>
public sealed partial class SlaveRunner
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information,
        Message = "building with {Python}, version {Version}, for {Target}, by pip {PipVersion}")]
    private static partial void LogPython(ILogger logger, string python, string version, Target target, string pipVersion);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "{Warning}")]
    private static partial void LogWarning(ILogger logger, string warning);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "looking for the master at {Address}")]
    private static partial void LogConnecting(ILogger logger, string address);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "building {Release}")]
    private static partial void LogBuilding(ILogger logger, Release release);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "{Release} {Outcome} after {Duration}, {Files} files")]
    private static partial void LogBuilt(ILogger logger, Release release, string outcome, TimeSpan duration, int files);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "sending {Filename}")]
    private static partial void LogSending(ILogger logger, string filename);

    [LoggerMessage(EventId = 7, Level = LogLevel.Warning, Message = "starting over: {Reason}")]
    private static partial void LogStartOver(ILogger logger, string reason);

    [LoggerMessage(EventId = 8, Level = LogLevel.Information, Message = "ends: {Why}")]
    private static partial void LogEnd(ILogger logger, SlaveEnd why);

    [LoggerMessage(EventId = 11, Level = LogLevel.Warning,
        Message = "takes no builds until there is more: {Shortage} (builds go to {Folder})")]
    private static partial void LogShort(ILogger logger, string shortage, string folder);

    [LoggerMessage(EventId = 12, Level = LogLevel.Information, Message = "there is enough of disk and memory again: takes builds")]
    private static partial void LogEnough(ILogger logger);

    [LoggerMessage(EventId = 9, Level = LogLevel.Debug, Message = "said {Request}")]
    private static partial void LogSaid(ILogger logger, string request);

    [LoggerMessage(EventId = 10, Level = LogLevel.Debug, Message = "heard {Reply}")]
    private static partial void LogHeard(ILogger logger, string reply);

    [LoggerMessage(EventId = 11, Level = LogLevel.Information, Message = "builds get control groups below {Group}")]
    private static partial void LogControlGroups(ILogger logger, string group);
}
