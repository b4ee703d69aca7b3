using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Slave.Building;

/// <summary>What the file itself and its METADATA's head say about a wheel.</summary>
internal static class PlainWheel
{
    private const int MetadataBytesMax = 4 * 1024 * 1024;

    public static FileState Inspect(string path)
    {
        var filename = Path.GetFileName(path);
        if (!WheelFileName.TryParse(filename, out var name)) throw new InvalidDataException($"{filename} is no wheel's name");
        using var file = File.OpenRead(path);
        var hash = Convert.ToHexStringLower(SHA256.HashData(file));
        return new FileState(
            filename, file.Length, hash, name.PackageTag, name.VersionTag, name.PythonTag, name.AbiTag, name.PlatformTag,
            ReadRequiresPython(file, filename, $"{name.PackageTag}-{name.VersionTag}.dist-info/METADATA"),
            FileState.NoDependencies);
    }

    private static string? ReadRequiresPython(FileStream file, string filename, string metadataName)
    {
        using var archive = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
        var entry = archive.GetEntry(metadataName) ?? throw new InvalidDataException($"{filename} has no {metadataName}");
        if (entry.Length > MetadataBytesMax) throw new InvalidDataException($"{filename} has METADATA of {entry.Length} bytes");
        using var reader = new StreamReader(entry.Open(), Encoding.UTF8);
        while (reader.ReadLine() is { Length: > 0 } line)
        {
            if (line.StartsWith("Requires-Python:", StringComparison.OrdinalIgnoreCase)) return line[16..].Trim();
        }

        return null;
    }
}
