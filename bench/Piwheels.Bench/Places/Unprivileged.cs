using System.Diagnostics;

namespace Piwheels.Bench.Places;

/// <summary>Programs that refuse root are started as an unprivileged user where root runs the bench.</summary>
internal static class Unprivileged
{
    private const string User = "nobody";
    private const string Group = "nogroup";

    /// <summary>How to start a program.</summary>
    public static ProcessStartInfo Start(string program, params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo(program) { UseShellExecute = false };
        if (Environment.IsPrivilegedProcess)
        {
            start.FileName = "setpriv";
            foreach (var argument in new[] { $"--reuid={User}", $"--regid={Group}", "--clear-groups", program })
                start.ArgumentList.Add(argument);
        }

        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return start;
    }

    /// <summary>Makes a folder that such programs may write to.</summary>
    public static async Task CreateFolderAsync(string folder, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder);
        if (!Environment.IsPrivilegedProcess) return;
        using var chown = Process.Start("chown", [$"{User}:{Group}", folder]);
        await chown.WaitForExitAsync(cancel);
    }
}
