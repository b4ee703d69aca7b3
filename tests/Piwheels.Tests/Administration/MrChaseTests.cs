using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Administration;

/// <summary>MrChase between a tool and tasks that are played here; the database is one in memory.</summary>
public sealed class MrChaseTests : IAsyncDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly Release Foo1 = new(Foo, "1.0");

    private readonly TaskTestbed _bed = new();
    private readonly List<string> _asked = [];
    private readonly FakeDatabase _database;
    private readonly MrChase _chase;
    private readonly ZmqSocket _tool;
    private readonly string _queue;
    private Func<FsRequest, FsReply> _juggler = request => request is FsRequest.Verify
        ? new FsReply.Verified(null)
        : new FsReply.Ok();

    private bool _secretaryIsAway;

    public MrChaseTests()
    {
        _database = new FakeDatabase(_bed.Time);
        _queue = _bed.Ipc("import");
        var configuration = new MasterConfiguration { ImportQueue = _queue, OutputPath = _bed.Folder };
        var others = _bed.Task("others");
        others.BindRpc<SecretaryRequest, SecretaryReply>(configuration.WebQueue, request =>
        {
            if (_secretaryIsAway) throw new RpcException("the secretary is away", transient: true);
            Note(request switch
            {
                SecretaryRequest.Project(var package) => $"PROJECT {package}",
                SecretaryRequest.Both(var package) => $"BOTH {package}",
                SecretaryRequest.DeletePackage(var package) => $"web DELPKG {package}",
                SecretaryRequest.DeleteVersion(var release) => $"web DELVER {release}",
                SecretaryRequest.Log(var id, var package, _) => $"LOG {id} {package}",
                _ => request.Name,
            });
            return Task.FromResult<SecretaryReply>(new SecretaryReply.Done());
        });
        others.BindRpc<SkipRequest, SkipReply>(MasterConfiguration.SkipQueue, request =>
        {
            Note(request switch
            {
                SkipRequest.DeletePackage(var package) => $"skip DELPKG {package}",
                SkipRequest.DeleteVersion(var release) => $"skip DELVER {release}",
                _ => request.Name,
            });
            return Task.FromResult<SkipReply>(new SkipReply.Ok());
        });
        others.BindRpc<FsRequest, FsReply>(configuration.FsQueue, request =>
        {
            Note(request switch
            {
                FsRequest.Expect(var owner, var file, _) => $"EXPECT {owner} {file.Filename}",
                FsRequest.Verify(var owner, var package) => $"VERIFY {owner} {package}",
                FsRequest.Forget(var owner) => $"FORGET {owner}",
                FsRequest.Publish(var owner) => $"PUBLISH {owner}",
                _ => request.Name,
            });
            return Task.FromResult(_juggler(request));
        });
        others.Start();
        _chase = _bed.Add(new MrChase(configuration, _bed.Environment, _database));
        _chase.Start();
        _tool = Tool();
    }

    public ValueTask DisposeAsync()
    {
        _tool.Dispose();
        return _bed.DisposeAsync();
    }

    [Fact]
    public async Task A_package_is_added_once_and_changed_after_that()
    {
        Assert.Equal("DONE NEWPKG", Ask(new ImportRequest.AddPackage("Foo", "a thing", "", false, ["FOO"])));
        Assert.Equal("a thing", await _database.GetPackageDescriptionAsync(Foo));
        Assert.Equal(["FOO", "Foo"], (await _database.GetPackageAliasesAsync(Foo)).Order(StringComparer.Ordinal));
        Assert.Equal(["BOTH foo"], Asked());

        Assert.Equal("DONE UPDPKG", Ask(new ImportRequest.AddPackage("foo", "a better thing", "", false, [])));
        Assert.Equal("a better thing", await _database.GetPackageDescriptionAsync(Foo));
        Assert.Equal("DONE UPDPKG", Ask(new ImportRequest.AddPackage("foo", "", "", false, [])));
        Assert.Equal("a better thing", await _database.GetPackageDescriptionAsync(Foo));
    }

    [Fact]
    public async Task A_package_can_be_added_skipped_but_a_known_one_cannot_be_skipped_by_adding()
    {
        Assert.Equal("DONE NEWPKG", Ask(new ImportRequest.AddPackage("foo", "", "no source", false, [])));
        Assert.Equal("no source", await _database.GetPackageSkipAsync(Foo));
        Assert.Equal("ERROR SKIPPKG", Ask(new ImportRequest.AddPackage("foo", "new", "again", false, [])));
        Assert.Equal("", await _database.GetPackageDescriptionAsync(Foo));
        Assert.Equal("DONE UPDPKG", Ask(new ImportRequest.AddPackage("foo", "", "", true, [])));
        Assert.Equal("", await _database.GetPackageSkipAsync(Foo));
    }

    [Fact]
    public async Task A_version_is_added_once_and_changed_after_that()
    {
        Assert.Equal("ERROR NOPKG", Ask(Version()));
        await _database.AddNewPackageAsync(Foo);
        Assert.Equal("DONE NEWVER", Ask(Version() with { Yank = true, Skip = "broken" }));
        Assert.Equal("broken", await _database.GetVersionSkipAsync(Foo1));
        Assert.True((await VersionData()).Yanked);
        Assert.Equal("ERROR SKIPVER", Ask(Version() with { Skip = "broken" }));
        Assert.Equal("ERROR YANKVER", Ask(Version() with { Yank = true }));
        Assert.Equal("DONE UPDVER", Ask(Version() with { Unskip = true, Unyank = true, Aliases = ["FOO"] }));
        Assert.Equal("", await _database.GetVersionSkipAsync(Foo1));
        Assert.False((await VersionData()).Yanked);
        Assert.Equal(["FOO"], await _database.GetPackageAliasesAsync(Foo));
    }

    [Theory]
    [InlineData("foo bar", "1.0", "", "", "'foo bar' is not a package name")]
    [InlineData("foo", "", "", "", "'' is not a version")]
    [InlineData("foo", "1 0", "", "", "'1 0' is not a version")]
    [InlineData("foo", "1.0", "deleted", "", "the farm's own")]
    [InlineData("foo", "1.0", "two\nlines", "", "one line")]
    [InlineData("foo", "1.0", "", "bar", "'bar' is no spelling of foo")]
    public async Task What_people_typed_wrong_is_refused_before_anything_changes(
        string package, string version, string skip, string alias, string words)
    {
        await _database.AddNewPackageAsync(Foo);
        string[] aliases = alias.Length > 0 ? [alias] : [];
        var reply = Ask(Version() with { Package = package, Version = version, Skip = skip, Aliases = aliases });
        Assert.StartsWith("ERROR ", reply, StringComparison.Ordinal);
        Assert.Contains(words, reply, StringComparison.Ordinal);
        Assert.Contains(
            words,
            version == "1.0" ? Ask(new ImportRequest.AddPackage(package, "", skip, false, aliases)) : words,
            StringComparison.Ordinal);
        Assert.Empty(await _database.GetAllPackageVersionsAsync());
        Assert.Empty(Asked());
    }

    [Fact]
    public async Task A_package_is_removed_in_an_order_that_leaves_nothing_behind()
    {
        await AddBuiltAsync();
        Assert.Equal("DONE DELPKG", Ask(new ImportRequest.RemovePackage("Foo", false, "")));
        Assert.Equal(["skip DELPKG foo", "web DELPKG foo"], Asked());
        Assert.False(await _database.TestPackageAsync(Foo));
        Assert.Equal("ERROR NOPKG", Ask(new ImportRequest.RemovePackage("foo", false, "")));
    }

    [Fact]
    public async Task A_packages_builds_can_be_removed_alone()
    {
        await AddBuiltAsync();
        Assert.Equal("DONE DELPKGBLD", Ask(new ImportRequest.RemovePackage("foo", true, "")));
        Assert.Equal(["web DELVER foo 1.0", "BOTH foo"], Asked());
        Assert.True(await _database.TestPackageVersionAsync(Foo1));
        Assert.Empty(_database.Builds);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_package_can_be_skipped_with_its_builds_or_without(bool builds)
    {
        await AddBuiltAsync();
        Assert.Equal("DONE SKIPPKG", Ask(new ImportRequest.RemovePackage("foo", builds, "too large")));
        Assert.Equal("too large", await _database.GetPackageSkipAsync(Foo));
        Assert.Equal(builds ? 0 : 1, _database.Builds.Count);
        Assert.Equal("skip DELPKG foo", Asked()[0]);
    }

    [Fact]
    public async Task A_version_is_removed_skipped_yanked_or_rid_of_its_builds()
    {
        Assert.Equal("ERROR NOVER", Ask(Removal()));
        await AddBuiltAsync();
        Assert.Equal("DONE YANKVER", Ask(Removal() with { Yank = true }));
        Assert.True((await VersionData()).Yanked);
        Assert.Equal("DONE SKIPVER", Ask(Removal() with { Skip = "broken" }));
        Assert.Equal("broken", await _database.GetVersionSkipAsync(Foo1));
        Assert.Single(_database.Builds);
        Assert.Equal("DONE DELVERBLD", Ask(Removal() with { Builds = true }));
        Assert.Empty(_database.Builds);
        Asked();
        Assert.Equal("DONE DELVER", Ask(Removal()));
        Assert.Equal(["skip DELVER foo 1.0", "web DELVER foo 1.0", "BOTH foo"], Asked());
        Assert.False(await _database.TestPackageVersionAsync(Foo1));
    }

    [Fact]
    public async Task Old_tools_are_answered_without_data()
    {
        await AddBuiltAsync();
        Assert.Equal("DONE", Ask(new ImportRequest.Remove("foo", "1.0", "broken")));
        Assert.Equal("broken", await _database.GetVersionSkipAsync(Foo1));
        Assert.Empty(_database.Builds);
        Assert.Equal("DONE", Ask(new ImportRequest.Remove("foo", "1.0", "")));
        Assert.False(await _database.TestPackageVersionAsync(Foo1));
        Assert.Equal("ERROR NOVER", Ask(new ImportRequest.Remove("foo", "1.0", "")));
        Assert.Equal("DONE", Ask(new ImportRequest.Remove("foo", null, "")));
        Assert.False(await _database.TestPackageAsync(Foo));
        Assert.Equal("DONE", Ask(new ImportRequest.Rebuild(RebuildScope.Home, null)));
    }

    [Fact]
    public async Task Pages_are_written_again_of_one_package_or_of_all()
    {
        await _database.AddNewPackageAsync(Foo);
        await _database.AddNewPackageAsync(PackageName.Parse("bar"));
        Assert.Equal("DONE REBUILD", Ask(new ImportRequest.Rebuild(RebuildScope.Home, null)));
        Assert.Equal("DONE REBUILD", Ask(new ImportRequest.Rebuild(RebuildScope.Search, null)));
        Assert.Equal("DONE REBUILD", Ask(new ImportRequest.Rebuild(RebuildScope.Project, "Foo")));
        Assert.Equal("DONE REBUILD", Ask(new ImportRequest.Rebuild(RebuildScope.Both, null)));
        Assert.Equal(["HOME", "SEARCH", "PROJECT foo"], Asked());
        Assert.All(
            await OwedAsync(),
            rewrite => Assert.Equal(RewriteCommand.Both, rewrite.Command));
        Assert.Equal(["bar", "foo"], (await OwedAsync()).Select(rewrite => rewrite.Package.Value).Order());
        Assert.Equal("ERROR unknown package baz", Ask(new ImportRequest.Rebuild(RebuildScope.Project, "baz")));
    }

    [Fact]
    public async Task Wheels_are_asked_for_one_by_one_verified_and_recorded()
    {
        await AddTargetAsync();
        await _database.AddTargetAsync(new("cp311", "linux_armv6l"));
        var first = Imports.File("foo-1.0-cp311-cp311-linux_armv6l.whl");
        var second = Imports.File("foo-1.0-cp311-cp311-linux_armv7l.whl");
        Assert.Equal($"SEND {first.Filename}", Ask(new ImportRequest.Import(Imports.Build(second, first))));
        Assert.Equal($"SEND {second.Filename}", Ask(new ImportRequest.Sent()));
        Assert.Equal("DONE IMPORT", Ask(new ImportRequest.Sent()));
        Assert.Equal(2, Assert.Single(_database.Builds).Files.Count);
        Assert.Equal(
            [
                $"EXPECT -1 {first.Filename}", "VERIFY -1 foo", $"EXPECT -1 {second.Filename}", "VERIFY -1 foo",
                "PUBLISH -1", "LOG 1 foo", "BOTH foo",
            ],
            Asked());
        Assert.Equal("ERROR protocol violation", Ask(new ImportRequest.Sent()));
    }

    [Fact]
    public async Task Two_importers_at_once_do_not_share_their_transfers()
    {
        await AddTargetAsync();
        using var other = Tool();
        Assert.StartsWith("SEND", Ask(new ImportRequest.Import(Imports.Build())), StringComparison.Ordinal);
        Assert.StartsWith("SEND", Ask(new ImportRequest.Import(Imports.Build()), other), StringComparison.Ordinal);
        Assert.Equal(["-1", "-2"], Asked().Select(each => each.Split(' ')[1]));
    }

    [Fact]
    public async Task An_import_for_what_is_not_built_here_is_refused_by_name()
    {
        var build = Imports.Build();
        Assert.Equal(
            "ERROR nothing is built here for cp311, but for no other", Ask(new ImportRequest.Import(build)));
        Assert.Equal(
            "ERROR nothing is built here for any ABI", Ask(new ImportRequest.Import(build with { AbiTag = null })));
        await AddTargetAsync();
        Assert.Equal(
            "ERROR nothing is built here for cp27m, but for cp311",
            Ask(new ImportRequest.Import(build with { AbiTag = "cp27m" })));
        await _database.DeleteVersionAsync(Foo1);
        Assert.Equal("ERROR unknown package version foo 1.0", Ask(new ImportRequest.Import(build)));
        Assert.Empty(Asked());
    }

    [Theory]
    [InlineData("cp311", "foo-1.0-cp39-cp39-linux_armv7l.whl", "a build for cp311 on linux_armv7l does not make cp39-cp39-linux_armv7l")]
    [InlineData("cp311", "foo-1.0-cp311-cp311-linux_aarch64.whl", "does not make cp311-cp311-linux_aarch64")]
    [InlineData("cp311", "foo-1.0-py2-none-any.whl", "it does not run on cp311 on linux_armv7l")]
    [InlineData("cp311", "foo-1.0-cp39.cp311-cp39.cp311-linux_armv7l.whl", "does not make cp39-cp39-linux_armv7l")]
    [InlineData(null, "foo-1.0-cp39-cp39-linux_armv7l.whl", "does not make cp39-cp39-linux_armv7l")]
    public async Task A_wheel_that_no_target_here_can_have_made_is_refused(string? abi, string filename, string words)
    {
        await AddTargetAsync();
        var build = Imports.Build(Imports.File(filename)) with { AbiTag = abi };
        Assert.Contains(words, Ask(new ImportRequest.Import(build)), StringComparison.Ordinal);
        Assert.Empty(Asked());
        Assert.Equal("ERROR protocol violation", Ask(new ImportRequest.Sent()));
    }

    [Theory]
    [InlineData("foo-1.0-cp311-cp311-linux_armv7l.whl", "cp311", "linux_armv7l")]
    [InlineData("foo-1.0-cp311-cp311-manylinux_2_36_aarch64.whl", "cp311", "linux_aarch64")]
    [InlineData("foo-1.0-cp37-abi3-linux_armv7l.whl", "cp39", "linux_armv7l")]
    [InlineData("foo-1.0-py2.py3-none-any.whl", "cp39", "linux_armv7l")]
    public async Task Without_an_abi_it_is_the_lowest_that_the_wheel_runs_on(string filename, string abi, string platform)
    {
        await AddTargetAsync();
        Target[] others = [new("cp311", "linux_aarch64"), new("cp39", "linux_armv7l"), new("cp38", "linux_armv7l")];
        foreach (var target in others) await _database.AddTargetAsync(target);
        await _database.SkipTargetAsync(others[^1], "old");
        Ask(new ImportRequest.Import(Imports.Build(Imports.File(filename)) with { AbiTag = null }));
        Assert.Equal("DONE IMPORT", Ask(new ImportRequest.Sent()));
        var build = Assert.Single(_database.Builds);
        Assert.Equal((abi, platform), (build.AbiTag, build.PlatformTag));
    }

    [Fact]
    public async Task The_wheels_of_one_import_are_for_one_abi()
    {
        await AddTargetAsync();
        await _database.AddTargetAsync(new("cp39", "linux_armv7l"));
        var build = Imports.Build(
            Imports.File("foo-1.0-cp311-cp311-linux_armv7l.whl"), Imports.File("foo-1.0-cp39-cp39-linux_armv7l.whl"));
        Assert.Contains(
            "does not make cp39", Ask(new ImportRequest.Import(build with { AbiTag = null })), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_abi_the_lowest_active_one_is_meant()
    {
        await AddTargetAsync();
        await _database.AddTargetAsync(new("cp39", "linux_armv7l"));
        var build = Imports.Build(Imports.File("foo-1.0-py3-none-any.whl")) with { AbiTag = null };
        Ask(new ImportRequest.Import(build));
        Assert.Equal("DONE IMPORT", Ask(new ImportRequest.Sent()));
        var project = (await _database.GetProjectDataAsync(Foo))!;
        Assert.Equal("cp39", project.Versions[0].Files[0].BuilderAbi);
    }

    [Fact]
    public async Task A_file_that_came_wrong_is_sent_again_and_given_up_in_the_end()
    {
        await AddTargetAsync();
        var wrong = 0;
        _juggler = request => request is FsRequest.Verify && wrong++ < 4
            ? new FsReply.Mismatched("the hash is another")
            : request is FsRequest.Verify ? new FsReply.Verified(null) : new FsReply.Ok();
        Ask(new ImportRequest.Import(Imports.Build()));
        Assert.StartsWith("SEND", Ask(new ImportRequest.Sent()), StringComparison.Ordinal);
        Assert.StartsWith("SEND", Ask(new ImportRequest.Sent()), StringComparison.Ordinal);
        Assert.Contains("the hash is another, 3 times", Ask(new ImportRequest.Sent()), StringComparison.Ordinal);
        Assert.Equal("FORGET -1", Asked()[^1]);

        Ask(new ImportRequest.Import(Imports.Build()));
        Assert.StartsWith("SEND", Ask(new ImportRequest.Sent()), StringComparison.Ordinal);
        Assert.Equal("DONE IMPORT", Ask(new ImportRequest.Sent()));
    }

    [Fact]
    public async Task What_came_of_an_import_that_fails_goes_again()
    {
        await AddTargetAsync();
        await _database.AddTargetAsync(new("cp311", "linux_armv6l"));
        var first = Imports.File("foo-1.0-cp311-cp311-linux_armv6l.whl");
        var second = Imports.File("foo-1.0-cp311-cp311-linux_armv7l.whl");
        var verified = 0;
        _juggler = request => request is not FsRequest.Verify ? new FsReply.Ok()
            : verified++ == 0 ? new FsReply.Verified(null) : new FsReply.Refused("it is no zip");
        Ask(new ImportRequest.Import(Imports.Build(first, second)));
        Ask(new ImportRequest.Sent());
        Assert.Equal("ERROR it is no zip", Ask(new ImportRequest.Sent()));
        Assert.Equal("FORGET -1", Asked()[^1]);
        Assert.Empty(_database.Builds);
        Assert.Equal("ERROR protocol violation", Ask(new ImportRequest.Sent()));
    }

    [Fact]
    public async Task A_new_import_takes_the_place_of_one_that_was_broken_off()
    {
        await AddTargetAsync();
        Ask(new ImportRequest.Import(Imports.Build()));
        Ask(new ImportRequest.Import(Imports.Build()));
        var wheel = Imports.Build().Files[0].Filename;
        Assert.Equal([$"EXPECT -1 {wheel}", "FORGET -1", $"EXPECT -2 {wheel}"], Asked());
    }

    [Fact]
    public async Task An_import_whose_tool_has_gone_is_given_up()
    {
        await AddTargetAsync();
        Ask(new ImportRequest.Import(Imports.Build()));
        Asked();
        _bed.Time.Advance(MrChase.SilenceMax);
        await _bed.Log.WhenSaidAsync("fallen silent");
        Assert.Equal("ERROR protocol violation", Ask(new ImportRequest.Sent()));
    }

    [Fact]
    public async Task A_fault_of_the_outside_world_is_told_to_the_tool()
    {
        _database.Before = _ => throw new DatabaseException("the database is away", transient: true);
        Assert.Equal("ERROR the database is away", Ask(new ImportRequest.AddPackage("foo", "", "", false, [])));
        _database.Before = _ => Task.CompletedTask;

        _secretaryIsAway = true;
        await AddBuiltAsync();
        Assert.Equal("DONE UPDPKG", Ask(new ImportRequest.AddPackage("foo", "", "", false, [])));
        Assert.Equal("ERROR the secretary is away", Ask(new ImportRequest.RemovePackage("foo", false, "")));
        Assert.True(await _database.PackageMarkedDeletedAsync(Foo));

        _secretaryIsAway = false;
        Assert.Equal("DONE DELPKG", Ask(new ImportRequest.RemovePackage("foo", false, "")));
        Assert.False(_chase.Completion.IsCompleted);
    }

    [Fact]
    public void Nonsense_is_answered()
    {
        Assert.True(_tool.TrySend(new byte[] { 0xff }));
        Assert.StartsWith("ERROR ", Reply(_tool), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slow_request_keeps_nobody_else_waiting()
    {
        var gate = new TaskCompletionSource();
        var held = new TaskCompletionSource();
        _database.Before = async method =>
        {
            if (method != "OweAllRewrites") return;
            held.TrySetResult();
            await gate.Task;
        };
        using var slow = Tool();
        Send(slow, new ImportRequest.Rebuild(RebuildScope.Both, null));
        await held.Task.Within();
        Assert.Equal("DONE NEWPKG", Ask(new ImportRequest.AddPackage("foo", "", "", false, [])));
        gate.SetResult();
        Assert.Equal("DONE REBUILD", Reply(slow));
    }

    private async Task<List<RewritePending>> OwedAsync() =>
        [.. await _database.LoadRewritesPendingAsync(), .. await _database.LoadRewritesBacklogAsync()];

    private ImportRequest.AddVersion Version() =>
        new("foo", "1.0", "", false, _bed.Time.GetUtcNow(), false, false, []);

    private static ImportRequest.RemoveVersion Removal() => new("foo", "1.0", false, "", false);

    private async Task<ProjectVersion> VersionData() => (await _database.GetProjectDataAsync(Foo))!.Versions[0];

    private async Task AddTargetAsync()
    {
        await _database.AddTargetAsync(new("cp311", "linux_armv7l"));
        await _database.AddNewPackageAsync(Foo);
        await _database.AddNewPackageVersionAsync(Foo1);
    }

    private async Task AddBuiltAsync()
    {
        await AddTargetAsync();
        await _database.LogBuildAsync(Imports.Build());
    }

    private ZmqSocket Tool()
    {
        var tool = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        tool.Connect(_queue);
        return tool;
    }

    private string Ask(ImportRequest request, ZmqSocket? tool = null)
    {
        Send(tool ?? _tool, request);
        return Reply(tool ?? _tool);
    }

    private static void Send(ZmqSocket tool, ImportRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        Assert.True(tool.TrySend(writer.Encode()));
    }

    private static string Reply(ZmqSocket tool)
    {
        Assert.True(tool.WaitReadable(Waiting.Limit));
        Assert.True(tool.TryReceive(out var frames));
        return ImportReply.Read(frames[0]) switch
        {
            ImportReply.Send(var filename) => $"SEND {filename}",
            ImportReply.Done(null) => "DONE",
            ImportReply.Done(var what) => $"DONE {what}",
            ImportReply.Error(var message) => $"ERROR {message}",
            var other => other.Name,
        };
    }

    private void Note(string what)
    {
        lock (_asked) _asked.Add(what);
    }

    /// <summary>What the other tasks were asked since the last call.</summary>
    private List<string> Asked()
    {
        lock (_asked)
        {
            var asked = _asked.ToList();
            _asked.Clear();
            return asked;
        }
    }
}
