using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Piwheels.Testing;

/// <summary>A temporary folder of little sdists and wheels for an index to serve.</summary>
public sealed class DistributionFolder : IDisposable
{
    private static readonly DateTimeOffset FirstDate = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piwheels-index-");
    private int _files;

    public string Path => _folder.FullName;

    /// <summary>Adds an sdist; each file is a day younger than the one before.</summary>
    /// <returns>Its path.</returns>
    public string AddSdist(
        string name, string version, string? requiresPython = null, string summary = "A test", params string[] requires)
    {
        var stem = $"{name}-{version}";
        var path = System.IO.Path.Combine(Path, $"{stem}.tar.gz");
        using var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        using var tar = new TarWriter(gzip);
        Write(tar, $"{stem}/PKG-INFO", Metadata(name, version, requiresPython, summary, requires));
        Write(tar, $"{stem}/setup.py",
            $"from setuptools import setup\nsetup(name={Quoted(name)}, version={Quoted(version)}, " +
            $"install_requires=[{string.Join(", ", requires.Select(Quoted))}])\n");
        _files++;
        return path;
    }

    /// <summary>Adds a pure wheel with one empty module.</summary>
    /// <returns>Its path.</returns>
    public string AddWheel(
        string name, string version, string? requiresPython = null, string summary = "A test", params string[] requires)
    {
        var stem = $"{name.Replace('-', '_')}-{version}";
        var path = System.IO.Path.Combine(Path, $"{stem}-py3-none-any.whl");
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        var info = $"{stem}.dist-info";
        Write(zip, $"{name.Replace('-', '_')}_module.py", "");
        Write(zip, $"{info}/METADATA", Metadata(name, version, requiresPython, summary, requires));
        Write(zip, $"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
        string[] files = [$"{name.Replace('-', '_')}_module.py", $"{info}/METADATA", $"{info}/WHEEL", $"{info}/RECORD"];
        Write(zip, $"{info}/RECORD", string.Concat(files.Select(f => $"{f},,\n")));
        _files++;
        return path;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Quoted(string text) => $"\"{text.Replace("\"", "'", StringComparison.Ordinal)}\"";

    private static string Metadata(
        string name, string version, string? requiresPython, string summary, string[] requires)
    {
        var text = new StringBuilder($"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\n");
        if (requiresPython is not null) text.Append($"Requires-Python: {requiresPython}\n");
        foreach (var requirement in requires) text.Append($"Requires-Dist: {requirement}\n");
        return text.Append("\nA longer text.\n").ToString();
    }

    private void Write(TarWriter tar, string name, string text) => tar.WriteEntry(
        new PaxTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)),
            ModificationTime = FirstDate.AddDays(_files),
        });

    private void Write(ZipArchive zip, string name, string text)
    {
        var entry = zip.CreateEntry(name);
        entry.LastWriteTime = FirstDate.AddDays(_files);
        using var stream = entry.Open();
        stream.Write(Encoding.UTF8.GetBytes(text));
    }
}
