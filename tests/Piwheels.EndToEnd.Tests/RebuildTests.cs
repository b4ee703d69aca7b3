using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Zmq;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw rebuild` as people run it, against the master's own task for tools.</summary>
public sealed class RebuildTests : ImportQueueTests
{
    [Fact]
    public async Task Pages_are_asked_for_one_by_one()
    {
        await Rows.AddNewPackageAsync(PackageName.Parse("foo"));
        await SaysAsync(0, "Written again: the home page.", "home");
        await SaysAsync(0, "Written again: the search.", "search");
        await SaysAsync(0, "Written again: the project page of foo.", "project", "Foo");
        await SaysAsync(0, "Written again: the project page and the simple index of foo.", "index", "foo");
        await SaysAsync(1, "piw rebuild: unknown package bar", "project", "bar");
        Assert.Equal(["HOME", "SEARCH", "PROJECT foo", "BOTH foo"], Pages);
    }

    [Theory]
    [InlineData("y", 0, "behind what changes now: the project page and the simple index of all packages.", "index")]
    [InlineData("n", 2, "piw rebuild: nothing was changed", "index")]
    [InlineData("", 2, "piw rebuild: nothing was changed", "project")]
    public async Task All_are_written_again_when_somebody_says_yes(string answer, int code, string words, string pages)
    {
        string[] names = ["foo", "bar"];
        foreach (var name in names) await Rows.AddNewPackageAsync(PackageName.Parse(name));
        var before = await Rows.LoadRewritesPendingAsync();
        foreach (var row in before)
            await Rows.RewriteDoneAsync(row.Package, RewriteCommand.Both, long.MaxValue);
        var (exitCode, output) = await PiwProcess.TypeAsync(answer, ["rebuild", .. Common, pages]);
        Assert.True(exitCode == code, output);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Contains("of all packages again? [y/N] ", output, StringComparison.Ordinal);
        var owed = (await Rows.LoadRewritesBacklogAsync()).Select(row => row.Package.Value).Order();
        Assert.Equal(code == 0 ? names.Order() : [], owed);
        Assert.Empty(await Rows.LoadRewritesPendingAsync());
        Assert.Empty(Pages);
    }

    [Theory]
    [InlineData("Required argument 'PAGES' missing")]
    [InlineData("'all' is none of home, search, project, index", "all")]
    [InlineData("home is one for all packages: name none", "home", "foo")]
    [InlineData("search is one for all packages: name none", "search", "foo")]
    [InlineData("'foo bar' is not a package name", "index", "foo bar")]
    [InlineData("nobody can be asked here: say --yes to go on", "index")]
    [InlineData("no option --force", "index", "--force")]
    public async Task Wrong_usage_is_told_and_asks_no_master(string words, params string[] arguments)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(["rebuild", .. Common, .. arguments]);
        Assert.True(exitCode == 2, output);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Empty(Pages);
    }

    [Fact]
    public async Task Who_may_not_connect_is_told_at_once()
    {
        File.SetUnixFileMode(Queue["ipc://".Length..], UnixFileMode.None);
        await using var piw = PiwProcess.StartAsUser(["rebuild", .. Common, "home"]);
        Assert.Equal(1, await piw.EndAsync());
        Assert.Equal(
            $"piw rebuild: this user may not connect to {Queue}: run it as the one who runs the master", piw.Output.Trim());
    }

    [Fact]
    public async Task A_master_that_is_not_there_is_not_waited_for_for_ever()
    {
        var nobody = Bed.Ipc("nobody");
        await EndsAsync(
            1, $"piw rebuild: no master answered at {nobody} within 0.3s: nobody listens there",
            "home", "--wait", "300ms", "--import-queue", nobody);
        var silent = Bed.Ipc("silent");
        using var socket = Bed.Zmq.CreateSocket(ZmqSocketType.Router);
        socket.Bind(silent);
        await EndsAsync(
            1, $"piw rebuild: no master answered at {silent} within 0.3s", "home", "--wait", "300ms", "--import-queue", silent);
        await EndsAsync(
            1, $"piw rebuild: no master answered at {silent} within 0.3s; one that is still entering all packages goes on with it",
            "index", "-y", "--wait", "300ms", "--import-queue", silent);
    }

    private string[] Common => ["--configuration", "/dev/null", "--import-queue", Queue];

    private Task SaysAsync(int code, string line, params string[] arguments) =>
        EndsAsync(code, line, [.. arguments, .. Common]);

    private static async Task EndsAsync(int code, string line, params string[] arguments)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(["rebuild", .. arguments]);
        Assert.Equal((code, line), (exitCode, output.Trim()));
    }
}
