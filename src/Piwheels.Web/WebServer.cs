using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Piwheels.Core.AccessLog;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Web;

/// <summary>The built-in web server: Kestrel over the output folder, for those who run none of their own.</summary>
public static class WebServer
{
    /// <summary>Serves until cancelled, then lets requests under way end.</summary>
    /// <exception cref="WebServerException">
    /// The address is none, or taken, or the certificate cannot be read.
    /// </exception>
    public static async Task RunAsync(WebConfiguration configuration, ILoggerFactory loggers, CancellationToken ct)
    {
        await using var server = await StartAsync(configuration, loggers, TimeProvider.System, ct);
        var stopped = new TaskCompletionSource();
        await using var registration = ct.Register(() => stopped.TrySetResult());
        await stopped.Task;
    }

    /// <summary>Starts serving; disposing the answer stops it.</summary>
    /// <exception cref="WebServerException">
    /// The address is none, or taken, or the certificate cannot be read.
    /// </exception>
    public static async Task<RunningWebServer> StartAsync(
        WebConfiguration configuration, ILoggerFactory loggers, TimeProvider time, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(loggers);
        var listen = ListenAddress.Parse(configuration.Listen);
        var certificate = configuration.CertificateFile is { } file
            ? new TlsCertificate(file, configuration.KeyFile, time, loggers.CreateLogger("web"))
            : null;
        var queues = MasterQueues.Start(configuration, time, loggers);
        var app = Build(configuration, loggers, listen, certificate);
        Serve(app, configuration, queues, time);
        try
        {
            await app.StartAsync(ct);
        }
        catch (Exception failure)
        {
            await app.DisposeAsync();
            await queues.DisposeAsync();
            if (failure is not (IOException or SocketException)) throw;
            throw new WebServerException($"cannot listen on {configuration.Listen}: {ReasonOf(failure)}", failure);
        }

        return new RunningWebServer(app, queues);
    }

    private static WebApplication Build(
        WebConfiguration configuration, ILoggerFactory loggers, ListenAddress listen, TlsCertificate? certificate)
    {
        // Empty: neither environment variables nor files of the current folder have a say
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "piw-web" });
        builder.Services.AddSingleton<ILoggerFactory>(new QuietLoggers(loggers));
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        // A request is answered on the thread that its bytes came on, instead of being handed over twice. A slow disk then
        // keeps its own connection waiting and, as with any work of the pool, a thread
        builder.WebHost.UseKestrelCore().UseSockets(static sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            Limit(options.Limits, configuration.Limits);
            if (listen.Address is null) options.ListenAnyIP(listen.Port, Guard);
            else options.Listen(listen.Address, listen.Port, Guard);
        });
        if (certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        return builder.Build();

        void Guard(ListenOptions options)
        {
            options.Use(new ConnectionGate(configuration.Limits.AddressConnectionsMax, configuration.TrustedProxies).Before);
            if (certificate is null) return;
            options.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult(
                    new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Current() }),
            });
        }
    }

    private static void Limit(KestrelServerLimits limits, WebLimits told)
    {
        limits.MaxRequestBodySize = 0;
        limits.MaxConcurrentConnections = told.ConnectionsMax;
        limits.MaxConcurrentUpgradedConnections = 0;
        limits.RequestHeadersTimeout = told.HeadersTimeout;
        limits.KeepAliveTimeout = told.IdleTimeout;
        limits.MinResponseDataRate = new MinDataRate(told.ClientBytesPerSecondMin, told.ClientGrace);
    }

    private static void Serve(
        WebApplication app, WebConfiguration configuration, MasterQueues queues, TimeProvider time)
    {
        var client = new ClientAddress(configuration.TrustedProxies);
        var live = queues.Feed is null
            ? null
            : new LivePages(
                queues.Feed, configuration.Site, client, configuration.Limits, time, app.Lifetime.ApplicationStopping);
        var handler = new SiteHandler(configuration.OutputPath, configuration.Site, live);
        app.Lifetime.ApplicationStopped.Register(handler.Dispose);
        var reporter = queues.Reporter;
        app.Run(async context =>
        {
            try
            {
                await handler.HandleAsync(context);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                // The client has gone; what it had is no download
                return;
            }

            if (reporter is null) return;
            var request = new WebRequest(
                context.Request.Method,
                context.Features.Get<IHttpRequestFeature>()!.RawTarget,
                context.Response.StatusCode,
                context.Request.Headers.UserAgent.ToString(),
                client.Of(context),
                time.GetUtcNow());
            if (AccessClassifier.Classify(request) is { } access) reporter.Report(access);
        });
    }

    private static string ReasonOf(Exception failure)
    {
        var inner = failure;
        while (inner.InnerException is not null) inner = inner.InnerException;
        return inner.Message.ReplaceLineEndings(" ");
    }

    /// <summary>Stopping is the caller's to say: no signal handlers of the host's own.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
