using System.Formats.Cbor;
using Piwheels.Core.States;

namespace Piwheels.Messaging.Cbor;

/// <summary>Lines of the web server's log. What a column can hold is the database's concern.</summary>
internal static class AccessStates
{
    public static void Write(this CborWriter writer, AccessState access)
    {
        switch (access)
        {
            case DownloadState download: writer.Write(download); break;
            case SearchState search: writer.Write(search); break;
            case ProjectState hit: writer.Write(hit); break;
            case JsonState hit: writer.Write(hit); break;
            case PageState hit: writer.Write(hit); break;
            default: throw new ArgumentException($"no form of {access.GetType().Name}", nameof(access));
        }
    }

    public static DownloadState ReadDownload(WireReader reader)
    {
        reader.StartRecord("download");
        var download = new DownloadState(
            reader.Text("file name", WireLimits.LongTextLengthMax),
            ReadHost(reader),
            reader.Timestamp("timestamp"),
            ReadInstaller(reader));
        reader.EndRecord("download");
        return download;
    }

    public static void Write(this CborWriter writer, DownloadState download) =>
        writer.WriteSearch(download.Filename, download, download.Installer);

    public static SearchState ReadSearch(WireReader reader)
    {
        reader.StartRecord("search");
        var search = new SearchState(
            reader.Text("package", WireLimits.LongTextLengthMax),
            ReadHost(reader),
            reader.Timestamp("timestamp"),
            ReadInstaller(reader));
        reader.EndRecord("search");
        return search;
    }

    public static void Write(this CborWriter writer, SearchState search) =>
        writer.WriteSearch(search.Package, search, search.Installer);

    public static ProjectState ReadProject(WireReader reader)
    {
        var (what, host, time, agent) = ReadHit(reader, "package");
        return new ProjectState(what, host, time, agent);
    }

    public static void Write(this CborWriter writer, ProjectState hit) =>
        writer.WriteHit(hit.Package, hit, hit.UserAgent);

    public static JsonState ReadJson(WireReader reader)
    {
        var (what, host, time, agent) = ReadHit(reader, "package");
        return new JsonState(what, host, time, agent);
    }

    public static void Write(this CborWriter writer, JsonState hit) => writer.WriteHit(hit.Package, hit, hit.UserAgent);

    public static PageState ReadPage(WireReader reader)
    {
        var (what, host, time, agent) = ReadHit(reader, "page");
        return new PageState(what, host, time, agent);
    }

    public static void Write(this CborWriter writer, PageState hit) => writer.WriteHit(hit.Page, hit, hit.UserAgent);

    private static (string What, string Host, DateTimeOffset Time, string UserAgent) ReadHit(
        WireReader reader, string what)
    {
        reader.StartRecord("hit");
        var hit = (
            reader.Text(what, WireLimits.LongTextLengthMax),
            ReadHost(reader),
            reader.Timestamp("timestamp"),
            reader.Text("user agent", WireLimits.LongTextLengthMax));
        reader.EndRecord("hit");
        return hit;
    }

    private static void WriteHit(this CborWriter writer, string what, AccessState access, string userAgent)
    {
        writer.WriteStartArray(4);
        writer.WriteTextString(what);
        writer.WriteTextString(access.Host);
        writer.WriteTimestamp(access.Timestamp);
        writer.WriteTextString(userAgent);
        writer.WriteEndArray();
    }

    private static string ReadHost(WireReader reader) => reader.Text("host", WireLimits.TextLengthMax);

    private static InstallerState ReadInstaller(WireReader reader)
    {
        return new InstallerState(
            Arch: Field("arch"),
            DistroName: Field("distro name"),
            DistroVersion: Field("distro version"),
            OsName: Field("OS name"),
            OsVersion: Field("OS version"),
            PyName: Field("Python name"),
            PyVersion: Field("Python version"),
            InstallerName: Field("installer name"),
            InstallerVersion: Field("installer version"),
            SetuptoolsVersion: Field("setuptools version"));

        string? Field(string name) => reader.NullableText(name, WireLimits.TextLengthMax);
    }

    private static void WriteSearch(
        this CborWriter writer, string what, AccessState access, InstallerState installer)
    {
        writer.WriteStartArray(13);
        writer.WriteTextString(what);
        writer.WriteTextString(access.Host);
        writer.WriteTimestamp(access.Timestamp);
        writer.WriteNullableText(installer.Arch);
        writer.WriteNullableText(installer.DistroName);
        writer.WriteNullableText(installer.DistroVersion);
        writer.WriteNullableText(installer.OsName);
        writer.WriteNullableText(installer.OsVersion);
        writer.WriteNullableText(installer.PyName);
        writer.WriteNullableText(installer.PyVersion);
        writer.WriteNullableText(installer.InstallerName);
        writer.WriteNullableText(installer.InstallerVersion);
        writer.WriteNullableText(installer.SetuptoolsVersion);
        writer.WriteEndArray();
    }
}
