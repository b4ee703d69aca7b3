using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Web;

/// <summary>A web server that serves; disposing it lets requests under way end, and stops it.</summary>
public sealed class RunningWebServer : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;
    private readonly AccessReporting? _reporting;

    internal RunningWebServer(WebApplication app, AccessReporting? reporting)
    {
        _app = app;
        _reporting = reporting;
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
        if (_reporting is not null) await _reporting.DisposeAsync();
    }
}

/// <summary>The reporter of accesses with the sockets' context that it lives in.</summary>
internal sealed class AccessReporting : IAsyncDisposable
{
    private readonly ZmqContext _zmq = new();

    private AccessReporting(string queue, TimeProvider time, ILoggerFactory loggers) =>
        Reporter = new AccessReporter(queue, new TaskEnvironment(_zmq, time, loggers));

    internal AccessReporter Reporter { get; }

    internal static AccessReporting Start(string queue, TimeProvider time, ILoggerFactory loggers)
    {
        var reporting = new AccessReporting(queue, time, loggers);
        reporting.Reporter.Start();
        return reporting;
    }

    public async ValueTask DisposeAsync()
    {
        await Reporter.DisposeAsync();
        _zmq.Dispose();
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
