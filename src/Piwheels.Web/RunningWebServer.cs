using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Piwheels.Web;

/// <summary>A web server that serves; disposing it lets requests under way end, and stops it.</summary>
public sealed class RunningWebServer : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;
    private readonly MasterQueues _queues;

    internal RunningWebServer(WebApplication app, MasterQueues queues)
    {
        _app = app;
        _queues = queues;
        Address = new Uri(app.Urls.First());
    }

    /// <summary>Where it listens, with the port that it was given.</summary>
    public Uri Address { get; }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _app.StopAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Somebody is still downloading: they are cut off
        }

        await _app.DisposeAsync();
        await _queues.DisposeAsync();
    }
}

/// <summary>The caller's loggers, without the framework's word on every single request.</summary>
internal sealed class QuietLoggers(ILoggerFactory inner) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("Microsoft.", StringComparison.Ordinal)
            ? new Quiet(inner.CreateLogger(categoryName))
            : inner.CreateLogger(categoryName);

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    // The caller's factory is the caller's
    public void Dispose()
    {
    }

    private sealed class Quiet(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && inner.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
