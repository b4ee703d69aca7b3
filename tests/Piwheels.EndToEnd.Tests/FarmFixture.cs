using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Piwheels.Cli.Demo;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A stand-in index with the demonstration's packages, and a data folder that an ordinary user may fill.</summary>
internal sealed class FarmFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-e2e-");

    private FarmFixture(StandInIndex index) => Index = index;

    public StandInIndex Index { get; }

    /// <summary>Not made yet.</summary>
    public string Data => Path.Combine(_folder.FullName, "data");

    public string Folder => _folder.FullName;

    public static bool IsRoot => Environment.UserName == "root";

    /// <summary>Who farms run as when the tests are root.</summary>
    public static string[] AsUser => IsRoot ? ["--user", "nobody"] : [];

    /// <param name="certificate">What the index serves by https with; null for http.</param>
    public static async Task<FarmFixture> CreateAsync(X509Certificate2? certificate = null)
    {
        var sdists = Directory.CreateTempSubdirectory("piw-index-").FullName;
        DemoPackages.Write(sdists);
        var fixture = new FarmFixture(await StandInIndex.StartAsync(sdists, 0, around: null, certificate));
        // Other users must be able to go through it
        File.SetUnixFileMode(fixture.Folder, (UnixFileMode)Convert.ToInt32("755", 8));
        return fixture;
    }

    public string[] Up(int port, params string[] more) =>
    [
        "up", "--data", Data, "--listen", $"127.0.0.1:{port}", "--pypi", Index.Root.ToString().TrimEnd('/'),
        "--python", "/usr/bin/python3", .. AsUser, .. more,
    ];

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    /// <summary>Runs a program with an environment of its own; answers its exit code and all it said.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        start.Environment["HOME"] = "/nonexistent";
        start.Environment["PIP_CONFIG_FILE"] = "/dev/null";
        start.Environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1";
        start.Environment["PIP_NO_CACHE_DIR"] = "1";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(PiwProcess.Limit);
        return (process.ExitCode, output + await errors);
    }

    /// <summary>Asks the running farm's own database, as the farm's user; a line per row, with | between columns.</summary>
    public async Task<string[]> QueryAsync(string sql)
    {
        string[] psql =
            ["psql", "-h", Path.Combine(Data, "postgres", "run"), "-U", "piwheels", "-d", "piwheels", "-AtXc", sql];
        string[] command = IsRoot ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", .. psql] : psql;
        var (exitCode, output) = await RunAsync(command[0], command[1..]);
        return exitCode == 0
            ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : throw new InvalidOperationException(output);
    }

    /// <summary>Processes whose command line names this fixture's data folder.</summary>
    public IReadOnlyList<int> ProcessesOfFarm() =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!))
            .Where(id => CommandLine(id).Contains(Data, StringComparison.Ordinal)),
    ];

    public static string CommandLine(int processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/cmdline").Replace('\0', ' ');
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Index.DisposeAsync();
        foreach (var id in ProcessesOfFarm())
        {
            try
            {
                Process.GetProcessById(id).Kill();
            }
            catch (Exception fault) when (fault is ArgumentException or InvalidOperationException)
            {
                // Gone already
            }
        }

        _folder.Delete(recursive: true);
    }
}
