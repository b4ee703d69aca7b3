using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>
/// Installers and what we publish for them: pip itself, as the system has it and as the wheel that virtual environments
/// begin with, and what uv and poetry ask for, told by their requests.
/// </summary>
public sealed class InstallerTests : IAsyncLifetime
{
    private const string Json = "application/vnd.pypi.simple.v1+json";

    // The newest release asks for more than there is, so it is left again; the newest of all is for no Python yet
    private static readonly (string Name, string Version, string Fields)[] Wheels =
    [
        ("app", "1.0", "Requires-Dist: base<2\n"), ("app", "2.0", "Requires-Dist: base>=9\n"),
        ("app", "3.0", "Requires-Dist: base\n"), ("app", "4.0", "Requires-Python: >=4\n"),
        ("base", "1.0", ""), ("base", "2.0", ""),
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _hashes = [];
    private readonly HttpClient _client = new();
    private RecordedServer _negotiating = null!;
    private RecordedServer _plain = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Debian's own, and the wheel of python3-pip-whl.</summary>
    public static TheoryData<string> Pips() =>
        ["-m pip", $"{Directory.GetFiles("/usr/share/python-wheels", "pip-*.whl").Order().Last()}/pip"];

    public async ValueTask InitializeAsync()
    {
        var pages = new PagesOfPackage(
            new SiteFolder(_folder["site"]), new WholeFile(flush: false), Sample.Site(), NullLogger.Instance);
        foreach (var package in Wheels.GroupBy(wheel => wheel.Name))
        {
            var versions = package.Select(wheel =>
            {
                var content = new WheelMaker(wheel.Name, wheel.Version) { Fields = wheel.Fields }.ToBytes();
                var filename = $"{wheel.Name}-{wheel.Version}-py3-none-any.whl";
                var folder = Directory.CreateDirectory(_folder[$"site/simple/{wheel.Name}"]).FullName;
                File.WriteAllBytes(Path.Combine(folder, filename), content);
                _hashes[filename] = Sample.Sha256(content);
                var file = Sample.File(filename, _hashes[filename]) with
                {
                    FileSize = content.Length,
                    RequiresPython = wheel.Version == "4.0" ? ">=4" : null,
                };
                return Sample.Version(wheel.Version, file) with { Yanked = wheel is { Name: "app", Version: "3.0" } };
            });
            var view = PackageView.Of(Sample.Project(package.Key, [.. versions]), armv6Alias: false);
            pages.WriteSimple(view);
            await pages.WriteProjectAsync(view);
        }

        _negotiating = await RecordedServer.StartAsync(_folder["site"], isPlain: false, Ct);
        _plain = await RecordedServer.StartAsync(_folder["site"], isPlain: true, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _negotiating.DisposeAsync();
        await _plain.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Pips))]
    public async Task Pip_installs_what_fits_and_passes_over_what_is_yanked_or_for_another_python(string pip)
    {
        foreach (var server in (RecordedServer[])[_negotiating, _plain])
        {
            var target = _folder[$"target-{server.Address.Port}"];
            var (exitCode, output) = await PipAsync(pip, server, "install", "--target", target, "app");
            Assert.True(exitCode == 0, output);
            Assert.Equal(
                ["app-1.0.dist-info", "base-1.0.dist-info"],
                Directory.GetDirectories(target, "*.dist-info").Select(Path.GetFileName).Order());
        }
    }

    [Theory]
    [MemberData(nameof(Pips))]
    public async Task Pip_resolves_by_metadata_alone_where_it_reads_html(string pip)
    {
        var (exitCode, output) = await PipAsync(pip, _plain, "download", "--dest", _folder["dest"], "app");
        Assert.True(exitCode == 0, output);
        var requests = _plain.Requests();
        // Looked at and left; nothing of it but its METADATA
        Assert.Contains("GET /simple/app/app-2.0-py3-none-any.whl.metadata", requests);
        Assert.DoesNotContain(requests, request => request.EndsWith("app-2.0-py3-none-any.whl", StringComparison.Ordinal));
        Assert.Equal(
            ["GET /simple/app/app-1.0-py3-none-any.whl", "GET /simple/base/base-1.0-py3-none-any.whl"],
            requests.Where(request => request.EndsWith(".whl", StringComparison.Ordinal)).Distinct().Order());
        Assert.DoesNotContain(requests, request => request.Contains("-4.0-", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Pips))]
    public async Task Pip_takes_what_has_the_hash_asked_for_and_nothing_else(string pip)
    {
        foreach (var (hash, fits) in new[] { (_hashes["base-2.0-py3-none-any.whl"], true), (Sample.Hash, false) })
        {
            var requirements = _folder.Write("requirements.txt", $"base==2.0 --hash=sha256:{hash}\n");
            var (exitCode, output) = await PipAsync(
                pip, _negotiating, "download", "--dest", _folder["dest"], "--require-hashes", "-r", requirements);
            Assert.True(exitCode == 0 == fits, output);
        }
    }

