using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// The METADATA of wheels as files beside them (PEP 658), so that installers resolve without downloading wheels. One
/// that is missing, or older than its wheel, is taken out of the wheel.
/// </summary>
internal sealed partial class CoreMetadata(WholeFile files, ILogger logger)
{
    /// <summary>SHA-256 of a wheel's metadata file, in hexadecimal; null when there is none to be had.</summary>
    internal string? HashOf(string wheel)
    {
        var path = wheel + SiteFolder.MetadataSuffix;
        try
        {
            var present = new FileInfo(path);
            var source = new FileInfo(wheel);
            if (source.Exists && (!present.Exists || present.LastWriteTimeUtc < source.LastWriteTimeUtc))
                return Extract(source, path);
            if (!present.Exists || present.Length > WheelMetadata.BytesMax) return null;
            using var stream = present.OpenRead();
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (FileNotFoundException)
        {
            // Replaced or removed just now: whoever does that asks for the pages again
            return null;
        }
    }

    private string? Extract(FileInfo wheel, string path)
    {
        using var stream = wheel.OpenRead();
        if (!WheelMetadata.TryRead(stream, out var metadata, out var problem) ||
            (problem = Disagreement(metadata, wheel.Name)) is not null)
        {
            WheelUnreadable(logger, wheel.Name, problem);
            return null;
        }

        // The content may be as it was: then only its date says that it has been compared
        if (!files.Write(path, metadata.Content.Span)) File.SetLastWriteTimeUtc(path, wheel.LastWriteTimeUtc);
        return Convert.ToHexStringLower(SHA256.HashData(metadata.Content.Span));
    }

    // Installers resolve by what stands here, and must not be told of another project
    private static string? Disagreement(WheelMetadata metadata, string filename) =>
        WheelFileName.TryParse(filename, out var wheel)
            ? metadata.DisagreementWith(wheel)
            : "its name is that of no wheel";

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "no metadata from {Wheel}: {Reason}")]
    private static partial void WheelUnreadable(ILogger logger, string wheel, string reason);
}
