using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Piwheels.Storage.Private;

namespace Piwheels.Testing;

/// <content>What can happen to a server while others work with it.</content>
public sealed partial class PostgresCluster
{
    private string Data => Path.Combine(Folder, "data");

    /// <summary>Stops the server as a crash does, and starts it again; returns when it takes connections.</summary>
    public Task RestartAsync() => ControlAsync("restart", "-m", "immediate");

    /// <summary>Cuts all clients off; nobody can connect any more.</summary>
    public Task StopAsync() => ControlAsync("stop", "-m", "fast");

    public Task StartAgainAsync() => ControlAsync("start", "-o", $"-k {Folder} {ServerOptions}");

    /// <summary>All its processes hang, connections stay, and new ones are not answered.</summary>
    public Task SuspendAsync() => SignalAsync("STOP");

    public Task WakeAsync() => SignalAsync("CONT");

    /// <summary>
    /// From now on nobody but the superuser gets in, or everybody again; those who are in stay.
    /// </summary>
    public async Task RefuseAsync(bool refused)
    {
        var lines = refused ? $"local all {OrdinaryUser} reject\nlocal all all trust\n" : "local all all trust\n";
        await File.WriteAllTextAsync(Path.Combine(Data, "pg_hba.conf"), lines);
        await RunAsync(_superuserDsn, "SELECT pg_reload_conf()");
        // The server heeds that some time soon
        while (await IsRefusedAsync() != refused)
        {
        }
    }

    private async Task<bool> IsRefusedAsync()
    {
        try
        {
            await using var connection = await OpenAsync(_superuserDsn.WithUser(OrdinaryUser));
            return false;
        }
        catch (PostgresException)
        {
            return true;
        }
    }

    /// <summary>Cuts off all sessions of the ordinary user.</summary>
    public Task CutOffAsync() => RunAsync(
        _superuserDsn, $"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{OrdinaryUser}'");

    private async Task ControlAsync(string action, params string[] more)
    {
        // It must not keep our pipes: the server outlives it
        var start = AsServersUser(
            "/bin/sh", "-c", "\"$@\" >/dev/null 2>&1", "sh",
            Path.Combine(PostgresBinaries.Find().Folder, "pg_ctl"), "-D", Data, "-l", Path.Combine(Folder, "log"), "-w",
            "-t", "60", action);
        foreach (var argument in more) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync().Within();
        if (process.ExitCode != 0)
        {
            var log = await File.ReadAllTextAsync(Path.Combine(Folder, "log"));
            throw new InvalidOperationException($"pg_ctl {action} failed: {log}");
        }
    }

    private async Task SignalAsync(string signal)
    {
        var server = (await File.ReadAllLinesAsync(Path.Combine(Data, "postmaster.pid")))[0];
        // The server first: it starts no others then
        using var process = Process.Start(AsServersUser(
            "/bin/sh", "-c", $"kill -{signal} {server}; pkill -{signal} -P {server}"))!;
        await process.WaitForExitAsync().Within();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture, $"cannot send {signal} to the server {server}: {process.ExitCode}"));
        }
    }
}
