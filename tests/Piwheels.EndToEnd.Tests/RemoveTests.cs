using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw remove` as people run it, against the master's own task for tools.</summary>
public sealed class RemoveTests : ImportQueueTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly Release Foo1 = new(Foo, "1.0");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");

    [Fact]
    public async Task A_version_is_skipped_yanked_rid_of_its_builds_and_removed()
    {
        await AddBuiltAsync();
        await SaysAsync(0, "Yanked foo 1.0.", "Foo", "1.0", "-y", "--yank");
        Assert.True((await Rows.GetProjectDataAsync(Foo))!.Versions.Single(each => each.Version == "1.0").Yanked);
        await SaysAsync(0, "Skipped foo 1.0.", "foo", "1.0", "-y", "-s", "does not end");
        Assert.Equal("does not end", await Rows.GetVersionSkipAsync(Foo1));
        Assert.Single(Rows.Builds);
        await SaysAsync(0, "Removed all builds and files of foo 1.0; it is built again.", "foo", "1.0", "-y", "--builds");
        Assert.Empty(Rows.Builds);
        Assert.True(await Rows.TestPackageVersionAsync(Foo1));
        await SaysAsync(0, "Removed foo 1.0.", "foo", "1.0", "-y");
        Assert.False(await Rows.TestPackageVersionAsync(Foo1));
        Assert.True(await Rows.TestPackageVersionAsync(new Release(Foo, "2.0")));
    }

    [Fact]
    public async Task A_package_is_skipped_rid_of_its_builds_and_removed()
    {
        await AddBuiltAsync();
        await SaysAsync(0, "Skipped package foo.", "foo", "-y", "--skip", "too large");
        Assert.Equal("too large", await Rows.GetPackageSkipAsync(Foo));
        await SaysAsync(0, "Removed all builds and files of package foo; it is built again.", "foo", "-y", "--builds");
        Assert.Empty(Rows.Builds);
        await SaysAsync(0, "Removed package foo.", "FOO", "-y");
        Assert.False(await Rows.TestPackageAsync(Foo));
    }

    [Fact]
    public async Task Several_things_can_be_asked_for_at_once()
    {
        await AddBuiltAsync();
        await SaysAsync(
            0, "Skipped, yanked and removed all builds and files of foo 1.0.",
            "foo", "1.0", "-y", "--builds", "--yank", "--skip", "bad");
        Assert.Empty(Rows.Builds);
        var version = (await Rows.GetProjectDataAsync(Foo))!.Versions.Single(each => each.Version == "1.0");
        Assert.Equal((true, "bad"), (version.Yanked, version.Skip));
    }

    [Fact]
    public async Task What_the_master_refuses_is_told_in_a_line()
    {
        await SaysAsync(1, "piw remove: package foo is unknown here", "Foo", "-y");
        await AddBuiltAsync();
        await SaysAsync(1, "piw remove: foo 9 is unknown here", "foo", "9", "-y");
        await SaysAsync(1, "piw remove: foo 1.0: the reason 'deleted' is the farm's own", "foo", "1.0", "-y", "-s", "deleted");
        await SaysAsync(1, "piw remove: foo 1 0: '1 0' is not a version", "foo", "1 0", "-y");
        Assert.True(await Rows.TestPackageVersionAsync(Foo1));
    }

    [Theory]
    [InlineData("y", 0, "Removed package foo.", "Remove package foo with all its versions, builds and files? [y/N] ", "foo")]
    [InlineData("YES", 0, "Removed foo 1.0.", "Remove foo 1.0 with its builds and files? [y/N] ", "foo", "1.0")]
    [InlineData("n", 2, "piw remove: nothing was changed", "Skip package foo? [y/N] ", "foo", "-s", "bad")]
    [InlineData("", 2, "piw remove: nothing was changed", "Yank and remove all builds and files of foo 1.0? [y/N] ",
        "foo", "1.0", "--builds", "--yank")]
    public async Task On_a_terminal_it_asks(string answer, int code, string line, string question, params string[] arguments)
    {
        await AddBuiltAsync();
        var (exitCode, output) = await PiwProcess.TypeAsync(answer, ["remove", .. Common, .. arguments]);
        Assert.True(exitCode == code, output);
        Assert.Contains(question, output, StringComparison.Ordinal);
        Assert.Contains(line, output, StringComparison.Ordinal);
        Assert.Equal(code != 0, await Rows.TestPackageVersionAsync(Foo1));
        if (code == 0) return;
        Assert.Single(Rows.Builds);
        Assert.Equal("", await Rows.GetPackageSkipAsync(Foo));
    }

    [Fact]
    public async Task Where_nobody_can_be_asked_nothing_is_changed_without_yes()
    {
        await AddBuiltAsync();
        await SaysAsync(2, "piw remove: nobody can be asked here: say --yes to go on", "foo");
        Assert.True(await Rows.TestPackageVersionAsync(Foo1));
    }

    [Theory]
    [InlineData("Required argument 'PACKAGE' missing")]
    [InlineData("is not a package name", "foo bar", "-y")]
    [InlineData("is not a package name", "foo>1", "-y")]
    [InlineData("--yank is for versions: name one", "foo", "-y", "--yank")]
    [InlineData("--skip needs a reason", "foo", "-y", "--skip", "")]
    [InlineData("--skip needs a reason", "foo", "1.0", "-y", "--skip", "  ")]
    [InlineData("no option --force", "foo", "-y", "--force")]
    [InlineData("no option -x", "foo", "-x")]
    [InlineData("--wait", "foo", "-y", "--wait", "long")]
    [InlineData("--yank is not known to an old master", "foo", "1.0", "-y", "--yank", "--old-master")]
    [InlineData("--builds is not known to an old master, unless with --skip", "foo", "-y", "--builds", "--old-master")]
    public async Task Wrong_usage_is_told_and_asks_no_master(string words, params string[] arguments)
    {
        await AddBuiltAsync();
        var (exitCode, output) = await RunAsync(arguments);
        Assert.True(exitCode == 2, output);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.True(await Rows.TestPackageVersionAsync(Foo1));
    }

    [Fact]
    public async Task In_the_form_of_old_masters_it_removes_or_skips_with_the_builds()
    {
        await AddBuiltAsync();
        await SaysAsync(
            0, "Skipped and removed all builds and files of foo 1.0.", "foo", "1.0", "-y", "-s", "bad", "--old-master");
        Assert.Equal("bad", await Rows.GetVersionSkipAsync(Foo1));
        Assert.Empty(Rows.Builds);
        await SaysAsync(0, "Removed foo 1.0.", "foo", "1.0", "-y", "--old-master");
        await SaysAsync(1, "piw remove: foo 1.0 is unknown here", "foo", "1.0", "-y", "--old-master");
        await SaysAsync(0, "Removed package foo.", "foo", "-y", "--old-master");
        Assert.False(await Rows.TestPackageAsync(Foo));
    }

    [Fact]
    public async Task A_master_that_is_not_there_is_not_waited_for_for_ever()
    {
        var nobody = Bed.Ipc("nobody");
        var (exitCode, output) = await PiwProcess.RunAsync(
            "remove", "foo", "-y", "--wait", "300ms", "--import-queue", nobody);
        Assert.Equal(
            (1, $"piw remove: no master answered at {nobody} within 0.3s: nobody listens there"),
            (exitCode, output.Trim()));
    }

    /// <summary>As a master of piwheels, in its own words (0.20 and later).</summary>
    [Theory]
    [InlineData("8264444F4E456644454C504B47", 0, "Removed package foo.", "foo")]
    [InlineData("8264444F4E4567534B4950564552", 0, "Skipped and removed all builds and files of foo 1.0.",
        "foo", "1.0", "--builds", "-s", "bad")]
    [InlineData("8264444F4E456944454C564552424C44", 0, "Removed all builds and files of foo 1.0; it is built again.",
        "foo", "1.0", "--builds")]
    [InlineData("82654552524F52654E4F504B47", 1, "piw remove: package foo is unknown here", "foo")]
    [InlineData("82654552524F52654E4F564552", 1, "piw remove: foo 1.0 is unknown here", "foo", "1.0")]
    [InlineData("8264444F4E456644454C504B47", 1, "piw remove: the master answered DONE, which answers something else",
        "foo", "-s", "bad")]
    [InlineData("64444F4E45", 1, "piw remove: the master answered DONE, which answers something else", "foo")]
    [InlineData("826453454E4463666F6F", 1, "piw remove: the master answered SEND, which answers something else", "foo")]
    [InlineData("FF", 1, "is no master", "foo")]
    public async Task Another_masters_answers_are_put_into_words(string answer, int code, string words, params string[] arguments)
    {
        var address = Bed.Ipc("other");
        var payload = Convert.FromHexString(answer);
        var other = Bed.Task("other");
        other.Register(other.BindRaw(ZmqSocketType.Router, address), socket =>
        {
            while (socket.TryReceive(out var frames)) socket.TrySend(frames[0], frames[1], payload);
        });
        other.Start();
        var (exitCode, output) = await PiwProcess.RunAsync(["remove", "-y", "--import-queue", address, .. arguments]);
        Assert.True(exitCode == code, output);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));
    }

    private string[] Common => ["--configuration", "/dev/null", "--import-queue", Queue];

    private async Task AddBuiltAsync()
    {
        await Rows.AddTargetAsync(Cp311);
        await Rows.AddNewPackageAsync(Foo);
        foreach (var version in new[] { "1.0", "2.0" })
            await Rows.AddNewPackageVersionAsync(new Release(Foo, version), DateTimeOffset.UnixEpoch);
        await Rows.LogBuildAsync(new BuildState(
            1, "foo", "1.0", "cp311", true, TimeSpan.FromSeconds(1), "", [
                new FileState(
                    "foo-1.0-py3-none-any.whl", 1, new string('0', 64), "foo", "1.0", "py3", "none", "any", null,
                    FileState.NoDependencies)], "linux_armv7l"));
    }

    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        PiwProcess.RunAsync(["remove", .. Common, .. arguments]);

    /// <summary>Runs it; it must end so, and say this and nothing else.</summary>
    private async Task SaysAsync(int code, string line, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(arguments);
        Assert.Equal((code, line), (exitCode, output.Trim()));
    }
}
