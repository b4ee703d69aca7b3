using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Piwheels.Storage.Private;

/// <summary>The folder of a PostgreSQL server's programs on this machine, and its major version.</summary>
public sealed partial record PostgresBinaries(string Folder, int MajorVersion)
{
    /// <summary>The oldest server that the schema works on.</summary>
    public const int MajorVersionMin = 15;

    /// <summary>Where Debian and its kin put each version's programs, in MAJOR/bin.</summary>
    private const string DebianFolder = "/usr/lib/postgresql";

    public string Postgres => Path.Combine(Folder, "postgres");
    public string InitDb => Path.Combine(Folder, "initdb");

    /// <summary>
    /// The newest of what Debian's packages, <c>pg_config</c> and the search path offer. Servers of other majors are
    /// found with <paramref name="major"/>.
    /// </summary>
    /// <exception cref="PrivateClusterException">There is none; the text names the package to install.</exception>
    public static PostgresBinaries Find(int? major = null) =>
        Find(major, DebianFolder, Environment.GetEnvironmentVariable("PATH") ?? "");

    internal static PostgresBinaries Find(int? major, string versionsFolder, string path)
    {
        var folders = new List<string>();
        if (Directory.Exists(versionsFolder))
        {
            folders.AddRange(Directory.EnumerateDirectories(versionsFolder).Select(d => Path.Combine(d, "bin")));
        }

        var searched = path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        folders.AddRange(searched);
        foreach (var config in searched.Select(f => Path.Combine(f, "pg_config")).Where(File.Exists))
        {
            folders.Add(Output(config, "--bindir").Trim());
        }

        var found = folders
            .Where(f => File.Exists(Path.Combine(f, "postgres")) && File.Exists(Path.Combine(f, "initdb")))
            .Distinct(StringComparer.Ordinal)
            .Select(f => new PostgresBinaries(f, ReadMajor(Output(Path.Combine(f, "postgres"), "--version"))))
            .Where(b => major is null ? b.MajorVersion >= MajorVersionMin : b.MajorVersion == major)
            .MaxBy(b => b.MajorVersion);
        return found ?? throw new PrivateClusterException(
            major is null
                ? $"no PostgreSQL server of version {MajorVersionMin} or later is installed: apt install postgresql"
                : $"no PostgreSQL server of version {major} is installed: apt install postgresql-{major}");
    }

    /// <summary>"postgres (PostgreSQL) 15.20 (Debian ...)" is 15; 0 when it says something else.</summary>
    private static int ReadMajor(string text)
    {
        var match = MajorPattern().Match(text);
        return match.Success ? int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) : 0;
    }

    private static string Output(string program, string argument)
    {
        var start = new ProcessStartInfo(program, [argument]) { RedirectStandardOutput = true, UseShellExecute = false };
        try
        {
            using var process = Process.Start(start)!;
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return text;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return ""; // not to be run by us: as good as not there
        }
    }

    [GeneratedRegex(@"\) ([0-9]{1,4})")]
    private static partial Regex MajorPattern();
}

/// <summary>The private cluster cannot be had; the text says why and what to do, in one line.</summary>
public sealed class PrivateClusterException(string message, Exception? inner = null) : Exception(message, inner);
