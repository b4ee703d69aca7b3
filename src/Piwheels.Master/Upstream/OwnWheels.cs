using System.IO.Compression;
using System.Text;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Reads the metadata of wheels that the farm has published: the file beside the wheel (PEP 658), or the wheel itself.
/// They were built by other people's code, so all is read within limits, and nothing of it is believed but
/// requirements.
/// </summary>
internal sealed class OwnWheels(string outputPath)
{
    /// <summary>The largest metadata that is read, in bytes.</summary>
    private const int MetadataBytesMax = 8 << 20;

    /// <summary>The metadata of a wheel; null where neither file is there, or neither can be read.</summary>
    internal Task<CoreMetadata?> ReadAsync(PackageName package, string filename, CancellationToken ct) =>
        // Off the task's thread: disks can be slow, and wheels large
        Task.Run(() => Read(package, filename), ct);

    private CoreMetadata? Read(PackageName package, string filename)
    {
        // Also keeps everything with a path in it out
        if (!WheelFileName.TryParse(filename, out _)) return null;
        var wheel = Path.Combine(outputPath, "simple", package.Value, filename);
        try
        {
            return ReadBeside(wheel + ".metadata") ?? ReadInside(wheel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    private static CoreMetadata? ReadBeside(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length > MetadataBytesMax) return null;
        return CoreMetadata.Parse(File.ReadAllText(path, Encoding.UTF8));
    }

    private static CoreMetadata? ReadInside(string path)
    {
        if (!File.Exists(path)) return null;
        using var zip = ZipFile.OpenRead(path);
        var entry = zip.Entries.FirstOrDefault(e =>
            e.FullName.Split('/') is [var folder, "METADATA"]
            && folder.EndsWith(".dist-info", StringComparison.Ordinal));
        if (entry is null) return null;
        // The size that the archive tells is the builder's word
        using var limited = new LimitedStream(entry.Open(), MetadataBytesMax, CancellationToken.None);
        using var reader = new StreamReader(limited, Encoding.UTF8);
        return CoreMetadata.Parse(reader.ReadToEnd());
    }
}
