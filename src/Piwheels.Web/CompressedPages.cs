using System.IO.Compression;

namespace Piwheels.Web;

/// <summary>
/// Pages as they were compressed for an earlier client, kept while there is room: those that were asked for last. Whoever
/// asks for what is being compressed waits for that.
/// </summary>
/// <param name="keptBytesMax">How much is kept, in bytes.</param>
internal sealed class CompressedPages(long keptBytesMax = CompressedPages.KeptBytesMax)
{
    /// <summary>A larger text is compressed on the way, each time.</summary>
    internal const long PageBytesMax = 128L * 1024 * 1024;

    private const long KeptBytesMax = 64L * 1024 * 1024;

    // Nothing is waited for within the lock
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Path, string Encoding), Page> _pages = [];
    private long _keptBytes;
    private long _asked;

    /// <summary>Bytes that are kept now.</summary>
    internal long KeptBytes
    {
        get
        {
            lock (_lock) return _keptBytes;
        }
    }

    /// <summary>The content of a file in an encoding.</summary>
    /// <param name="file">Must stay open until then.</param>
    /// <param name="path">What it is asked for by; a newer content takes the place of an older one.</param>
    /// <param name="tag">Changes with the content.</param>
    /// <param name="encoding">Brotli or gzip.</param>
    internal async ValueTask<byte[]> CompressAsync(SiteFile file, string path, string tag, string encoding)
    {
        Page page;
        TaskCompletionSource<byte[]>? making = null;
        lock (_lock)
        {
            if (!_pages.TryGetValue((path, encoding), out page!) || page.Tag != tag)
            {
                making = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
                if (page is not null) _keptBytes -= page.Length;
                _pages[(path, encoding)] = page = new Page(tag, making.Task);
            }

            page.Asked = ++_asked;
        }

        if (making is null) return await page.Content;
        try
        {
            var output = new MemoryStream();
            await CompressAsync(file, encoding, output, CancellationToken.None);
            var content = output.ToArray();
            making.SetResult(content);
            Keep(page, (path, encoding), content.Length);
            return content;
        }
        catch (Exception fault)
        {
            making.SetException(fault);
            lock (_lock)
            {
                if (_pages.GetValueOrDefault((path, encoding)) == page) _pages.Remove((path, encoding));
            }

            throw;
        }
    }

    internal static async Task CompressAsync(SiteFile file, string encoding, Stream output, CancellationToken ct)
    {
        await using Stream compressor = encoding == Negotiation.Brotli
            ? new BrotliStream(output, new BrotliCompressionOptions { Quality = 4 }, leaveOpen: true)
            : new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true);
        await file.Stream.CopyToAsync(compressor, ct);
    }

    private void Keep(Page page, (string Path, string Encoding) key, int length)
    {
        lock (_lock)
        {
            if (_pages.GetValueOrDefault(key) != page) return;
            page.Length = length;
            _keptBytes += length;
            if (_keptBytes <= keptBytesMax) return;
            // Half of it at a time, or each page would have them all put in order
            var made = _pages.Where(each => each.Value.Length > 0).OrderBy(each => each.Value.Asked).ToList();
            foreach (var (oldKey, old) in made)
            {
                if (_keptBytes <= keptBytesMax / 2) break;
                _pages.Remove(oldKey);
                _keptBytes -= old.Length;
            }
        }
    }

    private sealed class Page(string tag, Task<byte[]> content)
    {
        public string Tag { get; } = tag;

        public Task<byte[]> Content { get; } = content;

        /// <summary>0 until it is made.</summary>
        public int Length { get; set; }

        public long Asked { get; set; }
    }
}
