using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Piwheels.Bench.Loading;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Serving;

/// <summary>A web server over the files, as an unprivileged process of its own; both may use all of the machine.</summary>
internal sealed class ServerUnderLoad : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    private readonly Process _process;

    private ServerUnderLoad(string name, Process process, int port)
    {
        Name = name;
        Port = port;
        _process = process;
    }

    public string Name { get; }

    public int Port { get; }

    /// <summary>Of it and its workers.</summary>
    public TimeSpan ProcessorTime =>
        Processes().Aggregate(TimeSpan.Zero, static (sum, id) => sum + ProcessFigures.ProcessorTime(id));

    public long Megabytes => Processes().Sum(static id => ProcessFigures.ResidentMegabytes(id).Now);

    /// <param name="program">The program piw.</param>
    /// <param name="folder">For its log.</param>
    /// <param name="site">What is served.</param>
    public static Task<ServerUnderLoad> StartPiwAsync(string program, string folder, string site, CancellationToken cancel)
    {
        var port = MasterProcess.FreePort();
        // Nobody takes the accesses: they are made and dropped, as with a master that is away
        string[] options =
        [
            "web", "--configuration", "/dev/null", "-o", site, "--listen", $"127.0.0.1:{port}",
            "--log-file", Path.Combine(folder, "web.log"), "--log-queue", $"ipc://{folder}/queue-log",
        ];
        return StartAsync("piw web", port, program, options, cancel);
    }

    /// <param name="folder">For its files.</param>
    /// <param name="site">What is served.</param>
    public static async Task<ServerUnderLoad> StartNginxAsync(string folder, string site, CancellationToken cancel)
    {
        var port = MasterProcess.FreePort();
        var shipped = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "packaging", "nginx.conf"), cancel);
        var server = Path.Combine(folder, "nginx-site.conf");
        await File.WriteAllTextAsync(
            server,
            shipped.Replace("listen 80;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal)
                .Replace("/var/www", site, StringComparison.Ordinal),
            cancel);
        var temporary = string.Concat(((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(
            each => $"{each}_temp_path {folder}/nginx-{each};\n"));
        var main = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(
            main,
            $$"""
            daemon off;
            pid {{folder}}/nginx.pid;
            error_log {{folder}}/nginx.log;
            worker_processes auto;
            events { worker_connections 4096; }
            http {
                access_log off;
                keepalive_requests 1000000;
                {{temporary}}
                include {{server}};
            }
            """,
            cancel);
        return await StartAsync("nginx", port, "nginx", ["-p", folder, "-c", main], cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static async Task<ServerUnderLoad> StartAsync(
        string name, int port, string program, string[] arguments, CancellationToken cancel)
    {
        var process = Process.Start(Unprivileged.Start(program, arguments))!;
        var server = new ServerUnderLoad(name, process, port);
        var began = Stopwatch.GetTimestamp();
        while (!await IsOpenAsync(port, cancel))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(began) > StartLimit)
            {
                await server.DisposeAsync();
                throw new BenchFault($"{name} does not start: is it installed?");
            }

            await Task.Delay(LookInterval, TimeProvider.System, cancel);
        }

        return server;
    }

    private static async Task<bool> IsOpenAsync(int port, CancellationToken cancel)
    {
        using var tcp = new TcpClient();
        try
        {
            await tcp.ConnectAsync(IPAddress.Loopback, port, cancel);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private IEnumerable<int> Processes()
    {
        yield return _process.Id;
        var path = $"/proc/{_process.Id}/task/{_process.Id}/children";
        foreach (var child in File.ReadAllText(path).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            yield return int.Parse(child, CultureInfo.InvariantCulture);
    }
}
