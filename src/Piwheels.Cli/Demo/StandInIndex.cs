using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Demo;

/// <summary>
/// A package index over a folder of sdists and wheels, on loopback: the simple index in HTML and JSON (PEP 503, 691,
/// 658), the files, the JSON API and the change log. It stands in for PyPI in the demonstration and in tests; pip
/// installs from it.
/// </summary>
public sealed class StandInIndex : IAsyncDisposable
{
    /// <summary>The most rows of the change log in one answer, as on PyPI.</summary>
    public const int ChangelogRowsMax = 50_000;

    private const int RequestBytesMax = 64 << 10;
    private readonly WebApplication _web;

    private StandInIndex(WebApplication web, StandInCatalog catalog)
    {
        _web = web;
        Catalog = catalog;
    }

    /// <summary>Where it is reached, e.g. <c>http://127.0.0.1:8765/</c>.</summary>
    public Uri Root { get; private set; } = new("http://127.0.0.1/");

    /// <summary>The simple index, for <c>--pypi-simple</c> and pip's <c>--index-url</c>.</summary>
    public Uri Simple => new(Root, "simple");

    /// <summary>
    /// The root of the JSON API and the address of XML-RPC: <c>--pypi-json</c>, <c>--pypi-xmlrpc</c>.
    /// </summary>
    public Uri Pypi => new(Root, "pypi");

    /// <summary>What it holds; may be changed while it serves.</summary>
    public StandInCatalog Catalog { get; }

    /// <summary>The most rows of the change log in one answer.</summary>
    public int RowsMax { get; set; } = ChangelogRowsMax;

    /// <summary>Starts serving the sdists and wheels in and below a folder.</summary>
    /// <param name="port">0 for any free one.</param>
    /// <exception cref="InvalidDataException">A file in the folder is no sdist or wheel inside.</exception>
    public static Task<StandInIndex> StartAsync(string folder, int port, CancellationToken ct = default) =>
        StartAsync(folder, port, around: null, certificate: null, ct);

    /// <summary>As the other <c>StartAsync</c>.</summary>
    /// <param name="around">Called around each request, to count, delay or spoil it.</param>
    /// <param name="certificate">To serve by https (HTTP/2 and 1.1) with; null for http.</param>
    public static async Task<StandInIndex> StartAsync(
        string folder,
        int port,
        Func<HttpContext, Func<Task>, Task>? around,
        X509Certificate2? certificate = null,
        CancellationToken ct = default)
    {
        var catalog = new StandInCatalog();
        catalog.Publish(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(StandInFile.IsDistribution)
            .Select(StandInFile.Read));

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = RequestBytesMax;
            kestrel.Listen(IPAddress.Loopback, port, listen =>
            {
                if (certificate is not null) listen.UseHttps(certificate);
            });
        });
        var web = builder.Build();
        var index = new StandInIndex(web, catalog);
        if (around is not null) web.Use((context, next) => around(context, () => next(context)));
        web.Run(index.AnswerAsync);
        await web.StartAsync(ct);
        index.Root = new Uri(web.Urls.First());
        return index;
    }

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.Zero);
        await _web.StopAsync(soon.Token);
        await _web.DisposeAsync();
    }

    private Task AnswerAsync(HttpContext context)
    {
        var parts = (context.Request.Path.Value ?? "/").Trim('/').Split('/');
        if (HttpMethods.IsPost(context.Request.Method))
            return parts is ["pypi"] ? CallAsync(context) : NotFoundAsync(context);
        return parts switch
        {
            ["simple"] => SimpleRootAsync(context),
            ["simple", var name] => SimpleProjectAsync(context, name),
            ["files", var filename] => FileAsync(context, filename),
            ["pypi", var name, "json"] => LegacyAsync(context, name, null),
            ["pypi", var name, var version, "json"] => LegacyAsync(context, name, version),
            _ => NotFoundAsync(context),
        };
    }

    private Task SimpleRootAsync(HttpContext context) => WantsJson(context.Request)
        ? WriteAsync(context, StandInPages.RootJson(Catalog), StandInPages.SimpleJsonType)
        : WriteAsync(context, StandInPages.RootHtml(Catalog), "text/html; charset=utf-8");

    private Task SimpleProjectAsync(HttpContext context, string name)
    {
        if (!PackageName.TryParse(name, out var package) || Catalog.Find(package) is not { } project)
            return NotFoundAsync(context);
        var wanted = $"/simple/{package}/";
        if (context.Request.Path.Value != wanted)
        {
            context.Response.Redirect(wanted, permanent: true);
            return Task.CompletedTask;
        }

        var json = WantsJson(context.Request);
        context.Response.Headers.Vary = "Accept";
        if (IsKnown(context, $"\"{project.Serial}-{(json ? "json" : "html")}\"")) return Task.CompletedTask;

        var root = $"{context.Request.Scheme}://{context.Request.Host}";
        return json
            ? WriteAsync(context, StandInPages.ProjectJson(project, root), StandInPages.SimpleJsonType)
            : WriteAsync(context, StandInPages.ProjectHtml(project, root), "text/html; charset=utf-8");
    }

    private Task FileAsync(HttpContext context, string filename)
    {
        const string MetadataEnding = ".metadata";
        if (Catalog.FindFile(filename) is { } file)
        {
            context.Response.ContentType = "application/octet-stream";
            return context.Response.SendFileAsync(file.Path, context.RequestAborted);
        }

        if (filename.EndsWith(MetadataEnding, StringComparison.Ordinal)
            && Catalog.FindFile(filename[..^MetadataEnding.Length]) is { IsWheel: true } wheel)
        {
            return WriteAsync(context, Encoding.UTF8.GetBytes(wheel.Metadata), "text/plain; charset=utf-8");
        }

        return NotFoundAsync(context);
    }

    private Task LegacyAsync(HttpContext context, string name, string? version)
    {
        if (!PackageName.TryParse(name, out var package)
            || Catalog.Find(package) is not { } project
            || (version is not null && !project.Releases.ContainsKey(version)))
        {
            return NotFoundAsync(context);
        }

        return IsKnown(context, $"\"{project.Serial}\"")
            ? Task.CompletedTask
            : WriteAsync(context, StandInPages.Legacy(project, version), "application/json");
    }

    /// <summary>Tags the answer; when the client has that one already, it is answered so.</summary>
    private static bool IsKnown(HttpContext context, string etag)
    {
        context.Response.Headers.ETag = etag;
        if (context.Request.Headers.IfNoneMatch != etag) return false;
        context.Response.StatusCode = StatusCodes.Status304NotModified;
        return true;
    }

    private async Task CallAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var call = await reader.ReadToEndAsync(context.RequestAborted);
        await WriteAsync(context, StandInPages.XmlRpc(Catalog, call, RowsMax), "text/xml; charset=utf-8");
    }

    /// <summary>
    /// Whether the JSON form is asked for, and not less than HTML (PEP 691, by the order of the header).
    /// </summary>
    private static bool WantsJson(HttpRequest request)
    {
        foreach (var part in request.Headers.Accept.ToString().Split(','))
        {
            var type = part.Split(';')[0].Trim();
            if (type is StandInPages.SimpleJsonType or "application/vnd.pypi.simple.latest+json") return true;
            if (type is "text/html" or "application/vnd.pypi.simple.v1+html") return false;
        }

        return false;
    }

    private static Task NotFoundAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return context.Response.WriteAsync("404 Not Found\n", context.RequestAborted);
    }

    private static async Task WriteAsync(HttpContext context, byte[] body, string type)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}
