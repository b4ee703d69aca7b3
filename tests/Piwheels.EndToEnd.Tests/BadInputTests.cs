using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>What can be known to be wrong is told in one clear line, before anything is made.</summary>
public sealed class BadInputTests
{
    [Fact]
    public async Task Without_anything_to_build_it_says_how_to_name_something()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await RefusesAsync(fixture, 2, "name what to build", fixture.Up(FarmFixture.FreePort()));
    }

    [Fact]
    public async Task A_port_that_is_taken()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await RefusesAsync(fixture, 1, "another program listens there", fixture.Up(port, "piw-demo-app"));
    }

    [Fact]
    public async Task A_name_that_the_index_does_not_know()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await RefusesAsync(
            fixture, 1, "knows no package no-such-package",
            fixture.Up(FarmFixture.FreePort(), "piw-demo-app", "No_Such.Package"));
    }

    [Fact]
    public async Task A_broken_line_of_requirements_is_told_with_its_place()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var file = Path.Combine(fixture.Folder, "r.txt");
        await File.WriteAllTextAsync(file, "piw-demo-app\n\nnot a requirement !\n");
        await RefusesAsync(fixture, 1, "r.txt:3", fixture.Up(FarmFixture.FreePort(), "-r", file));
    }

    [Fact]
    public async Task A_file_of_requirements_that_is_not_there()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await RefusesAsync(fixture, 1, "missing.txt", fixture.Up(FarmFixture.FreePort(), "-r", "/nonexistent/missing.txt"));
    }

    [Theory]
    [InlineData("tensor*,foo bar>1", "'bar>1' is no package name, and no pattern of one")]
    [InlineData("/nonexistent/never.txt", "/nonexistent/never.txt")]
    public async Task A_list_of_names_that_cannot_be_read(string list, string said)
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await RefusesOptionAsync(fixture, said, "--follow-never", list);
    }

    [Fact]
    public async Task A_line_of_a_list_of_names_that_is_no_name_is_told_with_its_place()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var file = Path.Combine(fixture.Folder, "only.txt");
        await File.WriteAllTextAsync(file, "numpy\n\nfoo[x]\n");
        await RefusesOptionAsync(fixture, "only.txt:3: 'foo[x]'", "--follow-only", file);
    }

    [Fact]
    public async Task An_index_that_cannot_be_reached()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var up = fixture.Up(FarmFixture.FreePort(), "--pypi", $"http://127.0.0.1:{FarmFixture.FreePort()}", "piw-demo-app");
        await RefusesAsync(fixture, 1, "cannot reach", [.. up.Where((_, at) => at is not (5 or 6))]);
    }

    [Fact]
    public async Task A_url_that_is_no_index()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var up = fixture.Up(
            FarmFixture.FreePort(), "--pypi", fixture.Index.Root + "nothing/here", "piw-demo-app");
        await RefusesAsync(fixture, 1, "package index", [.. up.Where((_, at) => at is not (5 or 6))]);
    }

    [Fact]
    public async Task A_python_without_pip()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var venv = Path.Combine(fixture.Folder, "bare");
        Assert.Equal(0, (await FarmFixture.RunAsync("/usr/bin/python3", "-m", "venv", "--without-pip", venv)).ExitCode);
        var up = fixture.Up(FarmFixture.FreePort(), "--python", Path.Combine(venv, "bin", "python"), "piw-demo-app");
        await RefusesAsync(fixture, 1, "pip", [.. up.Where((_, at) => at is not (7 or 8))]);
    }

    [Fact]
    public async Task A_python_that_is_not_there()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var up = fixture.Up(FarmFixture.FreePort(), "--python", "/nonexistent/python", "piw-demo-app");
        await RefusesAsync(fixture, 1, "/nonexistent/python", [.. up.Where((_, at) => at is not (7 or 8))]);
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_made_or_is_somebody_elses()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var place = FarmFixture.IsRoot ? Path.Combine(fixture.Folder, "roots-own") : "/proc/nothing";
        if (FarmFixture.IsRoot) Directory.CreateDirectory(place);
        var up = fixture.Up(FarmFixture.FreePort(), "piw-demo-app");
        up[2] = place;
        var (exitCode, output) = await PiwProcess.RunAsync(up);
        Assert.Equal(1, exitCode);
        Assert.Contains("data folder", output, StringComparison.Ordinal);
        if (FarmFixture.IsRoot) Assert.Empty(Directory.EnumerateFileSystemEntries(place));
    }

    [Fact]
    public async Task A_second_farm_in_the_same_folder()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await using var first = PiwProcess.Start(fixture.Up(FarmFixture.FreePort(), "piw-demo-greeting"));
        await first.SeeAsync("The index is at");
        var (exitCode, output) = await PiwProcess.RunAsync(fixture.Up(FarmFixture.FreePort(), "piw-demo-greeting"));
        Assert.Equal(1, exitCode);
        Assert.Contains("in use", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--slaves", "0")]
    [InlineData("--slaves", "many")]
    [InlineData("--timeout", "soon")]
    [InlineData("--pypi", "ftp://example.org")]
    [InlineData("--listen", "nowhere")]
    [InlineData("--no-such-option", "1")]
    public async Task A_wrong_option_is_wrong_usage(string option, string value)
    {
        var (exitCode, output) = await PiwProcess.RunAsync("up", "piw-demo-app", option, value);
        Assert.Equal(2, exitCode);
        Assert.Contains(option, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--site-colour", "red", "'red' is no colour")]
    [InlineData("--site-logo", "/nonexistent/logo.svg", "/nonexistent/logo.svg")]
    [InlineData("--site-links", "Rules=/rules.html; Evil=javascript:alert(1)", "'javascript:alert(1)' is no address")]
    [InlineData("--abi-names", "cp311=Bookworm, Python 3.11; cp313", "'cp313' is not NAME=VALUE")]
    public async Task What_cannot_be_shown_on_pages_is_wrong_usage(string option, string value, string reason)
    {
        var (exitCode, output) = await PiwProcess.RunAsync("master", option, value);
        Assert.Equal(2, exitCode);
        Assert.Contains(reason, output, StringComparison.Ordinal);
    }

    private static async Task RefusesAsync(FarmFixture fixture, int code, string reason, string[] arguments)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(arguments);
        Assert.True(exitCode == code, output);
        Assert.Contains(reason, output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));
        Assert.False(Directory.Exists(fixture.Data) && Directory.EnumerateFileSystemEntries(fixture.Data).Any(IsNoProgram), output);
    }

    /// <summary>The help follows.</summary>
    private static async Task RefusesOptionAsync(FarmFixture fixture, string reason, params string[] option)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(fixture.Up(FarmFixture.FreePort(), ["piw-demo-app", .. option]));
        Assert.True(exitCode == 2, output);
        Assert.Contains(reason, output.Split('\n')[0], StringComparison.Ordinal);
        Assert.False(Directory.Exists(fixture.Data));
    }

    // Root may have left a copy of the program for the farm's user
    private static bool IsNoProgram(string path) => Path.GetFileName(path) is not "program";
}
