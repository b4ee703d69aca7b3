using System.Text;
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
    /// <param name="known">Of the page that one has, to be told <see cref="Fetched{T}.Unchanged"/>.</param>
    public async Task<Fetched<IndexPage>> GetPageAsync(PackageName package, Validators? known, CancellationToken ct)
    {
        // With the slash at the end: without it indexes redirect (PEP 503)
        var uri = new Uri(IndexAddress.Below(root, package.Value).AbsoluteUri + "/");
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.TryAddWithoutValidation("Accept", Accept);
        known?.AddTo(request);
        return await connection.SendAsync(request, connection.Limits.Page, ReadPageAsync, ct).ConfigureAwait(false);
    }

    /// <summary>The names of all projects. Those that are none are left out.</summary>
    public async Task<Fetched<IReadOnlyList<PackageName>>> GetNamesAsync(CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(IndexAddress.Below(root).AbsoluteUri + "/"));
        request.Headers.TryAddWithoutValidation("Accept", Accept);
        return await connection.SendAsync(request, connection.Limits.Names, ReadNamesAsync, ct).ConfigureAwait(false);
    }

    /// <summary>The core metadata of a file that has it beside it (PEP 658).</summary>
    public async Task<Fetched<string>> GetMetadataAsync(IndexFile file, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(file);
        var uri = new Uri(file.Url.GetLeftPart(UriPartial.Path) + ".metadata");
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        return await connection.SendAsync<string>(
            request,
            connection.Limits.Metadata,
            async (response, token) =>
                new Fetched<string>.Found(await ReadTextAsync(response.Body, token).ConfigureAwait(false)),
            ct).ConfigureAwait(false);
    }

    private static Task<Fetched<IndexPage>> ReadPageAsync(IndexResponse response, CancellationToken ct) =>
        ReadAsync(response, SimplePageJson.ReadAsync, PageOf, ct);

    private static Task<Fetched<IReadOnlyList<PackageName>>> ReadNamesAsync(
        IndexResponse response, CancellationToken ct) =>
        ReadAsync(response, SimpleRootJson.ReadAsync, NamesOf, ct);

    private static async Task<Fetched<T>> ReadAsync<T>(
        IndexResponse response,
        Func<IndexResponse, CancellationToken, Task<Fetched<T>>> json,
        Func<string, IndexResponse, Fetched<T>> html,
        CancellationToken ct)
    {
        switch (response.MediaType)
        {
            case "application/vnd.pypi.simple.v1+json":
            case "application/json":
                return await json(response, ct).ConfigureAwait(false);
            case "application/vnd.pypi.simple.v1+html":
            case "text/html":
                return html(await ReadTextAsync(response.Body, ct).ConfigureAwait(false), response);
            default:
                return new Fetched<T>.Unusable($"it is neither JSON nor HTML but '{response.MediaType}'");
        }
    }

    private static async Task<string> ReadTextAsync(Stream body, CancellationToken ct)
    {
        using var reader = new StreamReader(body, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return await reader.ReadToEndAsync(ct).ConfigureAwait(false);
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

        return new Fetched<IndexPage>.Found(new IndexPage(files, Versions: null, response.Validators));
    }

    private static Fetched<IReadOnlyList<PackageName>> NamesOf(string html, IndexResponse response)
    {
        var names = new List<PackageName>();
        foreach (var tag in AnchorReader.Read(html))
        {
            if (tag.Name == "meta" && tag.Attributes.GetValueOrDefault("name") == "pypi:repository-version"
                && UnknownVersion(tag.Attributes.GetValueOrDefault("content")) is { } unknown)
            {
                return new Fetched<IReadOnlyList<PackageName>>.Unusable(unknown.Reason);
            }

            // The anchor's text is the name too (PEP 503), and the address leads to it
            if (tag.Name == "a" && TryResolve(response.Uri, tag.Attributes.GetValueOrDefault("href"), out var url)
                && PackageName.TryParse(Uri.UnescapeDataString(url.Segments[^1].TrimEnd('/')), out var name))
            {
                names.Add(name);
            }
        }

        return new Fetched<IReadOnlyList<PackageName>>.Found(names);
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
            !IsLessSafe(url, at) && SaysMetadata(attributes));
    }

    /// <summary>The second name is the older one (PEP 714).</summary>
    private static bool SaysMetadata(IReadOnlyDictionary<string, string> attributes) =>
        SaysMetadata(attributes, "data-core-metadata") || SaysMetadata(attributes, "data-dist-info-metadata");

    private static bool SaysMetadata(IReadOnlyDictionary<string, string> attributes, string key) =>
        attributes.TryGetValue(key, out var value) && value != "false";

    internal static Fetched<IndexPage>.Unusable? UnknownVersion(string? version) =>
        version is null || version.Split('.')[0] == ApiMajor
            ? null
            : new Fetched<IndexPage>.Unusable("it speaks a version of the simple API that is not known here");

    /// <summary>Resolves a link; false for one that is broken, or leads elsewhere than to a web server.</summary>
    internal static bool TryResolve(Uri at, string? link, out Uri url)
    {
        url = at;
        return link is { Length: > 0 }
            && Uri.TryCreate(at, link, out url!)
            && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp);
    }

    /// <summary>Whether a link leads from https to http: then it is not followed, as no redirect is.</summary>
    internal static bool IsLessSafe(Uri link, Uri page) =>
        page.Scheme == Uri.UriSchemeHttps && link.Scheme != Uri.UriSchemeHttps;

    internal static string? NullWhenEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    internal static string? Sha256Of(string? text) =>
        text is { Length: 64 } && text.All(char.IsAsciiHexDigit)
            ? text.ToLowerInvariant()
            : null;
}
