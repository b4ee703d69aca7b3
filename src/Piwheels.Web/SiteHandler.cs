using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Piwheels.Pages;

namespace Piwheels.Web;

/// <summary>Answers requests from a folder of files; it neither lists folders nor leads out of this one.</summary>
internal sealed class SiteHandler(string root, Site site, LivePages? live = null) : IDisposable
{
    private const long CompressibleBytesMin = 512;

    // Who takes no gzip gets a log unpacked, which may be a thousand times as much
    private const long UnpackedLogBytesMax = 256L * 1024 * 1024;
    private const int UnpackedPieceBytes = 32 * 1024;

    // Pages load nothing but from here, and no other site frames them
    private const string ContentSecurityPolicy =
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private static readonly string[] IndexNames = ["index.html", "index.json"];
    private readonly CompressedPages _compressed = new();
    private readonly LogPages _logPages = new(site);
    private readonly string _root = Path.GetFullPath(root);

    internal async Task HandleAsync(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin";
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
            RefuseMethod(context);
        else if (SitePath.Split(context.Request.Path.Value) is not { } segments)
            await NotFoundAsync(context);
        else if (SitePath.HomeOf(segments) is { } home)
            Redirect(context, home);
        else if (live is not null && segments is [LivePages.Folder])
            Redirect(context, "/live/");
        else if (live is not null && segments[0] == LivePages.Folder && await live.HandleAsync(context, segments))
            return;
        else if (segments[0] == "simple" && segments[^1].Length == 0)
            await SimpleIndexAsync(context, segments);
        else if (segments[^1].Length == 0)
            await FolderAsync(context, segments);
        else
            await FileAsync(context, segments);
    }

    public void Dispose() => _logPages.Dispose();

    private async Task SimpleIndexAsync(HttpContext context, string[] segments)
    {
        context.Response.Headers.Vary = "Accept";
        var type = Negotiation.SimpleType(context.Request.Headers.Accept, context.Request.Query["format"]);
        if (type is null)
        {
            context.Response.StatusCode = StatusCodes.Status406NotAcceptable;
            return;
        }

        string[] path = [.. segments[..^1], type == Negotiation.SimpleJson ? "index.v1_json" : "index.html"];
        using var file = SiteFile.Open(_root, path);
        if (file is null)
        {
            await NotFoundAsync(context);
            return;
        }

        var kind = FileKind.Of(path, path[^1], versioned: false) with { Shared = true };
        await SendAsync(context, file, type == Negotiation.SimpleHtml ? kind with { MediaType = type } : kind);
    }

    private async Task FolderAsync(HttpContext context, string[] segments)
    {
        foreach (var name in IndexNames)
        {
            string[] path = [.. segments[..^1], name];
            using var file = SiteFile.Open(_root, path);
            if (file is null) continue;
            await SendAsync(context, file, FileKind.Of(path, name, versioned: false));
            return;
        }

        await NotFoundAsync(context);
    }

    private async Task FileAsync(HttpContext context, string[] segments)
    {
        using var file = SiteFile.Open(_root, segments);
        if (file is not null)
        {
            var kind = FileKind.Of(segments, file.Name, context.Request.Query.ContainsKey("v"));
            await (kind == FileKind.Log ? SendLogAsync(context, file, segments) : SendAsync(context, file, kind));
        }
        else if (SiteFile.IsFolder(_root, segments))
        {
            Redirect(context, "/" + string.Join('/', segments.Select(Uri.EscapeDataString)) + "/");
        }
        else
        {
            await NotFoundAsync(context);
        }
    }

    private async Task SendAsync(HttpContext context, SiteFile file, FileKind kind)
    {
        SetHeaders(context, kind);
        if (!kind.Compressible || file.Length < CompressibleBytesMin)
        {
            await SendPlainAsync(context, file, kind);
            return;
        }

        Vary(context, "Accept-Encoding");
        var encoding = Negotiation.Encoding(context.Request.Headers.AcceptEncoding);
        if (encoding is null)
            await SendPlainAsync(context, file, kind);
        else
            await SendCompressedAsync(context, file, kind, encoding);
    }

