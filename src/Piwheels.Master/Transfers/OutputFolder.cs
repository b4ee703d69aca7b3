using System.Security.Cryptography;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Transfers;

/// <summary>
/// The parts of the published folder that files arrive in: a hidden one for transfers, and the simple index.
/// </summary>
internal sealed class OutputFolder(string root)
{
    /// <summary>
    /// Below the published folder, so that a rename out of it stays on the file system; never served.
    /// </summary>
    public const string TransfersName = ".transfers";

    private const string SimpleName = "simple";
    private const string MetadataExtension = ".metadata";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Published =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private string Transfers => Path.Combine(root, TransfersName);

    /// <summary>Makes the transfer folder, or removes from it what an earlier run of the master left.</summary>
    /// <returns>How many files were removed.</returns>
    public int Clean()
    {
        Directory.CreateDirectory(Path.Combine(root, SimpleName));
        Directory.CreateDirectory(Transfers, OwnerOnly);
        var left = Directory.GetFiles(Transfers);
        foreach (var path in left) File.Delete(path);
        return left.Length;
    }

    public TemporaryFile CreateTemporary() =>
        new(Path.Combine(Transfers, $"{RandomNumberGenerator.GetHexString(32, lowercase: true)}.tmp"));

    /// <summary>Size of the disk that the folder is on, and what is free of it for the master, in bytes.</summary>
    public (long Size, long Free) Disk()
    {
        var drive = new DriveInfo(root);
        return (drive.TotalSize, drive.AvailableFreeSpace);
    }

    /// <summary>
    /// Moves a checked wheel and its METADATA (PEP 658) to where they are published. Both are whole at any time; the
    /// METADATA comes first, since pages name it wherever there is a wheel.
    /// </summary>
    public void Publish(TemporaryFile wheel, TemporaryFile metadata, PackageName package, WheelFileName name)
    {
        var folder = PackageFolder(package);
        Move(metadata, Path.Combine(folder, name.FileName + MetadataExtension));
        Move(wheel, Path.Combine(folder, name.FileName));
    }

    /// <summary>Removes a file that was published and then not recorded.</summary>
    public void Withdraw(PackageName package, WheelFileName name)
    {
        var folder = Path.Combine(root, SimpleName, package.Value);
        if (!Directory.Exists(folder)) return;
        File.Delete(Path.Combine(folder, name.FileName));
        File.Delete(Path.Combine(folder, name.FileName + MetadataExtension));
    }

    private string PackageFolder(PackageName package)
    {
        var folder = new DirectoryInfo(Path.Combine(root, SimpleName, package.Value));
        // What was another package's alias once has become one of its own
        if (folder.LinkTarget is not null) folder.Delete();
        folder.Create();
        return folder.FullName;
    }

    private static void Move(TemporaryFile file, string path)
    {
        file.Flush();
        File.SetUnixFileMode(file.Path, Published);
        // Twice, since the simple index may be on another file system, where the first move is a copy and not atomic
        var beside = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(file.Path)}");
        File.Move(file.Path, beside);
        File.Move(beside, path, overwrite: true);
    }
}
