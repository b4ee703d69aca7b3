using System.Diagnostics;
using System.Text;

namespace Piwheels.Tests.Slave;

/// <summary>`piw slave` as people run it: a process of its own, of an ordinary user, also when root runs the tests.</summary>
internal sealed class SlaveProcess : IAsyncDisposable
{
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _log = new();

    private SlaveProcess(Process process) => _process = process;

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public static SlaveProcess Start(
        ScriptedMaster master, string folder, IReadOnlyDictionary<string, string> environment, params string[] options)
    {
        string[] command =
        [
            Path.Combine(AppContext.BaseDirectory, "piw"), "slave", "--configuration", "/dev/null", "--dir", folder,
            "--slave-queue", master.SlaveQueue, "--file-queue", master.FileQueue, "--python", "/usr/bin/python3",
            "--label", "test", "--idle-interval", "100ms", .. options,
        ];
        if (Environment.IsPrivilegedProcess)
            command = ["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", .. command];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var dotnet = start.Environment.TryGetValue("DOTNET_ROOT", out var root) ? root : null;
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        start.Environment["LANG"] = "C.UTF-8";
        if (dotnet is not null) start.Environment["DOTNET_ROOT"] = dotnet;
        foreach (var (name, value) in environment) start.Environment[name] = value;

        var slave = new SlaveProcess(new Process { StartInfo = start });
        slave._process.OutputDataReceived += (_, line) => slave.Keep(line.Data);
        slave._process.ErrorDataReceived += (_, line) => slave.Keep(line.Data);
        slave._process.Start();
        slave._process.BeginOutputReadLine();
        slave._process.BeginErrorReadLine();
        return slave;
    }

    /// <summary>Its exit code, once it ends by itself.</summary>
    public async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(EndTimeout);
        return _process.ExitCode;
    }

    /// <summary>kill -9: it has no moment to clean up.</summary>
    public Task<int> KillAsync()
    {
        _process.Kill();
        return EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillAsync();
        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_log) _log.Append(line).Append('\n');
    }
}
