using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>
/// Python peers against `piw master` and PostgreSQL: every request of the import queue and the control queue, over both
/// transports, in the forms of old and new versions.
/// </summary>
public sealed class PythonToolTests(DatabaseFixture databases)
{
    private const string Hello =
        """[{"seconds": 9000}, {"seconds": 300}, "311", "cp311", "linux_armv7l", "slave", "Debian", "12", "", ""]""";

    private const string Stats = """[{"time": "2026-01-01T00:00:00"}, 1, 1, 1, 1, 1, 1, 0.5, 40.0]""";

    [Theory]
    [InlineData("ipc", 11)]
    [InlineData("tcp", 10)]
    public async Task Every_request_of_the_import_queue_is_answered_as_its_tool_expects(string transport, int fields)
    {
        await using var farm = await MasterFixture.StartAsync(databases, transport);
        await using var tools = new PythonTools();
        await tools.OpenAsync("tool", "REQ", farm["import"]);
        Task<string> Ask(string message, string? data = null) => tools.AskAsync("tool", message, data);

        const string Foo1 = """["foo", "1.0", "", false, {"time": "2024-01-31T00:00:00"}, false, false, []]""";
        Assert.Equal("""["ERROR","NOPKG"]""", await Ask("ADDVER", Foo1));
        Assert.Equal("""["DONE","NEWPKG"]""", await Ask("ADDPKG", """["Foo", "a thing", "", false, ["FOO"]]"""));
        Assert.Equal("""["DONE","UPDPKG"]""", await Ask("ADDPKG", """["foo", "a thing", "", true, []]"""));
        Assert.Equal("""["ERROR","SKIPPKG"]""", await Ask("ADDPKG", """["foo", "", "too large", false, []]"""));
        Assert.Equal(
            """["ERROR","\u0027bar\u0027 is no spelling of foo"]""", await Ask("ADDPKG", """["foo", "", "", false, ["bar"]]"""));
        Assert.Equal("""["DONE","NEWVER"]""", await Ask("ADDVER", Foo1));
        Assert.Equal("""["DONE","UPDVER"]""", await Ask("ADDVER", Foo1));
        Assert.Equal(
            """["ERROR","SKIPVER"]""", await Ask("ADDVER", """["foo", "1.0", "bad", false, {"time": "2024-01-31T00:00:00"}, false, false, []]"""));
        Assert.Equal(
            """["ERROR","YANKVER"]""", await Ask("ADDVER", """["foo", "1.0", "", false, {"time": "2024-01-31T00:00:00"}, true, false, []]"""));

        Assert.Equal("""["ERROR","protocol violation"]""", await Ask("SENT"));
        var wheel = farm.Wheel();
        Assert.Equal(
            """[["ERROR","a failed build cannot be imported"]]""",
            await tools.ImportAsync("tool", farm["file"], wheel, "cp311", fields, status: false));
        Assert.Equal(
            """[["ERROR","nothing is built here for cp27m, but for cp311"]]""",
            await tools.ImportAsync("tool", farm["file"], wheel, "cp27m", fields));
        Assert.Contains("unknown package version", await tools.ImportAsync(
            "tool", farm["file"], wheel, "cp311", fields, "1"), StringComparison.Ordinal);
        Assert.Equal(
            $"""[["SEND","{Path.GetFileName(wheel)}"],["DONE","IMPORT"]]""",
            await tools.ImportAsync("tool", farm["file"], wheel, fields == 11 ? "cp311" : null, fields));
        Assert.Equal(
            [$"{Path.GetFileName(wheel)} {HashOf(wheel)} cp311 linux_armv7l /simple"],
            await farm.Store.ColumnAsync(
                "SELECT concat_ws(' ', f.filename, f.filehash, b.abi_tag, b.platform_tag, f.location) "
                + "FROM files f JOIN builds b USING (build_id)"));
        Assert.Equal(HashOf(wheel), HashOf(farm.Published(wheel)));

        foreach (var what in new[] { "\"HOME\"", "\"SEARCH\"", "\"PROJECT\", \"foo\"", "\"PROJECT\", null", "\"BOTH\", \"Foo\"", "\"BOTH\", null" })
            Assert.Equal("""["DONE","REBUILD"]""", await Ask("REBUILD", $"[{what}]"));
        Assert.Equal("""["ERROR","unknown package bar"]""", await Ask("REBUILD", """["PROJECT", "bar"]"""));

        Assert.Equal("""["DONE","YANKVER"]""", await Ask("REMVER", """["foo", "1.0", false, "", true]"""));
        Assert.Equal("""["DONE","SKIPVER"]""", await Ask("REMVER", """["foo", "1.0", false, "bad", false]"""));
        Assert.Equal("""["DONE","DELVERBLD"]""", await Ask("REMVER", """["foo", "1.0", true, "", false]"""));
        Assert.False(File.Exists(farm.Published(wheel)));
        Assert.Equal("""["DONE","DELVER"]""", await Ask("REMVER", """["foo", "1.0", false, "", false]"""));
        Assert.Equal("""["ERROR","NOVER"]""", await Ask("REMVER", """["foo", "1.0", false, "", false]"""));
        Assert.Equal("""["DONE","SKIPPKG"]""", await Ask("REMPKG", """["foo", false, "bad"]"""));
        Assert.Equal("""["DONE","DELPKGBLD"]""", await Ask("REMPKG", """["foo", true, ""]"""));
        Assert.Equal("""["DONE","DELPKG"]""", await Ask("REMPKG", """["foo", false, ""]"""));
        Assert.Equal("""["ERROR","NOPKG"]""", await Ask("REMPKG", """["foo", false, ""]"""));
        Assert.Equal(["0"], await farm.Store.ColumnAsync("SELECT count(*)::text FROM packages"));

        // What 0.16 to 0.19 says, whose tools want no data with DONE
        await tools.OpenAsync("old", "REQ", farm["import"]);
        await Ask("ADDPKG", """["foo", "", "", false, []]""");
        await Ask("ADDVER", Foo1);
        Assert.Equal("\"DONE\"", await tools.AskAsync("old", "REMOVE", """["foo", "1.0", "broken"]"""));
        Assert.Equal("\"DONE\"", await tools.AskAsync("old", "REMOVE", """["foo", "1.0", ""]"""));
        Assert.Equal("\"DONE\"", await tools.AskAsync("old", "REBUILD", """["BOTH", null]"""));
        Assert.Equal("\"DONE\"", await tools.AskAsync("old", "REMOVE", """["foo", null, ""]"""));
        Assert.StartsWith("""["ERROR",""", await tools.AskAsync("old", "REMOVE", """["foo", null, ""]"""), StringComparison.Ordinal);
        Assert.StartsWith("""["ERROR",""", await tools.AskAsync("old", "NONSENSE", "[]"), StringComparison.Ordinal);
        await farm.EndAsync();
    }

