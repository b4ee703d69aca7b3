using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>The built-in server, and nginx and Apache with the configurations that are shipped: the same answers.</summary>
public sealed class WebServersTests
{
    private const int HopsMax = 4;

    public static TheoryData<string> Servers => [WebServerProcess.BuiltIn, WebServerProcess.Nginx, WebServerProcess.Apache];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task Each_request_is_answered_alike_by_each_server(string name)
    {
        using var folder = new TemporaryFolder();
        SampleSite.Write(folder);
        await using var server = await WebServerProcess.StartAsync(name, folder);
        var faults = new List<string>();
        foreach (var asked in WebCase.All.Where(each => !each.Not.Contains(name)))
        {
            var answer = await RawAnswer.AskAsync(server.Port, asked.Method, asked.Target, asked.Headers, Ct);
            faults.AddRange(FaultsOf(asked, answer).Select(fault => $"{asked}: {fault}"));
            if (asked.Home is { } home && await HomeOfAsync(server.Port, asked.Target) is var led && led != home)
                faults.Add($"{asked}: leads to {led}, not {home}");
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults.Select(fault => fault[..Math.Min(fault.Length, 300)])));
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task A_page_that_is_known_is_not_sent_again_packed_or_not(string name)
    {
        using var folder = new TemporaryFolder();
        SampleSite.Write(folder);
        await using var server = await WebServerProcess.StartAsync(name, folder);
        foreach (var encoding in (string[])["identity", "gzip"])
        {
            var first = await RawAnswer.AskAsync(
                server.Port, "GET", "/packages.html", ["Accept-Encoding: " + encoding], Ct);
            var tag = Assert.Single(first.Headers["ETag"]);
            string[] known = ["Accept-Encoding: " + encoding, "If-None-Match: " + tag];
            var second = await RawAnswer.AskAsync(server.Port, "GET", "/packages.html", known, Ct);
            Assert.Equal((304, ""), (second.Status, second.Text));
        }

        var temporary = folder.Write("site/.new", "changed");
        var before = await RawAnswer.AskAsync(server.Port, "GET", "/packages.html", [], Ct);
        SampleSite.HandOver(folder.Path);
        File.Move(temporary, folder["site/packages.html"], overwrite: true);
        var changed = await RawAnswer.AskAsync(
            server.Port, "GET", "/packages.html", ["If-None-Match: " + before.Headers["ETag"].Single()], Ct);
        Assert.Equal((200, "changed"), (changed.Status, changed.Text));
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task Pip_installs_from_it_by_both_forms_of_the_index(string name)
    {
        using var folder = new TemporaryFolder();
        SampleSite.Write(folder);
        var wheel = new WheelMaker("piw_sample").WriteTo(
            Directory.CreateDirectory(folder["site/simple/piw-sample"]).FullName);
        var hash = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(wheel, Ct)));
        var file = Path.GetFileName(wheel);
        await using var server = await WebServerProcess.StartAsync(name, folder);
        folder.Write(
            "site/simple/piw-sample/index.html",
            $"<!DOCTYPE html><html><body><a href=\"{file}#sha256={hash}\">{file}</a></body></html>");
        folder.Write(
            "site/simple/piw-sample/index.v1_json",
            "{\"meta\":{\"api-version\":\"1.0\"},\"name\":\"piw-sample\",\"files\":[{\"filename\":\"" + file
            + "\",\"url\":\"" + file + "\",\"hashes\":{\"sha256\":\"" + hash + "\"}}]}");
        SampleSite.HandOver(folder.Path);
        var site = $"http://127.0.0.1:{server.Port}/simple/";
        // Of an index pip asks for JSON
        string[] page = ["--no-index", "--find-links", site + "piw-sample/index.html"];
        foreach (var from in (string[][])[["--index-url", site], page])
        {
            var target = folder[Path.GetRandomFileName()];
            string[] install = ["-m", "pip", "install", "--no-deps", "--target", target, .. from, "piw-sample"];
            var (exitCode, output) = await FarmFixture.RunAsync("/usr/bin/python3", install);
            Assert.True(exitCode == 0, output);
            Assert.True(Directory.Exists(Path.Combine(target, "piw_sample-1.0.dist-info")), output);
        }
    }

    [Fact]
    public async Task The_built_in_server_serves_https_by_the_files_of_a_certificate()
    {
        using var folder = new TemporaryFolder();
        SampleSite.Write(folder);
        using var maker = new CertificateMaker();
        using var certificate = maker.ForServer();
        using var key = certificate.GetECDsaPrivateKey()!;
        var authority = folder.Write("authority.pem", maker.Pem);
        string[] options =
        [
            "--certificate", folder.Write("site.pem", certificate.ExportCertificatePem()),
            "--certificate-key", folder.Write("key.pem", key.ExportPkcs8PrivateKeyPem()),
            "--trusted-proxies", "10.0.0.0/8, ::1",
        ];
        await using var server = await WebServerProcess.StartAsync(WebServerProcess.BuiltIn, folder, options);
        var (exitCode, output) = await FarmFixture.RunAsync(
            "curl", "--silent", "--show-error", "--cacert", authority, "--compressed", $"https://127.0.0.1:{server.Port}/");
        Assert.Equal((0, "home"), (exitCode, output));
    }

    [Theory]
    [InlineData("--trusted-proxies", "example.org", "'example.org' is neither an address nor a network")]
    [InlineData("--certificate", "/nonexistent/site.pem", "cannot read the certificate /nonexistent/site.pem")]
    public async Task What_the_built_in_server_cannot_use_is_told(string option, string value, string told)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(
            "web", "--configuration", "/dev/null", "--listen", "127.0.0.1:0", option, value);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(told, output, StringComparison.Ordinal);
    }

    private static IEnumerable<string> FaultsOf(WebCase asked, RawAnswer answer)
    {
        if (!Regex.IsMatch($"{answer.Status}", $"^({asked.Status})$")) yield return $"{answer.Status}, not {asked.Status}";
        if (asked.Text is { } text && text != answer.Text) yield return $"'{answer.Text}', not '{text}'";
        if (answer.Text.Contains("the secret", StringComparison.Ordinal)) yield return "tells the secret";
        if (answer.Text.Contains("root:", StringComparison.Ordinal)) yield return "tells the machine's users";
        foreach (var (header, pattern) in asked.Has)
        {
            var value = string.Join(", ", answer.Headers[header]);
            if (pattern is null ? value.Length > 0 : !Regex.IsMatch(value, pattern))
                yield return $"{header}: '{value}', not {pattern}";
        }
    }

    private static async Task<string> HomeOfAsync(int port, string target)
    {
        for (var hop = 0; hop < HopsMax; hop++)
        {
            var answer = await RawAnswer.AskAsync(port, "GET", target, [], Ct);
            if (answer.Status != 301) break;
            var location = answer.Headers["Location"].Single();
            target = location.StartsWith('/') ? location : new Uri(location).AbsolutePath;
        }

        return target;
    }
}
