using System.Diagnostics;
using System.Globalization;
using System.Text;
using Piwheels.Testing;

namespace Piwheels.EndToEnd.Tests;

/// <summary>The program as people run it, with what it prints; asked to stop, and then killed, when a test ends.</summary>
internal sealed class PiwProcess : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Lock _lock = new();
    private readonly List<(string Text, TaskCompletionSource Seen)> _waiting = [];

    private PiwProcess(Process process) => _process = process;

    public static string Program => Path.Combine(AppContext.BaseDirectory, "piw");

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_lock) return _output.ToString();
        }
    }

    /// <summary>Starts it with an environment that has nothing of this machine's own settings.</summary>
    public static PiwProcess Start(params string[] arguments) => Start(arguments, environment: null);

    public static PiwProcess Start(string[] arguments, IReadOnlyDictionary<string, string>? environment) =>
        Start(Program, arguments, environment);

    /// <summary>Starts it as an ordinary user, also when root runs the tests.</summary>
    public static PiwProcess StartAsUser(params string[] arguments) => StartAsUser(arguments, environment: null);

    public static PiwProcess StartAsUser(string[] arguments, IReadOnlyDictionary<string, string>? environment) =>
        FarmFixture.IsRoot
            ? Start("setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", Program, .. arguments], environment)
            : Start(Program, arguments, environment);

    /// <summary>Starts a program that is to run it.</summary>
    public static PiwProcess Start(
        string program, string[] arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var path = start.Environment["PATH"];
        var dotnet = start.Environment.TryGetValue("DOTNET_ROOT", out var root) ? root : null;
        start.Environment.Clear();
        start.Environment["PATH"] = $"/usr/bin:/bin:/usr/sbin:/sbin:{path}";
        start.Environment["HOME"] = "/nonexistent";
        start.Environment["LANG"] = "C.UTF-8";
        if (dotnet is not null) start.Environment["DOTNET_ROOT"] = dotnet;
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var piw = new PiwProcess(new Process { StartInfo = start });
        piw._process.OutputDataReceived += (_, line) => piw.Keep(line.Data);
        piw._process.ErrorDataReceived += (_, line) => piw.Keep(line.Data);
        piw._process.Start();
        piw._process.BeginOutputReadLine();
        piw._process.BeginErrorReadLine();
        return piw;
    }

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        await using var piw = Start(arguments);
        return (await piw.EndAsync(), piw.Output);
    }

    /// <summary>Runs it on a terminal, where somebody answers its question.</summary>
    public static Task<(int ExitCode, string Output)> TypeAsync(string answer, params string[] arguments)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_ROOT");
        string[] program = [.. dotnet is null ? [] : (string[])["/usr/bin/env", $"DOTNET_ROOT={dotnet}"], Program];
        return FarmFixture.RunAsync(
            PythonPeer.Python,
            [Path.Combine(AppContext.BaseDirectory, "peers", "terminal.py"), answer, .. program, .. arguments]);
    }

    /// <summary>Waits until it has printed a text.</summary>
    public async Task SeeAsync(string text)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_output.ToString().Contains(text, StringComparison.Ordinal)) return;
            _waiting.Add((text, seen));
        }

        var ended = _process.WaitForExitAsync();
        if (await Task.WhenAny(seen.Task, ended).WaitAsync(Limit) == ended && !Output.Contains(text, StringComparison.Ordinal))
            throw new InvalidOperationException($"it ended without saying '{text}':\n{Output}");
    }

    /// <summary>Waits for its end; answers the exit code.</summary>
    public async Task<int> EndAsync()
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException fault)
        {
            throw new TimeoutException($"it did not end:\n{Output}", fault);
        }

        return _process.ExitCode;
    }

    /// <summary>Sends a signal, by its name.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signal("TERM");
            try
            {
                await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
            }
            catch (TimeoutException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_lock)
        {
            _output.AppendLine(line);
            foreach (var (text, seen) in _waiting.Where(each => line.Contains(each.Text, StringComparison.Ordinal)))
                seen.TrySetResult();
        }
    }
}
