using System.Diagnostics;
using System.IO.Compression;
using Piwheels.Testing;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A published folder with some of everything, and with what should not be there.</summary>
internal static class SampleSite
{
    public const string FooJson = "{\"name\":\"foo\"}";

    public static readonly string LongText = string.Concat(Enumerable.Repeat("<p>many words</p>\n", 200));

    /// <summary>Makes it below the folder, as <c>site</c>, with a secret beside it.</summary>
    public static void Write(TemporaryFolder folder)
    {
        foreach (var (path, content) in (ReadOnlySpan<(string, string)>)
        [
            ("index.html", "home"), ("404.html", "nothing here"), ("packages.html", LongText), ("packages.json", "[]"),
            ("sitemap.xml", "<urlset/>"), ("static/site.css", LongText), ("simple/index.html", "root html"),
            ("simple/index.v1_json", "{}"), ("simple/foo/index.html", "foo html"), ("simple/foo/index.v1_json", FooJson),
            ("simple/foo/foo-1.0-py3-none-any.whl", "0123456789"),
            ("simple/foo/foo-1.0-py3-none-any.whl.metadata", "Name: foo\n"),
            ("simple/a-b-c-d/index.html", "abcd"), ("simple/foo/.hidden.whl", "the secret"),
            ("project/foo/index.html", "page of foo"), ("project/foo/json/index.json", "{}"), ("empty/file.txt", "text"),
            (".hidden", "the secret"), (".git/config", "the secret"), ("../secret", "the secret"),
        ])
        {
            folder.Write("site/" + path, content);
        }

        Directory.CreateDirectory(folder["site/logs/0000/0000"]);
        using (var log = new GZipStream(File.Create(folder["site/logs/0000/0000/0001.txt.gz"]), CompressionLevel.Optimal))
            log.Write("built well\n"u8);
        File.CreateSymbolicLink(folder["site/project/Foo"], "foo");
        File.CreateSymbolicLink(folder["site/simple/foo/inner.whl"], "foo-1.0-py3-none-any.whl");
        File.CreateSymbolicLink(folder["site/simple/foo/up.whl"], "../../../secret");
        File.CreateSymbolicLink(folder["site/simple/foo/far.whl"], "/etc/passwd");
        File.CreateSymbolicLink(folder["site/simple/foo/hidden.whl"], "../../.hidden");
        File.CreateSymbolicLink(folder["site/simple/out"], "/etc");
        HandOver(folder.Path);
    }

    /// <summary>Gives all of a folder to the user that servers run as here; nothing to do unless the tests are root.</summary>
    public static void HandOver(string folder)
    {
        if (!FarmFixture.IsRoot) return;
        using var change = Process.Start("chown", ["-hR", "nobody:nogroup", folder]);
        change.WaitForExit();
    }
}
