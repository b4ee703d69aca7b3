using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Piwheels.Cli.Logging;

/// <summary>
/// Writes one event a line: time (UTC), level, category, text. Control characters of what others sent are shown as
/// escapes, so that nobody can forge a line.
/// </summary>
internal sealed class LineLog(TextWriter writer, TimeProvider time, bool showFaults) : ILoggerProvider
{
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    public void Dispose() => writer.Dispose();

    private void Write(LogLevel level, string category, string text, Exception? fault)
    {
        var line = new StringBuilder(text.Length + 64);
        line.Append(time.GetUtcNow().ToString("yyyy-MM-dd HH:mm:ss.fff'Z' ", CultureInfo.InvariantCulture));
        line.Append(NameOf(level)).Append(' ').Append(category).Append(": ");
        AppendEscaped(line, text);
        if (fault is not null)
        {
            line.Append(": ");
            AppendEscaped(line, showFaults || level >= LogLevel.Critical ? fault.ToString() : fault.Message);
        }

        lock (_lock)
        {
            try
            {
                writer.WriteLine(line);
                writer.Flush();
            }
            catch (IOException)
            {
                // A log that cannot be written (full disk, closed terminal) must not stop what it tells about
            }
        }
    }

    private static void AppendEscaped(StringBuilder line, string text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c)) line.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
            else line.Append(c);
        }
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info ",
        LogLevel.Warning => "warn ",
        LogLevel.Error => "error",
        _ => "fatal",
    };

    private sealed class Category(LineLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            log.Write(logLevel, name, formatter(state, exception), exception);
    }
}
