using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Xml;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Cli.Demo;

/// <summary>What the stand-in index answers with: pages of the simple index, the JSON API, XML-RPC.</summary>
internal static class StandInPages
{
    internal const string SimpleJsonType = "application/vnd.pypi.simple.v1+json";
    private const string Declaration =
        "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.1\">";

    internal static byte[] RootHtml(StandInCatalog catalog)
    {
        var html = new StringBuilder($"{Declaration}<title>Simple index</title></head><body>\n");
        foreach (var (name, _) in catalog.Names())
            html.Append(
                $"<a href=\"/simple/{PackageName.Canonicalize(name)}/\">{WebUtility.HtmlEncode(name)}</a><br>\n");
        return Encoding.UTF8.GetBytes(html.Append("</body></html>\n").ToString());
    }

    internal static byte[] RootJson(StandInCatalog catalog) => Json(json =>
    {
        json.WriteStartObject("meta");
        json.WriteString("api-version", "1.1");
        json.WriteNumber("_last-serial", catalog.LastSerial);
        json.WriteEndObject();
        json.WriteStartArray("projects");
        foreach (var (name, serial) in catalog.Names())
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteNumber("_last-serial", serial);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    internal static byte[] ProjectHtml(StandInProject project, string root)
    {
        var title = $"Links for {WebUtility.HtmlEncode(project.Spelling)}";
        var html = new StringBuilder($"{Declaration}<title>{title}</title></head><body><h1>{title}</h1>\n");
        foreach (var (release, file) in Files(project))
        {
            html.Append($"<a href=\"{root}/files/{Uri.EscapeDataString(file.Filename)}#sha256={file.Sha256}\"");
            if (file.Facts.RequiresPython is { } python)
                html.Append($" data-requires-python=\"{WebUtility.HtmlEncode(python)}\"");
            if (release.Yanked) html.Append(" data-yanked=\"\"");
            if (HasMetadata(file)) html.Append(" data-core-metadata=\"true\" data-dist-info-metadata=\"true\"");
            html.Append($">{WebUtility.HtmlEncode(file.Filename)}</a><br>\n");
        }

        return Encoding.UTF8.GetBytes(html.Append("</body></html>\n").ToString());
    }

    internal static byte[] ProjectJson(StandInProject project, string root) => Json(json =>
    {
        json.WriteStartObject("meta");
        json.WriteString("api-version", "1.1");
        json.WriteNumber("_last-serial", project.Serial);
        json.WriteEndObject();
        json.WriteString("name", PackageName.Canonicalize(project.Spelling));
        json.WriteStartArray("versions");
        foreach (var version in project.Releases.Keys) json.WriteStringValue(version);
        json.WriteEndArray();
        json.WriteStartArray("files");
        foreach (var (release, file) in Files(project)) WriteSimpleFile(json, release, file, root);
        json.WriteEndArray();
    });

    /// <summary>The JSON API's answer for a release, with all releases' files where none was named.</summary>
    internal static byte[] Legacy(StandInProject project, string? version) => Json(json =>
    {
        var shown = version ?? Newest(project);
        var files = shown is null ? [] : project.Releases[shown].Files;
        var facts = (files.Find(f => !f.IsWheel) ?? files.FirstOrDefault())?.Facts;
        json.WriteStartObject("info");
        json.WriteString("name", project.Spelling);
        json.WriteString("version", shown);
        json.WriteString("summary", facts?.Summary);
        json.WriteString("requires_python", facts?.RequiresPython);
        if (files.Find(f => f.IsWheel)?.Facts.RequiresDist is { Count: > 0 } requirements)
        {
            json.WriteStartArray("requires_dist");
            foreach (var requirement in requirements) json.WriteStringValue(requirement);
            json.WriteEndArray();
        }
        else
        {
            json.WriteNull("requires_dist");
        }

        json.WriteEndObject();
        json.WriteNumber("last_serial", project.Serial);
        if (version is null)
        {
            json.WriteStartObject("releases");
            foreach (var (name, release) in project.Releases) WriteLegacyFiles(json, name, release);
            json.WriteEndObject();
        }

        if (shown is not null) WriteLegacyFiles(json, "urls", project.Releases[shown]);
    });

    /// <summary>Answers an XML-RPC call, with a fault where it is none that is known.</summary>
    internal static byte[] XmlRpc(StandInCatalog catalog, string request, int rowsMax)
    {
        try
        {
            var (method, number) = ReadCall(request);
            return method switch
            {
                "changelog_last_serial" => Answer(xml => WriteValue(xml, "int", Text(catalog.LastSerial))),
                "changelog_since_serial" when number is { } serial =>
                    Answer(xml => WriteRows(xml, catalog.Since(serial, rowsMax))),
                _ => Fault("-32601", "server error; requested method not found"),
            };
        }
        catch (Exception e) when (e is XmlException or FormatException or OverflowException)
        {
            return Fault("-32700", "parse error; not well formed");
        }
    }

    private static bool HasMetadata(StandInFile file) => file is { IsWheel: true, Metadata.Length: > 0 };

    private static IEnumerable<(StandInRelease Release, StandInFile File)> Files(StandInProject project) =>
        project.Releases.Values.SelectMany(r => r.Files.Select(f => (r, f)));

    private static readonly PackageVersion None = PackageVersion.Parse("0.dev0");

    private static string? Newest(StandInProject project) => project.Releases
        .OrderBy(r => r.Value.Yanked)
        .ThenByDescending(r => PackageVersion.TryParse(r.Key, out var version) && !version.IsPrerelease)
        .ThenByDescending(r => PackageVersion.TryParse(r.Key, out var version) ? version : None)
        .Select(r => r.Key)
        .FirstOrDefault();

    private static void WriteSimpleFile(Utf8JsonWriter json, StandInRelease release, StandInFile file, string root)
    {
        json.WriteStartObject();
        json.WriteString("filename", file.Filename);
        json.WriteString("url", $"{root}/files/{Uri.EscapeDataString(file.Filename)}");
        json.WriteStartObject("hashes");
        json.WriteString("sha256", file.Sha256);
        json.WriteEndObject();
        if (file.Facts.RequiresPython is { } python) json.WriteString("requires-python", python);
        json.WriteNumber("size", file.Size);
        json.WriteString("upload-time", Time(release.Released));
        json.WriteBoolean("yanked", release.Yanked);
        json.WriteBoolean("core-metadata", HasMetadata(file));
        json.WriteEndObject();
    }

    private static void WriteLegacyFiles(Utf8JsonWriter json, string name, StandInRelease release)
    {
        json.WriteStartArray(name);
        foreach (var file in release.Files)
        {
            json.WriteStartObject();
            json.WriteString("filename", file.Filename);
            json.WriteString("packagetype", file.IsWheel ? "bdist_wheel" : "sdist");
            json.WriteString("upload_time_iso_8601", Time(release.Released));
            json.WriteBoolean("yanked", release.Yanked);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static (string Method, long? Number) ReadCall(string request)
    {
        using var xml = XmlReader.Create(
            new StringReader(request),
            new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, IgnoreWhitespace = true });
        if (!xml.ReadToFollowing("methodName")) throw new XmlException("no method");
        var method = xml.ReadElementContentAsString();
        while (!xml.EOF)
        {
            if (xml.NodeType == XmlNodeType.Element && xml.LocalName is "int" or "i4" or "i8")
                return (method, xml.ReadElementContentAsLong());
            xml.Read();
        }

        return (method, null);
    }

    private static byte[] Answer(Action<XmlWriter> value) => Response(xml =>
    {
        xml.WriteStartElement("params");
        xml.WriteStartElement("param");
        value(xml);
        xml.WriteEndElement();
        xml.WriteEndElement();
    });

    private static byte[] Fault(string code, string text) => Response(xml =>
    {
        xml.WriteStartElement("fault");
        xml.WriteStartElement("value");
        xml.WriteStartElement("struct");
        foreach (var (name, type, value) in new[] { ("faultCode", "int", code), ("faultString", "string", text) })
        {
            xml.WriteStartElement("member");
            xml.WriteElementString("name", name);
            WriteValue(xml, type, value);
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    });

    private static byte[] Response(Action<XmlWriter> content)
    {
        using var buffer = new MemoryStream();
        using (var xml = XmlWriter.Create(buffer, new XmlWriterSettings { Encoding = new UTF8Encoding(false) }))
        {
            xml.WriteStartElement("methodResponse");
            content(xml);
            xml.WriteEndElement();
        }

        return buffer.ToArray();
    }

    private static void WriteRows(XmlWriter xml, IReadOnlyList<PypiEvent> events)
    {
        WriteArray(xml, () =>
        {
            foreach (var e in events)
            {
                WriteArray(xml, () =>
                {
                    WriteValue(xml, "string", e.Name);
                    WriteValue(xml, e.Version is null ? "nil" : "string", e.Version);
                    WriteValue(xml, "int", Text(e.Timestamp.ToUnixTimeSeconds()));
                    WriteValue(xml, "string", e.Action);
                    WriteValue(xml, "int", Text(e.Serial));
                });
            }
        });
    }

    private static void WriteArray(XmlWriter xml, Action items)
    {
        xml.WriteStartElement("value");
        xml.WriteStartElement("array");
        xml.WriteStartElement("data");
        items();
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteValue(XmlWriter xml, string type, string? text)
    {
        xml.WriteStartElement("value");
        xml.WriteElementString(type, text);
        xml.WriteEndElement();
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