    [Theory]
    [InlineData("ipc")]
    [InlineData("tcp")]
    public async Task Every_request_of_the_control_queue_is_done(string transport)
    {
        await using var farm = await MasterFixture.StartAsync(databases, transport);
        await using (var database = new Database(farm.Store.UserDsn))
        {
            foreach (var package in new[] { "foo", "bar", "baz" }.Select(PackageName.Parse))
            {
                await database.AddNewPackageAsync(package);
                await database.AddNewPackageVersionAsync(new Release(package, "1.0"));
            }
        }

        await using var tools = new PythonTools();
        await tools.OpenAsync("slave", "REQ", farm["slave"]);
        await tools.OpenAsync("status", "SUB", farm["status"]);
        await tools.OpenAsync("control", "PUSH", farm["control"]);
        Assert.StartsWith("""["ACK",[1,""", await tools.AskAsync("slave", "HELLO", Hello), StringComparison.Ordinal);
        await tools.AskAsync("slave", "IDLE", Stats, until: """["BUILD"]""");
        Assert.Equal("\"CONT\"", await tools.AskAsync("slave", "BUSY", Stats));

        await tools.TellAsync("control", "HELLO");
        Assert.Equal(6, (await tools.HearAsync("status", "HELLO"))[1]!.AsArray().Count);
        Assert.Equal(19, (await tools.HearAsync("status", "STATS"))[1]!.AsArray().Count);
        Assert.Equal(1, (int)(await tools.HearAsync("status", "SLAVE"))[1]![0]!);

        // What is told takes effect in its order: when the build is taken back, the slave sleeps
        foreach (var whom in new[] { "1", "null" })
        {
            await tools.TellAsync("control", "SLEEP", whom);
            await tools.TellAsync("control", "SKIP", whom);
            await tools.AskAsync("slave", "BUSY", Stats, until: "\"DONE\"");
            Assert.Equal("""["SLEEP",true]""", await tools.AskAsync("slave", "IDLE", Stats));
            await tools.TellAsync("control", "WAKE", whom);
            await tools.AskAsync("slave", "IDLE", Stats, until: """["BUILD"]""");
        }

        await tools.TellAsync("control", "KILL", "1");
        await tools.TellAsync("control", "SKIP", "null");
        await tools.AskAsync("slave", "BUSY", Stats, until: "\"DONE\"");
        Assert.Equal("\"DIE\"", await tools.AskAsync("slave", "IDLE", Stats));
        await tools.TellAsync("control", "QUIT");
        await farm.EndedAsync();
    }

    private static string HashOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
