using System.Collections.Concurrent;
using System.IO.Compression;

namespace Piwheels.Web;

/// <summary>Pages as they were compressed for an earlier client, kept while there is room.</summary>
internal sealed class CompressedPages
{
    /// <summary>A larger text is compressed on the way, each time.</summary>
    internal const long PageBytesMax = 1024 * 1024;

    private const long KeptBytesMax = 32 * 1024 * 1024;

    private readonly ConcurrentDictionary<string, byte[]> _kept = new(StringComparer.Ordinal);
    private long _keptBytes;

    /// <summary>The content of a file in an encoding. The key must change with the content.</summary>
    internal async ValueTask<byte[]> CompressAsync(SiteFile file, string key, string encoding, CancellationToken ct)
    {
        if (_kept.TryGetValue(key, out var known)) return known;
        var output = new MemoryStream();
        await CompressAsync(file, encoding, output, ct);
        var content = output.ToArray();
        if (Interlocked.Add(ref _keptBytes, content.Length) > KeptBytesMax)
        {
            _kept.Clear();
            Interlocked.Exchange(ref _keptBytes, content.Length);
        }

        _kept[key] = content;
        return content;
    }

    internal static async Task CompressAsync(SiteFile file, string encoding, Stream output, CancellationToken ct)
    {
        await using Stream compressor = encoding == Negotiation.Brotli
            ? new BrotliStream(output, new BrotliCompressionOptions { Quality = 4 }, leaveOpen: true)
            : new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true);
        await file.Stream.CopyToAsync(compressor, ct);
    }
}
