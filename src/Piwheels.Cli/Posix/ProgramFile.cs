using System.Security.Cryptography;
using System.Text;

namespace Piwheels.Cli.Posix;

/// <summary>The program file that is running: a native or apphost executable, or an assembly under dotnet.</summary>
internal sealed record ProgramFile(string Folder, IReadOnlyList<string> CommandLine)
{
    public static ProgramFile Locate()
    {
        var path = Environment.ProcessPath ?? throw new CommandFault("cannot tell which program this is");
        var folder = AppContext.BaseDirectory;
        return Path.GetFileNameWithoutExtension(path) == "dotnet"
            ? new ProgramFile(folder, [path, Path.Combine(folder, "piw.dll")])
            : new ProgramFile(folder, [path]);
    }

    public bool IsReadableByOthers()
    {
        for (var at = new DirectoryInfo(Folder); at is not null; at = at.Parent)
        {
            if (!at.UnixFileMode.HasFlag(UnixFileMode.OtherExecute)) return false;
        }

        return File.GetUnixFileMode(CommandLine[^1]).HasFlag(UnixFileMode.OtherRead);
    }

    /// <summary>Copies the program's folder, unless the same program has been copied there before.</summary>
    public ProgramFile CopyBelow(string folder)
    {
        var copy = Path.Combine(folder, Fingerprint());
        if (!Directory.Exists(copy))
        {
            var half = copy + ".half";
            if (Directory.Exists(half)) Directory.Delete(half, recursive: true);
            CopyTree(Folder, half);
            Directory.Move(half, copy);
        }

        IReadOnlyList<string> command = [.. CommandLine.Select(part => part.Replace(
            Folder, copy + Path.DirectorySeparatorChar, StringComparison.Ordinal))];
        return new ProgramFile(copy, command);
    }

    private string Fingerprint()
    {
        var facts = new StringBuilder();
        foreach (var file in new DirectoryInfo(Folder).EnumerateFiles("*", SearchOption.AllDirectories)
                     .OrderBy(file => file.FullName, StringComparer.Ordinal))
        {
            facts.Append(file.FullName).Append(file.Length).Append(file.LastWriteTimeUtc.Ticks).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(facts.ToString())))[..16];
    }

    private static void CopyTree(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            var target = Path.Combine(to, Path.GetFileName(file));
            File.Copy(file, target, overwrite: true);
            File.SetUnixFileMode(target, File.GetUnixFileMode(file) | UnixFileMode.GroupRead | UnixFileMode.OtherRead
                | (File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute)
                    ? UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : UnixFileMode.None));
        }

        foreach (var folder in Directory.EnumerateDirectories(from))
            CopyTree(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}
