using System.Collections.Concurrent;
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
    /// <summary>
    /// Of how many wheels the hash is remembered, so that one that is new does not have a thousand others read again.
    /// They take some 25 MB.
    /// </summary>
    private const int KnownMax = 50_000;

    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);

    /// <summary>SHA-256 of a wheel's metadata file, in hexadecimal; null when there is none to be had.</summary>
    internal string? HashOf(string wheel)
    {
        var path = wheel + SiteFolder.MetadataSuffix;
        // The longest names of wheels leave no room for the suffix: then there is none, and pages are as they should
        if (Path.GetFileName(path).Length > SiteFolder.FilenameLengthMax) return null;
        try
        {
            var present = new FileInfo(path);
            var source = new FileInfo(wheel);
            if (source.Exists && (!present.Exists || present.LastWriteTimeUtc < source.LastWriteTimeUtc))
                return Extract(source, path);
            if (!present.Exists || present.Length > WheelMetadata.BytesMax) return null;
            return HashOf(present, source);
        }
        catch (FileNotFoundException)
        {
            // Replaced or removed just now: whoever does that asks for the pages again
            return null;
        }
    }

    private string HashOf(FileInfo metadata, FileInfo wheel)
    {
        // Two builds of a wheel that are alike in all of this are one
        var stamp = (
            metadata.Length, metadata.LastWriteTimeUtc, wheel.Exists ? wheel.Length : 0, wheel.LastWriteTimeUtc);
        if (_known.TryGetValue(metadata.FullName, out var known) && known.Stamp == stamp) return known.Hash;
        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(metadata.FullName)));
        if (_known.Count >= KnownMax) _known.Clear();
        _known[metadata.FullName] = new Known(stamp, hash);
        return hash;
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

    /// <summary>A hash, and the lengths and dates that metadata and wheel had then.</summary>
    private readonly record struct Known((long, DateTime, long, DateTime) Stamp, string Hash);

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "no metadata from {Wheel}: {Reason}")]
    private static partial void WheelUnreadable(ILogger logger, string wheel, string reason);
}
