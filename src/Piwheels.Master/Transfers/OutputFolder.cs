using System.Security.Cryptography;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Transfers;

/// <summary>
/// The parts of the published folder that files arrive in: a hidden one for transfers and for what waits to be
/// published, and the simple index.
/// </summary>
/// <param name="flush">Whether a wheel must have reached the disk before it takes its place.</param>
internal sealed class OutputFolder(string root, bool flush)
{
    /// <summary>
    /// Below the published folder, so that a rename out of it stays on the file system; never served.
    /// </summary>
    public const string TransfersName = ".transfers";

    public const string MetadataExtension = ".metadata";

    private const string TemporaryExtension = ".tmp";
    private const string HeldExtension = ".held";
    private const string SimpleName = "simple";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Published =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private string Transfers => Path.Combine(root, TransfersName);

    /// <summary>Makes the transfer folder, or removes from it the transfers that an earlier run of the master left.</summary>
    /// <returns>How many were removed.</returns>
    public int Clean()
    {
        Directory.CreateDirectory(Path.Combine(root, SimpleName));
        Directory.CreateDirectory(Transfers, OwnerOnly);
        var left = Directory.GetFiles(Transfers);
        foreach (var path in left) File.Delete(path);
        return left.Length;
    }

    /// <summary>What an earlier run verified and did not publish; what holds no wheel is removed.</summary>
    public IReadOnlyList<HeldFile> Held()
    {
        var held = new List<HeldFile>();
        foreach (var folder in Directory.GetDirectories(Transfers))
        {
            var wheel = Directory.GetFiles(folder, "*" + WheelFileName.Extension).Select(Path.GetFileName).FirstOrDefault();
            // The METADATA may have been published already; the wheel goes last
            if (WheelFileName.TryParse(wheel, out var name) && name.Package is { } package)
            {
                held.Add(new HeldFile(folder, name, package, Hash: null));
            }
            else
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        return held;
    }

    public TemporaryFile CreateTemporary() => new(NewPath(TemporaryExtension));

    /// <summary>Size of the disk that the folder is on, and what is free of it for the master, in bytes.</summary>
    public (long Size, long Free) Disk()
    {
        var drive = new DriveInfo(root);
        return (drive.TotalSize, drive.AvailableFreeSpace);
    }

    /// <summary>Keeps a checked wheel and its METADATA (PEP 658) until they are published.</summary>
    public HeldFile Hold(TemporaryFile wheel, ReadOnlySpan<byte> metadata, WheelFileName name, PackageName package, string hash)
    {
        using var beside = CreateTemporary();
        beside.Write(0, metadata);
        var held = new HeldFile(NewPath(HeldExtension), name, package, hash);
        Directory.CreateDirectory(held.Folder, OwnerOnly);
        try
        {
            Move(beside, held.MetadataPath);
            Move(wheel, held.WheelPath);
            Flush(held.Folder);
            Flush(Transfers);
            return held;
        }
        catch
        {
            // It may be verified once more
            if (File.Exists(held.WheelPath)) File.Move(held.WheelPath, wheel.Path);
            held.Delete();
            throw;
        }
    }

    /// <summary>
    /// Moves a wheel and its METADATA to where they are published. Both are whole at any time; the METADATA comes first,
    /// since pages name it wherever there is a wheel.
    /// </summary>
    public void Publish(HeldFile held)
    {
        var folder = PackageFolder(held.Package);
        // One name for both: they come one after the other, and what a killed attempt left is written over by the next
        var beside = Path.Combine(folder, $".{Path.GetFileName(held.Folder)}{TemporaryExtension}");
        Place(held.MetadataPath, folder, beside);
        Place(held.WheelPath, folder, beside);
        Flush(folder);
        held.Delete();
    }

    private string NewPath(string extension) =>
        Path.Combine(Transfers, RandomNumberGenerator.GetHexString(32, lowercase: true) + extension);

    private string PackageFolder(PackageName package)
    {
        var folder = new DirectoryInfo(Path.Combine(root, SimpleName, package.Value));
        // What was another package's alias once has become one of its own
        if (folder.LinkTarget is not null) folder.Delete();
        folder.Create();
        return folder.FullName;
    }

    private void Move(TemporaryFile file, string path)
    {
        if (flush) file.Flush();
        File.SetUnixFileMode(file.Path, Published);
        File.Move(file.Path, path);
    }

    private void Place(string from, string folder, string beside)
    {
        // An earlier attempt may have come as far as this
        if (!File.Exists(from)) return;
        var to = Path.Combine(folder, Path.GetFileName(from));
        if (Rename.TryMove(from, to)) return;
        // The held one stays until the other is in its place, whatever is killed in between
        File.Copy(from, beside, overwrite: true);
        if (flush) FlushFile(beside);
        File.Move(beside, to, overwrite: true);
    }

    private static void FlushFile(string path)
    {
        using var handle = File.OpenHandle(path);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>Has the names in a folder reach the disk: without that a rename may be lost with the power (fsync(2)).</summary>
    private void Flush(string folder)
    {
        if (flush) DirectorySync.Flush(folder);
    }
}
