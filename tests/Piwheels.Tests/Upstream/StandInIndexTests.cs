using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>The stand-in index as others than our own clients see it.</summary>
public sealed class StandInIndexTests
{
    private static Task<StandInBed> StartAsync() => StandInBed.StartAsync(folder =>
    {
        folder.AddWheel("Stand.In_Test", "1.0", ">=3.7", "A test", "stand-in-other>=1");
        folder.AddWheel("stand-in-other", "1.5", ">=3.7");
        folder.AddWheel("stand-in-other", "1.6", ">=9");
        folder.AddSdist("Stand.In_Test", "1.0");
    });

    [Theory]
    [InlineData("application/vnd.pypi.simple.v1+json")]
    [InlineData("text/html")]
    public async Task Pip_installs_from_it_with_dependencies_and_hashes(string form)
    {
        await using var bed = await StartAsync();
        bed.Faults.Seen = request => request.Headers.Accept = form;
        var target = Path.Combine(bed.Folder.Path, "installed");
        var output = await RunPipAsync(
            bed.Folder.Path,
            "install", "--isolated", "--disable-pip-version-check", "--no-cache-dir", "--target", target,
            "--index-url", bed.Index.Simple.AbsoluteUri, "Stand.In_Test");
        Assert.Contains(
            "Successfully installed Stand.In_Test-1.0 stand-in-other-1.5", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(target, "stand_in_other_module.py")));
    }

    [Fact]
    public async Task Other_spellings_of_a_name_lead_to_the_canonical_one()
    {
        await using var bed = await StartAsync();
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        foreach (var path in new[] { "/simple/Stand.In_Test/", "/simple/stand-in-test" })
        {
            using var response = await http.GetAsync(new Uri(bed.Index.Root, path));
            Assert.Equal(HttpStatusCode.MovedPermanently, response.StatusCode);
            Assert.Equal("/simple/stand-in-test/", response.Headers.Location?.OriginalString);
        }
    }

    [Fact]
    public async Task The_root_lists_all_projects_in_both_forms()
    {
        await using var bed = await StartAsync();
        using var http = new HttpClient();
        var html = await http.GetStringAsync(bed.Index.Simple);
        Assert.Contains("<a href=\"/simple/stand-in-test/\">Stand.In_Test</a>", html, StringComparison.Ordinal);
        http.DefaultRequestHeaders.Accept.Add(
            new MediaTypeWithQualityHeaderValue("application/vnd.pypi.simple.v1+json"));
        var json = await http.GetStringAsync(bed.Index.Simple);
        Assert.Contains("\"name\":\"Stand.In_Test\",\"_last-serial\":", json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_removed_is_no_longer_served()
    {
        await using var bed = await StartAsync();
        using var http = new HttpClient();
        var wheel = new Uri(bed.Index.Root, "/files/stand_in_other-1.5-py3-none-any.whl");
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(wheel)).StatusCode);
        bed.Index.Catalog.Enter("stand-in-other", "1.5", "remove release");
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(wheel)).StatusCode);
        bed.Index.Catalog.Enter("stand-in-other", null, "remove project");
        foreach (var path in new[] { "/simple/stand-in-other/", "/files/../../etc/passwd" })
        {
            using var response = await http.GetAsync(new Uri(bed.Index.Root, path));
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("<methodCall><methodName>list_packages</methodName></methodCall>", "-32601")]
    [InlineData("<methodCall><methodName>changelog_since_serial</methodName></methodCall>", "-32601")]
    [InlineData("garbage", "-32700")]
    public async Task A_call_that_is_not_known_gets_a_fault(string call, string code)
    {
        await using var bed = await StartAsync();
        using var http = new HttpClient();
        using var response = await http.PostAsync(bed.Index.Pypi, new StringContent(call, Encoding.UTF8, "text/xml"));
        Assert.Contains($"<int>{code}</int>", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task<string> RunPipAsync(string home, params string[] arguments)
    {
        var start = new ProcessStartInfo(PythonPeer.Python, ["-m", "pip", .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        start.Environment["HOME"] = home;
        start.Environment["PIP_CONFIG_FILE"] = "/dev/null";
        using var pip = Process.Start(start)!;
        var output = pip.StandardOutput.ReadToEndAsync();
        var error = pip.StandardError.ReadToEndAsync();
        await pip.WaitForExitAsync().Within();
        Assert.True(pip.ExitCode == 0, await error);
        return await output;
    }
}
