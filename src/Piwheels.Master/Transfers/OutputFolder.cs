using System.Security.Cryptography;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Transfers;

/// <summary>
/// The parts of the published folder that files arrive in: a hidden one for transfers and for what waits to be
/// published, and the simple index.
/// </summary>
internal sealed class OutputFolder
{
    /// <summary>
    /// Below the published folder, so that a rename out of it stays on the file system; never served.
    /// </summary>
    public const string TransfersName = ".transfers";

    public const string MetadataExtension = ".metadata";

    private const string TemporaryExtension = ".tmp";
    private const string SimpleName = "simple";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Published =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string _root;
    private readonly bool _flush;
    private readonly SharedFlush _transfersFlush;

    /// <param name="flush">Whether a wheel must have reached the disk before its build is recorded.</param>
    public OutputFolder(string root, bool flush)
    {
        (_root, _flush) = (root, flush);
        _transfersFlush = new SharedFlush(() => DirectorySync.Flush(Transfers));
    }

    private string Transfers => Path.Combine(_root, TransfersName);

    /// <summary>Makes the transfer folder, or removes from it the transfers that an earlier run of the master left.</summary>
    /// <returns>How many were removed.</returns>
    public int Clean()
    {
        Directory.CreateDirectory(Path.Combine(_root, SimpleName));
        Directory.CreateDirectory(Transfers, OwnerOnly);
        var left = Directory.GetFiles(Transfers).Where(static path => !HeldFile.TryFind(path, out _)).ToList();
        foreach (var path in left) File.Delete(path);
        return left.Count;
    }

    /// <summary>What an earlier run verified and did not publish.</summary>
    public IReadOnlyList<HeldFile> Held() =>
    [
        .. Directory.GetFiles(Transfers).Select(static path => HeldFile.TryFind(path, out var held) ? held : null)
            .OfType<HeldFile>(),
    ];

    public TemporaryFile CreateTemporary() => new(Path.Combine(
        Transfers, RandomNumberGenerator.GetHexString(32, lowercase: true) + TemporaryExtension));

    /// <summary>Size of the disk that the folder is on, and what is free of it for the master, in bytes.</summary>
    public (long Size, long Free) Disk()
    {
        var drive = new DriveInfo(_root);
        return (drive.TotalSize, drive.AvailableFreeSpace);
    }

    /// <summary>Keeps a checked wheel until it is published: it, and its name, are on the disk when this is done.</summary>
    /// <exception cref="IOException">It is not kept, and is where it was.</exception>
    public async Task<HeldFile> HoldAsync(TemporaryFile wheel, WheelFileName name, PackageName package, string hash)
    {
        var held = HeldFile.In(Transfers, name, package, hash);
        if (_flush) wheel.Flush();
        File.SetUnixFileMode(wheel.Path, Published);
        Move(wheel.Path, held.Path);
        if (!_flush) return held;
        try
        {
            await _transfersFlush.FlushAsync().ConfigureAwait(false);
            return held;
        }
        catch (IOException)
        {
            // It may be verified once more
            Move(held.Path, wheel.Path);
            throw;
        }
    }

    /// <summary>
    /// Puts a wheel, and its METADATA beside it (PEP 658), where they are published. Both are whole at any time; the METADATA
    /// comes first, since pages name it wherever there is a wheel. A file system that keeps renames in order, as those with
    /// a journal do, has the wheel at one of its two places after a power cut.
    /// </summary>
    /// <param name="replaces">Whether it takes the place of a wheel of its name.</param>
    /// <returns>False, and nothing is done, where there is one that it must not replace.</returns>
    /// <exception cref="IOException">It is not published, and still kept.</exception>
    public bool Publish(HeldFile held, bool replaces)
    {
        var folder = PackageFolder(held.Package);
        var place = Path.Combine(folder, held.Name.FileName);
        if (!replaces && File.Exists(place)) return false;
        // One name for both: they come one after the other, and what a killed attempt left is written over by the next
        var beside = Path.Combine(folder, $".{held.Number}{TemporaryExtension}");
        WriteMetadata(held, beside);
        Move(beside, place + MetadataExtension);
        if (Rename.TryMove(held.Path, place)) return true;
        // The held one stays until the other is in its place, whatever is killed in between
        File.Copy(held.Path, beside, overwrite: true);
        if (_flush) FlushFile(beside);
        Move(beside, place);
        if (_flush) DirectorySync.Flush(folder);
        File.Delete(held.Path);
        return true;
    }

    private void WriteMetadata(HeldFile held, string path)
    {
        var content = held.Metadata ?? ReadMetadata(held);
        using var stream = new FileStream(
            path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0 });
        File.SetUnixFileMode(stream.SafeFileHandle, Published);
        stream.Write(content.Span);
        if (_flush) RandomAccess.FlushToDisk(stream.SafeFileHandle);
    }

    private static ReadOnlyMemory<byte> ReadMetadata(HeldFile held)
    {
        using var wheel = File.OpenRead(held.Path);
        return WheelMetadata.TryRead(wheel, out var metadata, out var problem)
            ? metadata.Content
            : throw new IOException($"{held.Path}: {problem}");
    }

    private string PackageFolder(PackageName package)
    {
        var folder = new DirectoryInfo(Path.Combine(_root, SimpleName, package.Value));
        // What was another package's alias once has become one of its own
        if (folder.LinkTarget is not null) folder.Delete();
        folder.Create();
        return folder.FullName;
    }

    private static void Move(string from, string to)
    {
        if (!Rename.TryMove(from, to)) throw new IOException($"{from} cannot be moved to {to}: another file system");
    }

    private static void FlushFile(string path)
    {
        using var handle = File.OpenHandle(path);
        RandomAccess.FlushToDisk(handle);
    }
}
