using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Piwheels.Bench.Places;
using Piwheels.Storage;

namespace Piwheels.Bench.Loading;

/// <summary>
/// A real master in a process of its own, as an unprivileged user: `piw master` with everything that it does, but for an
/// index to follow, of which it finds none.
/// </summary>
internal sealed class MasterProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    private readonly Process _process;

    private MasterProcess(Process process, int slavePort, int filePort)
    {
        _process = process;
        (SlavePort, FilePort) = (slavePort, filePort);
    }

    public int SlavePort { get; }

    public int FilePort { get; }

    public int Id => _process.Id;

    public TimeSpan ProcessorTime => ProcessFigures.ProcessorTime(Id);

    /// <param name="folder">Where its log and queues are, and the folder that it publishes.</param>
    /// <param name="program">The program `piw`.</param>
    /// <param name="more">Further options.</param>
    public static async Task<MasterProcess> StartAsync(
        string program, string folder, Dsn dsn, IReadOnlyList<string> more, CancellationToken cancel)
    {
        var (slaves, files) = (FreePort(), FreePort());
        var log = Path.Combine(folder, "master.log");
        string[] options =
        [
            program, "master", "--dsn", dsn.ToSettings().ConnectionString, "--output-path", Path.Combine(folder, "www"),
            "--slave-queue", $"tcp://*:{slaves}", "--file-queue", $"tcp://*:{files}",
            "--status-queue", $"ipc://{folder}/queue-status", "--control-queue", $"ipc://{folder}/queue-control",
            "--import-queue", $"ipc://{folder}/queue-import", "--log-queue", $"ipc://{folder}/queue-log",
            "--pypi-xmlrpc", "http://127.0.0.1:9/pypi", "--pypi-simple", "http://127.0.0.1:9/simple",
            "--pypi-json", "http://127.0.0.1:9/pypi", .. more,
        ];
        var start = Unprivileged.Start("/bin/sh", ["-c", $"exec \"$@\" >'{log}' 2>&1 </dev/null", "sh", .. options]);
        Isolate(start, folder);
        var process = Process.Start(start)!;
        var master = new MasterProcess(process, slaves, files);
        var began = Stopwatch.GetTimestamp();
        while (!IsOpen(slaves) || !IsOpen(files))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(began) > StartLimit)
            {
                await master.DisposeAsync();
                throw new BenchFault($"the master does not start; {log} tells why");
            }

            await Task.Delay(LookInterval, TimeProvider.System, cancel);
        }

        return master;
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

    /// <summary>A port of this machine that nobody has bound.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Nothing of this machine's settings but what the runtime needs.</summary>
    private static void Isolate(ProcessStartInfo start, string folder)
    {
        var kept = new[] { "PATH", "DOTNET_ROOT" }.Select(name => (name, value: Environment.GetEnvironmentVariable(name))).ToList();
        start.Environment.Clear();
        foreach (var (name, value) in kept)
        {
            if (value is not null) start.Environment[name] = value;
        }

        if (!start.Environment.ContainsKey("DOTNET_ROOT"))
            start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        start.Environment["HOME"] = folder;
        start.WorkingDirectory = folder;
    }

    private static bool IsOpen(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
