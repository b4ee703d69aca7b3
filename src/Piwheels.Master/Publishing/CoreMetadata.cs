using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// The METADATA of wheels as files beside them (PEP 658), so that installers resolve without downloading wheels. One
/// that is missing, or older than its wheel, is taken out of the wheel.
/// </summary>
internal sealed partial class CoreMetadata(WholeFile files, ILogger logger)
{
    /// <summary>The longest METADATA that is published, in bytes. What is longer holds no metadata but a trap.</summary>
    internal const int BytesMax = 4 * 1024 * 1024;

    /// <summary>SHA-256 of a wheel's metadata file, in hexadecimal; null when there is none to be had.</summary>
    internal string? HashOf(string wheel)
    {
        var path = wheel + SiteFolder.MetadataSuffix;
        try
        {
            var present = new FileInfo(path);
            var source = new FileInfo(wheel);
            if (source.Exists && (!present.Exists || present.LastWriteTimeUtc < source.LastWriteTimeUtc))
            {
                var content = Extract(wheel);
                // The content may be as it was: then only its date says that it has been compared
                if (!files.Write(path, content)) File.SetLastWriteTimeUtc(path, source.LastWriteTimeUtc);
                return Convert.ToHexStringLower(SHA256.HashData(content));
            }

            if (!present.Exists || present.Length > BytesMax) return null;
            using var stream = present.OpenRead();
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception unreadable) when (unreadable is InvalidDataException or NotSupportedException)
        {
            WheelUnreadable(logger, Path.GetFileName(wheel), unreadable.Message);
            return null;
        }
    }

    private static byte[] Extract(string wheel)
    {
        using var zip = ZipFile.OpenRead(wheel);
        var entries = zip.Entries.Where(entry => IsMetadata(entry.FullName)).Take(2).ToList();
        if (entries.Count != 1) throw new InvalidDataException($"{entries.Count} METADATA files where one is due");
        using var stream = entries[0].Open();
        var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (stream.Read(buffer) is var read and > 0)
        {
            // The size that the archive claims is its own word only
            if (content.Length + read > BytesMax) throw new InvalidDataException($"METADATA above {BytesMax} bytes");
            content.Write(buffer, 0, read);
        }

        return content.ToArray();
    }

    // At the top of the archive: packages may carry the dist-info folders of others in theirs
    private static bool IsMetadata(string entry) =>
        entry.Split('/') is [var folder, "METADATA"] && folder.EndsWith(".dist-info", StringComparison.Ordinal);

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "no metadata from {Wheel}: {Reason}")]
    private static partial void WheelUnreadable(ILogger logger, string wheel, string reason);
}
