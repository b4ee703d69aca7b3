using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
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
    private const int ConnectionsMax = 10_000;

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
        using var certificate = ReadCertificate(configuration);
        var reporting = configuration.LogQueue is { } queue ? AccessReporting.Start(queue, time, loggers) : null;
        var app = Build(configuration, loggers, listen, certificate);
        Serve(app, configuration, reporting?.Reporter, time);
        try
        {
            await app.StartAsync(ct);
        }
        catch (Exception failure)
        {
            await app.DisposeAsync();
            if (reporting is not null) await reporting.DisposeAsync();
            if (failure is not (IOException or SocketException)) throw;
            throw new WebServerException($"cannot listen on {configuration.Listen}: {ReasonOf(failure)}", failure);
        }

        return new RunningWebServer(app, reporting);
    }

    private static WebApplication Build(
        WebConfiguration configuration, ILoggerFactory loggers, ListenAddress listen, X509Certificate2? certificate)
    {
        // Empty: neither environment variables nor files of the current folder have a say
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "piw-web" });
        builder.Services.AddSingleton<ILoggerFactory>(new QuietLoggers(loggers));
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = 0;
            options.Limits.MaxConcurrentConnections = ConnectionsMax;
            if (listen.Address is null) options.ListenAnyIP(listen.Port, Secure);
            else options.Listen(listen.Address, listen.Port, Secure);
        });
        if (certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        return builder.Build();

        void Secure(ListenOptions options)
        {
            if (certificate is not null) options.UseHttps(new X509Certificate2(certificate));
        }
    }

    private static void Serve(
        WebApplication app, WebConfiguration configuration, AccessReporter? reporter, TimeProvider time)
    {
        var handler = new SiteHandler(configuration.OutputPath);
        var client = new ClientAddress(configuration.TrustedProxies);
        app.Run(async context =>
        {
            await handler.HandleAsync(context);
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

    private static X509Certificate2? ReadCertificate(WebConfiguration configuration)
    {
        if (configuration.CertificateFile is not { } file) return null;
        try
        {
            return X509Certificate2.CreateFromPemFile(file, configuration.KeyFile);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new WebServerException($"cannot read the certificate {file}: {failure.Message}", failure);
        }
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
