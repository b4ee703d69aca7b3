using System.Text.Json.Nodes;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>Our tools against masters in Python, of old and new versions (tests/peers/chase.py).</summary>
public sealed class PythonMasterTests : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private PythonPeer? _master;
    private string[] _queues = [];

    public async ValueTask DisposeAsync()
    {
        if (_master is not null) await _master.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("{}", 0, "Added package foo.", """["foo","a thing","bad",false,["FOO"]]""",
        "add", "foo", "-d", "a thing", "-s", "bad", "-a", "FOO")]
    [InlineData("{}", 0, "Added foo 1.0.", """["foo","1.0","",false,"2024-01-31 00:00:00\u002B00:00",true,false,[]]""",
        "add", "foo", "1.0", "-r", "2024-01-31", "--yank", "--pypi-json", "http://127.0.0.1:9/")]
    [InlineData("{}", 0, "Removed package foo.", """["foo",false,""]""", "remove", "foo")]
    [InlineData("{}", 0, "Yanked foo 1.0.", """["foo","1.0",false,"",true]""", "remove", "foo", "1.0", "--yank")]
    [InlineData("""{"old": true}""", 0, "Removed package foo.", """["foo",null,""]""", "remove", "foo", "--old-master")]
    [InlineData("""{"old": true}""", 0, "Skipped and removed all builds and files of foo 1.0.", """["foo","1.0","bad"]""",
        "remove", "foo", "1.0", "-s", "bad", "--old-master")]
    [InlineData("""{"old": true}""", 1, "and one of piwheels before 0.20 needs --old-master", """["foo",false,""]""",
        "remove", "foo", "--wait", "1s")]
    [InlineData("""{"old": true}""", 1, "; one of piwheels before 0.20 has no answer to this", """["foo","","",false,[]]""",
        "add", "foo", "-d", "", "--wait", "1s")]
    [InlineData("{}", 0, "Written again: the home page.", """["HOME"]""", "rebuild", "home")]
    [InlineData("{}", 0, "pages of all packages", """["PROJECT",null]""", "rebuild", "project")]
    [InlineData("""{"old": true}""", 0, "the simple index of foo.", """["BOTH","foo"]""", "rebuild", "index", "foo")]
    [InlineData("""{"reply": {"REBUILD": ["SEND", "x"]}}""", 1, "the master answered SEND, which answers something else",
        """["SEARCH"]""", "rebuild", "search")]
    public async Task Requests_are_understood_and_their_answers_put_into_words(
        string options, int code, string words, string data, params string[] arguments)
    {
        await StartAsync(options);
        var (exitCode, output) = await PiwProcess.RunAsync([.. arguments, "-y", "--import-queue", _queues[0]]);
        Assert.True(exitCode == code, output);
        Assert.Contains(words, output.Replace("page of all", "pages of all", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(data, (await ReadAsync())["data"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"fields": 11}""")]
    [InlineData("""{"fields": 11, "twice": true}""")]
    [InlineData("""{"fields": 10, "old": true}""", "--old-master")]
    public async Task Wheels_are_imported_in_the_form_of_the_master(string options, params string[] more)
    {
        await StartAsync(options);
        string[] wheels = [Wheel("cp311-cp311-linux_armv6l"), Wheel("cp311-cp311-linux_armv7l")];
        var (exitCode, output) = await ImportAsync(["-d", "--duration", "1h", .. wheels, .. more]);
        Assert.True(exitCode == 0, output);
        Assert.All(wheels, wheel => Assert.False(File.Exists(wheel)));

        var build = (await ReadAsync())["data"]!.AsArray();
        Assert.Equal(
            """[0,"foo","1.0","cp311",true,[0,3600,0],"Imported manually via piw-import"]""",
            new JsonArray([.. build.Take(7).Select(each => each?.DeepClone())]).ToJsonString());
        var sent = new List<string>();
        for (var files = options.Contains("twice", StringComparison.Ordinal) ? 4 : 2; files > 0;)
        {
            var line = await ReadAsync();
            if (line["file"] is not { } file) continue;
            Assert.True((bool)line["sound"]!);
            sent.Add((string)file!);
            files--;
        }

        Assert.Equal(wheels.Select(Path.GetFileName), sent.Distinct());
    }

    [Theory]
    [InlineData("""{"fields": 10}""", "; one of piwheels before 0.22 needs --old-master")]
    [InlineData("""{"reply": {"IMPORT": ["ERROR", "unknown package version foo 1.0"]}}""", "'piw add foo 1.0' adds it")]
    [InlineData("""{"reply": {"IMPORT": ["SEND", "../foo.whl"]}}""", "the master asks for '../foo.whl', which was not announced")]
    [InlineData("""{"reply": {"SENT": ["SEND", "foo-1.0-py3-none-any.whl"]}}""",
        "the master has asked for foo-1.0-py3-none-any.whl 10 times")]
    [InlineData("""{"reply": {"SENT": ["ERROR", "the disk is full"]}}""", "foo 1.0: the disk is full")]
    [InlineData("""{"reply": {"SENT": ["DONE", "NEWPKG"]}}""", "the master answered DONE, which answers something else")]
    [InlineData("""{"reply": {"SENT": ["HELLO"]}}""", "is no master: ")]
    public async Task What_goes_wrong_is_told_in_a_line_and_deletes_nothing(string options, string words)
    {
        await StartAsync(options);
        var wheel = Wheel("py3-none-any");
        var (exitCode, output) = await ImportAsync(["-d", "--wait", "3s", wheel]);
        Assert.True(exitCode == 1, output);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.True(File.Exists(wheel));
    }

    private string Wheel(string tags) =>
        new WheelMaker("foo", "1.0", tags).With("foo/data.bin", new byte[200_000]).WriteTo(_folder.Path);

    private Task<(int ExitCode, string Output)> ImportAsync(string[] arguments) => PiwProcess.RunAsync(
        ["import", "-y", "--import-queue", _queues[0], "--file-queue", _queues[1], .. arguments]);

    private async Task StartAsync(string options)
    {
        _master = PythonPeer.Start("chase.py", options);
        var addresses = await ReadAsync();
        _queues = [(string)addresses["import_queue"]!, (string)addresses["file_queue"]!];
    }

    private async Task<JsonObject> ReadAsync() => JsonNode.Parse(await _master!.ReadLineAsync())!.AsObject();
}
