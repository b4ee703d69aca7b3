using System.Text;
using Microsoft.Extensions.Logging;

namespace Piwheels.Cli.Logging;

/// <summary>What a command's log options ask for.</summary>
/// <param name="Level">The least level that is written.</param>
/// <param name="File">Where to; null for standard error.</param>
/// <param name="Debug">Categories of which everything is written, with * as a wildcard.</param>
internal sealed record LogSetup(LogLevel Level, string? File, IReadOnlyList<string> Debug)
{
    /// <summary>Below this nothing is written at the usual level; --verbose is not held back.</summary>
    public LogLevel Quietest { get; init; } = LogLevel.Trace;

    /// <exception cref="CommandFault">The log file cannot be opened.</exception>
    public ILoggerFactory CreateFactory(TimeProvider time)
    {
        var log = new LineLog(OpenWriter(), time, showFaults: Level <= LogLevel.Debug);
        return LoggerFactory.Create(builder =>
        {
            builder.AddProvider(log);
            builder.SetMinimumLevel(LogLevel.Trace);
            builder.AddFilter((category, level) => level >= LeastLevel(category ?? ""));
        });
    }

    private LogLevel LeastLevel(string category)
    {
        if (Debug.Any(pattern => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, category)))
            return LogLevel.Trace;
        var framework = category.StartsWith("Microsoft.", StringComparison.Ordinal)
            || category.StartsWith("System.", StringComparison.Ordinal)
            || category.StartsWith("Npgsql", StringComparison.Ordinal);
        var usual = Level == LogLevel.Information && Quietest > Level ? Quietest : Level;
        return framework && usual < LogLevel.Warning ? LogLevel.Warning : usual;
    }

    private TextWriter OpenWriter()
    {
        if (File is null) return Console.Error;
        try
        {
            var stream = new FileStream(File, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            return new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"log file {File}: {fault.Message}", CommandFault.Failed, fault);
        }
    }
}
