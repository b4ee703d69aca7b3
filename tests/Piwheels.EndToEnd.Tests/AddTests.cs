using System.Formats.Cbor;
using Piwheels.Cli.Demo;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw add` as people run it, against the master's own task for tools.</summary>
public sealed class AddTests : ImportQueueTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly DateTimeOffset LongAgo = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_package_and_a_version_are_added_and_then_changed()
    {
        await SaysAsync(0, "Added package foo.", "Foo", "-y", "-d", "a thing", "-a", "FOO", "-a", "foo", "--skip", "not yet");
        Assert.Equal("a thing", await Rows.GetPackageDescriptionAsync(Foo));
        Assert.Equal("not yet", await Rows.GetPackageSkipAsync(Foo));
        Assert.Equal(["FOO", "Foo"], await Rows.GetPackageAliasesAsync(Foo));
        await SaysAsync(0, "Changed package foo.", "foo", "-y", "-d", "a better thing", "--unskip");
        Assert.Equal("a better thing", await Rows.GetPackageDescriptionAsync(Foo));
        Assert.Equal("", await Rows.GetPackageSkipAsync(Foo));

        await SaysAsync(0, "Added foo 1.0.", "foo", "1.0", "-y", "-r", "2020-01-31", "--yank", "-s", "broken");
        var version = Assert.Single((await Rows.GetProjectDataAsync(Foo))!.Versions);
        Assert.Equal(
            (new DateTimeOffset(2020, 1, 31, 0, 0, 0, TimeSpan.Zero), true, "broken"),
            (version.Released, version.Yanked, version.Skip));
        await SaysAsync(0, "Changed foo 1.0.", "foo", "1.0", "-y", "--unyank", "--unskip");
        version = Assert.Single((await Rows.GetProjectDataAsync(Foo))!.Versions);
        Assert.Equal((false, ""), (version.Yanked, version.Skip));
    }

    [Fact]
    public async Task What_the_master_refuses_is_told_in_a_line()
    {
        await SaysAsync(1, "piw add: Package foo is unknown here; 'piw add foo' adds it.", "foo", "1.0", "-y");
        await RegisterAsync("1.0");
        await SaysAsync(
            1, "piw add: Package foo is known already: what is known is skipped by removing it.",
            "foo", "-y", "-d", "", "-s", "bad");
        await SaysAsync(
            1, "piw add: foo 1.0 is known already: what is known is yanked by removing it.", "foo", "1.0", "-y", "--yank");
        await SaysAsync(2, "piw add: --alias: 'bar' is no spelling of foo", "foo", "-y", "-d", "", "-a", "FOO", "-a", "bar");
    }

    [Fact]
    public async Task The_index_describes_a_package_unless_somebody_does()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var (exitCode, output) = await RunAsync("piw-demo-greeting", "-y", "--pypi-json", fixture.Index.Pypi.ToString());
        Assert.Equal((0, "Added package piw-demo-greeting."), (exitCode, output.Trim()));
        Assert.Equal(
            "A greeting in pure Python: one wheel fits every machine",
            await Rows.GetPackageDescriptionAsync(PackageName.Parse("piw-demo-greeting")));

        (exitCode, output) = await RunAsync("foo", "-y", "--pypi-json", fixture.Index.Pypi.ToString());
        Assert.Equal(0, exitCode);
        Assert.Contains("Added package foo.", output, StringComparison.Ordinal);
        Assert.Contains("does not know it", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_index_that_is_away_keeps_nothing_from_being_added()
    {
        var away = $"http://127.0.0.1:{FarmFixture.FreePort()}/pypi";
        var file = await FileAsync("foo\nbar\n");
        var (exitCode, output) = await RunAsync("--requirements", file, "-y", "--pypi-json", away);
        Assert.Equal(0, exitCode);
        Assert.Contains("Added package foo.", output, StringComparison.Ordinal);
        Assert.Contains("Added package bar.", output, StringComparison.Ordinal);
        Assert.Equal(2, output.Split("no descriptions").Length);
    }

    [Fact]
    public async Task A_version_is_as_the_index_has_it_unless_somebody_says_otherwise()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        using var folder = new DistributionFolder();
        fixture.Index.Catalog.Publish(
            [StandInFile.Read(folder.AddSdist("foo", "1.0")), StandInFile.Read(folder.AddWheel("foo", "2.0"))]);
        fixture.Index.Catalog.Enter("foo", "1.0", "yank release");
        var released = fixture.Index.Catalog.Find(Foo)!.Releases["1.0"].Released;
        string[] asked = ["-y", "--pypi-json", fixture.Index.Pypi.ToString()];
        await SaysAsync(0, "Added package foo.", ["foo", .. asked]);
        var (exitCode, output) = await RunAsync(["foo", "1.0", .. asked]);
        Assert.Equal((0, "Added foo 1.0.; piw add: foo 1.0 is yanked, as it is upstream"), (exitCode, Lines(output)));
        Assert.Equal((released, true, ""), await VersionAsync("1.0"));

        // Known by now: what the index says changes nothing, and stands in no way
        await Rows.UnyankVersionAsync(new Release(Foo, "1.0"));
        await SaysAsync(0, "Changed foo 1.0.", ["foo", "1.0", .. asked]);
        Assert.Equal((released, false, ""), await VersionAsync("1.0"));

        (exitCode, output) = await RunAsync(["foo", "2.0", "-r", "2020-01-31", .. asked]);
        Assert.Equal(
            (0, "Added foo 2.0.; piw add: foo 2.0 is not built: upstream has no source file of it"), (exitCode, Lines(output)));
        Assert.Equal(
            (new DateTimeOffset(2020, 1, 31, 0, 0, 0, TimeSpan.Zero), false, "binary only"), await VersionAsync("2.0"));

        (exitCode, output) = await RunAsync(["foo", "3.0", .. asked]);
        Assert.Equal(0, exitCode);
        Assert.Contains("Added foo 3.0.", output, StringComparison.Ordinal);
        Assert.Contains("does not know foo 3.0; it counts as released now", output, StringComparison.Ordinal);

        (exitCode, output) = await RunAsync("foo", "4.0", "-y");
        Assert.Equal(0, exitCode);
        Assert.Contains("Added foo 4.0.", output, StringComparison.Ordinal);
        Assert.Matches("piw add: nothing of foo 4.0 from http://127.0.0.1.*; it counts as released now", output);
    }

    [Fact]
    public async Task Where_nobody_can_be_asked_nothing_is_changed_without_yes()
    {
        await SaysAsync(2, "piw add: nobody can be asked here: say --yes to go on", "foo", "-d", "");
        Assert.False(await Rows.TestPackageAsync(Foo));
        await Rows.AddTargetAsync(Cp311);
        await SaysAsync(1, "piw add: Package foo is unknown here; --yes adds it.", "foo", "--priority");
        Assert.False(await Rows.TestPackageAsync(Foo));
    }

    [Theory]
    [InlineData("y", 0, "Added package foo.")]
    [InlineData("n", 2, "piw add: nothing was changed")]
    [InlineData("", 2, "piw add: nothing was changed")]
    public async Task On_a_terminal_it_asks(string answer, int code, string line)
    {
        var (exitCode, output) = await TypeAsync(answer, "foo", "-d", "");
        Assert.True(exitCode == code, output);
        Assert.Contains("Add or change package foo? [y/N] ", output, StringComparison.Ordinal);
        Assert.Contains(line, output, StringComparison.Ordinal);
        Assert.Equal(code == 0, await Rows.TestPackageAsync(Foo));
    }

    [Theory]
    [InlineData("yes", 0, "Added foo 1.0. foo 1.0 goes first.")]
    [InlineData("no", 2, "piw add: nothing was changed")]
    public async Task On_a_terminal_it_asks_whether_to_add_what_shall_be_built_first(string answer, int code, string line)
    {
        await RegisterAsync();
        var (exitCode, output) = await TypeAsync(answer, "foo", "1.0", "--priority");
        Assert.True(exitCode == code, output);
        Assert.Contains("foo 1.0 is unknown here. Add it? [y/N] ", output, StringComparison.Ordinal);
        Assert.Contains(line, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_waits_is_built_first_without_a_question()
    {
        await RegisterAsync("1.0", "2.0", "3.0rc1");
        await SaysAsync(0, "foo 2.0 goes first.", "Foo", "--priority");
        Assert.Equal("2.0, 1.0, 3.0rc1", await QueueAsync());
        await SaysAsync(0, "foo 2.0: asked for before, goes first already.", "foo", "--priority");
        await SaysAsync(0, "foo 1.0 goes first.", "foo<2", "--priority");
        await SaysAsync(0, "foo 3.0rc1 goes first.", "foo", "3.0-rc.1", "--priority");
        await SaysAsync(1, "piw add: foo>9: no version of foo here satisfies >9.", "foo>9", "--priority");
        await SaysAsync(1, "piw add: foo 9 is unknown here; --yes adds it.", "foo", "9", "--priority");
    }

    [Fact]
    public async Task All_versions_that_wait_can_be_meant()
    {
        await RegisterAsync("1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0");
        await SaysAsync(0, "foo 3.0, 2.0 go first.", "foo>1,<4", "--priority", "--all-versions");
        await SaysAsync(0, "foo 7.0, 6.0, 5.0, 4.0, 3.0 and 2 more go first.", "foo", "--priority", "--all-versions");
    }

    [Fact]
    public async Task What_is_built_already_is_said_to_be_so()
    {
        await RegisterAsync("1.0");
        var tags = "py3-none-any";
        await Rows.LogBuildAsync(new BuildState(
            1, "foo", "1.0", "cp311", true, TimeSpan.FromSeconds(1), "", [
                new FileState(
                    $"foo-1.0-{tags}.whl", 1, new string('0', 64), "foo", "1.0", "py3", "none", "any", null,
                    FileState.NoDependencies)], "linux_armv7l"));
        await SaysAsync(0, "foo is built already.", "foo", "--priority");
        await SaysAsync(0, "foo 1.0 is built already.", "foo", "1.0", "--priority");
    }

    [Fact]
    public async Task What_is_unknown_is_added_and_then_built_first()
    {
        await Rows.AddTargetAsync(Cp311);
        await SaysAsync(0, "Added package foo. Added foo 1.0. foo 1.0 goes first.",
            "foo", "1.0", "--priority", "-y", "--pypi-json", Nowhere);
        await SaysAsync(0, "Added foo 2.0. foo 2.0 goes first.", "foo", "2.0", "--priority", "-y");
        await SaysAsync(0, "Changed foo 1.0. foo 1.0: asked for before, goes first already.",
            "foo", "1.0", "--priority", "--unskip", "-y");
        await SaysAsync(
            1, "piw add: Added package bar. bar: bar has no versions here yet.",
            "bar", "--priority", "-y", "--pypi-json", Nowhere);
    }

    [Fact]
    public async Task A_whole_file_is_asked_for_and_what_fails_stops_nothing()
    {
        await RegisterAsync("1.0", "2.0");
        var bar = PackageName.Parse("bar");
        await Rows.AddNewPackageAsync(bar);
        await Rows.AddNewPackageVersionAsync(new Release(bar, "1.0"), LongAgo);
        var limits = await FileAsync("foo<2\nbaz<3\n");
        var file = await FileAsync(
            $"# what we run\n-c {limits}\nfoo>=1\nnowhere==1.0  # a slip\npywin32 ; sys_platform == 'win32'\nbar[extra]\n");
        var (exitCode, output) = await RunAsync("--requirements", file, "--priority");
        Assert.Equal(1, exitCode);
        Assert.Equal(
            [
                "foo 1.0 goes first.", "Package nowhere is unknown here; --yes adds it.",
                "pywin32; sys_platform == \"win32\" is for none of the machines that are built for here; passed over.",
                "bar 1.0 goes first.", "piw add: 1 of 4 could not be done",
            ],
            output.Trim().Split('\n'));

        file = await FileAsync("foo==2\npywin32 ; sys_platform == 'win32'\n");
        (exitCode, output) = await RunAsync("--requirements", file, "--priority");
        Assert.Equal(0, exitCode);
        Assert.Equal(
            [
                "foo 2.0 goes first.",
                "pywin32; sys_platform == \"win32\" is for none of the machines that are built for here; passed over.",
            ],
            output.Trim().Split('\n'));
    }

    [Theory]
    [InlineData("name a package")]
    [InlineData("name a package", "foo", "--requirements", "x.txt")]
    [InlineData("is not a package name", "foo bar")]
    [InlineData("more than a name", "foo>1")]
    [InlineData("more than a name", "foo>1", "1.0", "--priority")]
    [InlineData("are for versions", "foo", "--yank")]
    [InlineData("are for versions", "foo", "--released", "2020-01-01")]
    [InlineData("is for packages", "foo", "1.0", "--description", "x")]
    [InlineData("contradict", "foo", "--skip", "x", "--unskip")]
    [InlineData("contradict", "foo", "1.0", "--yank", "--unyank")]
    [InlineData("is not a time", "foo", "1.0", "--released", "yesterday")]
    [InlineData("is not a time", "foo", "1.0", "--released", "01/02/2020")]
    [InlineData("goes with --priority", "foo", "--all-versions")]
    [InlineData("name no version", "foo", "1.0", "--all-versions", "--priority")]
    [InlineData("--skip goes with one package", "--requirements", "x.txt", "--skip", "x")]
    [InlineData("no option --force", "foo", "--force")]
    [InlineData("no option -x", "foo", "-x")]
    [InlineData("argument '-x'", "foo", "1.0", "-x")]
    [InlineData("--wait", "foo", "--wait", "long")]
    public async Task Wrong_usage_is_told_and_asks_no_master(string words, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(arguments);
        Assert.True(exitCode == 2, output);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Empty(await Rows.GetAllPackagesAsync());
    }

    [Fact]
    public async Task A_master_that_is_not_there_is_not_waited_for_for_ever()
    {
        var nobody = Bed.Ipc("nobody");
        var (exitCode, output) = await PiwProcess.RunAsync(
            "add", "foo", "-y", "-d", "", "--wait", "300ms", "--import-queue", nobody);
        Assert.Equal((1, $"piw add: no master answered at {nobody} within 0.3s: nobody listens there"), (exitCode, output.Trim()));
    }

    [Theory]
    [InlineData("ff", "what answered")]
    [InlineData("6548454c4c4f", "what answered")]
    [InlineData("older", "this master does not know --priority: it is an older one")]
    [InlineData("8264444f4e45664e4557504b47", "the master answered DONE, which answers something else")]
    [InlineData("826453454e4463666f6f", "the master answered SEND, which answers something else")]
    public async Task A_master_that_answers_otherwise(string answer, string words)
    {
        var address = Bed.Ipc("other");
        var payload = answer == "older"
            ? Encoded(new ImportReply.Error("no message 'PRIORITY' with data on this queue"))
            : Convert.FromHexString(answer);
        var other = Bed.Task("other");
        other.Register(other.BindRaw(ZmqSocketType.Router, address), socket =>
        {
            while (socket.TryReceive(out var frames)) socket.TrySend(frames[0], frames[1], payload);
        });
        other.Start();
        var (exitCode, output) = await PiwProcess.RunAsync("add", "foo", "--priority", "--import-queue", address);
        Assert.Equal(1, exitCode);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));
    }

    private static string Nowhere => $"http://127.0.0.1:{FarmFixture.FreePort()}/pypi";

    /// <summary>What it said, in no order: it says it on two streams.</summary>
    private static string Lines(string output) =>
        string.Join("; ", output.Trim().Split('\n').Order(StringComparer.Ordinal));

    private static byte[] Encoded(ImportReply reply)
    {
        var writer = new CborWriter();
        reply.Write(writer);
        return writer.Encode();
    }

    private async Task RegisterAsync(params string[] versions)
    {
        await Rows.AddTargetAsync(Cp311);
        await Rows.AddNewPackageAsync(Foo);
        foreach (var version in versions) await Rows.AddNewPackageVersionAsync(new Release(Foo, version), LongAgo);
    }

    private async Task<(DateTimeOffset Released, bool Yanked, string Skip)> VersionAsync(string text)
    {
        var version = (await Rows.GetProjectDataAsync(Foo))!.Versions.Single(each => each.Version == text);
        return (version.Released, version.Yanked, version.Skip);
    }

    private async Task<string> QueueAsync() =>
        string.Join(", ", (await Rows.GetBuildQueueAsync())[Cp311].Select(release => release.Version));

    private async Task<string> FileAsync(string text)
    {
        var path = Path.Combine(Bed.Folder, Path.GetRandomFileName());
        await File.WriteAllTextAsync(path, text);
        return path;
    }

    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        PiwProcess.RunAsync(["add", .. Common(arguments), .. arguments]);

    /// <summary>Runs it on a terminal, where somebody answers its question.</summary>
    private Task<(int ExitCode, string Output)> TypeAsync(string answer, params string[] arguments) =>
        PiwProcess.TypeAsync(answer, ["add", .. Common(arguments), .. arguments]);

    /// <summary>The master of this test, and no index unless there is one.</summary>
    private string[] Common(string[] arguments) =>
    [
        "--configuration", "/dev/null", "--import-queue", Queue,
        .. arguments.Contains("--pypi-json") ? Array.Empty<string>() : ["--pypi-json", Nowhere],
    ];

    /// <summary>Runs it; it must end so, and say this last.</summary>
    private async Task SaysAsync(int code, string line, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(arguments);
        Assert.True(exitCode == code, output);
        Assert.Contains(line, output.Trim().Split('\n'));
    }
}
