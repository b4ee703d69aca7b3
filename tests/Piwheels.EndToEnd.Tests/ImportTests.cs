using System.Security.Cryptography;
using System.Text.Json;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw import` as people run it, against the master's tasks for tools and for files.</summary>
public sealed class ImportTests : IAsyncDisposable
{
    private static readonly Release Foo1 = new(PackageName.Parse("foo"), "1.0");
    private static readonly string[] Targets = ["cp39", "cp311"];

    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _rows = new(TimeProvider.System);
    private readonly MasterConfiguration _configuration;
    private readonly string _fileQueue;
    private readonly string _folder;

    public ImportTests()
    {
        _folder = Directory.CreateDirectory(Path.Combine(_bed.Folder, "wheels")).FullName;
        var environment = _bed.Environment with { Time = TimeProvider.System };
        _configuration = new MasterConfiguration
        {
            ImportQueue = _bed.Ipc("import"),
            FileQueue = "tcp://127.0.0.1:*",
            OutputPath = Directory.CreateDirectory(Path.Combine(_bed.Folder, "www")).FullName,
        };
        var others = _bed.Add(new ScriptedTask("others", environment));
        others.BindRpc<SecretaryRequest, SecretaryReply>(
            _configuration.WebQueue, _ => Task.FromResult<SecretaryReply>(new SecretaryReply.Done()));
        others.BindRpc<SkipRequest, SkipReply>(
            MasterConfiguration.SkipQueue, _ => Task.FromResult<SkipReply>(new SkipReply.Ok()));
        others.Bind<StatsMessage, NoMessages>(ZmqSocketType.Pull, _configuration.StatsQueue);
        others.Start();
        var juggler = _bed.Add(new FileJuggler(_configuration, environment, _rows));
        juggler.Start();
        _fileQueue = juggler.Endpoints.First(each => each.StartsWith("tcp:", StringComparison.Ordinal));
        _bed.Add(new MrChase(_configuration, environment, _rows)).Start();
    }

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task Wheels_are_taken_in_with_what_they_need_and_what_is_said_of_them()
    {
        await KnowAsync();
        var wheel = new WheelMaker("foo", "1.0", "cp311-cp311-linux_armv7l")
        {
            Fields = "Requires-Python: >=3.9\nRequires-Dist: numpy (>=1)\nRequires-Dist: tomli; python_version < '3.11'\n"
                + "Requires-Dist: pytest; extra == 'test'",
        }.With("foo/data.bin", RandomNumberGenerator.GetBytes(500_000)).WriteTo(_folder);
        var log = await WriteAsync("build.log", "made by hand\n");
        var apt = await WriteAsync("apt.txt", "libfoo1 libc6 # needed\n\n# no more\nlibbar2\n");
        var (exitCode, output) = await RunAsync(
            "-y", "--duration", "1h30m", "--output", log, "--dependencies", apt, wheel);
        Assert.True(exitCode == 0, output);
        Assert.Equal(
            [
                $"  foo-1.0-cp311-cp311-linux_armv7l.whl, {new FileInfo(wheel).Length / 1000} kB, Python >=3.9",
                "    needs packages: numpy; apt: libbar2, libc6, libfoo1",
                "Imported 1 wheel of foo 1.0.",
            ],
            output.TrimEnd().Split('\n'));

        var build = Assert.Single(_rows.Builds);
        Assert.Equal(
            (0, "foo", "1.0", "cp311", TimeSpan.FromMinutes(90), "made by hand\n"),
            (build.SlaveId, build.Package, build.Version, build.AbiTag, build.Duration, build.Output));
        var file = Assert.Single(build.Files);
        Assert.Equal((">=3.9", HashOf(wheel)), (file.RequiresPython, file.FileHash));
        Assert.Equal(["numpy"], file.Dependencies[FileState.PipTool]);
        Assert.Equal(["libbar2", "libc6", "libfoo1"], file.Dependencies[FileState.AptTool]);
        Assert.Equal(file.FileHash, HashOf(Published(wheel)));
        Assert.True(File.Exists(wheel));
    }

    [Fact]
    public async Task Without_an_abi_of_its_own_the_master_chooses_and_needs_are_those_of_every_python()
    {
        await KnowAsync();
        var wheel = new WheelMaker("foo", "1.0")
        {
            Fields = "Requires-Python: >=3.8\nRequires-Dist: six\nRequires-Dist: tomli; python_version < '3.11'\n"
                + "Requires-Dist: typing; python_version < '3.5'\nRequires-Dist: new; python_version >= '3.7'",
        }.WriteTo(_folder);
        await EndsAsync(0, "Imported 1 wheel of foo 1.0.", "-y", wheel);
        var build = Assert.Single(_rows.Builds);
        Assert.Equal(("cp39", "linux_armv7l"), (build.AbiTag, build.PlatformTag));
        Assert.Equal(["new", "six"], build.Files[0].Dependencies[FileState.PipTool]);
    }

    [Fact]
    public async Task Wheels_are_deleted_when_the_master_has_all_of_them_and_a_program_can_read_which()
    {
        await KnowAsync();
        string[] wheels = [Wheel("cp311-cp311-linux_armv7l"), Wheel("py3-none-any")];
        var (exitCode, output) = await RunAsync(["-y", "--delete", "--json", "--abi", "cp311", .. wheels]);
        Assert.True(exitCode == 0, output);
        using var told = JsonDocument.Parse(output);
        Assert.Equal("cp311", told.RootElement.GetProperty("abi").GetString());
        Assert.Equal(
            wheels.Select(Path.GetFileName),
            told.RootElement.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("filename").GetString()));
        Assert.All(
            told.RootElement.GetProperty("files").EnumerateArray(),
            file => Assert.True(file.GetProperty("deleted").GetBoolean()));
        Assert.All(wheels, wheel => Assert.False(File.Exists(wheel)));
        Assert.All(wheels, wheel => Assert.True(File.Exists(Published(wheel))));
    }

    [Fact]
    public async Task What_the_master_refuses_is_told_in_a_line_and_deletes_nothing()
    {
        var wheel = Wheel("cp311-cp311-linux_armv7l");
        await EndsAsync(1, "piw import: foo 1.0: nothing is built here for cp311, but for no other", "-y", "-d", wheel);
        await KnowAsync();
        await _rows.DeleteVersionAsync(Foo1);
        await EndsAsync(
            1,
            "piw import: foo 1.0: unknown package version foo 1.0; 'piw add foo 1.0' adds it, and --package-version names it "
            + "as the farm does",
            "-y", "-d", wheel);
        await EndsAsync(
            1, "piw import: foo 1.0: foo-1.0-cp311-cp311-linux_armv7l.whl: a build for cp39 on linux_armv7l does not make "
            + "cp311-cp311-linux_armv7l", "-y", "-d", "--abi", "cp39", wheel);
        Assert.True(File.Exists(wheel));
        Assert.Empty(_rows.Builds);
    }

    [Theory]
    [InlineData("y", 0, "Imported 1 wheel of foo 1.0.")]
    [InlineData("n", 2, "piw import: nothing was changed")]
    public async Task On_a_terminal_it_shows_what_it_does_asks_and_shows_how_far_it_is(string answer, int code, string words)
    {
        await KnowAsync();
        var (exitCode, output) = await PiwProcess.TypeAsync(answer, ["import", .. Common, Wheel("cp311-cp311-linux_armv7l")]);
        Assert.True(exitCode == code, output);
        Assert.Contains("  foo-1.0-cp311-cp311-linux_armv7l.whl, 1 kB\n", output, StringComparison.Ordinal);
        Assert.Contains("Import 1 wheel of foo 1.0, built for cp311? [y/N] ", output, StringComparison.Ordinal);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Equal(code == 0, output.Contains("100 % foo-1.0", StringComparison.Ordinal));
        Assert.Equal(code == 0 ? 1 : 0, _rows.Builds.Count);
    }

    public static TheoryData<string, string> BadFiles() => new()
    {
        { "missing", "there is no such file" },
        { "folder", "is a folder" },
        { "no name", "notes.txt is not the name of a wheel" },
        { "no zip", "foo-1.0-py3-none-any.whl is broken: " },
        { "truncated", "foo-1.0-py3-none-any.whl is broken: " },
        { "a changed byte", "foo-1.0-py3-none-any.whl is broken: " },
        { "empty", "foo-1.0-py3-none-any.whl is no plain file" },
        { "a link", "is no plain file" },
        { "other METADATA", "is not what it says: its METADATA is of the project 'bar'" },
        { "other version", "is not what it says: its METADATA is of version '2.0'" },
        { "two packages", "bar-1.0-py3-none-any.whl is not of foo" },
        { "two versions", "foo-2.0-py3-none-any.whl is not of version 1.0" },
        { "twice", "foo-1.0-py3-none-any.whl is named twice" },
        { "no log", "missing.log cannot be read: " },
        { "no dependencies", "missing.txt cannot be read: " },
        { "strange dependencies", "apt.txt:2: 'Lib$' is not the name of a Debian package" },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public async Task What_cannot_be_imported_is_told_in_a_line_before_a_master_is_asked(string what, string words)
    {
        var good = Wheel("py3-none-any");
        string[] arguments = what switch
        {
            "missing" => [Path.Combine(_folder, "foo-9.0-py3-none-any.whl")],
            "folder" => [Directory.CreateDirectory(Path.Combine(_folder, "foo-9.0-py3-none-any.whl")).FullName],
            "no name" => [await WriteAsync("notes.txt", "notes")],
            "no zip" => [await WriteAsync(Path.GetFileName(good), "no zip at all")],
            "truncated" => [await ChangedAsync(good, bytes => bytes[..^30])],
            "a changed byte" => [await ChangedAsync(good, bytes => [.. bytes[..60], (byte)(bytes[60] ^ 1), .. bytes[61..]])],
            "empty" => [await WriteAsync(Path.GetFileName(good), "")],
            "a link" => [LinkTo(good)],
            "other METADATA" => [new WheelMaker("foo") { Metadata = "Metadata-Version: 2.1\nName: bar\nVersion: 1.0\n" }.WriteTo(_folder)],
            "other version" => [new WheelMaker("foo") { Metadata = "Metadata-Version: 2.1\nName: foo\nVersion: 2.0\n" }.WriteTo(_folder)],
            "two packages" => [good, new WheelMaker("bar").WriteTo(_folder)],
            "two versions" => [good, new WheelMaker("foo", "2.0").WriteTo(_folder)],
            "twice" => [good, good],
            "no log" => ["--output", Path.Combine(_folder, "missing.log"), good],
            "no dependencies" => ["--dependencies", Path.Combine(_folder, "missing.txt"), good],
            _ => ["--dependencies", await WriteAsync("apt.txt", "libfoo\nLib$\n"), good],
        };
        var (exitCode, output) = await RunAsync(["-y", "--wait", "1ms", .. arguments]);
        Assert.True(exitCode == 1, output);
        Assert.StartsWith("piw import: ", output, StringComparison.Ordinal);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));
    }

    [Fact]
    public async Task A_wheel_that_may_not_be_read_is_told_in_a_line()
    {
        File.SetUnixFileMode(_bed.Folder, (UnixFileMode)Convert.ToInt32("755", 8));
        var wheel = Wheel("py3-none-any");
        File.SetUnixFileMode(wheel, UnixFileMode.None);
        await using var piw = PiwProcess.StartAsUser(["import", .. Common, "-y", wheel]);
        Assert.Equal(1, await piw.EndAsync());
        Assert.StartsWith($"piw import: {wheel} cannot be read: ", piw.Output, StringComparison.Ordinal);
        Assert.Single(piw.Output.Trim().Split('\n'));
    }

    [Theory]
    [InlineData("Required argument 'FILE' missing")]
    [InlineData("--package: 'foo bar' is not a package name", "--package", "foo bar", "x.whl")]
    [InlineData("--package-version: '..' is not a version", "--package-version", "..", "x.whl")]
    [InlineData("--abi: 'none' is not the ABI of a Python; write it like cp311", "--abi", "none", "x.whl")]
    [InlineData("--duration: ", "--duration", "long", "x.whl")]
    [InlineData("there is no option --force", "--force", "x.whl")]
    [InlineData("import those of one at a time, or say --abi", "foo-1-cp39-cp39-any.whl", "foo-1-cp311-cp311-any.whl")]
    public async Task Wrong_usage_is_told(string words, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(arguments);
        Assert.True(exitCode == 2, output);
        Assert.Contains(words, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_somebody_to_ask_nothing_is_imported()
    {
        await KnowAsync();
        await EndsAsync(2, "piw import: nobody can be asked here: say --yes to go on", Wheel("py3-none-any"));
        Assert.Empty(_rows.Builds);
    }

    [Fact]
    public async Task A_master_or_a_file_queue_that_is_not_there_is_not_waited_for_for_ever()
    {
        var wheel = Wheel("py3-none-any");
        var nobody = _bed.Ipc("nobody");
        var (exitCode, output) = await PiwProcess.RunAsync("import", "-y", "--wait", "300ms", "--import-queue", nobody, wheel);
        Assert.Equal(1, exitCode);
        Assert.EndsWith(
            $"piw import: no master answered at {nobody} within 0.3s: nobody listens there", output.Trim(), StringComparison.Ordinal);
        await KnowAsync();
        (exitCode, output) = await PiwProcess.RunAsync(
            "import", "-y", "--wait", "2s", "--import-queue", _configuration.ImportQueue, "--file-queue", nobody, wheel);
        Assert.Equal(1, exitCode);
        Assert.EndsWith(
            $"piw import: {Path.GetFileName(wheel)} could not be sent to {nobody}: the receiver was silent for 2.0s",
            output.Trim(), StringComparison.Ordinal);
        Assert.Empty(_rows.Builds);
    }

    private string[] Common =>
        ["--configuration", "/dev/null", "--import-queue", _configuration.ImportQueue, "--file-queue", _fileQueue];

    private async Task KnowAsync()
    {
        foreach (var abi in Targets) await _rows.AddTargetAsync(new Target(abi, "linux_armv7l"));
        await _rows.AddNewPackageAsync(Foo1.Package);
        await _rows.AddNewPackageVersionAsync(Foo1);
    }

    private string Wheel(string tags) => new WheelMaker("foo", "1.0", tags).WriteTo(_folder);

    private async Task<string> WriteAsync(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        await File.WriteAllTextAsync(path, text);
        return path;
    }

    private static async Task<string> ChangedAsync(string path, Func<byte[], byte[]> change)
    {
        await File.WriteAllBytesAsync(path, change(await File.ReadAllBytesAsync(path)));
        return path;
    }

    private string LinkTo(string wheel)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "links")).FullName;
        return File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(wheel)), wheel).FullName;
    }

    private string Published(string wheel) =>
        Path.Combine(_configuration.OutputPath, "simple", "foo", Path.GetFileName(wheel));

    private static string HashOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));

    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        PiwProcess.RunAsync(["import", .. Common, .. arguments]);

    /// <summary>Runs it; it must end so, and the last line must be this.</summary>
    private async Task EndsAsync(int code, string line, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(arguments);
        Assert.True(exitCode == code, output);
        Assert.Equal(line, output.Trim().Split('\n')[^1]);
    }
}
