using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;

namespace Piwheels.Slave.Building;

/// <summary>
/// The place of one build, removed with everything in it when the build is over. It is named, and locked as long as its
/// slave lives, so that the next slave can tell what a killed one left.
/// </summary>
internal sealed partial class BuildFolder : IDisposable
{
    private const string Prefix = "piw-slave-";
    private const string LockName = ".lock";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly FileStream _lock;
    private readonly ILogger _logger;

    private BuildFolder(string path, FileStream @lock, ILogger logger)
    {
        Path = path;
        _lock = @lock;
        _logger = logger;
        string[] folders = [Wheels, Home, Temporary, Work, SharedMemory, Store, Slave, System.IO.Path.GetDirectoryName(Network)!];
        foreach (var folder in folders)
            Directory.CreateDirectory(folder, OwnerOnly);
    }

    public string Path { get; }

    /// <summary>Where the build puts its wheels; nothing else is there.</summary>
    public string Wheels => System.IO.Path.Combine(Path, "wheels");

    /// <summary>The build's home folder.</summary>
    public string Home => System.IO.Path.Combine(Path, "home");

    /// <summary>The build's folder for temporary files.</summary>
    public string Temporary => System.IO.Path.Combine(Path, "tmp");

    /// <summary>Where the build starts; empty.</summary>
    public string Work => System.IO.Path.Combine(Path, "work");

    /// <summary>The build's /dev/shm, where it has one of its own: on the disk, so that it counts as what it is.</summary>
    public string SharedMemory => System.IO.Path.Combine(Path, "shm");

    /// <summary>What is fetched for a build without network.</summary>
    public string Store => System.IO.Path.Combine(Path, "store");

    /// <summary>What the slave gives the build to read.</summary>
    public string Slave => System.IO.Path.Combine(Path, "slave");

    /// <summary>The socket of the slave's proxy, alone in its folder.</summary>
    public string Network => System.IO.Path.Combine(Path, "net", "proxy");

    /// <summary>Makes an empty build folder that only this user can enter.</summary>
    /// <exception cref="IOException">There is no such parent folder, or it is full.</exception>
    /// <exception cref="UnauthorizedAccessException">The parent is not ours to write to.</exception>
    public static BuildFolder Create(string parent, ILogger logger)
    {
        var path = System.IO.Path.Combine(parent, Prefix + RandomNumberGenerator.GetHexString(16, lowercase: true));
        Directory.CreateDirectory(path, OwnerOnly);
        return new BuildFolder(path, OpenLock(path, FileMode.CreateNew), logger);
    }

    /// <summary>Removes what killed slaves left below a folder, processes that still live there included.</summary>
    public static void RemoveAbandoned(string parent, ILogger logger)
    {
        foreach (var folder in new DirectoryInfo(parent).EnumerateDirectories(Prefix + "*"))
        {
            if (folder.LinkTarget is not null || !IsAbandoned(folder.FullName)) continue;
            LogRemovingAbandoned(logger, folder.FullName);
            KillThoseWithin(folder.FullName);
            Remove(folder.FullName, logger);
        }
    }

    /// <summary>Forgets what a command has left for the next one: all but wheels and store.</summary>
    public void Clear()
    {
        foreach (var folder in (ReadOnlySpan<string>)[Home, Temporary, Work, SharedMemory])
        {
            Remove(folder, _logger);
            Directory.CreateDirectory(folder, OwnerOnly);
        }
    }

    public void Dispose()
    {
        Remove(Path, _logger);
        _lock.Dispose();
    }

    /// <summary>Whether it has the lock file of a slave, and no slave holds it; a folder of others is never one.</summary>
    private static bool IsAbandoned(string path)
    {
        try
        {
            OpenLock(path, FileMode.Open).Dispose();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // FileShare.None is flock(2) here, which ends with its process
    private static FileStream OpenLock(string path, FileMode mode) =>
        new(System.IO.Path.Combine(path, LockName), mode, FileAccess.ReadWrite, FileShare.None);

    private static void KillThoseWithin(string path)
    {
        foreach (var process in ProcessTable.Read())
        {
            if (process.Id != Environment.ProcessId && WorksBelow(process.Id, path))
                _ = Libc.Kill(process.Id, Libc.SignalKill);
        }
    }

    private static bool WorksBelow(int id, string path)
    {
        if (ProcessTable.TryReadText(id, "environ") is { } environment
            && environment.Split('\0').Contains($"HOME={path}/home", StringComparer.Ordinal))
        {
            return true;
        }

        // A sandbox has a home folder of another name, but its first process was told what to put where
        if (ProcessTable.TryReadText(id, "cmdline") is { } command && command.Contains($"\0{path}/home\0", StringComparison.Ordinal))
            return true;

        try
        {
            var folder = new FileInfo($"/proc/{id}/cwd").LinkTarget;
            return folder is not null && (folder + '/').StartsWith(path + '/', StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // Gone, or another user's
        }
    }

    private static void Remove(string path, ILogger logger)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Builds make read-only folders (Go's module cache, for one), and some nest them deeper than paths can tell.
            // These two go by handles, and follow no link
            Run(logger, "/bin/chmod", "--recursive", "--silent", "u+rwx", path);
            Run(logger, "/bin/rm", "--recursive", "--force", "--one-file-system", path);
        }

        if (Directory.Exists(path)) LogNotRemoved(logger, path);
    }

    private static void Run(ILogger logger, string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false };
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (errors.Length > 0) LogRemoving(logger, program, Excerpt.Of(errors));
        }
        catch (Win32Exception e)
        {
            LogRemoving(logger, program, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "removing {Folder}, which a killed slave left")]
    private static partial void LogRemovingAbandoned(ILogger logger, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} could not be removed, the next start tries again")]
    private static partial void LogNotRemoved(ILogger logger, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Program}: {Errors}")]
    private static partial void LogRemoving(ILogger logger, string program, string errors);
}
