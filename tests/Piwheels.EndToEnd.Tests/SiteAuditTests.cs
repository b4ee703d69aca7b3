using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw audit`, `piw audit packages` and `piw audit logs` on what a master has published.</summary>
public sealed class SiteAuditTests(DatabaseFixture databases) : IAsyncLifetime
{
    private const string Wheel = "simple/foo/foo-1.0-py3-none-any.whl";
    private const string OtherWheel = "simple/bar/bar-1.0-py3-none-any.whl";

    /// <summary>Longer ago than what may be under way.</summary>
    private static readonly DateTime LongAgo = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-e2e-");
    private TestDatabase _store = null!;

    private string Site => Path.Combine(_folder.FullName, "www");

    public async ValueTask InitializeAsync()
    {
        _store = await databases.CreateDatabaseAsync();
        _folder.UnixFileMode = (UnixFileMode)0b111_111_111;
        await using (var database = new Database(_store.UserDsn))
        {
            await database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
            foreach (var name in new[] { "foo", "bar" })
            {
                var package = PackageName.Parse(name);
                await database.AddNewPackageAsync(package);
                await database.AddPackageNameAsync(package, name.ToUpperInvariant(), DateTimeOffset.UnixEpoch);
                await database.AddNewPackageVersionAsync(new Release(package, "1.0"), DateTimeOffset.UnixEpoch);
                var wheel = new WheelMaker(name, "1.0", "py3-none-any");
                Directory.CreateDirectory(PathOf($"simple/{name}"));
                wheel.WriteTo(PathOf($"simple/{name}"));
                var build = await database.LogBuildAsync(BuildOf(wheel, name));
                WriteLog(build);
            }
        }

        // As if it had been some time ago
        await _store.RunAsync("UPDATE builds SET built_at = built_at - interval '1 hour'");
        SampleSite.HandOver(Site);
        await WritingMaster.WriteAllAsync(_store, _folder.FullName, Site);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task What_a_master_has_written_is_as_it_should_be_and_links_of_other_spellings_can_be_made()
    {
        Assert.Equal((0, "2 packages: 0 missing, 0 extra, 0 broken.\n"), await AuditAsync());
        Assert.Equal((0, "2 packages: 0 missing, 0 extra, 0 broken.\n"), await AuditAsync("packages", "--hashes"));
        Assert.Equal((0, "2 builds: 0 missing, 0 extra, 0 broken.\n"), await AuditAsync("logs"));
        Assert.Equal((0, "1 packages: 0 missing, 0 extra, 0 broken.\n"), await AuditAsync("packages", "Foo"));

        File.Delete(PathOf("project/FOO"));
        Assert.Equal(0, (await AuditAsync("packages", "--ensure-project-symlinks")).ExitCode);
        Assert.Equal("foo", new FileInfo(PathOf("project/FOO")).LinkTarget);
    }

    [Fact]
    public async Task Pages_that_are_not_there_and_whatever_else_is_there_are_found_and_what_can_be_is_mended()
    {
        File.Delete(PathOf("project/foo/json/index.json"));
        File.Delete(PathOf("project/BAR"));
        File.CreateSymbolicLink(PathOf("project/lost"), "nowhere");
        Directory.CreateDirectory(PathOf("simple/stranger"));
        File.WriteAllText(PathOf("project/foo/notes.txt"), "");
        string[] expected =
        [
            "missing  project/BAR", "missing  project/foo/json/index.json", "extra    project/foo/notes.txt",
            "extra    simple/stranger", "broken   project/lost: a link to nowhere, which is not there",
        ];
        var (exit, output) = await AuditAsync();
        Assert.Equal(1, exit);
        Assert.Equal(expected.Append("2 packages: 2 missing, 2 extra, 1 broken.").Order(), LinesOf(output).Order());

        var (list, extras) = (PathOf("../missing.txt"), PathOf("../extra.txt"));
        (exit, output) = await AuditAsync("-m", "-e", "--missing-file", list, "--extra-file", extras, "--json");
        Assert.Equal(1, exit);
        using (var counts = JsonDocument.Parse(output))
        {
            Assert.Equal(
                (2, 2, 0),
                (counts.RootElement.GetProperty("missing").GetInt32(), counts.RootElement.GetProperty("extra").GetInt32(),
                    counts.RootElement.GetProperty("broken").GetInt32()));
        }

        Assert.Equal(["project/BAR", "project/foo/json/index.json"], File.ReadLines(list).Order());
        Assert.Equal(["project/foo/notes.txt", "simple/stranger"], File.ReadLines(extras).Order());

        (exit, output) = await AuditAsync("--fix");
        Assert.Equal(1, exit);
        Assert.EndsWith("2 packages: 2 missing, 2 extra, 1 broken; 3 of these mended.\n", output, StringComparison.Ordinal);
        // Owed: they are not judged until a master has written them
        Assert.Equal(0, (await AuditAsync("-m", "-b")).ExitCode);
        await WritingMaster.WriteAllAsync(_store, _folder.FullName, Site);
        Assert.Equal(0, (await AuditAsync("-m", "-b")).ExitCode);
        Assert.True(File.Exists(PathOf("project/foo/json/index.json")));
        Assert.True(File.Exists(PathOf("project/foo/notes.txt")));
    }

    [Fact]
    public async Task Wheels_that_are_missing_changed_or_unknown_are_found()
    {
        File.Delete(PathOf(Wheel));
        var content = await File.ReadAllBytesAsync(PathOf(OtherWheel));
        content[100] ^= 1;
        await File.WriteAllBytesAsync(PathOf(OtherWheel), content);
        var stranger = PathOf("simple/bar/bar-9.9-py3-none-any.whl");
        await File.WriteAllTextAsync(stranger, "strange");

        var (exit, output) = await AuditAsync("packages");
        Assert.Equal(1, exit);
        Assert.Equal(
            [
                "2 packages: 1 missing, 1 extra, 0 broken.", "extra    simple/bar/bar-9.9-py3-none-any.whl",
                $"missing  {Wheel}",
            ],
            LinesOf(output).Order(StringComparer.Ordinal));
        (exit, output) = await AuditAsync("packages", "bar", "--hashes");
        Assert.Equal(1, exit);
        Assert.Contains($"broken   {OtherWheel}: its SHA-256 is another one\n", output, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(PathOf(OtherWheel), [.. content, 0]);
        Assert.Contains($"broken   {OtherWheel}: it has ", (await AuditAsync("packages")).Output, StringComparison.Ordinal);

        // What came just now may be of something under way; what did not is taken away
        Assert.Equal(1, (await AuditAsync("packages", "--delete-extras", "bar")).ExitCode);
        Assert.True(File.Exists(stranger));
        File.SetLastWriteTimeUtc(stranger, LongAgo);
        (_, output) = await AuditAsync("packages", "--archive-dir", PathOf("../kept"), "bar");
        Assert.Contains("1 of these mended", output, StringComparison.Ordinal);
        Assert.False(File.Exists(stranger));
        Assert.Equal("strange", await File.ReadAllTextAsync(PathOf("../kept/bar/bar-9.9-py3-none-any.whl")));
    }

    [Fact]
    public async Task An_index_that_lists_something_else_is_found_and_written_again()
    {
        const string Json = "simple/foo/index.v1_json";
        const string Html = "simple/foo/index.html";
        (string, string, string, string)[] faults =
        [
            (Json, "foo-1.0", "foo-1.1", "it does not list foo-1.0-py3-none-any.whl"),
            (Json, "\"sha256\":\"", "\"sha256\":\"0", "it has another hash of foo-1.0-py3-none-any.whl"),
            (Json, "{", "", "it is no index as PEP 691 has it"),
            (Html, ">foo-1.0", ">foo-1.2", "it does not list what the index in JSON does"),
        ];
        foreach (var (page, from, to, expected) in faults)
        {
            var text = File.ReadAllText(PathOf(page));
            Change(page, from, to);
            var (exit, output) = await AuditAsync("packages");
            Assert.Equal(1, exit);
            Assert.Contains($"broken   {page}: {expected}\n", output, StringComparison.Ordinal);
            File.WriteAllText(PathOf(page), text);
        }

        var pages = new[] { Json, Html }.ToDictionary(page => page, page => File.ReadAllText(PathOf(page)));
        Change(Json, "foo-1.0", "foo-1.1");
        Change(Html, ">foo-1.0", ">foo-1.2");
        Assert.Equal(0, (await AuditAsync("packages", "--fix")).ExitCode);
        await WritingMaster.WriteAllAsync(_store, _folder.FullName, Site);
        Assert.All(pages, page => Assert.Equal(page.Value, File.ReadAllText(PathOf(page.Key))));
        Assert.Equal(0, (await AuditAsync("packages")).ExitCode);

        void Change(string page, string from, string to)
        {
            var text = File.ReadAllText(PathOf(page));
            Assert.Contains(from, text, StringComparison.Ordinal);
            File.WriteAllText(PathOf(page), text.Replace(from, to, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Logs_without_builds_and_builds_without_logs_are_found()
    {
        File.Delete(PathOf(LogOf(1)));
        WriteLog(7);
        WriteLog(1_234_567);
        Directory.CreateDirectory(PathOf("logs/other"));
        File.WriteAllText(PathOf("logs/other/file"), "");

        var (exit, output) = await AuditAsync("logs");
        Assert.Equal(1, exit);
        Assert.Equal(
            [
                "2 builds: 1 missing, 3 extra, 0 broken.", $"extra    {LogOf(7)}", $"extra    {LogOf(1_234_567)}",
                "extra    logs/other/file", $"missing  {LogOf(1)}",
            ],
            LinesOf(output).Order(StringComparer.Ordinal));
        Assert.Equal((1, $"missing  {LogOf(1)}\n2 builds: 1 missing, 0 extra, 0 broken.\n"), await AuditAsync("logs", "-m"));

        (exit, output) = await AuditAsync("logs", "--delete-extras");
        Assert.EndsWith("2 of these mended.\n", output, StringComparison.Ordinal);
        Assert.False(File.Exists(PathOf(LogOf(7))));
        Assert.True(File.Exists(PathOf("logs/other/file")));
        await _store.RunAsync("UPDATE builds SET built_at = now()");
        Assert.DoesNotContain("missing  ", (await AuditAsync("logs")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_that_an_upgrade_has_kept_in_the_database_are_written_out()
    {
        await _store.RunAsync("""
            CREATE SCHEMA kept_from_piwheels;
            CREATE TABLE kept_from_piwheels.output (build_id integer PRIMARY KEY, output text NOT NULL);
            INSERT INTO kept_from_piwheels.output SELECT n, 'log of ' || n FROM generate_series(1, 250) AS n;
            """);
        File.Delete(PathOf(LogOf(1)));
        Assert.Contains("--fix writes them out", (await AuditAsync("logs")).Output, StringComparison.Ordinal);
        var (_, output) = await PiwProcess.RunAsync("audit", "logs", "--fix", "--dsn", $"{_store.SuperuserDsn}", "--output-path", Site);
        Assert.Contains("Wrote 249 logs out of the database.", output, StringComparison.Ordinal);
        Assert.Equal("log of 1", await ReadLogAsync(1));
        Assert.Equal("built\n", await ReadLogAsync(2));
        Assert.Equal("log of 250", await ReadLogAsync(250));
        Assert.Equal(
            ["f"], await _store.ColumnAsync("SELECT to_regclass('kept_from_piwheels.output') IS NOT NULL"));
    }

    private Task<(int ExitCode, string Output)> AuditAsync(params string[] arguments) =>
        PiwProcess.RunAsync(["audit", .. arguments, "--dsn", $"{_store.UserDsn}", "--output-path", Site]);

    private string PathOf(string path) => Path.Combine(Site, path);

    private static string LogOf(long build) => $"logs/0000/{build / 10_000:D4}/{build % 10_000:D4}.txt.gz";

    private void WriteLog(long build)
    {
        var path = PathOf(LogOf(build));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var log = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        log.Write("built\n"u8);
    }

    private async Task<string> ReadLogAsync(long build)
    {
        await using var log = new GZipStream(File.OpenRead(PathOf(LogOf(build))), CompressionMode.Decompress);
        return await new StreamReader(log).ReadToEndAsync();
    }

    private static BuildState BuildOf(WheelMaker wheel, string name)
    {
        var content = wheel.ToBytes();
        return new BuildState(
            1, name, "1.0", "cp311", true, TimeSpan.FromMinutes(1), "built\n",
            [
                new FileState(
                    wheel.FileName, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)), name, "1.0", "py3",
                    "none", "any", null, new Dictionary<string, IReadOnlyList<string>>()),
            ],
            "linux_armv7l");
    }

    private static string[] LinesOf(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>What no audit can do.</summary>
public sealed class SiteAuditUsageTests(DatabaseFixture databases)
{
    [Theory]
    [InlineData(1, "there is no folder /nonexistent/www", "audit", "--output-path", "/nonexistent/www")]
    [InlineData(1, "package nowhere is unknown here", "audit", "packages", "nowhere")]
    [InlineData(2, "'a b' is not a package name", "audit", "packages", "a b")]
    [InlineData(1, "/proc/nowhere/list", "audit", "logs", "--missing-file", "/proc/nowhere/list")]
    [InlineData(2, "exclude each other", "audit", "logs", "-m", "--delete-extras")]
    public async Task What_cannot_be_done_is_told_in_one_line(int expected, string said, params string[] arguments)
    {
        await using var store = await databases.CreateDatabaseAsync();
        using var site = new TemporaryFolder();
        string[] folder = arguments.Contains("--output-path") ? [] : ["--output-path", site.Path];
        var (exit, output) = await PiwProcess.RunAsync([.. arguments, "--dsn", $"{store.UserDsn}", .. folder]);
        Assert.Equal(expected, exit);
        Assert.Contains(said, Assert.Single(output.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }
}
