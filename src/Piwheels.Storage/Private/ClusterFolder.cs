using System.Diagnostics;
using System.Globalization;

namespace Piwheels.Storage.Private;

/// <summary>
/// The folder that a private cluster lives in: <c>cluster</c> (PostgreSQL's data directory), <c>run</c> (its socket),
/// <c>dsn</c> (how to reach it, while it runs) and <c>lock</c>.
/// </summary>
internal sealed class ClusterFolder : IDisposable
{
    /// <summary>A socket's path has 107 bytes (unix(7)), of which the file's name takes 14.</summary>
    private const int SocketFolderBytesMax = 107 - 14;

    private const string CreationPrefix = "cluster.new-";

    private readonly string _folder;
    private readonly FileStream _lock;

    private ClusterFolder(string folder, FileStream held)
    {
        _folder = folder;
        _lock = held;
    }

    /// <summary>PostgreSQL's data directory.</summary>
    public string Data => Path.Combine(_folder, "cluster");

    public bool Exists => File.Exists(Path.Combine(Data, "PG_VERSION"));

    private string DsnFile => Path.Combine(_folder, "dsn");

    /// <summary>
    /// Takes the folder for this process, and removes what a killed creation has left there. The lock ends with the
    /// process, however that ends.
    /// </summary>
    /// <exception cref="PrivateClusterException">Another process has it, or it cannot be written to.</exception>
    public static ClusterFolder Take(string folder)
    {
        folder = Path.GetFullPath(folder);
        var path = Path.Combine(folder, "lock");
        try
        {
            MakePrivateFolder(folder);
            var held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            foreach (var half in Directory.EnumerateDirectories(folder, CreationPrefix + "*"))
            {
                Directory.Delete(half, recursive: true);
            }

            return new ClusterFolder(folder, held);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new PrivateClusterException($"the database in {folder} is in use by another process", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PrivateClusterException($"cannot use {folder} for a database: {e.Message}", e);
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>The major version that made the cluster.</summary>
    public int ReadMajorVersion() => int.Parse(
        File.ReadAllText(Path.Combine(Data, "PG_VERSION")).Trim(), CultureInfo.InvariantCulture);

    /// <summary>
    /// Makes the cluster beside its place and moves it there when it is whole and synced. Only this operating system
    /// user may connect, as any role.
    /// </summary>
    /// <exception cref="PrivateClusterException">initdb failed; the text has its reason.</exception>
    public async Task CreateAsync(PostgresBinaries binaries, CancellationToken cancel)
    {
        var place = Path.Combine(_folder, CreationPrefix + Path.GetRandomFileName());
        var start = new ProcessStartInfo(binaries.InitDb)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in new[]
        {
            "-D", place, "-U", PrivateCluster.Superuser, "-E", "UTF8", "--locale=C", "--data-checksums",
            "--auth-local=peer", "--auth-host=reject",
        })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancel);
            var errors = await process.StandardError.ReadToEndAsync(cancel);
            await output;
            await process.WaitForExitAsync(cancel);
            if (process.ExitCode != 0)
            {
                throw new PrivateClusterException(
                    $"initdb cannot make a database in {_folder}: {errors.Trim().ReplaceLineEndings(" ")}");
            }
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        await File.WriteAllTextAsync(Path.Combine(place, "pg_hba.conf"), "local all all peer map=farm\n", cancel);
        await File.WriteAllTextAsync(
            Path.Combine(place, "pg_ident.conf"),
            string.Concat(new[] { PrivateCluster.Superuser, PrivateCluster.OrdinaryUser }.Select(
                role => $"farm \"{Environment.UserName}\" {role}\n")),
            cancel);
        Directory.Move(place, Data);
    }

    /// <summary>
    /// Where the socket shall be: here where the path is short enough, else in a new folder below the user's runtime
    /// folder or the temporary one.
    /// </summary>
    public string MakeSocketFolder()
    {
        RemoveForeignSocketFolder();
        var here = Path.Combine(_folder, "run");
        if (System.Text.Encoding.UTF8.GetByteCount(here) <= SocketFolderBytesMax)
        {
            MakePrivateFolder(here);
            RemoveStaleSocket(here);
            return here;
        }

        var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        if (!string.IsNullOrEmpty(runtime) && Directory.Exists(runtime) && runtime.Length < SocketFolderBytesMax / 2)
        {
            var below = Path.Combine(runtime, $"piwheels-{Path.GetRandomFileName()}");
            MakePrivateFolder(below);
            return below;
        }

        return Directory.CreateTempSubdirectory("piwheels-").FullName;
    }

    /// <summary>
    /// Removes the socket of a server that was killed, with its mark, which names a process as postmaster.pid does. Only
    /// when none of <see cref="PostgresProcesses.Find"/> is left.
    /// </summary>
    public static void RemoveStaleSocket(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, ".s.PGSQL.*")) File.Delete(file);
    }

    /// <summary>Leaves word where the running server is.</summary>
    public void WriteDsn(Dsn dsn) => File.WriteAllText(DsnFile, dsn.ToString() + "\n");

    /// <summary>Takes back what <see cref="MakeSocketFolder"/> and <see cref="WriteDsn"/> have left.</summary>
    public void Clear()
    {
        RemoveForeignSocketFolder();
        File.Delete(DsnFile);
    }

    /// <summary>How to reach the server that runs in a folder; null when none does.</summary>
    public static Dsn? ReadDsn(string folder)
    {
        var file = Path.Combine(folder, "dsn");
        return File.Exists(file) ? Dsn.Parse(File.ReadAllText(file).Trim()) : null;
    }

    /// <summary>A socket folder outside of ours was made for one run only.</summary>
    private void RemoveForeignSocketFolder()
    {
        if (ReadDsn(_folder) is not { } dsn || dsn.Host.StartsWith(_folder, StringComparison.Ordinal)) return;
        if (!Directory.Exists(dsn.Host)) return;
        RemoveStaleSocket(dsn.Host);
        Directory.Delete(dsn.Host);
    }

    private static void MakePrivateFolder(string folder) => Directory.CreateDirectory(
        folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
}
