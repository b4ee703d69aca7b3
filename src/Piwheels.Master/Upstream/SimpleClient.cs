using System.Text;
using System.Text.Json;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Asks a simple index for the pages of projects: in JSON (PEP 691) where it can, else in HTML (PEP 503); and for the
/// core metadata of files (PEP 658).
/// </summary>
public sealed class SimpleClient(IndexConnection connection, Uri root)
{
    private const string Accept =
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

    /// <summary>The major version of the repository API that we know (PEP 629).</summary>
    private const string ApiMajor = "1";

    /// <summary>A project's page.</summary>
    /// <param name="etag">Of the page that one has, to be told <see cref="Fetched{T}.Unchanged"/>.</param>
    public async Task<Fetched<IndexPage>> GetPageAsync(PackageName package, string? etag, CancellationToken ct)
    {
        // With the slash at the end: without it indexes redirect (PEP 503)
        var uri = new Uri(IndexAddress.Below(root, package.Value).AbsoluteUri + "/");
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.TryAddWithoutValidation("Accept", Accept);
        if (etag is not null) request.Headers.TryAddWithoutValidation("If-None-Match", etag);
        return await connection.SendAsync(
            request, connection.Limits.PageBytesMax, connection.Limits.PageTimeout, ReadPageAsync, ct)
            .ConfigureAwait(false);
    }

    /// <summary>The core metadata of a file that has it beside it (PEP 658).</summary>
    public async Task<Fetched<string>> GetMetadataAsync(IndexFile file, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(file);
        var uri = new Uri(file.Url.GetLeftPart(UriPartial.Path) + ".metadata");
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        return await connection.SendAsync<string>(
            request,
            connection.Limits.MetadataBytesMax,
            connection.Limits.PageTimeout,
            async (response, token) =>
                new Fetched<string>.Found(await ReadTextAsync(response.Body, token).ConfigureAwait(false)),
            ct).ConfigureAwait(false);
    }

    private static async Task<Fetched<IndexPage>> ReadPageAsync(IndexResponse response, CancellationToken ct)
    {
        switch (response.MediaType)
        {
            case "application/vnd.pypi.simple.v1+json":
            case "application/json":
                var json = await JsonSerializer
                    .DeserializeAsync(response.Body, UpstreamJson.Default.SimplePageJson, ct).ConfigureAwait(false);
                return json is null
                    ? new Fetched<IndexPage>.Unusable("it is empty")
                    : PageOf(json, response);
            case "application/vnd.pypi.simple.v1+html":
            case "text/html":
                return PageOf(await ReadTextAsync(response.Body, ct).ConfigureAwait(false), response);
            default:
                return new Fetched<IndexPage>.Unusable($"it is neither JSON nor HTML but '{response.MediaType}'");
        }
    }

    private static async Task<string> ReadTextAsync(Stream body, CancellationToken ct)
    {
        using var reader = new StreamReader(body, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return await reader.ReadToEndAsync(ct).ConfigureAwait(false);
    }

    private static Fetched<IndexPage> PageOf(SimplePageJson json, IndexResponse response)
    {
        if (UnknownVersion(json.Meta?.ApiVersion) is { } unknown) return unknown;
        if (json.Files is null) return new Fetched<IndexPage>.Unusable("it lists no files");
        var files = new List<IndexFile>(json.Files.Count);
        foreach (var file in json.Files)
        {
            if (file is not { Filename.Length: > 0, Url: not null }) continue;
            if (!TryResolve(response.Uri, file.Url, out var url)) continue;
            files.Add(new IndexFile(
                file.Filename,
                url,
                Sha256Of(file.Hashes?.GetValueOrDefault("sha256")),
                NullWhenEmpty(file.RequiresPython),
                Says(file.Yanked, orText: true),
                Says(file.CoreMetadata, orText: false) || Says(file.DistInfoMetadata, orText: false),
                IndexAddress.TimeOf(file.UploadTime)));
        }

        return new Fetched<IndexPage>.Found(new IndexPage(files, json.Versions, response.ETag));
    }

    private static Fetched<IndexPage> PageOf(string html, IndexResponse response)
    {
        var files = new List<IndexFile>();
        var at = response.Uri;
        var based = false;
        foreach (var tag in AnchorReader.Read(html))
        {
            var attributes = tag.Attributes;
            if (tag.Name == "meta" && attributes.GetValueOrDefault("name") == "pypi:repository-version")
            {
                if (UnknownVersion(attributes.GetValueOrDefault("content")) is { } unknown) return unknown;
            }
            else if (tag.Name == "base"
                && !based
                && TryResolve(response.Uri, attributes.GetValueOrDefault("href"), out var root))
            {
                (at, based) = (root, true);
            }
            else if (tag.Name == "a" && FileOf(attributes, at) is { } file)
            {
                files.Add(file);
            }
        }

        return new Fetched<IndexPage>.Found(new IndexPage(files, Versions: null, response.ETag));
    }

    private static IndexFile? FileOf(IReadOnlyDictionary<string, string> attributes, Uri at)
    {
        if (!TryResolve(at, attributes.GetValueOrDefault("href"), out var url)) return null;
        // The file's name is the last part of its address, as pip has it; the anchor's text is for people
        var name = Uri.UnescapeDataString(url.Segments[^1]);
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal)) return null;
        var fragment = url.Fragment.StartsWith("#sha256=", StringComparison.Ordinal) ? url.Fragment[8..] : null;
        return new IndexFile(
            name,
            url,
            Sha256Of(fragment),
            NullWhenEmpty(attributes.GetValueOrDefault("data-requires-python")),
            attributes.ContainsKey("data-yanked"),
            SaysMetadata(attributes, "data-core-metadata") || SaysMetadata(attributes, "data-dist-info-metadata"));
    }

    private static bool SaysMetadata(IReadOnlyDictionary<string, string> attributes, string key) =>
        attributes.TryGetValue(key, out var value) && value != "false";

    private static Fetched<IndexPage>.Unusable? UnknownVersion(string? version) =>
        version is null || version.Split('.')[0] == ApiMajor
            ? null
            : new Fetched<IndexPage>.Unusable("it speaks a version of the simple API that is not known here");

    /// <summary>Resolves a link; false for one that is broken, or leads elsewhere than to a web server.</summary>
    private static bool TryResolve(Uri at, string? link, out Uri url)
    {
        url = at;
        return link is { Length: > 0 }
            && Uri.TryCreate(at, link, out url!)
            && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp);
    }

    private static bool Says(JsonElement value, bool orText) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.Object => true,
        JsonValueKind.String => orText && value.GetString() is { Length: > 0 },
        _ => false,
    };

    private static string? NullWhenEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    private static string? Sha256Of(string? text) =>
        text is { Length: 64 } && text.All(char.IsAsciiHexDigit)
            ? text.ToLowerInvariant()
            : null;
}