    private static async Task SendPlainAsync(HttpContext context, SiteFile file, FileKind kind)
    {
        // A range in another unit is to be passed over (RFC 9110 section 14.2), which the framework takes for one in bytes
        var range = context.Request.Headers.Range;
        if (range.Count > 0 && !range.ToString().StartsWith("bytes=", StringComparison.OrdinalIgnoreCase))
            context.Request.Headers.Remove(HeaderNames.Range);
        if (!WholeAnswer.IsDue(context.Request.Headers))
        {
            await TypedResults
                .Stream(file.Stream, kind.MediaType, null, file.Modified, file.Tag(), enableRangeProcessing: true)
                .ExecuteAsync(context);
            return;
        }

        context.Response.Headers.AcceptRanges = "bytes";
        WholeAnswer.SetHeaders(context, kind.MediaType, file.Length, file.Modified, file.Tag());
        if (HttpMethods.IsGet(context.Request.Method)) await WholeAnswer.SendAsync(context, file);
    }

    private async Task SendCompressedAsync(HttpContext context, SiteFile file, FileKind kind, string encoding)
    {
        var tag = file.Tag(encoding);
        context.Response.Headers.ContentEncoding = encoding;
        if (file.Length <= CompressedPages.PageBytesMax)
        {
            var content = await _compressed.CompressAsync(file, file.Path, tag.Tag.ToString(), encoding);
            await SendBytesAsync(context, content, kind, file.Modified, tag);
        }
        else if (BeginStream(context, file, kind.MediaType, tag))
        {
            await CompressedPages.CompressAsync(file, encoding, context.Response.Body, context.RequestAborted);
        }
    }

    private static async Task SendBytesAsync(
        HttpContext context, byte[] content, FileKind kind, DateTimeOffset modified, EntityTagHeaderValue tag)
    {
        if (!WholeAnswer.IsDue(context.Request.Headers))
        {
            await TypedResults.Bytes(content, kind.MediaType, null, false, modified, tag).ExecuteAsync(context);
            return;
        }

        WholeAnswer.SetHeaders(context, kind.MediaType, content.Length, modified, tag);
        if (HttpMethods.IsGet(context.Request.Method)) await WholeAnswer.SendAsync(context, content);
    }

    // Logs lie compressed: programs get them as they are, browsers as pages, unless they wish otherwise
    private async Task SendLogAsync(HttpContext context, SiteFile file, string[] segments)
    {
        SetHeaders(context, FileKind.Log);
        context.Response.Headers.Vary = "Accept, Accept-Encoding";
        if (!context.Request.Query.ContainsKey("raw") && Negotiation.AsksForPage(context.Request.Headers.Accept))
            await SendLogPageAsync(context, file, segments);
        else if (Negotiation.TakesGzip(context.Request.Headers.AcceptEncoding))
            await SendPackedLogAsync(context, file);
        else if (BeginStream(context, file, FileKind.Log.MediaType, file.Tag()))
            await SendUnpackedLogAsync(context, file);
    }

    private async Task SendLogPageAsync(HttpContext context, SiteFile file, string[] segments)
    {
        // The page is of the log, of the program's style, and of the encoding
        var encoding = Negotiation.Encoding(context.Request.Headers.AcceptEncoding) is null ? "" : "-" + Negotiation.Gzip;
        var tag = file.Tag($"page-{StaticFiles.Tag}{encoding}");
        if (!BeginStream(context, file, FileKind.LogPage.MediaType, tag)) return;
        var page = await _logPages.MakeAsync(file, segments, context.RequestAborted);
        if (encoding.Length == 0)
        {
            context.Response.ContentLength = page.Length;
            await context.Response.BodyWriter.WriteAsync(page, context.RequestAborted);
            return;
        }

        context.Response.Headers.ContentEncoding = Negotiation.Gzip;
        await using var packed = new GZipStream(context.Response.Body, CompressionLevel.Fastest, leaveOpen: true);
        await packed.WriteAsync(page, context.RequestAborted);
    }

