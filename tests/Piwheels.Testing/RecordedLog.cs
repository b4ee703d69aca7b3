using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Piwheels.Testing;

/// <summary>One line of a log.</summary>
public sealed record LogLine(string Category, LogLevel Level, string Message, Exception? Exception)
{
    public override string ToString() => $"{Category} {Level}: {Message} {Exception}";
}

/// <summary>Keeps what is logged, for a test to look at or to wait for.</summary>
public sealed class RecordedLog : ILoggerFactory
{
    private readonly ConcurrentQueue<LogLine> _entries = new();
    private readonly Lock _lock = new();
    private readonly List<(Func<LogLine, bool> Condition, TaskCompletionSource<LogLine> Found)> _waits = [];

    public IReadOnlyList<LogLine> Entries => [.. _entries];

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    /// <summary>Whether a line with these words is there.</summary>
    public bool Says(string words) =>
        _entries.Any(entry => entry.Message.Contains(words, StringComparison.Ordinal));

    /// <summary>Waits until a line with these words is there.</summary>
    public Task<LogLine> WhenSaidAsync(string words) =>
        WhenAsync(entry => entry.Message.Contains(words, StringComparison.Ordinal));

    /// <summary>The first entry, past or to come, that fits.</summary>
    public Task<LogLine> WhenAsync(Func<LogLine, bool> condition)
    {
        lock (_lock)
        {
            var found = new TaskCompletionSource<LogLine>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_entries.FirstOrDefault(condition) is { } entry)
                found.SetResult(entry);
            else
                _waits.Add((condition, found));
            return found.Task.Within();
        }
    }

    private void Add(LogLine entry)
    {
        lock (_lock)
        {
            _entries.Enqueue(entry);
            foreach (var (condition, found) in _waits)
            {
                if (condition(entry))
                    found.TrySetResult(entry);
            }
        }
    }

    public void Dispose()
    {
    }

    private sealed class Logger(RecordedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            log.Add(new LogLine(category, logLevel, formatter(state, exception), exception));
    }
}