    [Theory]
    [MemberData(nameof(Pips))]
    public async Task Pip_takes_a_yanked_release_that_is_named_and_says_so(string pip)
    {
        var (exitCode, output) = await PipAsync(pip, _negotiating, "download", "--no-deps", "--dest", _folder["dest"], "app==3.0");
        Assert.True(exitCode == 0, output);
        Assert.Contains("yanked", output, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["dest/app-3.0-py3-none-any.whl"]));
    }

    [Theory]
    [MemberData(nameof(Pips))]
    public async Task Pip_takes_nothing_whose_bytes_are_not_those_of_the_index(string pip)
    {
        await File.AppendAllTextAsync(_folder["site/simple/base/base-2.0-py3-none-any.whl"], "more", Ct);
        var (exitCode, output) = await PipAsync(pip, _negotiating, "download", "--dest", _folder["dest"], "base==2.0");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("HASH", output, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [MemberData(nameof(Pips))]
    public async Task Pip_lists_the_versions(string pip)
    {
        foreach (var server in (RecordedServer[])[_negotiating, _plain])
        {
            var (exitCode, output) = await PipAsync(pip, server, "index", "versions", "base");
            Assert.True(exitCode == 0, output);
            Assert.Contains("Available versions: 2.0, 1.0", output, StringComparison.Ordinal);
        }
    }

    /// <summary>The headers as these programs send them.</summary>
    [Theory]
    [InlineData("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01", Json)]
    [InlineData("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01", Json)]
    [InlineData("application/vnd.pypi.simple.latest+json", Json)]
    [InlineData("application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01", "application/vnd.pypi.simple.v1+html")]
    [InlineData("text/html", "text/html")]
    [InlineData("*/*", "text/html")]
    [InlineData("", "text/html")]
    public async Task What_an_installer_says_that_it_reads_is_what_it_gets(string accept, string expected)
    {
        using var answer = await SendAsync(HttpMethod.Get, "simple/app/", ("Accept", accept));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(expected, answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains("Accept", answer.Headers.Vary);
        var body = await answer.Content.ReadAsByteArrayAsync(Ct);
        var files = expected == Json ? SimpleIndexRules.PackageOfJson(body, "app") : SimpleIndexRules.PackageOfHtml(body);
        Assert.Equal(4, files.Count);
        Assert.All(files, file => Assert.Equal(_hashes[file.Filename], file.Sha256));
    }

    [Fact]
    public async Task A_client_that_resolves_by_metadata_finds_it_beside_the_wheel_with_the_hash_that_the_index_says()
    {
        using var page = await SendAsync(HttpMethod.Get, "simple/app/", ("Accept", Json));
        foreach (var file in SimpleIndexRules.PackageOfJson(await page.Content.ReadAsByteArrayAsync(Ct), "app"))
        {
            using var metadata = await SendAsync(HttpMethod.Get, $"simple/app/{file.Url}.metadata");
            Assert.Equal(file.Metadata, "sha256=" + Sample.Sha256(await metadata.Content.ReadAsByteArrayAsync(Ct)));
        }
    }

    [Fact]
    public async Task Without_metadata_a_client_reads_it_out_of_the_wheel_by_ranges()
    {
        const string Path = "simple/app/app-1.0-py3-none-any.whl";
        using var head = await SendAsync(HttpMethod.Head, Path);
        Assert.Equal("bytes", Assert.Single(head.Headers.AcceptRanges));
        var length = head.Content.Headers.ContentLength!.Value;
        Assert.Equal(new FileInfo(_folder[$"site/{Path}"]).Length, length);

        // The end has the directory of the zip, by which the client asks for the rest
        var bytes = new byte[length];
        foreach (var range in (string[])["bytes=-100", $"bytes=0-{length - 101}"])
        {
            using var part = await SendAsync(HttpMethod.Get, Path, ("Range", range));
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            var where = part.Content.Headers.ContentRange!;
            Assert.Equal((length, "bytes"), (where.Length!.Value, where.Unit));
            (await part.Content.ReadAsByteArrayAsync(Ct)).CopyTo(bytes, where.From!.Value);
        }

        Assert.Equal(_hashes["app-1.0-py3-none-any.whl"], Sample.Sha256(bytes));
        using var zip = new ZipArchive(new MemoryStream(bytes));
        using var reader = new StreamReader(await zip.GetEntry("app-1.0.dist-info/METADATA")!.OpenAsync(Ct), Encoding.UTF8);
        Assert.Contains("Requires-Dist: base<2", await reader.ReadToEndAsync(Ct), StringComparison.Ordinal);
        using var beyond = await SendAsync(HttpMethod.Get, Path, ("Range", $"bytes={length}-"));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
    }

    [Fact]
    public async Task A_page_that_has_not_changed_is_not_sent_again()
    {
        using var first = await SendAsync(HttpMethod.Get, "simple/app/", ("Accept", Json));
        using var again = await SendAsync(
            HttpMethod.Get, "simple/app/", ("Accept", Json), ("If-None-Match", $"{first.Headers.ETag}"));
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        // The tag is the form's own
        using var other = await SendAsync(
            HttpMethod.Get, "simple/app/", ("Accept", "text/html"), ("If-None-Match", $"{first.Headers.ETag}"));
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(_negotiating.Address, path));
        foreach (var (name, value) in headers.Where(header => header.Value.Length > 0))
            request.Headers.TryAddWithoutValidation(name, value);
        return await _client.SendAsync(request, Ct);
    }

    private static async Task<(int ExitCode, string Output)> PipAsync(
        string pip, RecordedServer server, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            PythonPeer.Python,
            [.. pip.Split(' '), .. arguments, "--index-url", $"{server.Address}simple", "--disable-pip-version-check"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        start.Environment["HOME"] = "/nonexistent";
        start.Environment["LANG"] = "C.UTF-8";
        start.Environment["PIP_CONFIG_FILE"] = "/dev/null";
        start.Environment["PIP_NO_CACHE_DIR"] = "1";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(Ct);
        var output = await process.StandardOutput.ReadToEndAsync(Ct);
        await process.WaitForExitAsync(Ct);
        return (process.ExitCode, output + await errors);
    }
}