    private static Task SendPackedLogAsync(HttpContext context, SiteFile file)
    {
        context.Response.Headers.ContentEncoding = Negotiation.Gzip;
        return TypedResults
            .Stream(file.Stream, FileKind.Log.MediaType, null, file.Modified, file.Tag(Negotiation.Gzip))
            .ExecuteAsync(context);
    }

    private static async Task SendUnpackedLogAsync(HttpContext context, SiteFile file)
    {
        await using var log = new GZipStream(file.Stream, CompressionMode.Decompress, leaveOpen: true);
        var piece = new byte[UnpackedPieceBytes];
        for (var left = UnpackedLogBytesMax; left > 0;)
        {
            var read = await log.ReadAsync(piece, context.RequestAborted);
            if (read == 0) return;
            await context.Response.Body.WriteAsync(piece.AsMemory(0, read), context.RequestAborted);
            left -= read;
        }

        // Cut off, so that nobody takes it for the whole
        context.Abort();
    }

    /// <summary>Heads an answer whose length is not known before; false when no body is due.</summary>
    private static bool BeginStream(HttpContext context, SiteFile file, string mediaType, EntityTagHeaderValue tag)
    {
        context.Response.Headers.ETag = tag.ToString();
        context.Response.Headers.LastModified = HeaderUtilities.FormatDate(file.Modified);
        if (HasTag(context.Request.Headers.IfNoneMatch, tag))
        {
            context.Response.Headers.Remove(HeaderNames.ContentEncoding);
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return false;
        }

        context.Response.ContentType = mediaType;
        return HttpMethods.IsGet(context.Request.Method);
    }

    private static bool HasTag(StringValues ifNoneMatch, EntityTagHeaderValue tag) =>
        EntityTagHeaderValue.TryParseList(ifNoneMatch, out var tags) &&
        tags.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(tag, useStrongComparison: false));

    private static void SetHeaders(HttpContext context, FileKind kind)
    {
        context.Response.Headers.CacheControl = kind.CacheControl;
        if (kind.Shared) context.Response.Headers.AccessControlAllowOrigin = "*";
    }

    private static void Vary(HttpContext context, string header) =>
        context.Response.Headers.Vary = StringValues.Concat(context.Response.Headers.Vary, header);

    private static void Redirect(HttpContext context, string path)
    {
        context.Response.StatusCode = StatusCodes.Status301MovedPermanently;
        context.Response.Headers.Location = path + context.Request.QueryString.Value;
        context.Response.Headers.AccessControlAllowOrigin = "*";
    }

    private static void RefuseMethod(HttpContext context)
    {
        context.Response.Headers.Allow = "GET, HEAD, OPTIONS";
        if (HttpMethods.IsOptions(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            context.Response.Headers.AccessControlAllowOrigin = "*";
            context.Response.Headers.AccessControlAllowMethods = "GET, HEAD, OPTIONS";
            context.Response.Headers.AccessControlAllowHeaders = "*";
            context.Response.Headers.AccessControlMaxAge = "86400";
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        }
    }

    private async Task NotFoundAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.AccessControlAllowOrigin = "*";
        using var page = SiteFile.Open(_root, ["404.html"]);
        context.Response.ContentType = page is null ? "text/plain; charset=utf-8" : "text/html; charset=utf-8";
        context.Response.ContentLength = page?.Length ?? "Not found\n"u8.Length;
        if (!HttpMethods.IsGet(context.Request.Method)) return;
        if (page is null) await context.Response.WriteAsync("Not found\n", context.RequestAborted);
        else await page.Stream.CopyToAsync(context.Response.Body, context.RequestAborted);
    }
}
