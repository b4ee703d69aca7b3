using System.Net;
using System.Net.Sockets;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A web server over a folder, as an ordinary user's own process, configured as it is shipped.</summary>
internal sealed class WebServerProcess : IAsyncDisposable
{
    public const string BuiltIn = "piw web";
    public const string Nginx = "nginx";
    public const string Apache = "apache";

    private const string ApacheModules = "/usr/lib/apache2/modules";
    private static readonly TimeSpan AskInterval = TimeSpan.FromMilliseconds(50);

    private readonly PiwProcess _process;

    private WebServerProcess(PiwProcess process, int port)
    {
        _process = process;
        Port = port;
    }

    public int Port { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <param name="name">Which server.</param>
    /// <param name="folder">With what is served below <c>site</c>.</param>
    /// <param name="more">Options for the built-in one.</param>
    public static async Task<WebServerProcess> StartAsync(string name, TemporaryFolder folder, params string[] more)
    {
        var port = FarmFixture.FreePort();
        string[] command = name switch
        {
            Nginx => ["nginx", "-p", folder.Path, "-c", WriteNginx(folder, port)],
            Apache => ["apache2", "-D", "FOREGROUND", "-f", WriteApache(folder, port)],
            _ =>
            [
                PiwProcess.Program, "web", "--configuration", "/dev/null", "-o", folder["site"],
                "--listen", $"127.0.0.1:{port}", .. more,
            ],
        };
        SampleSite.HandOver(folder.Path);
        string[] user = FarmFixture.IsRoot ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [];
        command = [.. user, .. command];
        var server = new WebServerProcess(PiwProcess.Start(command[0], command[1..], environment: null), port);
        await server.ListensAsync();
        return server;
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    // None of them says when it listens
    private async Task ListensAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(PiwProcess.Limit);
        using var timer = new PeriodicTimer(AskInterval);
        do
        {
            if (_process.HasExited) throw new InvalidOperationException($"it ended:\n{_process.Output}");
            using var tcp = new TcpClient();
            try
            {
                await tcp.ConnectAsync(IPAddress.Loopback, Port, limit.Token);
                return;
            }
            catch (SocketException)
            {
                // Not yet
            }
        }
        while (await timer.WaitForNextTickAsync(limit.Token));
    }

    private static string Shipped(string server) => File.ReadAllText(
        Path.Combine(AppContext.BaseDirectory, "packaging", server, "piwheels.conf"));

    private static string WriteNginx(TemporaryFolder folder, int port)
    {
        folder.Write("nginx-site.conf", Shipped("nginx")
            .Replace("listen 80;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal)
            .Replace("/var/www", folder["site"], StringComparison.Ordinal));
        var temporary = string.Concat(((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(
            each => $"{each}_temp_path {folder["nginx-" + each]};\n"));
        return folder.Write("nginx.conf", $$"""
            daemon off;
            pid {{folder["nginx.pid"]}};
            error_log stderr;
            worker_processes 1;
            events { worker_connections 256; }
            http {
                access_log off;
                {{temporary}}
                include {{folder["nginx-site.conf"]}};
            }
            """);
    }

    private static string WriteApache(TemporaryFolder folder, int port)
    {
        folder.Write("apache-site.conf", Shipped("apache")
            .Replace("*:80", $"127.0.0.1:{port}", StringComparison.Ordinal)
            .Replace("/var/www", folder["site"], StringComparison.Ordinal));
        Directory.CreateDirectory(folder["apache"]);
        string[] modules =
            ["mpm_event", "authz_core", "deflate", "filter", "dir", "headers", "mime", "rewrite", "setenvif"];
        var load = string.Concat(modules.Select(each => $"LoadModule {each}_module {ApacheModules}/mod_{each}.so\n"));
        return folder.Write("apache.conf", $$"""
            ServerName localhost
            Listen 127.0.0.1:{{port}}
            DefaultRuntimeDir {{folder["apache"]}}
            PidFile {{folder["apache/pid"]}}
            ErrorLog {{folder["apache/errors"]}}
            TypesConfig /dev/null
            StartServers 1
            {{load}}
            Include {{folder["apache-site.conf"]}}
            """);
    }
}
