using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;

namespace Piwheels.Tests.Publishing;

/// <summary>One file as a form of the index has it, so that both can be compared.</summary>
internal sealed record IndexedFile(
    string Filename, string Url, string Sha256, string? RequiresPython, bool Yanked, string? Metadata);

/// <summary>
/// What the PEPs demand of the index that installers read, as a judge of its bytes, written from their text and not from
/// what writes the index: 503 (HTML), 592 (yanked), 629 (version), 658 and 714 (metadata), 691 (JSON), 700 (its fields).
/// Each method throws <see cref="FormatException"/> with the rule that is broken.
/// </summary>
internal static partial class SimpleIndexRules
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly string[] LinkAttributes =
    [
        "href", "data-requires-python", "data-yanked", "data-core-metadata", "data-dist-info-metadata", "data-gpg-sig",
    ];

    private static readonly string[] FileKeys =
    [
        "filename", "url", "hashes", "requires-python", "core-metadata", "gpg-sig", "yanked", "size", "upload-time",
    ];

    /// <summary>The list of all packages in HTML; answers their names.</summary>
    internal static IReadOnlyList<string> RootOfHtml(byte[] bytes) =>
    [
        .. LinksOf(bytes).Select(link =>
        {
            Demand(IsNormal(link.TextContent), $"503: '{link.TextContent}' is a normalized name");
            Demand(
                link.GetAttribute("href") == $"/simple/{link.TextContent}/" && link.Attributes.Length == 1,
                "503: a package's address ends with its normalized name and a slash");
            return link.TextContent;
        }),
    ];

    /// <summary>The list of all packages in JSON; answers their names.</summary>
    internal static IReadOnlyList<string> RootOfJson(byte[] bytes)
    {
        using var json = Parse(bytes, "meta", "projects");
        Demand(VersionOf(json.RootElement) == "1.1", "700: the version is 1.1");
        return
        [
            .. json.RootElement.GetProperty("projects").EnumerateArray().Select(project =>
            {
                Keys(project, ["name"], []);
                return Text(project, "name");
            }),
        ];
    }

    /// <summary>The page of a package in HTML; answers its files.</summary>
    internal static IReadOnlyList<IndexedFile> PackageOfHtml(byte[] bytes) => Distinct([.. LinksOf(bytes).Select(FileOf)]);

    /// <summary>The page of a package in JSON; answers its files.</summary>
    internal static IReadOnlyList<IndexedFile> PackageOfJson(byte[] bytes, string package)
    {
        using var json = Parse(bytes, "meta", "name", "versions", "files");
        var root = json.RootElement;
        Demand(Text(root, "name") == package && IsNormal(package), "691: the normalized name");
        var versions = root.GetProperty("versions").EnumerateArray().Select(version => version.GetString()!).ToList();
        Demand(versions.Distinct(StringComparer.Ordinal).Count() == versions.Count, "700: no version comes twice");
        var isNew = VersionOf(root) == "1.1";
        return Distinct([.. root.GetProperty("files").EnumerateArray().Select(file => FileOf(file, isNew))]);
    }

    private static List<IElement> LinksOf(byte[] bytes)
    {
        var text = Strict.GetString(bytes);
        Demand(text.StartsWith("<!DOCTYPE html>", StringComparison.Ordinal), "503: a page of HTML5");
        Demand(!text.Any(c => char.IsControl(c) && c is not ('\n' or '\t' or '\r')), "HTML: no control characters");
        var page = new HtmlParser(new HtmlParserOptions { IsStrictMode = true }).ParseDocument(text);
        Demand(page.QuerySelectorAll("base").Length == 0, "503: addresses are relative to the page");
        var versions = page.QuerySelectorAll("meta[name='pypi:repository-version']");
        Demand(versions.Length == 1, "629: the version is said once");
        Demand(IsVersion(versions[0].GetAttribute("content")), "629: the version is Major.Minor, and Major is 1");
        Demand(
            page.All.All(each => each.LocalName is "html" or "head" or "meta" or "title" or "body" or "h1" or "a" or "br"),
            "nothing in it is made of what it says");
        var links = page.QuerySelectorAll("a").ToList();
        Demand(links.All(link => link.HasAttribute("href")), "503: a link has an address");
        return links;
    }

    private static IndexedFile FileOf(IElement link)
    {
        Demand(
            link.Attributes.All(attribute => LinkAttributes.Contains(attribute.Name)), "503: a link has known attributes");
        var href = link.GetAttribute("href")!;
        var parts = href.Split('#');
        Demand(parts.Length == 2 && Fragment().IsMatch(parts[1]), "503: the address ends with #sha256= and the hash");
        CheckAddress(parts[0], link.TextContent);
        var metadata = link.GetAttribute("data-core-metadata");
        Demand(link.GetAttribute("data-dist-info-metadata") == metadata, "714: both attributes say the same");
        Demand(metadata is null or "true" || Fragment().IsMatch(metadata), "658: the metadata's hash, or true");
        return new IndexedFile(
            link.TextContent, parts[0], parts[1].Split('=')[1], link.GetAttribute("data-requires-python"),
            link.HasAttribute("data-yanked"), metadata);
    }

    private static IndexedFile FileOf(JsonElement file, bool isNew)
    {
        Keys(file, ["filename", "url", "hashes"], FileKeys);
        var filename = Text(file, "filename");
        CheckAddress(Text(file, "url"), filename);
        Demand(!Text(file, "url").Contains('#', StringComparison.Ordinal), "691: the hash is not in the address");
        Demand(
            !isNew || (file.TryGetProperty("size", out var size) && size.TryGetInt64(out var bytes) && bytes >= 0),
            "700: size in bytes");
        Demand(
            !file.TryGetProperty("upload-time", out var uploaded) || UploadTime().IsMatch(uploaded.GetString()!),
            "700: upload-time is yyyy-mm-ddThh:mm:ss.ffffffZ");
        var yanked = file.TryGetProperty("yanked", out var why) ? why.ValueKind : JsonValueKind.False;
        Demand(yanked is JsonValueKind.True or JsonValueKind.False or JsonValueKind.String, "691: yanked, or its reason");
        return new IndexedFile(
            filename, Text(file, "url"), HashIn(file.GetProperty("hashes")),
            file.TryGetProperty("requires-python", out _) ? Text(file, "requires-python") : null,
            yanked != JsonValueKind.False, MetadataOf(file));
    }

    private static string? MetadataOf(JsonElement file)
    {
        if (!file.TryGetProperty("core-metadata", out var metadata) || metadata.ValueKind == JsonValueKind.False) return null;
        return metadata.ValueKind == JsonValueKind.True ? "true" : "sha256=" + HashIn(metadata);
    }

    private static string HashIn(JsonElement hashes)
    {
        var all = hashes.EnumerateObject().ToList();
        Demand(all.Count == 1 && all[0].Name == "sha256", "691: hashes by the names of hashlib, of them sha256");
        var hash = all[0].Value.GetString()!;
        Demand(Hash().IsMatch(hash), "691: the hash in hexadecimal");
        return hash;
    }

    // PEP 503: the text of the link is the last part of the address's path
    private static void CheckAddress(string url, string filename)
    {
        Demand(url.All(c => c is > ' ' and < '\u007f' and not ('"' or '<' or '>' or '\\')), $"3986: '{url}' is an address");
        var address = new Uri(new Uri("https://wheels.example/simple/foo/"), url);
        Demand(address.Scheme is "http" or "https" && address.Query.Length == 0, $"'{url}' leads to a file");
        Demand(
            filename.Length > 0 && Uri.UnescapeDataString(url.Split('/')[^1]) == filename,
            $"503: '{filename}' is the last part of '{url}'");
        Demand(!filename.Contains('/', StringComparison.Ordinal), "691: a file name without a path");
    }

    private static JsonDocument Parse(byte[] bytes, params string[] keys)
    {
        Strict.GetString(bytes);
        var json = JsonDocument.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false });
        Keys(json.RootElement, keys, []);
        return json;
    }

    private static string VersionOf(JsonElement root)
    {
        var meta = root.GetProperty("meta");
        Keys(meta, ["api-version"], []);
        Demand(IsVersion(Text(meta, "api-version")), "629: the version is Major.Minor, and Major is 1");
        return Text(meta, "api-version");
    }

    // PEP 691: keys beyond these could come to mean something else
    private static void Keys(JsonElement element, string[] needed, string[] allowed)
    {
        var keys = element.EnumerateObject().Select(property => property.Name).ToList();
        Demand(needed.All(keys.Contains), $"691: {string.Join(", ", needed)} are there");
        Demand(keys.All(key => needed.Contains(key) || allowed.Contains(key)), "691: no key that no PEP names");
    }

    private static string Text(JsonElement element, string key)
    {
        var value = element.GetProperty(key);
        Demand(value.ValueKind == JsonValueKind.String, $"691: {key} is text");
        return value.GetString()!;
    }

    private static List<IndexedFile> Distinct(List<IndexedFile> files)
    {
        Demand(files.DistinctBy(file => file.Filename).Count() == files.Count, "503: one link for a file");
        return files;
    }

    private static bool IsVersion(string? text) =>
        text is not null && Version().IsMatch(text) && int.Parse(text.Split('.')[0], CultureInfo.InvariantCulture) == 1;

    // PEP 503: re.sub(r"[-_.]+", "-", name).lower()
    private static bool IsNormal(string name) => Separators().Replace(name, "-") == name && NormalName().IsMatch(name);

    private static void Demand(bool kept, string rule)
    {
        if (!kept) throw new FormatException(rule);
    }

    [GeneratedRegex(@"\A[0-9]+\.[0-9]+\z")]
    private static partial Regex Version();

    [GeneratedRegex("[-_.]+")]
    private static partial Regex Separators();

    [GeneratedRegex(@"\A[a-z0-9]([a-z0-9-]*[a-z0-9])?\z")]
    private static partial Regex NormalName();

    [GeneratedRegex(@"\Asha256=[0-9a-f]{64}\z")]
    private static partial Regex Fragment();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Hash();

    [GeneratedRegex(@"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z\z")]
    private static partial Regex UploadTime();
}
