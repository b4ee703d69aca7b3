using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Piwheels.Core.Database;
using Piwheels.Pages;

namespace Piwheels.Master.Publishing;

/// <summary>Writes what programs read of a package; its fields are explained on /json.html.</summary>
internal static class ProjectJsonWriter
{
    internal static void Write(IBufferWriter<byte> output, PackageView package, Site site)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("package"u8, package.Package.Value);
        json.WriteString("summary"u8, package.Data.Description);
        json.WriteString("pypi_url"u8, $"{site.IndexUrl}/project/{package.Package}");
        json.WriteString("piwheels_url"u8, site.Address($"/project/{package.Package}"));
        json.WriteStartObject("releases"u8);
        foreach (var release in package.Releases) WriteRelease(json, package, release, site);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteRelease(Utf8JsonWriter json, PackageView package, ReleaseView release, Site site)
    {
        var data = release.Data;
        json.WriteStartObject(data.Version);
        json.WriteString("released"u8, Timestamp(data.Released));
        json.WriteBoolean("prerelease"u8, release.IsPrerelease);
        json.WriteBoolean("yanked"u8, data.Yanked);
        json.WriteString("skip_reason"u8, data.Skip);
        json.WriteStartObject("files"u8);
        foreach (var file in data.Files.OrderBy(file => file.Filename, StringComparer.Ordinal))
            WriteFile(json, package, file, site);
        // What is here by the same name is the one that is listed
        foreach (var wheel in data.Linked.Where(wheel => data.Files.All(file => file.Filename != wheel.Filename))
            .OrderBy(wheel => wheel.Filename, StringComparer.Ordinal))
        {
            WriteLinked(json, wheel);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteFile(Utf8JsonWriter json, PackageView package, ProjectFile file, Site site)
    {
        var folder = FileLocation.FolderOf(file.Location, package.Package);
        json.WriteStartObject(file.Filename);
        json.WriteString("file_url"u8, site.Address(folder + Uri.EscapeDataString(file.Filename)));
        json.WriteString("filehash"u8, file.FileHash);
        json.WriteNumber("filesize"u8, file.FileSize);
        json.WriteString("builder_abi"u8, file.BuilderAbi);
        json.WriteString("file_abi_tag"u8, file.FileAbiTag);
        json.WriteString("platform"u8, file.PlatformTag);
        json.WriteString("requires_python"u8, file.RequiresPython);
        WriteNames(json, "apt_dependencies"u8, file.AptDependencies);
        WriteNames(json, "pip_dependencies"u8, file.PipDependencies);
        json.WriteEndObject();
    }

    /// <summary>One of upstream's wheels: nobody built it here, and what it depends on is not known here.</summary>
    private static void WriteLinked(Utf8JsonWriter json, UpstreamWheel wheel)
    {
        json.WriteStartObject(wheel.Filename);
        json.WriteString("file_url"u8, wheel.Url);
        json.WriteString("filehash"u8, wheel.FileHash);
        if (wheel.FileSize is { } size) json.WriteNumber("filesize"u8, size);
        else json.WriteNull("filesize"u8);
        json.WriteNull("builder_abi"u8);
        json.WriteString("file_abi_tag"u8, wheel.AbiTag);
        json.WriteString("platform"u8, wheel.PlatformTag);
        json.WriteString("requires_python"u8, wheel.RequiresPython);
        WriteNames(json, "apt_dependencies"u8, []);
        WriteNames(json, "pip_dependencies"u8, []);
        json.WriteEndObject();
    }

    private static void WriteNames(Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values.Order(StringComparer.Ordinal)) json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static string Timestamp(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
