using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Piwheels.Storage.Private;

/// <content>What the server says, and what is said of it.</content>
public sealed partial class PrivateCluster
{
    /// <summary>The last line of severity FATAL or PANIC, to say why a start failed.</summary>
    private volatile string? _lastWords;

    /// <summary>Reads the server's messages until it has ended.</summary>
    private async Task<int> WaitAsync(Process process)
    {
        var hearing = HearAsync(process);
        await process.WaitForExitAsync();
        // When it was killed, others that it had started may hold its pipes for as long as they work
        await Task.WhenAny(hearing, Task.Delay(LastWordsTimeout, _time));
        Ended(_log, process.ExitCode);
        return process.ExitCode;
    }

    private async Task HearAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        while (await process.StandardError.ReadLineAsync() is { } line) Heard(line);
        await output;
    }

    /// <summary>Refused statements reach their callers anyway, so only what concerns the server itself is worth a line.</summary>
    private void Heard(string line)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        var severity = colon < 0 ? "" : line[..colon];
        var level = severity switch
        {
            "FATAL" or "WARNING" => LogLevel.Warning,
            "PANIC" => LogLevel.Error,
            _ => LogLevel.Debug,
        };
        if (severity is "FATAL" or "PANIC" || (_lastWords is null && severity is "" && line.Length > 0)) _lastWords = line;
        Said(_log, level, line);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "making a database by PostgreSQL {major} in {folder}")]
    private static partial void Creating(ILogger logger, int major, string folder);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "PostgreSQL {major} serves {folder}")]
    private static partial void Ready(ILogger logger, int major, string folder);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "the database has got schema {version}")]
    private static partial void Installed(ILogger logger, string version);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "stopping the server {pid} that a killed farm has left")]
    private static partial void StoppingOrphan(ILogger logger, int pid);

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning, Message = "PostgreSQL has not stopped within {limit}; cutting it short")]
    private static partial void SlowStop(ILogger logger, TimeSpan limit);

    [LoggerMessage(EventId = 6, Level = LogLevel.Debug, Message = "PostgreSQL has ended with code {code}")]
    private static partial void Ended(ILogger logger, int code);

    [LoggerMessage(EventId = 7, Message = "PostgreSQL: {line}")]
    private static partial void Said(ILogger logger, LogLevel level, string line);
}
