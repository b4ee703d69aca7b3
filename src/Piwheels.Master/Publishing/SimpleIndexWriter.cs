using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes the index that installers read: HTML by PEP 503 with the attributes of PEP 592 (yanked), 629 (version), 658
/// and 714 (metadata), and JSON by PEP 691 with the fields of PEP 700 (versions, size, upload time).
/// </summary>
internal static class SimpleIndexWriter
{
    private const int FlushBytes = 64 * 1024;

    // PEP 700 raised it to 1.1
    private const string ApiVersion = "1.1";

    // PEP 691's own, which asks for no size
    private const string ApiVersionWithoutSizes = "1.0";

    private static ReadOnlySpan<byte> Head =>
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="pypi:repository-version" content="1.1">

        """u8;

    /// <summary>Writes the list of all packages; names are canonical and in order.</summary>
    internal static void WriteRootHtml(Stream stream, PackageList names)
    {
        var output = new ArrayBufferWriter<byte>(2 * FlushBytes);
        var page = new Utf8Page(output);
        page.Raw(Head);
        page.Raw("<title>Simple index</title>\n</head>\n<body>\n"u8);
        foreach (var name in names)
        {
            page.Raw("<a href=\"/simple/"u8);
            page.Raw(name);
            page.Raw("/\">"u8);
            page.Raw(name);
            page.Raw("</a><br>\n"u8);
            if (output.WrittenCount > FlushBytes) output.MoveTo(stream);
        }

        page.Raw("</body>\n</html>\n"u8);
        output.MoveTo(stream);
    }

    /// <inheritdoc cref="WriteRootHtml"/>
    internal static void WriteRootJson(Stream stream, PackageList names)
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        WriteMeta(json);
        json.WriteStartArray("projects"u8);
        foreach (var name in names)
        {
            json.WriteStartObject();
            json.WriteString("name"u8, name);
            json.WriteEndObject();
            if (json.BytesPending > FlushBytes) json.Flush();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    internal static void WriteHtml(IBufferWriter<byte> output, SimplePackage package)
    {
        var page = new Utf8Page(output);
        page.Raw(Head);
        page.Raw("<title>Links for "u8);
        page.Text(package.Name);
        page.Raw("</title>\n</head>\n<body>\n<h1>Links for "u8);
        page.Text(package.Name);
        page.Raw("</h1>\n"u8);
        foreach (var file in package.Files) WriteLink(page, file);
        page.Raw("</body>\n</html>\n"u8);
    }

    private static void WriteLink(Utf8Page page, SimpleFile file)
    {
        page.Raw("<a href=\""u8);
        if (file.Url is not null)
        {
            page.Text(file.Url);
        }
        else
        {
            page.Text(file.Folder);
            page.PathSegment(file.Filename);
        }

        page.Raw("#sha256="u8);
        page.Text(file.Hash);
        if (!string.IsNullOrEmpty(file.RequiresPython))
        {
            page.Raw("\" data-requires-python=\""u8);
            page.Text(file.RequiresPython);
        }

        if (file.Yanked) page.Raw("\" data-yanked=\""u8);
        if (file.MetadataHash is not null)
        {
            // PEP 714: the new name, and the one of PEP 658 for older installers
            page.Raw("\" data-core-metadata=\"sha256="u8);
            page.Text(file.MetadataHash);
            page.Raw("\" data-dist-info-metadata=\"sha256="u8);
            page.Text(file.MetadataHash);
        }
        else if (file.HasMetadata)
        {
            page.Raw("\" data-core-metadata=\"true\" data-dist-info-metadata=\"true"u8);
        }

        page.Raw("\">"u8);
        page.Text(file.Filename);
        page.Raw("</a><br>\n"u8);
    }

    internal static void WriteJson(IBufferWriter<byte> output, SimplePackage package)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        WriteMeta(json, package.SizesAreKnown ? ApiVersion : ApiVersionWithoutSizes);
        json.WriteString("name"u8, package.Name);
        json.WriteStartArray("versions"u8);
        foreach (var version in package.Versions) json.WriteStringValue(version);
        json.WriteEndArray();
        json.WriteStartArray("files"u8);
        foreach (var file in package.Files) WriteFile(json, file);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteMeta(Utf8JsonWriter json, string version = ApiVersion)
    {
        json.WriteStartObject("meta"u8);
        json.WriteString("api-version"u8, version);
        json.WriteEndObject();
    }

    private static void WriteFile(Utf8JsonWriter json, SimpleFile file)
    {
        json.WriteStartObject();
        json.WriteString("filename"u8, file.Filename);
        json.WriteString("url"u8, file.Url ?? file.Folder + Uri.EscapeDataString(file.Filename));
        WriteHash(json, "hashes"u8, file.Hash);
        if (!string.IsNullOrEmpty(file.RequiresPython)) json.WriteString("requires-python"u8, file.RequiresPython);
        if (file.Size is { } size) json.WriteNumber("size"u8, size);
        if (file.Uploaded is { } uploaded) json.WriteString("upload-time"u8, Timestamp(uploaded));
        json.WriteBoolean("yanked"u8, file.Yanked);
        if (file.MetadataHash is not null)
        {
            WriteHash(json, "core-metadata"u8, file.MetadataHash);
            // Not under the older name as well: pip before 23.1 fails on it in JSON, which is why PEP 714 renamed it
        }
        else if (file.HasMetadata)
        {
            json.WriteBoolean("core-metadata"u8, true);
        }

        json.WriteEndObject();
    }

    private static void WriteHash(Utf8JsonWriter json, ReadOnlySpan<byte> name, string hash)
    {
        json.WriteStartObject(name);
        json.WriteString("sha256"u8, hash);
        json.WriteEndObject();
    }

    // PEP 700: yyyy-mm-ddThh:mm:ss.ffffffZ
    private static string Timestamp(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
