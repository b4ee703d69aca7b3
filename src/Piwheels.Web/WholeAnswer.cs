using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Piwheels.Web;

/// <summary>
/// The plain way to answer, which nearly all requests go: a whole file, or nothing for HEAD. Requests with conditions or for
/// parts are the framework's, which knows RFC 9110.
/// </summary>
internal static class WholeAnswer
{
    // Read at once on the thread that answers: most often it is in memory, and handing it over costs more
    private const int SmallBytesMax = 64 * 1024;
    private const int ChunkBytes = 256 * 1024;

    /// <summary>Whether the request is for the whole of it, whatever the client may have of it.</summary>
    internal static bool IsDue(IHeaderDictionary headers) =>
        headers.IfNoneMatch.Count == 0 && headers.Range.Count == 0 && headers.IfModifiedSince.Count == 0 &&
        headers.IfMatch.Count == 0 && headers.IfUnmodifiedSince.Count == 0 && headers.IfRange.Count == 0;

    internal static void SetHeaders(
        HttpContext context, string mediaType, long length, DateTimeOffset modified, EntityTagHeaderValue tag)
    {
        var headers = context.Response.Headers;
        headers.ContentType = mediaType;
        headers.ContentLength = length;
        headers.LastModified = HeaderUtilities.FormatDate(modified);
        headers.ETag = tag.ToString();
    }

    internal static async Task SendAsync(HttpContext context, SiteFile file)
    {
        var writer = context.Response.BodyWriter;
        for (var offset = 0L; offset < file.Length;)
        {
            var buffer = writer.GetMemory((int)Math.Min(file.Length - offset, ChunkBytes));
            if (buffer.Length > file.Length - offset) buffer = buffer[..(int)(file.Length - offset)];
            var read = file.Length <= SmallBytesMax
                ? RandomAccess.Read(file.Handle, buffer.Span, offset)
                : await RandomAccess.ReadAsync(file.Handle, buffer, offset, context.RequestAborted);
            // Nobody may take a part for the whole: with less than was promised the connection is closed
            if (read == 0) throw new IOException($"{file.Name} has become shorter");
            writer.Advance(read);
            offset += read;
            if (!await FlushAsync(writer, context.RequestAborted)) return;
        }
    }

    private static async ValueTask<bool> FlushAsync(PipeWriter writer, CancellationToken ct) =>
        await writer.FlushAsync(ct) is { IsCompleted: false, IsCanceled: false };
}
