using Piwheels.Cli.Demo;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw policy` as people run it.</summary>
public sealed class PolicyTests(DatabaseFixture fixture) : IAsyncLifetime
{
    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.CreateDatabaseAsync();
        await using var database = new Database(_store.UserDsn);
        foreach (var name in new[] { "ant", "bee" }) await database.AddNewPackageAsync(PackageName.Parse(name));
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task Policies_are_set_shown_and_taken_back()
    {
        const string Changed = "Changed. A running master has it take effect, package by package.";
        Assert.Equal((0, "all packages: rebuild"), await PolicyAsync("list"));
        Assert.Equal((0, Changed), await PolicyAsync("set", "Ant", "not.known", "link"));
        Assert.Equal((0, Changed), await PolicyAsync("set", "--default", "defer"));
        Assert.Equal((0, "Nothing is treated otherwise than before."), await PolicyAsync("set", "bee", "defer"));
        Assert.Equal(
            (0, "all packages: defer\nant: link\nbee: defer\nnot-known: link\n"
                + "What upstream has is still to be read for 2 packages."),
            await PolicyAsync("list"));
        Assert.Equal((0, "ant: link\ncat: defer"), await PolicyAsync("list", "ant", "cat"));
        Assert.Equal((0, Changed), await PolicyAsync("clear", "ant", "bee", "not-known"));
        Assert.Equal((0, Changed), await PolicyAsync("set", "--default", "rebuild"));
        await using var database = new Database(_store.UserDsn);
        var policies = await database.GetUpstreamPoliciesAsync();
        Assert.Equal((UpstreamPolicy.Rebuild, 0), (policies.Farm, policies.OfPackages.Count));
    }

    [Theory]
    [InlineData("the last word is the policy", "set", "ant")]
    [InlineData("the last word is the policy", "set", "ant", "ignore")]
    [InlineData("name a package", "set", "link")]
    [InlineData("name a package", "clear")]
    [InlineData("--default goes with", "set", "ant", "link", "--default")]
    [InlineData("--default goes with", "clear", "--default")]
    [InlineData("is not a package name", "set", "not a name", "link")]
    public async Task Wrong_words_are_told(string told, params string[] words)
    {
        var (exitCode, output) = await PolicyAsync(words);
        Assert.Equal(2, exitCode);
        Assert.Contains(told, output, StringComparison.Ordinal);
    }

    private async Task<(int ExitCode, string Output)> PolicyAsync(params string[] words)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(["policy", .. words, "--dsn", _store.UserDsn.ToString()]);
        return (exitCode, output.TrimEnd());
    }
}

/// <summary>A farm that leaves to upstream what upstream has.</summary>
public sealed class LinkedFarmTests
{
    private const string Greeting = "piw-demo-greeting";

    [Fact]
    public async Task Pip_installs_upstreams_own_wheel_by_the_farms_index_and_the_way_back_builds_it()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        using var folder = new DistributionFolder();
        var wheel = StandInFile.Read(folder.AddWheel(Greeting, "1.0.0"));
        fixture.Index.Catalog.Publish([wheel]);
        var port = FarmFixture.FreePort();
        await using (var first = PiwProcess.Start(fixture.Up(port, "piw-demo-fastsum")))
        {
            await first.SeeAsync("Everything is built");
            Assert.Equal(0, (await PolicyAsync("set", Greeting, "link")).ExitCode);
            first.Signal("INT");
            Assert.Equal(0, await first.EndAsync());
        }

        await using var up = PiwProcess.Start(fixture.Up(port, "piw-demo-app"));
        await up.SeeAsync("Everything is built");
        Assert.DoesNotContain($"building {Greeting}", up.Output, StringComparison.Ordinal);
        Assert.Equal(["0"], await fixture.QueryAsync($"SELECT count(*) FROM builds WHERE package = '{Greeting}'"));

        var requirements = Path.Combine(fixture.Folder, "requirements.txt");
        await File.WriteAllTextAsync(requirements, $"{Greeting}==1.0.0 --hash=sha256:{wheel.Sha256}\n");
        var venv = Path.Combine(fixture.Folder, "venv");
        Assert.Equal(0, (await FarmFixture.RunAsync("/usr/bin/python3", "-m", "venv", venv)).ExitCode);
        var install = await FarmFixture.RunAsync(
            Path.Combine(venv, "bin", "python"), "-m", "pip", "install", "-v", "--index-url",
            $"http://127.0.0.1:{port}/simple", "--require-hashes", "-r", requirements);
        Assert.True(install.ExitCode == 0, install.Output);
        Assert.Contains(
            $"{fixture.Index.Root.GetLeftPart(UriPartial.Authority)}/files/{wheel.Filename}", install.Output,
            StringComparison.Ordinal);

        Assert.Contains($"{Greeting}: link", (await PolicyAsync("list")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await PolicyAsync("clear", Greeting)).ExitCode);
        await up.SeeAsync($"built    {Greeting}");
        up.Signal("INT");
        Assert.Equal(0, await up.EndAsync());
        Assert.Contains("no farm runs in", (await PolicyAsync("list")).Output, StringComparison.Ordinal);

        Task<(int ExitCode, string Output)> PolicyAsync(params string[] words) =>
            PiwProcess.RunAsync(["policy", .. words, "--data", fixture.Data]);
    }
}
