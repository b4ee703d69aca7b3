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

    internal static Task SendAsync(HttpContext context, SiteFile file) =>
        file.Length <= SmallBytesMax ? SendSmallAsync(context, file) : SendLargeAsync(context, file);

    internal static async Task SendAsync(HttpContext context, ReadOnlyMemory<byte> content)
    {
        await context.Response.StartAsync(CancellationToken.None);
        await context.Response.BodyWriter.WriteAsync(
            content, content.Length <= SmallBytesMax ? CancellationToken.None : context.RequestAborted);
    }

    private static async Task SendSmallAsync(HttpContext context, SiteFile file)
    {
        if (file.Length == 0) return;
        // With the headers written, the body is read to where it is sent from; else it would be copied there
        await context.Response.StartAsync(CancellationToken.None);
        Read(file, context.Response.BodyWriter);
        // Ends at once, most often: no token need be made for it
        await context.Response.BodyWriter.FlushAsync(CancellationToken.None);
    }

    private static void Read(SiteFile file, PipeWriter writer)
    {
        var length = (int)file.Length;
        var buffer = writer.GetSpan(length)[..length];
        for (var offset = 0; offset < length;)
        {
            var read = RandomAccess.Read(file.Handle, buffer[offset..], offset);
            if (read == 0) throw Shorter(file);
            offset += read;
        }

        writer.Advance(length);
    }

    private static async Task SendLargeAsync(HttpContext context, SiteFile file)
    {
        await context.Response.StartAsync(CancellationToken.None);
        var writer = context.Response.BodyWriter;
        var aborted = context.RequestAborted;
        for (var offset = 0L; offset < file.Length;)
        {
            var buffer = writer.GetMemory((int)Math.Min(file.Length - offset, ChunkBytes));
            if (buffer.Length > file.Length - offset) buffer = buffer[..(int)(file.Length - offset)];
            var read = await RandomAccess.ReadAsync(file.Handle, buffer, offset, aborted);
            if (read == 0) throw Shorter(file);
            writer.Advance(read);
            offset += read;
            if (await writer.FlushAsync(aborted) is not { IsCompleted: false, IsCanceled: false }) return;
        }
    }

    // Nobody may take a part for the whole: with less than was promised the connection is closed
    private static IOException Shorter(SiteFile file) => new($"{file.Name} has become shorter");
}
