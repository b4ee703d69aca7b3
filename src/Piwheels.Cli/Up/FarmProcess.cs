using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Piwheels.Cli.Commands;
using Piwheels.Cli.Posix;

namespace Piwheels.Cli.Up;

/// <summary>
/// One program of the farm, kept running: started again when it ends without being asked to, with growing pauses, and
/// stopped in order. It stops by itself when this process is gone, since it holds the other end of a pipe.
/// </summary>
internal sealed class FarmProcess(
    string name, IReadOnlyList<string> arguments, ILogger logger, TimeProvider time) : IAsyncDisposable
{
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>A program that ran as long as this before it ended is started again without a longer pause.</summary>
    public static readonly TimeSpan SteadyAfter = TimeSpan.FromMinutes(1);

    /// <summary>How long a program may take to stop in order before it is killed.</summary>
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    private const int LastLinesMax = 20;

    private readonly CancellationTokenSource _stopping = new();
    private readonly Queue<string> _lastLines = new();
    private readonly Lock _lock = new();
    private Process? _process;
    private Task _kept = Task.CompletedTask;

    /// <summary>Told, with the reason, whenever the program ended by itself.</summary>
    public Action<string, string>? Crashed { get; set; }

    public string Name => name;

    public int? ProcessId { get; private set; }

    public void Start() => _kept = KeepAsync();

    /// <summary>Asks it to stop and waits until it has; kills it after a while.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _kept;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task KeepAsync()
    {
        var pause = FirstPause;
        while (!_stopping.IsCancellationRequested)
        {
            var started = time.GetTimestamp();
            var exit = await RunOnceAsync();
            if (_stopping.IsCancellationRequested) return;
            if (time.GetElapsedTime(started) > SteadyAfter) pause = FirstPause;
            var reason = Reason(exit);
            logger.ProgramEnded(name, reason, pause.TotalSeconds);
            Crashed?.Invoke(name, reason);
            await Task.Delay(pause, time, _stopping.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
            pause = pause * 2 > LongestPause ? LongestPause : pause * 2;
        }
    }

    private async Task<int> RunOnceAsync()
    {
        using var process = Launch();
        if (process is null) return -1;
        _process = process;
        ProcessId = process.Id;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await using var registration = _stopping.Token.Register(() => Signal(NativeMethods.Terminate));
        var exited = process.WaitForExitAsync();
        await Task.WhenAny(exited, Task.Delay(Timeout.InfiniteTimeSpan, time, _stopping.Token));
        if (!exited.IsCompleted && await Task.WhenAny(exited, Task.Delay(StopLimit, time)) != exited)
        {
            logger.ProgramKilled(name, StopLimit.TotalSeconds);
            process.Kill(entireProcessTree: true);
        }

        await exited;
        ProcessId = null;
        _process = null;
        return process.ExitCode;
    }

    private Process? Launch()
    {
        var command = ProgramFile.Locate().CommandLine;
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in (string[])[.. command.Skip(1), .. arguments, "--" + PiwCommand.ParentsPipeOption])
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception fault)
        {
            Keep(fault.Message);
            return null;
        }
    }

    private void Signal(int signal)
    {
        if (_process is { HasExited: false } process) _ = NativeMethods.Kill(process.Id, signal);
    }

    private void Keep(string? line)
    {
        if (string.IsNullOrWhiteSpace(line)) return;
        lock (_lock)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > LastLinesMax) _lastLines.Dequeue();
        }
    }

    private string Reason(int exit)
    {
        lock (_lock)
        {
            var last = _lastLines.LastOrDefault();
            _lastLines.Clear();
            return last is null ? $"exit code {exit}" : $"exit code {exit}: {last}";
        }
    }
}

internal static partial class FarmProcessLog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "{name} ended by itself ({reason}); started again in {seconds} s")]
    public static partial void ProgramEnded(this ILogger logger, string name, string reason, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{name} did not stop within {seconds} s; killed")]
    public static partial void ProgramKilled(this ILogger logger, string name, double seconds);
}
