using System.Security.Cryptography;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Pages;
using Piwheels.Testing;

namespace Piwheels.Tests.Publishing;

/// <summary>Data of packages as the database gives it.</summary>
internal static class Sample
{
    internal static readonly DateTimeOffset Day = new(2026, 1, 31, 12, 34, 56, 789, TimeSpan.Zero);
    internal static readonly Target Pi = new("cp311", "linux_armv7l");
    internal static readonly string Hash = new('a', 64);

    internal static Site Site(string url = "https://wheels.example") => new(
        "Wheels & more", url, [new SiteLink("Source", "https://code.example/")], "Run by <somebody>",
        "https://pypi.org", new Dictionary<string, string> { ["cp311"] = "Bookworm, Python 3.11" });

    internal static ProjectData Project(string name, params ProjectVersion[] versions) =>
        new(PackageName.Parse(name), name, "A package", "", [], versions);

    internal static ProjectVersion Version(string version, params ProjectFile[] files) =>
        new(version, Day, Yanked: false, Skip: "", files,
            [
                files.Length > 0
                    ? new ProjectTarget(Pi, TargetState.Success, 12_345_678)
                    : new ProjectTarget(Pi, TargetState.Pending, null),
            ]);

    internal static ProjectFile File(string filename, string? hash = null) => new(
        filename, 1234, hash ?? Hash, "cp311", "cp311", filename[..^4].Split('-')[^1], ">=3.7,<4", "/simple", Day, [],
            []);

    /// <summary>Writes a small wheel, and tells of it as the database would.</summary>
    internal static ProjectFile WriteWheel(TemporaryFolder folder, string filename, string fields = "")
    {
        var parts = filename[..^4].Split('-', 3);
        var content = new WheelMaker(parts[0], parts[1], parts[2]) { Fields = fields }.ToBytes();
        var path = folder[$"simple/{PackageName.Parse(parts[0])}/{filename}"];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllBytes(path, content);
        return File(filename, Sha256(content)) with { FileSize = content.Length };
    }

    internal static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
