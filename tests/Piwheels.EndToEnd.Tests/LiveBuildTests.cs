using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Piwheels.Cli.Demo;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A build is followed in a farm at work, from its list to its log.</summary>
public sealed class LiveBuildTests
{
    private const string Chatty = "piw-demo-chatty";

    [Fact]
    public async Task What_a_build_prints_is_seen_as_it_prints_and_its_log_when_it_has_ended()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        using var folder = new TemporaryFolder();
        using var ear = new TcpListener(IPAddress.Loopback, 0);
        ear.Start();
        fixture.Index.Catalog.Publish([StandInFile.Read(WriteChatty(folder, ((IPEndPoint)ear.LocalEndpoint).Port))]);
        // pip keeps what a build prints to itself, unless told otherwise
        var recipes = Directory.CreateDirectory(Path.Combine(fixture.Folder, "recipes")).FullName;
        await File.WriteAllTextAsync(Path.Combine(recipes, "chatty.conf"), "[*]\npip-arguments = --verbose\n");
        var port = FarmFixture.FreePort();
        // The build is told what to print
        await using var up = PiwProcess.Start(fixture.Up(port, "--build-network", "full", "--recipes", recipes, Chatty));
        using var build = await ear.AcceptTcpClientAsync().WaitAsync(PiwProcess.Limit);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = PiwProcess.Limit };

        var list = await http.GetStringAsync("/live/");
        var path = list.Split('"').Single(text => text.StartsWith($"/live/{Chatty}/", StringComparison.Ordinal));
        var page = await http.GetStringAsync(path);
        Assert.Contains("Being built by slave-1 since", page, StringComparison.Ordinal);

        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Accept", "text/event-stream");
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        using var events = new StreamReader(await response.Content.ReadAsStreamAsync());
        foreach (var line in (string[])["chapter one", "chapter two"])
        {
            await build.GetStream().WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
            await SeeAsync(events, line);
        }

        Assert.Contains("chapter two", await http.GetStringAsync(path), StringComparison.Ordinal);
        build.Close();
        await SeeAsync(events, "It has been built.");
        var log = (await SeeAsync(events, "/logs/")).Split('"')[1];
        Assert.Equal("", (await events.ReadToEndAsync().WaitAsync(PiwProcess.Limit)).Trim());
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            using var finished = await http.GetAsync(log + "?raw");
            Assert.True(Stopwatch.GetElapsedTime(began) < PiwProcess.Limit, "the log does not come");
            if (finished.StatusCode == HttpStatusCode.NotFound) continue;
            await using var packed = await finished.Content.ReadAsStreamAsync();
            Assert.Contains("chapter one", await new StreamReader(packed).ReadToEndAsync(), StringComparison.Ordinal);
            break;
        }

        using var gone = await http.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
        up.Signal("INT");
        Assert.Equal(0, await up.EndAsync());
        Assert.Empty(fixture.ProcessesOfFarm());
    }

    /// <summary>Reads to the line that has this.</summary>
    private static async Task<string> SeeAsync(StreamReader events, string text)
    {
        while (await events.ReadLineAsync().WaitAsync(PiwProcess.Limit) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal)) return line;
        }

        throw new EndOfStreamException($"the stream ended without '{text}'");
    }

    /// <summary>A package whose build prints what it is sent, and ends when nothing more comes.</summary>
    private static string WriteChatty(TemporaryFolder folder, int port)
    {
        const string Stem = "piw_demo_chatty-1.0";
        var path = folder[$"{Stem}.tar.gz"];
        using var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        using var tar = new TarWriter(gzip);
        const string Metadata = $"Metadata-Version: 2.1\nName: {Chatty}\nVersion: 1.0\nSummary: Tells what it is told\n\n";
        Write("PKG-INFO", Metadata);
        Write("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'chatty'\nbackend-path = ['.']\n");
        Write("chatty.py", $$"""
            import base64, hashlib, os, socket, zipfile

            def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
                with socket.create_connection(("127.0.0.1", {{port}}), 60) as voice:
                    voice.settimeout(600)
                    for line in voice.makefile():
                        print(line, end="", flush=True)
                info = "{{Stem}}.dist-info/"
                files = {
                    "piw_demo_chatty.py": b"",
                    info + "METADATA": {{"\"\"\""}}{{Metadata}}{{"\"\"\""}}.encode(),
                    info + "WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
                }
                digest = lambda data: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data in files.items())
                files[info + "RECORD"] = (record + info + "RECORD,,\n").encode()
                with zipfile.ZipFile(os.path.join(wheel_directory, "{{Stem}}-py3-none-any.whl"), "w") as wheel:
                    for name, data in files.items():
                        wheel.writestr(name, data)
                return "{{Stem}}-py3-none-any.whl"
            """);
        return path;

        void Write(string name, string text) => tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"{Stem}/{name}")
        {
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)),
            ModificationTime = new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero),
        });
    }
}
