using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Piwheels.Cli.Demo;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>What is removed by hand is gone from a farm at work.</summary>
public sealed partial class RemovedFromFarmTests
{
    private const string Greeting = "piw-demo-greeting";
    private const string Fastsum = "piw-demo-fastsum";
    private const string Endless = "piw-demo-endless";

    [Fact]
    public async Task Pages_files_rows_and_a_build_under_way_are_gone_and_pip_finds_nothing_any_more()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        using var folder = new TemporaryFolder();
        using var ear = new TcpListener(IPAddress.Loopback, 0);
        ear.Start();
        fixture.Index.Catalog.Publish([StandInFile.Read(WriteEndless(folder, ((IPEndPoint)ear.LocalEndpoint).Port))]);
        var port = FarmFixture.FreePort();
        // The build that does not end is to be heard from
        await using var up = PiwProcess.Start(fixture.Up(port, "--build-network", "full", Greeting, Fastsum));
        await up.SeeAsync("Everything is built");
        var master = fixture.ProcessesOfFarm().Select(FarmFixture.CommandLine)
            .Single(line => line.Contains(" master ", StringComparison.Ordinal) && ImportQueue().IsMatch(line));
        var queue = ImportQueue().Match(master).Groups[1].Value;
        var site = OutputPath().Match(master).Groups[1].Value;
        Assert.Equal(0, (await DownloadAsync(Greeting)).ExitCode);

        await SaysAsync($"Removed package {Greeting}.", Greeting);
        Assert.False(Directory.Exists(Path.Combine(site, "simple", Greeting)));
        Assert.False(Directory.Exists(Path.Combine(site, "project", Greeting)));
        Assert.Equal(["0|0|0"], await fixture.QueryAsync(Counts(Greeting)));
        var gone = await DownloadAsync(Greeting);
        Assert.NotEqual(0, gone.ExitCode);
        Assert.Contains("No matching distribution found", gone.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await DownloadAsync(Fastsum)).ExitCode);

        await SaysAsync(
            $"Skipped and removed all builds and files of package {Fastsum}.", Fastsum, "--builds", "-s", "not here");
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(site, "simple", Fastsum), "*.whl*"));
        Assert.Equal(["1|0|0"], await fixture.QueryAsync(Counts(Fastsum)));
        Assert.Equal(["not here"], await fixture.QueryAsync($"SELECT skip FROM packages WHERE package = '{Fastsum}'"));
        Assert.Equal(["0"], await fixture.QueryAsync($"SELECT count(*) FROM build_queue WHERE package = '{Fastsum}'"));

        Assert.Equal(0, (await PiwProcess.RunAsync("follow", "add", Endless, "--data", fixture.Data)).ExitCode);
        using var build = await ear.AcceptTcpClientAsync().WaitAsync(PiwProcess.Limit);
        await SaysAsync($"Removed package {Endless}.", Endless);
        // It ends when the last process of the build does
        Assert.Equal(0, await build.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(PiwProcess.Limit));
        Assert.Equal(["0|0|0"], await fixture.QueryAsync(Counts(Endless)));
        up.Signal("INT");
        Assert.Equal(0, await up.EndAsync());
        Assert.DoesNotContain($"built    {Endless}", up.Output, StringComparison.Ordinal);

        async Task SaysAsync(string line, params string[] arguments)
        {
            var (exitCode, output) = await PiwProcess.RunAsync(["remove", "-y", "--import-queue", queue, .. arguments]);
            Assert.Equal((0, line), (exitCode, output.Trim()));
        }

        Task<(int ExitCode, string Output)> DownloadAsync(string name) => FarmFixture.RunAsync(
            "/usr/bin/python3", "-m", "pip", "download", "--no-deps", "--dest", folder[Path.GetRandomFileName()],
            "--index-url", $"http://127.0.0.1:{port}/simple", name);
    }

    /// <summary>Packages, versions that are built, and files.</summary>
    private static string Counts(string package) =>
        $"SELECT (SELECT count(*) FROM packages WHERE package = '{package}'), count(DISTINCT b.build_id), count(f.filename) "
        + $"FROM builds b LEFT JOIN files f USING (build_id) WHERE b.package = '{package}'";

    /// <summary>A package whose build says that it has begun, and then waits for something that never comes.</summary>
    private static string WriteEndless(TemporaryFolder folder, int port)
    {
        const string Stem = "piw_demo_endless-1.0";
        var path = folder[$"{Stem}.tar.gz"];
        using var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        using var tar = new TarWriter(gzip);
        Write("PKG-INFO", $"Metadata-Version: 2.1\nName: {Endless}\nVersion: 1.0\nSummary: Never ends\n\n");
        Write("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'endless'\nbackend-path = ['.']\n");
        Write("endless.py", $"""
            import socket

            def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
                with socket.create_connection(("127.0.0.1", {port}), 60) as ear:
                    ear.settimeout(600)
                    ear.recv(1)
                raise SystemExit("nobody has stopped this")
            """);
        return path;

        void Write(string name, string text) => tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"{Stem}/{name}")
        {
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)),
            ModificationTime = new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero),
        });
    }

    [GeneratedRegex(@"--import-queue (\S+)")]
    private static partial Regex ImportQueue();

    [GeneratedRegex(@"--output-path (\S+)")]
    private static partial Regex OutputPath();
}
