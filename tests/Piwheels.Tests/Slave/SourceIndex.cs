using System.Collections.Concurrent;
using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Piwheels.Cli.Demo;

namespace Piwheels.Tests.Slave;

/// <summary>A simple index on loopback, of source distributions that build without a download.</summary>
internal sealed class SourceIndex : IDisposable
{
    /// <summary>A backend that makes an empty wheel; what a test wants to happen before is put at its beginning.</summary>
    private const string Backend =
        """
        import base64, hashlib, os, sys, zipfile

        def before_wheel():
            pass

        def after_wheel(folder, wheel):
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
                after_wheel(wheel_directory, wheel)
            return stem + "-py3-none-any.whl"
        """;

    private const string Project =
        """
        [build-system]
        requires = [REQUIRES]
        build-backend = "backend"
        backend-path = ["."]
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-index-");
    private readonly WebApplication _web;
    private readonly ConcurrentQueue<string> _asked = [];

    public SourceIndex()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0));
        _web = builder.Build();
        _web.Run(AnswerAsync);
        _web.StartAsync().GetAwaiter().GetResult();
    }

    /// <summary>The index, as pip takes it.</summary>
    public Uri Url => new(new Uri(_web.Urls.Single()), "simple");

    /// <summary>The paths that were asked for, in their order.</summary>
    public IReadOnlyList<string> Asked => [.. _asked];

    /// <summary>An index of the demo packages.</summary>
    public static SourceIndex OfDemoPackages()
    {
        var index = new SourceIndex();
        foreach (var sdist in DemoPackages.Write(index._folder.FullName))
            index.List(sdist.Release.Package.Value, sdist.Path);
        return index;
    }

    /// <summary>Adds version 1.0 of a project of one empty module.</summary>
    /// <param name="before">
    /// Python that may define before_wheel(), which is called before the wheel is made, and after_wheel(folder, wheel), called
    /// before it is closed.
    /// </param>
    /// <param name="requires">Further lines of METADATA.</param>
    /// <param name="buildRequires">Of pyproject.toml: strings in quotes, with commas.</param>
    public SourceIndex Add(string name, string before = "", string requires = "", string buildRequires = "")
    {
        var stem = StemOf(name);
        var metadata = $"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}";
        return AddSource(
            name, metadata,
            Backend.Replace("BEFORE", before, StringComparison.Ordinal)
                .Replace("STEM", stem, StringComparison.Ordinal)
                .Replace("b\"METADATA\"", $"b\"\"\"{metadata}\"\"\"", StringComparison.Ordinal),
            buildRequires);
    }

    /// <summary>Adds version 1.0 of a project with a build backend of its own.</summary>
    public SourceIndex AddSource(string name, string metadata, string backend, string buildRequires = "")
    {
        var stem = StemOf(name);
        var path = Path.Combine(_folder.FullName, stem + ".tar.gz");
        using (var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        using (var tar = new TarWriter(gzip))
        {
            Write(tar, $"{stem}/PKG-INFO", metadata);
            Write(tar, $"{stem}/pyproject.toml", Project.Replace("REQUIRES", buildRequires, StringComparison.Ordinal));
            Write(tar, $"{stem}/backend.py", backend);
        }

        List(name, path);
        return this;
    }

    /// <summary>Adds a wheel that builds may require.</summary>
    public SourceIndex AddWheel(string name, string module)
    {
        var path = Path.Combine(_folder.FullName, $"{name}-1.0-py3-none-any.whl");
        using (var wheel = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            Write(wheel, $"{name}.py", module);
            Write(wheel, $"{name}-1.0.dist-info/METADATA", $"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
            Write(wheel, $"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
            Write(wheel, $"{name}-1.0.dist-info/RECORD", "");
        }

        List(name, path);
        return this;

        static void Write(ZipArchive wheel, string name, string text)
        {
            using var writer = new StreamWriter(wheel.CreateEntry(name).Open());
            writer.Write(text);
        }
    }

    public void Dispose()
    {
        ((IDisposable)_web).Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        _asked.Enqueue(path);
        var file = Path.GetFullPath(Path.Combine(_folder.FullName, path.TrimStart('/')));
        if (Directory.Exists(file)) file = Path.Combine(file, "index.html");
        context.Response.StatusCode = File.Exists(file) ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
        if (!File.Exists(file)) return;
        if (file.EndsWith(".html", StringComparison.Ordinal)) context.Response.ContentType = "text/html";
        await using var content = File.OpenRead(file);
        await content.CopyToAsync(context.Response.Body);
    }

    private void List(string name, string path)
    {
        var page = Directory.CreateDirectory(Path.Combine(_folder.FullName, "simple", name));
        File.WriteAllText(
            Path.Combine(page.FullName, "index.html"),
            $"<!DOCTYPE html><html><body><a href=\"../../{Path.GetFileName(path)}\">{Path.GetFileName(path)}</a></body></html>");
    }

    private static string StemOf(string name) => $"{name.Replace('-', '_')}-1.0";

    private static void Write(TarWriter tar, string name, string text) => tar.WriteEntry(
        new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
}
