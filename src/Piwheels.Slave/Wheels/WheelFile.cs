using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Slave.Wheels;

/// <summary>What came of looking at a wheel.</summary>
public abstract record WheelInspection
{
    private WheelInspection()
    {
    }

    /// <summary>It is a whole wheel of what was asked for.</summary>
    public sealed record Accepted(FileState File, WheelMetadata Metadata, WheelContents Contents) : WheelInspection;

    /// <summary>It is none; the reason goes on after the file's name.</summary>
    public sealed record Refused(string Reason) : WheelInspection;
}

/// <summary>
/// Looks at wheels that strangers' code has made: checks them from end to end, and finds out what has to be told of
/// them. Nothing in them is executed.
/// </summary>
public static class WheelFile
{
    /// <summary>The largest wheel, in bytes.</summary>
    public const long BytesMax = int.MaxValue;

    /// <summary>The longest tag of a file name that the database holds, in characters.</summary>
    public const int TagLengthMax = 100;

    /// <summary>The largest program or shared object, in bytes unpacked: it is laid on the disk to be read.</summary>
    public const long ObjectBytesMax = int.MaxValue;

    /// <summary>Most programs and shared objects in a wheel.</summary>
    public const int ObjectsMax = 5_000;

    /// <summary>Most needs of all objects together.</summary>
    public const int NeedsMax = 100_000;

    // Larger objects are unpacked to a file, so that a small board's memory suffices
    private const int MemoryBytesMax = 8 << 20;

    /// <summary>
    /// Reads a wheel whole, once for its hash and once for its content: every entry is unpacked and held against its
    /// checksum and against RECORD, METADATA and WHEEL against the file name, and that against the release.
    /// </summary>
    /// <param name="asked">The release that the wheel must be of.</param>
    /// <param name="environment">Where it is to run; requirements of other environments are left out.</param>
    /// <param name="apt">Tells the Debian packages of libraries; null: none are looked for.</param>
    /// <param name="scratchFolder">Where large objects are unpacked for a moment; null: the system's folder.</param>
    /// <exception cref="IOException">The file cannot be read, or there is no room to unpack it.</exception>
    public static WheelInspection Inspect(
        string path, Release asked, MarkerEnvironment environment, AptDependencies? apt = null, string? scratchFolder = null)
    {
        if (ProblemWithName(Path.GetFileName(path), asked, out var name) is { } problem) return Refuse(problem);

        // A pipe would wait for ever, and a link may change what it means
        var info = new FileInfo(path);
        if (info is not { Exists: true, LinkTarget: null, Length: > 0 }) return Refuse("is no plain file");
        if (info.Length > BytesMax) return Refuse($"is larger than {BytesMax} bytes");

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var size = stream.Length;
        var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        if (!WheelArchive.TryOpen(stream, out var archive, out var reason)
            || !WheelMetadata.TryRead(archive, out var metadata, out reason))
        {
            return Refuse($"is broken: {reason}");
        }

        if ((metadata.DisagreementWith(name!) ?? WheelDescription.DisagreementWith(name!, archive, metadata.Folder!))
            is { } disagreement)
        {
            return Refuse($"is not what it says: {disagreement}");
        }

        if (!WheelRecord.TryRead(archive, metadata.Folder!, out var record, out reason)) return Refuse($"is broken: {reason}");

        List<WheelObject> objects;
        try
        {
            objects = ReadEntries(archive, record, scratchFolder ?? Path.GetTempPath());
        }
        catch (InvalidDataException e)
        {
            return Refuse($"is broken: {e.Message}");
        }

        var needs = apt?.Of(objects) ?? SystemNeeds.None;
        var dependencies = Dependencies(metadata.MandatoryDependencies(environment), needs);
        return new WheelInspection.Accepted(
            Describe(name!, size, hash, metadata, dependencies), metadata,
            new WheelContents([.. archive.Entries.Select(entry => InstalledPath(entry.Name))], objects, needs));
    }

    private static string? ProblemWithName(string fileName, Release asked, out WheelFileName? name)
    {
        if (!WheelFileName.TryParse(fileName, out name)) return "is not the name of a wheel";
        if (name.Package != asked.Package) return $"is not of {asked.Package}";
        if (!name.IsOf(asked)) return $"is not of version {Excerpt.Of(asked.Version)}";
        return name.PythonTag.Length > TagLengthMax || name.AbiTag.Length > TagLengthMax || name.PlatformTag.Length > TagLengthMax
            ? $"has a tag longer than {TagLengthMax} characters"
            : null;
    }

    private static FileState Describe(
        WheelFileName name, long size, string hash, WheelMetadata metadata,
        IReadOnlyDictionary<string, IReadOnlyList<string>> dependencies) =>
        new(name.FileName, size, hash, name.PackageTag, name.VersionTag, name.PythonTag, name.AbiTag, name.PlatformTag,
            metadata.RequiresPython, dependencies);

    private static Dictionary<string, IReadOnlyList<string>> Dependencies(IReadOnlyList<string> pip, SystemNeeds needs)
    {
        var dependencies = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        if (pip.Count > 0) dependencies[FileState.PipTool] = pip;
        if (needs.Packages.Count > 0) dependencies[FileState.AptTool] = needs.Packages;
        if (needs.Unowned.Count > 0) dependencies[FileState.UnownedTool] = needs.Unowned;
        return dependencies;
    }

    // Unpacks everything, which checks it, and keeps what is to be known of programs and shared objects
    private static List<WheelObject> ReadEntries(WheelArchive archive, WheelRecord record, string folder)
    {
        var objects = new List<WheelObject>();
        var needs = 0;
        var buffer = new byte[81_920];
        foreach (var entry in archive.Entries)
        {
            using var content = new RecordedStream(archive.Open(entry), entry, record.Of(entry));
            var first = content.ReadAtLeast(buffer, 4, throwOnEndOfStream: false);
            if (!ElfFile.HasMagic(buffer.AsSpan(0, first)))
            {
                while (content.Read(buffer) > 0)
                {
                }

                continue;
            }

            using var unpacked = Unpack(buffer.AsSpan(0, first), content, entry, folder);
            if (!ElfFile.TryRead(unpacked, out var elf)) continue;
            objects.Add(new WheelObject(InstalledPath(entry.Name), elf));
            needs += elf.Needed.Count;
            if (objects.Count > ObjectsMax || needs > NeedsMax) throw new InvalidDataException("it has too many shared objects");
        }

        return objects;
    }

    private static Stream Unpack(ReadOnlySpan<byte> first, Stream rest, WheelEntry entry, string folder)
    {
        if (entry.Size > ObjectBytesMax) throw new InvalidDataException($"{entry} is larger than {ObjectBytesMax} bytes");
        Stream unpacked = entry.Size <= MemoryBytesMax
            ? new MemoryStream((int)entry.Size)
            : new FileStream(
                Path.Combine(folder, $"{Guid.NewGuid():n}.unpacked"), FileMode.CreateNew, FileAccess.ReadWrite,
                FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        try
        {
            unpacked.Write(first);
            rest.CopyTo(unpacked);
            return unpacked;
        }
        catch
        {
            unpacked.Dispose();
            throw;
        }
    }

    // What is in thing-1.0.data/platlib goes to where the rest goes (PEP 427)
    private static string InstalledPath(string name)
    {
        var parts = name.Split('/', 3);
        return parts.Length == 3 && parts[0].EndsWith(".data", StringComparison.Ordinal) && parts[1] is "platlib" or "purelib"
            ? parts[2]
            : name;
    }

    private static WheelInspection.Refused Refuse(string reason) => new(reason);
}
