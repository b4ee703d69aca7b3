using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Cli.Posix;

namespace Piwheels.Cli.Up;

/// <summary>
/// Where a farm on one machine keeps everything: <c>postgres</c> (the cluster), <c>www</c> (what is published),
/// <c>log</c>, <c>build</c> (the slaves' work), and the sockets in <c>run</c>. Held by one farm at a time.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    /// <summary>The longest path that sockaddr_un(7) holds, less a little for the names below it. In bytes.</summary>
    private const int SocketFolderBytesMax = 80;

    /// <summary>The private database's folder below a data folder.</summary>
    public const string ClusterName = "postgres";

    /// <summary>What the data folder of `piw up` is called unless named.</summary>
    public const string UsualName = "piwheels";

    private readonly FileStream _lock;

    private DataFolder(string path, FileStream held)
    {
        Path = path;
        _lock = held;
        Sockets = SocketFolder(path);
    }

    public string Path { get; }
    public string Cluster => Below(ClusterName);
    public string Output => Below("www");
    public string Logs => Below("log");
    public string Builds => Below("build");

    /// <summary>Where the sockets are: below the folder, or below /tmp where its path is too long for sockets.</summary>
    public string Sockets { get; }

    /// <summary>~/.local/share/NAME.</summary>
    public static string Default(string home, string name) =>
        System.IO.Path.Combine(home, ".local", "share", name);

    /// <summary>As root: makes the folder where there is none, and gives what was made to its future owner.</summary>
    /// <exception cref="CommandFault">It is there and belongs to somebody else, or cannot be made.</exception>
    public static void GiveTo(string path, Account account)
    {
        try
        {
            if (Directory.Exists(path))
            {
                if (NativeMethods.OwnerOf(path) is { } owner && owner != account.UserId)
                {
                    var name = Account.Find(owner.ToString(CultureInfo.InvariantCulture))?.Name ?? $"user {owner}";
                    throw new CommandFault($"data folder {path} belongs to {name}, not to {account.Name}");
                }

                return;
            }

            var missing = new Stack<string>();
            for (var at = path; at is not null && !Directory.Exists(at); at = System.IO.Path.GetDirectoryName(at))
                missing.Push(at);
            foreach (var folder in missing)
            {
                Directory.CreateDirectory(folder);
                if (NativeMethods.ChangeOwner(folder, account.UserId, account.GroupId) != 0)
                    throw new CommandFault($"cannot give {folder} to {account.Name}");
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"data folder {path}: {fault.Message}", CommandFault.Failed, fault);
        }
    }

    /// <summary>Makes the folder where needed, and takes it for this process.</summary>
    /// <exception cref="CommandFault">It cannot be written, belongs to somebody else, or is in use.</exception>
    public static DataFolder Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(full);
            var folder = new DataFolder(full, Lock(full));
            foreach (var part in (string[])[folder.Logs, folder.Output, folder.Builds, folder.Sockets])
                Directory.CreateDirectory(part);
            File.SetUnixFileMode(folder.Sockets, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return folder;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"data folder {full}: {fault.Message}", CommandFault.Failed, fault);
        }
    }

    public void Dispose() => _lock.Dispose();

    private string Below(string name) => System.IO.Path.Combine(Path, name);

    private static FileStream Lock(string folder)
    {
        var path = System.IO.Path.Combine(folder, "lock");
        try
        {
            // The lock file stays: removing it would let two farms hold a lock each
            var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            stream.SetLength(0);
            stream.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            stream.Flush();
            return stream;
        }
        catch (IOException fault) when (File.Exists(path) && fault is not DirectoryNotFoundException)
        {
            throw new CommandFault($"data folder {folder} is in use by another farm", CommandFault.Failed, fault);
        }
    }

    private static string SocketFolder(string path)
    {
        var below = System.IO.Path.Combine(path, "run");
        if (Encoding.UTF8.GetByteCount(below) <= SocketFolderBytesMax) return below;
        var mark = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)))[..12];
        return $"/tmp/piw-{mark}";
    }
}
