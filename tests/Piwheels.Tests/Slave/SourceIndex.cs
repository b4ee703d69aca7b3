using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Piwheels.Cli.Demo;

namespace Piwheels.Tests.Slave;

/// <summary>A simple index in a folder, of source distributions that build without a download; pip reads it by file URL.</summary>
internal sealed class SourceIndex : IDisposable
{
    /// <summary>A backend that makes an empty wheel; what a test wants to happen before is put at its beginning.</summary>
    private const string Backend =
        """
        import base64, hashlib, os, sys, zipfile

        def before_wheel():
            pass

        BEFORE

        def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
            before_wheel()
            stem = "STEM"
            files = {
                stem.split("-")[0] + ".py": b"",
                stem + ".dist-info/METADATA": b"METADATA",
                stem + ".dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            }
            record = "".join(
                f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
                for name, data in files.items())
            files[stem + ".dist-info/RECORD"] = (record + stem + ".dist-info/RECORD,,\n").encode()
            with zipfile.ZipFile(os.path.join(wheel_directory, stem + "-py3-none-any.whl"), "w") as wheel:
                for name, data in files.items():
                    wheel.writestr(name, data)
            return stem + "-py3-none-any.whl"
        """;

    private const string Project =
        """
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["."]
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-index-");

    /// <summary>The index, as pip takes it.</summary>
    public Uri Url => new($"file://{_folder.FullName}/simple");

    /// <summary>An index of the demo packages.</summary>
    public static SourceIndex OfDemoPackages()
    {
        var index = new SourceIndex();
        foreach (var sdist in DemoPackages.Write(index._folder.FullName))
            index.List(sdist.Release.Package.Value, sdist.Path);
        return index;
    }

    /// <summary>Adds version 1.0 of a project of one empty module.</summary>
    /// <param name="before">Python that may define before_wheel(), which is called before the wheel is made.</param>
    public SourceIndex Add(string name, string before = "", string requires = "")
    {
        var stem = $"{name.Replace('-', '_')}-1.0";
        var metadata = $"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}";
        var path = Path.Combine(_folder.FullName, stem + ".tar.gz");
        using (var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        using (var tar = new TarWriter(gzip))
        {
            Write(tar, $"{stem}/PKG-INFO", metadata);
            Write(tar, $"{stem}/pyproject.toml", Project);
            Write(tar, $"{stem}/backend.py", Backend
                .Replace("BEFORE", before, StringComparison.Ordinal)
                .Replace("STEM", stem, StringComparison.Ordinal)
                .Replace("b\"METADATA\"", $"b\"\"\"{metadata}\"\"\"", StringComparison.Ordinal));
        }

        List(name, path);
        return this;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private void List(string name, string path)
    {
        var page = Directory.CreateDirectory(Path.Combine(_folder.FullName, "simple", name));
        File.WriteAllText(
            Path.Combine(page.FullName, "index.html"),
            $"<!DOCTYPE html><html><body><a href=\"file://{path}\">{Path.GetFileName(path)}</a></body></html>");
    }

    private static void Write(TarWriter tar, string name, string text) => tar.WriteEntry(
        new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
}
