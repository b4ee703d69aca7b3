using System.Diagnostics;
using System.Globalization;

namespace Piwheels.Cli.Posix;

/// <summary>A user of this machine, as passwd(5) has it.</summary>
internal sealed record Account(string Name, uint UserId, uint GroupId, string Home)
{
    /// <summary>Looks a user up by name or number, wherever the system knows it from; null when there is none.</summary>
    public static Account? Find(string nameOrId)
    {
        var entry = Output("getent", "passwd", nameOrId)?.Split(':');
        if (entry is not { Length: >= 6 }) return null;
        return new Account(
            entry[0],
            uint.Parse(entry[2], CultureInfo.InvariantCulture),
            uint.Parse(entry[3], CultureInfo.InvariantCulture),
            entry[5]);
    }

    /// <summary>Makes a system account without a password or a shell.</summary>
    /// <exception cref="CommandFault">The system would not.</exception>
    public static Account Create(string name, string home)
    {
        if (Output("useradd", "--system", "--home-dir", home, "--create-home", "--shell", "/usr/sbin/nologin", name)
                is null || Find(name) is not { } account)
        {
            throw new CommandFault(
                $"there is no account '{name}' to run the farm under, and it could not be made: "
                + $"make it with 'useradd --system --create-home --home-dir {home} {name}', or name another by --user");
        }

        return account;
    }

    /// <summary>The output of a program that went well; null otherwise.</summary>
    private static string? Output(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments)
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var process = Process.Start(start)!;
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output.Trim() : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
